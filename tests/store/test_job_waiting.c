/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Publications that wait for others (lib/store/job/job_waiting.h): which jobs wait for which, and that all waiting jobs are
 * woken in the same step of Redis in which the other job ends, however it ends.
 */
#include "lib/store/job/job_waiting.h"
#include "tests/store/fixture.h"

/* Requeues the job until the others have ended; `awaited` ends with NULL. */
static void wait_for_jobs(struct fixture *f, const struct lease *lease, const char *const *awaited) {
    size_t count = 0;
    while (awaited[count])
        count++;
    assert_ok(job_store_wait_for(f->store, lease, awaited, count, &f->err));
}

/* Claims the job and requeues it that way. */
static struct lease claim_and_wait(struct fixture *f, const char *id, const char *const *awaited) {
    struct lease lease = claim_job(f, id);
    wait_for_jobs(f, &lease, awaited);
    return lease;
}

static void assert_nothing_to_claim(struct fixture *f) {
    struct lease lease;
    struct job job;
    assert_status(STATUS_NOT_FOUND,
                  job_store_claim_next(f->store, ALL_KINDS, "runner", LEASE_MS, &f->arena, &lease, &job, &f->err));
}

/* No trace of the wait is left in Redis. */
static void assert_nobody_waits(struct fixture *f, const char *id) {
    struct redis_reply *reply;
    assert_ok(redis_call(f->redis, &reply, &f->err, "KEYS waiters:*"));
    assert_int_equal(reply->count, 0);
    assert_ok(redis_call(f->redis, &reply, &f->err, "HEXISTS job:%s waitsFor", id));
    assert_int_equal(reply->integer, 0);
}

static void a_job_that_waits_is_pending_and_uses_nothing(void **state) {
    struct fixture *f = *state;
    struct job_request dependency = publish_of("a"), dependant = publish_of("b"), behind = publish_of("b");
    behind.version = "1.1.0";
    accept_job(f, &dependency), accept_job(f, &dependant), accept_job(f, &behind);
    struct lease lease = claim_and_wait(f, dependant.id, (const char *[]){dependency.id, NULL});
    wait_for_jobs(f, &lease, (const char *[]){dependency.id, NULL}); /* the answer was lost */
    struct job job = get_job(f, dependant.id);
    assert_int_equal(job.state, JOB_STATE_PENDING);
    assert_int_equal(job.attempts, 0);
    assert_null(job.runner);
    assert_not_claimable(f, dependant.id);
    assert_not_claimable(f, behind.id); /* its package's order is kept */
    struct redis_reply *reply;
    assert_ok(redis_call(f->redis, &reply, &f->err, "ZCARD leases"));
    assert_int_equal(reply->integer, 0);
    assert_ok(redis_call(f->redis, &reply, &f->err, "ZCARD ready:publish")); /* claims need not skip it */
    assert_int_equal(reply->integer, 1);
    struct job_counts counts;
    assert_ok(job_store_count(f->store, &counts, &f->err));
    assert_int_equal(counts.pending[JOB_KIND_PUBLISH], 3);
    assert_int_equal(counts.running[JOB_KIND_PUBLISH], 0);
    assert_string_equal(claim_next(f, ALL_KINDS).job_id, dependency.id);
    assert_nothing_to_claim(f);
}

static void a_job_is_woken_in_the_step_in_which_the_other_succeeds(void **state) {
    struct fixture *f = *state;
    struct job_request dependency = publish_of("a"), dependant = publish_of("b");
    accept_job(f, &dependency), accept_job(f, &dependant);
    struct lease lease = claim_job(f, dependency.id);
    claim_and_wait(f, dependant.id, (const char *[]){dependency.id, NULL});
    finish_job(f, &lease, true);
    assert_string_equal(claim_next(f, ALL_KINDS).job_id, dependant.id);
    struct job job = get_job(f, dependant.id);
    assert_int_equal(job.attempts, 1);
    assert_nobody_waits(f, dependant.id);
}

/* The time of a job counts while it waits for a failure of the registry's own parts, and starts over after a wait for other
 * jobs. */
