/* SPDX-License-Identifier: BSD-3-Clause
 * Matrix jobs: the order in which they are handed out, claims of several at once, duplicates, and results
 * (lib/store/README.md, Duplicates and Order). */
#include "lib/domain/matrix/verdict.h"
#include "lib/store/job/log_stream.h"
#include "lib/store/redis/matrix_store.h"
#include "tests/store/fixture.h"

enum { MANY = 100 };

static const char *const both[] = {"0.15.14", "0.15.15"};

/* The same request again, with a new id and for another purpose. */
static struct job_accepted repeat(struct fixture *f, struct job_request request, enum matrix_purpose purpose) {
    hash_random_uuid(request.id);
    request.purpose = purpose;
    return accept_job(f, &request);
}

static struct job_request build_for(enum matrix_purpose purpose, const char *package, const char *compiler) {
    struct job_request request = matrix_of(package, compiler);
    request.purpose = purpose;
    return request;
}

/* The packages of the jobs that are ready, as one text: "a b c". */
static const char *ready_packages(struct fixture *f, const char *const *compilers, size_t compiler_count, size_t limit) {
    struct job *jobs;
    size_t count;
    const char *names = "";
    const struct job_ready_filter filter = {.compilers = compilers, .compiler_count = compiler_count, .limit = limit};
    assert_ok(job_store_list_ready(f->store, &filter, &f->arena, &jobs, &count, &f->err));
    for (size_t i = 0; i < count; i++) {
        assert_int_equal(jobs[i].state, JOB_STATE_PENDING);
        names = arena_format(&f->arena, "%s%s%s", names, i ? " " : "", jobs[i].package);
    }
    return names;
}

/* ---- Handing out ---- */

static void builds_that_requesters_wait_for_are_handed_out_first(void **state) {
    struct fixture *f = *state;
    static const enum matrix_purpose purposes[] = {MATRIX_PURPOSE_SWEEP,    MATRIX_PURPOSE_WAVE,    MATRIX_PURPOSE_PUBLICATION,
                                                   MATRIX_PURPOSE_VERIFY,   MATRIX_PURPOSE_REQUEST, MATRIX_PURPOSE_WAVE,
                                                   MATRIX_PURPOSE_REVISION, MATRIX_PURPOSE_SET};
    static const char *const packages[] = {"a", "b", "c", "d", "e", "f", "g", "h"};
    for (int i = 0; i < 8; i++) {
        struct job_request request = build_for(purposes[i], packages[i], both[i % 2]);
        accept_job(f, &request);
        assert_int_equal(get_job(f, request.id).purpose, purposes[i]);
    }
    assert_string_equal(ready_packages(f, both, 2, MANY), "c e g h b d f a");
    assert_string_equal(ready_packages(f, both, 2, 4), "c e g h");
    assert_string_equal(ready_packages(f, both, 2, 3), "c e g");
    assert_string_equal(ready_packages(f, both, 1, MANY), "c e g a");
    assert_string_equal(ready_packages(f, both + 1, 1, MANY), "h b d f");
    static const char *const other[] = {"0.15.13"};
    assert_string_equal(ready_packages(f, other, 1, MANY), "");
    assert_string_equal(ready_packages(f, NULL, 0, MANY), "");
}

static size_t count_urgent(struct fixture *f) {
    size_t count;
    assert_ok(job_store_count_urgent(f->store, &count, &f->err));
    return count;
}

static void running_jobs_that_somebody_waits_for_are_counted(void **state) {
    struct fixture *f = *state;
    const struct job_request publication = publish_of("a"), build = build_for(MATRIX_PURPOSE_PUBLICATION, "b", both[0]),
                             wave = build_for(MATRIX_PURPOSE_WAVE, "c", both[0]), retried = publish_of("d");
    const struct job_request *const requests[] = {&publication, &build, &wave, &retried};
    struct lease leases[4];
    for (size_t i = 0; i < 4; i++)
        accept_job(f, requests[i]);
    assert_int_equal(count_urgent(f), 0);
    const struct job_ready_filter filter = {.compilers = both, .compiler_count = 2, .is_urgent = true, .limit = MANY};
    struct job *jobs;
    size_t count;
    assert_ok(job_store_list_ready(f->store, &filter, &f->arena, &jobs, &count, &f->err));
    assert_int_equal(count, 1);
    assert_string_equal(jobs[0].id, build.id);
    for (size_t i = 0; i < 4; i++)
        leases[i] = claim_job(f, requests[i]->id);
    assert_int_equal(count_urgent(f), 3);
    assert_ok(job_store_retry_later(f->store, &leases[3], 3600000, &f->err));
    assert_int_equal(count_urgent(f), 2);
    for (size_t i = 0; i < 3; i++)
        assert_ok(job_store_finish(f->store, &leases[i], &(struct job_end){.success = true}, &f->err));
    assert_int_equal(count_urgent(f), 0);
}

