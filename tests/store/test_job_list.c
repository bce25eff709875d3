/* SPDX-License-Identifier: BSD-3-Clause
 * Lists of jobs, as GET /api/v1/jobs asks for them (services/gateway/README.md). */
#include "tests/store/fixture.h"

static struct job_list list(struct fixture *f, struct job_filter filter) {
    struct job_list jobs;
    if (filter.limit == 0) filter.limit = 100;
    assert_ok(job_store_list(f->store, &filter, &f->arena, &jobs, &f->err));
    return jobs;
}

enum { JOBS = 30 };

/* 30 publish jobs of 30 packages, accepted as fast as possible; the first ten end, every other one with a failure. */
static void fill(struct fixture *f, char ids[JOBS][UUID_TEXT_MAX]) {
    for (int i = 0; i < JOBS; i++) {
        char package[16];
        snprintf(package, sizeof package, "package-%d", i);
        struct job_request request = publish_of(package);
        if (i % 3 == 0) request.actor = "a-trustee";
        memcpy(ids[i], accept_job(f, &request).id, UUID_TEXT_MAX);
    }
    for (int i = 0; i < 10; i++) {
        struct lease lease = claim_job(f, ids[i]);
        finish_job(f, &lease, i % 2 == 0);
    }
}

static void unfinished_jobs_are_listed_in_the_order_accepted(void **state) {
    struct fixture *f = *state;
    char ids[JOBS][UUID_TEXT_MAX];
    fill(f, ids);
    claim_job(f, ids[15]); /* running is not finished */
    struct job_list jobs = list(f, (struct job_filter){0});
    assert_int_equal(jobs.count, 20);
    assert_false(jobs.more);
    for (size_t i = 0; i < jobs.count; i++)
        assert_string_equal(jobs.jobs[i].id, ids[10 + i]);
    jobs = list(f, (struct job_filter){.descending = true});
    for (size_t i = 0; i < jobs.count; i++)
        assert_string_equal(jobs.jobs[i].id, ids[29 - i]);
}

static void pages_follow_each_other_without_a_gap(void **state) {
    struct fixture *f = *state;
    char ids[JOBS][UUID_TEXT_MAX];
    fill(f, ids);
    for (int descending = 0; descending < 2; descending++)
        for (size_t limit = 1; limit <= JOBS; limit += 7) {
            struct job_filter filter = {.include_finished = true, .descending = descending, .limit = limit};
            size_t seen = 0;
            for (bool more = true; more;) {
                struct job_list jobs = list(f, filter);
                for (size_t i = 0; i < jobs.count; i++, seen++)
                    assert_string_equal(jobs.jobs[i].id, ids[descending ? JOBS - 1 - seen : seen]);
                more = jobs.more;
                const struct job *last = &jobs.jobs[jobs.count - 1];
                filter.after_id = last->id;
                *(descending ? &filter.until_ms : &filter.since_ms) = last->created_ms;
            }
            assert_int_equal(seen, JOBS);
        }
}

/* Clients that page by time ask for jobs later (or earlier) than the last one's createdAt. */
static size_t count_by_time(struct fixture *f, struct job_filter filter) {
    size_t seen = 0;
    for (bool more = true; more;) {
        struct job_list jobs = list(f, filter);
        more = jobs.more;
        seen += jobs.count;
        assert_true(jobs.count > 0);
        int64_t last_ms = jobs.jobs[jobs.count - 1].created_ms;
        if (filter.descending)
            filter.until_ms = last_ms;
        else
            filter.since_ms = last_ms + 1;
    }
    return seen;
}

/* createdAt was not unique in a burst: such clients saw 991 of 1,001 jobs. */
static void a_page_does_not_end_within_a_millisecond(void **state) {
    enum { FIRST = 90, SECOND = 300, THIRD = 5, LIMIT = 100 };
    static const int bursts[] = {FIRST, SECOND, THIRD};
    struct fixture *f = *state;
    struct redis_reply *reply;
    int64_t begin_ms = clock_now_ms() + 3600000; /* positions ahead of the clock are given one by one */
    for (size_t i = 0; i < sizeof bursts / sizeof *bursts; i++) {
        assert_ok(redis_call(f->redis, &reply, &f->err, "SET place %lld", (long long)(begin_ms + (int64_t)i) * 1024));
        for (int n = 0; n < bursts[i]; n++) {
            struct job_request request = publish_of(n % 2 ? "a" : "b");
            assert_int_equal(get_job(f, accept_job(f, &request).id).created_ms, begin_ms + (int64_t)i);
        }
    }
    struct job_list jobs = list(f, (struct job_filter){.limit = LIMIT});
    assert_int_equal(jobs.count, FIRST + SECOND);
    assert_true(jobs.more);
    jobs = list(f, (struct job_filter){.limit = LIMIT, .descending = true});
    assert_int_equal(jobs.count, THIRD + SECOND);
    assert_true(jobs.more);
    jobs = list(f, (struct job_filter){.limit = LIMIT, .package = "a"});
    assert_int_equal(jobs.count, (FIRST + SECOND) / 2);
    jobs = list(f, (struct job_filter){.limit = FIRST + SECOND + THIRD});
    assert_false(jobs.more);
    for (int descending = 0; descending < 2; descending++) {
        static const size_t limits[] = {1, 7, FIRST - 1, FIRST, FIRST + 1, LIMIT, 1000};
        for (size_t i = 0; i < sizeof limits / sizeof *limits; i++)
            assert_int_equal(count_by_time(f, (struct job_filter){.limit = limits[i], .descending = descending}),
                             FIRST + SECOND + THIRD);
    }
}