static void a_wait_for_others_does_not_use_up_the_time_of_a_job(void **state) {
    struct fixture *f = *state;
    struct job_request dependency = publish_of("a"), dependant = publish_of("b");
    accept_job(f, &dependency), accept_job(f, &dependant);
    struct lease lease = claim_job(f, dependant.id);
    assert_ok(job_store_put_back(f->store, &lease, 0, &f->err));
    assert_true(get_job(f, dependant.id).waiting_ms > 0);
    assert_int_equal(get_job(f, dependant.id).delays, 1);
    claim_and_wait(f, dependant.id, (const char *[]){dependency.id, NULL});
    assert_int_equal(get_job(f, dependant.id).waiting_ms, 0);
    assert_int_equal(get_job(f, dependant.id).delays, 0);
}

static void a_job_waits_for_all_that_succeed(void **state) {
    struct fixture *f = *state;
    struct job_request first = publish_of("a"), second = publish_of("c"), third = publish_of("d"), dependant = publish_of("b");
    accept_job(f, &first), accept_job(f, &second), accept_job(f, &third), accept_job(f, &dependant);
    claim_and_wait(f, dependant.id, (const char *[]){first.id, second.id, third.id, NULL});
    const char *order[] = {second.id, first.id, third.id}; /* in any order */
    for (int i = 0; i < 3; i++) {
        assert_not_claimable(f, dependant.id);
        struct lease lease = claim_job(f, order[i]);
        finish_job(f, &lease, true);
    }
    claim_job(f, dependant.id);
    assert_nobody_waits(f, dependant.id);
}

static void a_job_is_woken_by_the_first_that_fails(void **state) {
    struct fixture *f = *state;
    struct job_request first = publish_of("a"), second = publish_of("c"), dependant = publish_of("b");
    accept_job(f, &first), accept_job(f, &second), accept_job(f, &dependant);
    claim_and_wait(f, dependant.id, (const char *[]){first.id, second.id, NULL});
    struct lease failing = claim_job(f, second.id), other = claim_job(f, first.id);
    finish_job(f, &failing, false);
    assert_nobody_waits(f, dependant.id);
    struct lease lease = claim_job(f, dependant.id);
    finish_job(f, &other, true); /* it does not wait any more, so nothing changes */
    assert_ok(job_store_renew(f->store, &lease, LEASE_MS, &f->err));
}

static void many_wait_for_one_and_go_on_as_they_were_accepted(void **state) {
    struct fixture *f = *state;
    enum { COUNT = 50 };
    struct job_request dependency = publish_of("a"), dependants[COUNT];
    char names[COUNT][16];
    accept_job(f, &dependency);
    struct lease lease = claim_job(f, dependency.id);
    for (int i = 0; i < COUNT; i++) {
        snprintf(names[i], sizeof names[i], "b-%d", i);
        dependants[i] = publish_of(names[i]);
        accept_job(f, &dependants[i]);
        claim_and_wait(f, dependants[i].id, (const char *[]){dependency.id, NULL});
    }
    assert_nothing_to_claim(f);
    finish_job(f, &lease, true);
    for (int i = 0; i < COUNT; i++)
        assert_string_equal(claim_next(f, ALL_KINDS).job_id, dependants[i].id);
}

/* The others may end between the run's check and the step that requeues it. */
static void jobs_that_have_ended_meanwhile_are_not_waited_for(void **state) {
    struct fixture *f = *state;
    struct job_request good = publish_of("a"), bad = publish_of("c"), unfinished = publish_of("d"), dependant = publish_of("b");
    accept_job(f, &good), accept_job(f, &bad), accept_job(f, &unfinished), accept_job(f, &dependant);
    struct lease lease = claim_job(f, good.id);
    finish_job(f, &lease, true);
    claim_and_wait(f, dependant.id, (const char *[]){good.id, NULL});
    lease = claim_job(f, dependant.id);
    wait_for_jobs(f, &lease, (const char *[]){good.id, unfinished.id, NULL});
    assert_not_claimable(f, dependant.id); /* still waits for the other one */
    lease = claim_job(f, unfinished.id);
    finish_job(f, &lease, true);

    lease = claim_job(f, bad.id);
    finish_job(f, &lease, false);
    claim_and_wait(f, dependant.id, (const char *[]){bad.id, NULL});
    claim_job(f, dependant.id);
    assert_nobody_waits(f, dependant.id);
}

static void nobody_waits_for_a_job_that_was_accepted_later_or_for_itself(void **state) {
    struct fixture *f = *state;
    struct job_request dependant = publish_of("b"), later = publish_of("a");
    accept_job(f, &dependant), accept_job(f, &later);
    claim_and_wait(f, dependant.id, (const char *[]){later.id, dependant.id, "no-such-job", NULL});
    assert_nobody_waits(f, dependant.id);
    claim_job(f, dependant.id);
}