static void a_job_that_waits_comes_sooner_once_somebody_waits_for_it(void **state) {
    struct fixture *f = *state;
    struct job_request a = build_for(MATRIX_PURPOSE_WAVE, "a", both[0]), b = build_for(MATRIX_PURPOSE_SWEEP, "b", both[0]);
    accept_job(f, &a), accept_job(f, &b);
    assert_string_equal(repeat(f, b, MATRIX_PURPOSE_PUBLICATION).id, b.id);
    assert_string_equal(ready_packages(f, both, 2, MANY), "b a");
    assert_int_equal(get_job(f, b.id).purpose, MATRIX_PURPOSE_PUBLICATION);
    assert_false(repeat(f, b, MATRIX_PURPOSE_WAVE).created); /* and never lowered again */
    assert_int_equal(get_job(f, b.id).purpose, MATRIX_PURPOSE_PUBLICATION);
    assert_string_equal(ready_packages(f, both, 2, MANY), "b a");

    struct lease lease = claim_job(f, a.id);
    assert_ok(job_store_retry_later(f->store, &lease, 3600000, &f->err));
    assert_false(repeat(f, a, MATRIX_PURPOSE_REQUEST).created); /* a delayed job stays delayed */
    assert_string_equal(ready_packages(f, both, 2, MANY), "b");
    lease = claim_job(f, b.id);
    assert_false(repeat(f, b, MATRIX_PURPOSE_REQUEST).created);
    assert_int_equal(get_job(f, b.id).purpose, MATRIX_PURPOSE_PUBLICATION); /* a running job keeps its purpose */
}

static void only_what_is_still_ready_is_claimed(void **state) {
    struct fixture *f = *state;
    struct job_request builds[4] = {matrix_of("a", both[0]), matrix_of("b", both[0]), matrix_of("c", both[1]),
                                    matrix_of("d", both[0])};
    struct job_request publish = publish_of("a");
    for (int i = 0; i < 4; i++)
        accept_job(f, &builds[i]);
    accept_job(f, &publish);
    struct lease other = claim_job(f, builds[1].id);
    struct lease later = claim_job(f, builds[3].id);
    assert_ok(job_store_retry_later(f->store, &later, 3600000, &f->err));
    const char *ids[] = {builds[2].id, builds[1].id, publish.id, "00000000-0000-4000-8000-000000000000",
                         builds[3].id, builds[0].id};
    enum { IDS = sizeof ids / sizeof ids[0] };
    struct lease leases[IDS];
    struct job jobs[IDS];
    size_t claimed;
    assert_ok(job_store_claim_some(f->store,
                                   &(struct job_claim){.ids = ids, .count = IDS, .runner = "worker-7", .lease_ms = LEASE_MS},
                                   &f->arena, leases, jobs, &claimed, &f->err));
    assert_int_equal(claimed, 2);
    assert_string_equal(leases[0].job_id, builds[2].id);
    assert_string_equal(leases[1].job_id, builds[0].id);
    assert_true(leases[1].fence > leases[0].fence && leases[0].fence > other.fence);
    assert_string_equal(jobs[1].payload, builds[0].payload);
    assert_string_equal(jobs[1].runner, "worker-7");
    assert_int_equal(jobs[1].attempts, 1);
    assert_int_equal(get_job(f, publish.id).state, JOB_STATE_PENDING);
    assert_string_equal(ready_packages(f, both, 2, MANY), "");

    bool is_held[3];
    struct lease three[] = {leases[0], other, leases[1]};
    three[1].fence--;
    assert_ok(job_store_renew_some(f->store, three, 3, LEASE_MS, is_held, &f->err));
    assert_true(is_held[0] && !is_held[1] && is_held[2]);
    assert_ok(job_store_claim_some(f->store,
                                   &(struct job_claim){.ids = ids, .count = IDS, .runner = "worker-8", .lease_ms = LEASE_MS},
                                   &f->arena, leases, jobs, &claimed, &f->err));
    assert_int_equal(claimed, 0);
}