static void since_is_included_and_until_is_not(void **state) {
    struct fixture *f = *state;
    struct job job[3];
    for (int i = 0; i < 3; i++) {
        struct job_request request = publish_of("a");
        job[i] = get_job(f, accept_job(f, &request).id);
        while (clock_now_ms() <= job[i].created_ms)
            wait_ms(1);
    }
    struct job_list jobs = list(f, (struct job_filter){.since_ms = job[0].created_ms, .until_ms = job[2].created_ms});
    assert_int_equal(jobs.count, 2);
    assert_string_equal(jobs.jobs[0].id, job[0].id);
    assert_string_equal(jobs.jobs[1].id, job[1].id);
    assert_int_equal(list(f, (struct job_filter){.since_ms = job[2].created_ms + 1}).count, 0);
    assert_int_equal(list(f, (struct job_filter){.since_ms = job[2].created_ms, .descending = true}).count, 1);
}

struct row {
    struct job_filter filter;
    size_t count;
};

static void assert_counts(struct fixture *f, const struct row *rows, size_t count) {
    for (size_t i = 0; i < count; i++) {
        size_t found = list(f, rows[i].filter).count;
        if (found != rows[i].count) fail_msg("row %zu: %zu jobs, not %zu", i, found, rows[i].count);
    }
}

static void filters_narrow_the_list_down(void **state) {
    struct fixture *f = *state;
    char ids[JOBS][UUID_TEXT_MAX];
    fill(f, ids);
    struct job_request revision = publish_of("package-0");
    revision.kind = JOB_KIND_REVISION;
    accept_job(f, &revision);
    static const struct row rows[] = {
        {{.include_finished = true}, 30},
        {{.include_finished = true, .include_unknown_to_old_clients = true}, 31},
        {{.package = "package-0", .include_finished = true}, 1},
        {{.package = "package-0", .include_finished = true, .include_unknown_to_old_clients = true}, 2},
        {{.package = "package-0"}, 0},
        {{.package = "package-12"}, 1},
        {{.package = "no-such"}, 0},
        {{.actor = "a-trustee", .include_finished = true}, 10},
        {{.actor = "a-trustee"}, 6},
        {{.actor = "anonymous", .include_finished = true}, 20},
        {{.has_state = true, .state = JOB_STATE_FAILED, .include_finished = true}, 5},
        {{.has_state = true, .state = JOB_STATE_SUCCEEDED, .include_finished = true}, 5},
        {{.has_state = true, .state = JOB_STATE_FAILED, .actor = "a-trustee", .include_finished = true}, 2},
        {{.has_state = true, .state = JOB_STATE_PENDING}, 20},
        {{.has_state = true, .state = JOB_STATE_RUNNING}, 0},
        {{.has_kind = true, .kind = JOB_KIND_PUBLISH, .include_finished = true}, 30},
        {{.has_kind = true, .kind = JOB_KIND_MATRIX, .include_finished = true}, 0},
    };
    assert_counts(f, rows, sizeof rows / sizeof rows[0]);
}

/* Far more jobs of one kind than of all others: lists are read from other sets than before. */
static void filters_narrow_the_list_down_in_a_wave(void **state) {
    enum { BUILDS = 70 };
    struct fixture *f = *state;
    char ids[JOBS][UUID_TEXT_MAX];
    fill(f, ids);
    for (int i = 0; i < BUILDS; i++) {
        char package[16];
        snprintf(package, sizeof package, "built-%d", i);
        struct job_request request = matrix_of(package, "0.15.15");
        accept_job(f, &request);
        if (i == 0) claim_job(f, request.id);
    }
    static const struct row rows[] = {
        {{.limit = 200}, 20 + BUILDS},
        {{.has_kind = true, .kind = JOB_KIND_PUBLISH}, 20},
        {{.has_kind = true, .kind = JOB_KIND_PUBLISH, .include_finished = true}, 30},
        {{.has_kind = true, .kind = JOB_KIND_PUBLISH, .has_state = true, .state = JOB_STATE_PENDING}, 20},
        {{.has_kind = true, .kind = JOB_KIND_PUBLISH, .has_state = true, .state = JOB_STATE_FAILED}, 5},
        {{.has_kind = true, .kind = JOB_KIND_MATRIX, .has_state = true, .state = JOB_STATE_PENDING}, BUILDS - 1},
        {{.has_kind = true, .kind = JOB_KIND_MATRIX, .has_state = true, .state = JOB_STATE_RUNNING}, 1},
        {{.has_kind = true, .kind = JOB_KIND_MATRIX, .package = "built-7"}, 1},
        {{.package = "built-0"}, 1},
        {{.package = "package-12"}, 1},
        {{.package = "package-2"}, 0},
        {{.package = "package-2", .include_finished = true}, 1},
        {{.package = "package-12", .has_kind = true, .kind = JOB_KIND_MATRIX}, 0},
        {{.actor = "a-trustee"}, 6},
        {{.actor = "a-trustee", .has_state = true, .state = JOB_STATE_FAILED}, 2},
        {{.actor = "anonymous", .has_state = true, .state = JOB_STATE_RUNNING}, 1},
    };
    assert_counts(f, rows, sizeof rows / sizeof rows[0]);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        store_test(unfinished_jobs_are_listed_in_the_order_accepted),
        store_test(pages_follow_each_other_without_a_gap),
        store_test(a_page_does_not_end_within_a_millisecond),
        store_test(since_is_included_and_until_is_not),
        store_test(filters_narrow_the_list_down),
        store_test(filters_narrow_the_list_down_in_a_wave),
    };
    return cmocka_run_group_tests(tests, start_fixture, stop_fixture);
}