static void a_stale_number_does_not_wait(void **state) {
    struct fixture *f = *state;
    struct job_request dependency = publish_of("a"), dependant = publish_of("b");
    accept_job(f, &dependency), accept_job(f, &dependant);
    struct lease stale = claim_job(f, dependant.id);
    assert_ok(job_store_release(f->store, &stale, &f->err));
    struct lease lease = claim_job(f, dependant.id);
    const char *const awaited[] = {dependency.id};
    stale.fence--; /* not the number of any claim of this job */
    assert_status(STATUS_STALE, job_store_wait_for(f->store, &stale, awaited, 1, &f->err));
    assert_nobody_waits(f, dependant.id);
    assert_ok(job_store_renew(f->store, &lease, LEASE_MS, &f->err));
}

/* The awaited job loses its runner three times, so the reaper gives it up. */
static void a_job_is_woken_when_the_other_is_given_up(void **state) {
    struct fixture *f = *state;
    struct job_request dependency = publish_of("a"), dependant = publish_of("b");
    accept_job(f, &dependency), accept_job(f, &dependant);
    claim_and_wait(f, dependant.id, (const char *[]){dependency.id, NULL});
    struct job_reaped reaped = {0};
    int64_t until_ms = clock_monotonic_ms() + TIMEOUT_MS;
    while (reaped.failed == 0) {
        struct lease lease;
        struct job job;
        struct error ignored;
        assert_true(clock_monotonic_ms() < until_ms);
        assert_not_claimable(f, dependant.id);
        (void)!job_store_claim(f->store, dependency.id, "runner", SHORT_LEASE_MS, &f->arena, &lease, &job, &ignored);
        wait_ms(10);
        assert_ok(job_store_reap(f->store, SHORT_LEASE_MS, &reaped, &f->err));
    }
    claim_job(f, dependant.id);
}

static void a_wait_outlives_redis(void **state) {
    struct fixture *f = *state;
    struct job_request dependency = publish_of("a"), dependant = publish_of("b");
    accept_job(f, &dependency), accept_job(f, &dependant);
    struct lease lease = claim_job(f, dependency.id);
    claim_and_wait(f, dependant.id, (const char *[]){dependency.id, NULL});
    redis_server_kill(f->server);
    redis_server_restart(f->server);
    enum status status;
    do
        status = job_store_renew(f->store, &lease, LEASE_MS, &f->err);
    while (status == STATUS_UNAVAILABLE);
    assert_int_equal(status, STATUS_OK);
    assert_not_claimable(f, dependant.id);
    finish_job(f, &lease, true);
    redis_server_kill(f->server);
    redis_server_restart(f->server);
    struct job job;
    while ((status = job_store_claim(f->store, dependant.id, "runner", LEASE_MS, &f->arena, &lease, &job, &f->err)) ==
           STATUS_UNAVAILABLE)
        wait_ms(10);
    assert_int_equal(status, STATUS_OK);
}

static void earlier_publications_are_listed_by_package(void **state) {
    struct fixture *f = *state;
    struct job_request ended = publish_of("a"), running = publish_of("a"), unpublish = unpublish_of("c"),
                       other = publish_of("d"), waiting = publish_of("c"), dependant = publish_of("b"), later = publish_of("a");
    running.version = "1.1.0", waiting.version = "2.0.0", later.version = "1.2.0";
    run_job(f, &ended, &(struct job_end){.success = true});
    accept_job(f, &running), accept_job(f, &unpublish), accept_job(f, &other), accept_job(f, &waiting);
    accept_job(f, &dependant), accept_job(f, &later);
    claim_job(f, running.id), claim_job(f, dependant.id);
    const char *const packages[] = {"c", "unknown", "a", "b"};
    struct earlier_publication *found;
    size_t count;
    assert_ok(job_store_list_earlier(f->store, dependant.id, packages, 4, &f->arena, &found, &count, &f->err));
    assert_int_equal(count, 2);
    assert_string_equal(found[0].id, running.id);
    assert_string_equal(found[0].package, "a");
    assert_string_equal(found[0].version, "1.1.0");
    assert_false(found[0].has_failed);
    assert_string_equal(found[1].id, waiting.id);
    assert_ok(job_store_list_earlier(f->store, dependant.id, packages, 0, &f->arena, &found, &count, &f->err));
    assert_int_equal(count, 0);
}