/* Takes the job back as the reaper does once the lease has expired. */
static struct job_reaped lose(struct fixture *f, const char *id) {
    struct redis_reply *reply;
    struct job_reaped reaped;
    assert_ok(redis_call(f->redis, &reply, &f->err, "HSET redis since 1"));
    assert_ok(redis_call(f->redis, &reply, &f->err, "ZADD leases XX 100000 %s", id));
    assert_ok(job_store_reap(f->store, LEASE_MS, &reaped, &f->err));
    return reaped;
}

static void a_job_that_was_lost_or_handed_back_is_at_its_place_again(void **state) {
    struct fixture *f = *state;
    struct job_request a = matrix_of("a", both[0]), b = matrix_of("b", both[1]);
    accept_job(f, &a), accept_job(f, &b);
    struct lease lease = claim_job(f, a.id);
    assert_string_equal(ready_packages(f, both, 2, MANY), "b");
    assert_int_equal(lose(f, a.id).returned, 1);
    assert_string_equal(ready_packages(f, both, 2, MANY), "a b");
    assert_null(get_job(f, a.id).runner);
    lease = claim_job(f, a.id);
    assert_ok(job_store_release(f->store, &lease, &f->err));
    assert_string_equal(ready_packages(f, both, 2, MANY), "a b");
    lease = claim_job(f, a.id);
    assert_ok(job_store_retry_later(f->store, &lease, 1, &f->err));
    int64_t until_ms = clock_monotonic_ms() + TIMEOUT_MS;
    while (strcmp(ready_packages(f, both, 2, MANY), "a b") != 0)
        assert_true(clock_monotonic_ms() < until_ms);
}

/* ---- Duplicates ---- */

static void a_job_is_made_once_until_its_plan_changes(void **state) {
    struct fixture *f = *state;
    struct job_request request = matrix_of("a", both[1]), other = matrix_of("a", both[0]);
    accept_job(f, &request);
    struct lease lease = claim_job(f, request.id);
    finish_build(f, &lease, "failed_to_compile");
    assert_string_equal(repeat(f, request, MATRIX_PURPOSE_SWEEP).id, request.id); /* the same plan would fail again */
    assert_true(accept_job(f, &other).created);

    request.payload = "{\"prelude\":\"6.0.1\"}";
    struct job_accepted again = repeat(f, request, MATRIX_PURPOSE_WAVE);
    assert_true(again.created);
    lease = claim_job(f, again.id);
    finish_build(f, &lease, "succeeded");
    request.payload = "{\"prelude\":\"6.0.2\"}"; /* it succeeded: the plan does not matter */
    assert_string_equal(repeat(f, request, MATRIX_PURPOSE_WAVE).id, again.id);
}

/* A final failure stays until a build is requested; another one may be retried at once. */
static void only_a_verdict_that_stands_keeps_from_trying_again(void **state) {
    struct fixture *f = *state;
    for (int i = 0; i < VERDICT_COUNT; i++) {
        const char *verdict = verdict_text((enum verdict)i);
        struct job_request request = matrix_of(arena_format(&f->arena, "package-%d", i), both[0]);
        accept_job(f, &request);
        assert_string_equal(repeat(f, request, MATRIX_PURPOSE_WAVE).id, request.id);
        struct lease lease = claim_job(f, request.id);
        assert_string_equal(repeat(f, request, MATRIX_PURPOSE_WAVE).id, request.id);
        finish_build(f, &lease, verdict);
        assert_string_equal(get_job(f, request.id).verdict, verdict);
        struct job_accepted again = repeat(f, request, MATRIX_PURPOSE_SWEEP);
        assert_int_equal(again.created, !verdict_stands((enum verdict)i));
    }
}

static void an_operator_may_have_a_job_again(void **state) {
    struct fixture *f = *state;
    struct job_request request = matrix_of("a", both[1]);
    accept_job(f, &request);
    struct lease lease = claim_job(f, request.id);
    finish_build(f, &lease, "succeeded");
    request.again = true;
    struct job_accepted again = repeat(f, request, MATRIX_PURPOSE_REQUEST);
    assert_true(again.created);
    assert_string_equal(repeat(f, request, MATRIX_PURPOSE_REQUEST).id, again.id); /* not twice at once */
    lease = claim_job(f, again.id);
    finish_build(f, &lease, "failed_to_compile");
    request.again = false;
    assert_string_equal(repeat(f, request, MATRIX_PURPOSE_WAVE).id, request.id); /* the success stays */
}

static void jobs_that_end_without_a_verdict_are_made_again(void **state) {
    struct fixture *f = *state;
    struct job_request request = matrix_of("a", both[1]);
    const struct job_end end = {.error = "The version was unpublished."};
    run_job(f, &request, &end);
    assert_true(repeat(f, request, MATRIX_PURPOSE_WAVE).created);
}

static size_t count_verdicts(struct fixture *f, const char *package) {
    struct matrix_verdict *verdicts;
    size_t count;
    assert_ok(verdicts_read(f->store, package, "1.0.0", &f->arena, &verdicts, &count, &f->err));
    return count;
}

static void trials_stand_for_nothing_else(void **state) {
    struct fixture *f = *state;
    static const enum matrix_purpose purposes[] = {MATRIX_PURPOSE_REVISION, MATRIX_PURPOSE_VERIFY, MATRIX_PURPOSE_SET};
    for (int i = 0; i < 3; i++) {
        struct job_request build = matrix_of(matrix_purpose_text(purposes[i]), both[0]);
        struct job_accepted trial = repeat(f, build, purposes[i]), second = repeat(f, build, purposes[i]);
        assert_true(trial.created && second.created);
        assert_true(accept_job(f, &build).created);
        assert_true(repeat(f, build, purposes[i]).created);
        struct lease lease = claim_job(f, trial.id);
        finish_build(f, &lease, "succeeded");
        assert_int_equal(count_verdicts(f, build.package), 0);
        assert_string_equal(repeat(f, build, MATRIX_PURPOSE_WAVE).id, build.id); /* its end does not affect the other one */
        lease = claim_job(f, build.id);
        finish_build(f, &lease, "failed_to_compile");
        lease = claim_job(f, second.id);
        finish_build(f, &lease, i == 1 ? "differs" : "succeeded");
        assert_string_equal(repeat(f, build, MATRIX_PURPOSE_WAVE).id, build.id);
        assert_int_equal(count_verdicts(f, build.package), 1);
        assert_true(repeat(f, build, purposes[i]).created);
    }
}

/* ---- Ends ---- */

static void a_builds_result_is_in_the_job(void **state) {
    struct fixture *f = *state;
    struct job_request request = matrix_of("a", both[0]);
    accept_job(f, &request);
    struct lease lease = claim_job(f, request.id);
    struct job_end end = {.error = "It does not compile.", .verdict = "failed_to_compile"};
    char *large = memory_alloc(JOB_RESULT_MAX_BYTES + 2);
    memset(large, ' ', JOB_RESULT_MAX_BYTES + 1);
    end.result = large;
    assert_status(STATUS_TOO_LARGE, job_store_finish(f->store, &lease, &end, &f->err));
    assert_int_equal(get_job(f, request.id).state, JOB_STATE_RUNNING);
    free(large);
    end.result = "{\"compiled\": 0, \"errors\": []}";
    assert_ok(job_store_finish(f->store, &lease, &end, &f->err));
    assert_ok(job_store_finish(f->store, &lease, &end, &f->err));
    struct job job = get_job(f, request.id);
    assert_string_equal(job.result, end.result);
    assert_string_equal(job.verdict, end.verdict);
    assert_null(job.runner);
}

static void a_job_that_was_lost_three_times_ends_as_worker_lost(void **state) {
    struct fixture *f = *state;
    struct job_request request = matrix_of("a", both[0]);
    accept_job(f, &request);
    for (int i = 0; i < 2; i++) {
        claim_job(f, request.id);
        assert_int_equal(lose(f, request.id).returned, 1);
    }
    claim_job(f, request.id);
    struct job_reaped reaped = lose(f, request.id);
    assert_int_equal(reaped.failed, 1);
    assert_string_equal(reaped.failed_ids[0], request.id);
    struct job job = get_job(f, request.id);
    assert_int_equal(job.state, JOB_STATE_FAILED);
    assert_string_equal(job.verdict, "worker_lost");
    assert_non_null(strstr(job.error, "The build worker"));
    assert_non_null(strstr(job.error, "3 times"));
    assert_null(strstr(job.error, "send the request again"));
    assert_int_equal(count_verdicts(f, "a"), 1);
    assert_true(repeat(f, request, MATRIX_PURPOSE_SWEEP).created);
}