static void publications_that_have_failed_since_are_listed_too(void **state) {
    struct fixture *f = *state;
    struct job_request before = publish_of("a"), failing = publish_of("a"), published = publish_of("a"),
                       dependant = publish_of("b"), later = publish_of("a");
    run_job(f, &before, &(struct job_end){.error = "It does not compile."});
    wait_ms(2); /* times are in milliseconds */
    accept_job(f, &failing), accept_job(f, &published);
    for (int i = 0; i < 20; i++) { /* builds of the package are also listed as its jobs */
        struct job_request build = matrix_of("a", arena_format(&f->arena, "0.15.%d", i));
        accept_job(f, &build);
    }
    accept_job(f, &dependant), accept_job(f, &later);
    struct job_request *const ended[] = {&failing, &published, &later};
    for (int i = 0; i < 3; i++) {
        struct lease lease = claim_job(f, ended[i]->id);
        finish_job(f, &lease, ended[i] == &published);
    }
    const char *const packages[] = {"a"};
    struct earlier_publication *found;
    size_t count;
    assert_ok(job_store_list_earlier(f->store, dependant.id, packages, 1, &f->arena, &found, &count, &f->err));
    assert_int_equal(count, 1);
    assert_string_equal(found[0].id, failing.id);
    assert_true(found[0].has_failed);
}

/* An invented release: every job waits for some of those before it; runners claim any job and end it either way. In the end all
 * have ended, and none ended before a job that it waited for. */
static void every_waiting_job_continues_sooner_or_later(void **state) {
    struct fixture *f = *state;
    enum { ROUNDS = 15, JOBS = 24, AWAITED = 3 };
    for (unsigned seed = 1; seed <= ROUNDS; seed++) {
        empty_fixture(state);
        unsigned random = seed;
        struct job_request requests[JOBS];
        char names[JOBS][16];
        bool has_waited[JOBS] = {0};
        const char *awaited[JOBS][AWAITED + 1] = {0};
        for (int i = 0; i < JOBS; i++) {
            snprintf(names[i], sizeof names[i], "p-%d", rand_r(&random) % (JOBS / 2)); /* some packages twice */
            requests[i] = publish_of(names[i]);
            accept_job(f, &requests[i]);
            for (int k = 0; i > 0 && k < AWAITED; k++)
                awaited[i][k] = requests[rand_r(&random) % i].id;
        }
        for (int ended = 0; ended < JOBS;) {
            struct lease lease = claim_next(f, ALL_KINDS); /* must succeed: otherwise no job can run */
            int i = 0;
            while (strcmp(requests[i].id, lease.job_id) != 0)
                i++;
            if (i > 0 && !has_waited[i] && rand_r(&random) % 4) {
                has_waited[i] = true;
                wait_for_jobs(f, &lease, awaited[i]);
                continue;
            }
            bool is_complete = true, one_has_failed = false;
            for (int k = 0; has_waited[i] && k < AWAITED; k++) {
                enum job_state other = get_job(f, awaited[i][k]).state;
                is_complete = is_complete && job_state_is_finished(other);
                one_has_failed = one_has_failed || other == JOB_STATE_FAILED;
            }
            assert_true(is_complete || one_has_failed);
            finish_job(f, &lease, rand_r(&random) % 3);
            ended++;
        }
        assert_nobody_waits(f, requests[0].id);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        store_test(a_job_that_waits_is_pending_and_uses_nothing),
        store_test(a_job_is_woken_in_the_step_in_which_the_other_succeeds),
        store_test(a_wait_for_others_does_not_use_up_the_time_of_a_job),
        store_test(a_job_waits_for_all_that_succeed),
        store_test(a_job_is_woken_by_the_first_that_fails),
        store_test(many_wait_for_one_and_go_on_as_they_were_accepted),
        store_test(jobs_that_have_ended_meanwhile_are_not_waited_for),
        store_test(nobody_waits_for_a_job_that_was_accepted_later_or_for_itself),
        store_test(a_stale_number_does_not_wait),
        store_test(a_job_is_woken_when_the_other_is_given_up),
        store_test(earlier_publications_are_listed_by_package),
        store_test(publications_that_have_failed_since_are_listed_too),
        store_test(every_waiting_job_continues_sooner_or_later),
        store_test(a_wait_outlives_redis),
    };
    return cmocka_run_group_tests(tests, start_fixture, stop_fixture);
}