static void a_built_job_is_never_given_up(void **state) {
    struct fixture *f = *state;
    struct job_request request = matrix_of("a", both[0]);
    static const char found[] = "{\"verdict\":\"succeeded\",\"result\":{}}";
    accept_job(f, &request);
    struct lease lease = claim_job(f, request.id);
    assert_ok(job_store_record(f->store, &lease, found, &f->err));
    struct redis_reply *reply;
    for (int attempt = 1; attempt <= 4; attempt++) {
        struct job_reaped reaped = lose(f, request.id);
        assert_int_equal(reaped.alarming, attempt >= 3);
        assert_ok(redis_call(f->redis, &reply, &f->err, "HSET job:%s notBefore 1", request.id)); /* its backoff is over */
        assert_ok(redis_call(f->redis, &reply, &f->err, "ZADD delayed XX 1 %s", request.id));
        assert_string_equal(ready_packages(f, both, 2, MANY), "a");
        const char *id = request.id;
        struct job job;
        size_t claimed;
        assert_ok(job_store_claim_some(f->store,
                                       &(struct job_claim){.ids = &id, .count = 1, .runner = "w", .lease_ms = LEASE_MS},
                                       &f->arena, &lease, &job, &claimed, &f->err));
        assert_int_equal(claimed, 1);
        assert_string_equal(job.record, found);
    }
    finish_build(f, &lease, "succeeded");
    assert_null(get_job(f, request.id).record); /* only the result is kept */
}

/* All lines, as `LEVEL text|`. */
static const char *log_of(struct fixture *f, const char *id) {
    struct log_query query = {.level = LOG_DEBUG, .limit = 100};
    struct log_lines lines;
    const char *text = "";
    assert_ok(log_stream_read(f->store, id, &query, &f->arena, &lines, &f->err));
    for (size_t i = 0; i < lines.count; i++)
        text = arena_format(&f->arena, "%s%s %s|", text, log_level_name(lines.lines[i].level), lines.lines[i].message);
    return text;
}

static void lines_at_a_builds_begin_and_end_are_written_with_its_step(void **state) {
    struct fixture *f = *state;
    struct job_request request = matrix_of("a", both[0]);
    accept_job(f, &request);
    const char *id = request.id;
    struct lease lease;
    struct job job;
    size_t claimed;
    int64_t left_ms;
    assert_ok(job_store_claim_some(
        f->store, &(struct job_claim){.ids = &id, .count = 1, .runner = "w", .lease_ms = 1000, .line = "Handed over."},
        &f->arena, &lease, &job, &claimed, &f->err));
    assert_string_equal(log_of(f, id), "INFO Handed over.|");
    struct log_line line = {.level = LOG_INFO, .message = "Compiled.", .number = 1, .time_ms = 1};
    struct job_result result = {
        .record = "{}", .lease_ms = 50000, .lines = &line, .line_count = 1, .limit_lines = 10, .limit_bytes = 1000};
    for (int i = 0; i < 2; i++) { /* the same again is fine */
        assert_ok(job_store_take_result(f->store, &lease, &result, &f->arena, &job, &f->err));
        assert_string_equal(job.record, "{}");
        assert_string_equal(job.package, "a");
        assert_string_equal(get_job(f, id).record, "{}");
        assert_string_equal(log_of(f, id), "INFO Handed over.|INFO Compiled.|");
    }
    assert_ok(job_store_lease_left(f->store, &lease, &left_ms, &f->err));
    assert_true(left_ms > 40000);
    result.record = "{\"a\":1}";
    assert_status(STATUS_CONFLICT, job_store_take_result(f->store, &lease, &result, &f->arena, &job, &f->err));
    const struct job_end end = {
        .success = true, .verdict = "succeeded", .commit = "registry=0a1b", .line = "Committed.", .line_level = LOG_WARN};
    for (int i = 0; i < 2; i++) { /* the same again is fine */
        assert_ok(job_store_finish(f->store, &lease, &end, &f->err));
        assert_string_equal(log_of(f, id), "INFO Handed over.|INFO Compiled.|WARN Committed.|");
        assert_string_equal(get_job(f, id).commits, "registry=0a1b");
    }
    assert_status(STATUS_STALE, job_store_take_result(f->store, &lease, &result, &f->arena, &job, &f->err));
}

/* ---- Several at once ---- */

static void forget_scripts(struct fixture *f) {
    struct redis_reply *reply;
    assert_ok(redis_call(f->redis, &reply, &f->err, "SCRIPT FLUSH"));
}

static void several_are_made_at_once_each_with_its_own_answer(void **state) {
    struct fixture *f = *state;
    struct job_request first = matrix_of("a", both[0]), same = first, other = matrix_of("b", both[0]);
    hash_random_uuid(same.id);
    struct job_acceptance three[] = {{.request = &first}, {.request = &same}, {.request = &other}};
    forget_scripts(f);
    job_store_accept_some(f->store, three, 3);
    for (int i = 0; i < 3; i++)
        assert_ok(three[i].status);
    assert_true(three[0].accepted.created && !three[1].accepted.created && three[2].accepted.created);
    assert_string_equal(three[1].accepted.id, first.id);
    assert_string_equal(ready_packages(f, both, 2, MANY), "a b");
    job_store_accept_some(f->store, three, 0);
    job_store_accept_some(f->store, three, 3); /* the same again, as after a lost answer */
    assert_true(three[0].accepted.created && !three[1].accepted.created && three[2].accepted.created);
    assert_string_equal(ready_packages(f, both, 2, MANY), "a b");
}

static void several_end_at_once_each_with_its_own_answer(void **state) {
    struct fixture *f = *state;
    struct job_request requests[] = {matrix_of("a", both[0]), matrix_of("b", both[0]), matrix_of("c", both[0])};
    struct lease leases[3];
    for (int i = 0; i < 3; i++) {
        accept_job(f, &requests[i]);
        leases[i] = claim_job(f, requests[i].id);
    }
    char *large = memory_alloc(JOB_RESULT_MAX_BYTES + 2);
    memset(large, ' ', JOB_RESULT_MAX_BYTES + 1);
    const struct job_end good = {.success = true, .verdict = "succeeded", .line = "Done.", .line_level = LOG_INFO},
                         bad = {.error = "It does not compile.", .verdict = "failed_to_compile", .result = large};
    struct lease stale = leases[1];
    stale.fence--;
    struct job_finish four[] = {{.lease = &leases[0], .end = &good},
                                {.lease = &stale, .end = &good},
                                {.lease = &leases[1], .end = &bad},
                                {.lease = &leases[2], .end = &good}};
    forget_scripts(f);
    for (int i = 0; i < 2; i++) { /* the same again is fine */
        job_store_finish_some(f->store, four, 4);
        assert_ok(four[0].status);
        assert_status(STATUS_STALE, four[1].status);
        assert_non_null(strstr(four[1].err.message, leases[1].job_id));
        assert_status(STATUS_TOO_LARGE, four[2].status);
        assert_ok(four[3].status);
        assert_string_equal(log_of(f, requests[0].id), "INFO Done.|");
        assert_int_equal(get_job(f, requests[1].id).state, JOB_STATE_RUNNING);
        assert_int_equal(get_job(f, requests[2].id).state, JOB_STATE_SUCCEEDED);
    }
    free(large);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        store_test(builds_that_requesters_wait_for_are_handed_out_first),
        store_test(running_jobs_that_somebody_waits_for_are_counted),
        store_test(a_job_that_waits_comes_sooner_once_somebody_waits_for_it),
        store_test(only_what_is_still_ready_is_claimed),
        store_test(a_job_that_was_lost_or_handed_back_is_at_its_place_again),
        store_test(a_job_is_made_once_until_its_plan_changes),
        store_test(only_a_verdict_that_stands_keeps_from_trying_again),
        store_test(an_operator_may_have_a_job_again),
        store_test(jobs_that_end_without_a_verdict_are_made_again),
        store_test(trials_stand_for_nothing_else),
        store_test(a_builds_result_is_in_the_job),
        store_test(a_job_that_was_lost_three_times_ends_as_worker_lost),
        store_test(a_built_job_is_never_given_up),
        store_test(lines_at_a_builds_begin_and_end_are_written_with_its_step),
        store_test(several_are_made_at_once_each_with_its_own_answer),
        store_test(several_end_at_once_each_with_its_own_answer),
    };
    return cmocka_run_group_tests(tests, start_fixture, stop_fixture);
}
