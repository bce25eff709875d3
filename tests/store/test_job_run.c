/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Holding and ending jobs (lib/store/README.md: Life, Leases, Once, Events). Claims: test_job_claim.c.
 */
#include "lib/base/secret.h"
#include "lib/store/job/log_stream.h"
#include "lib/store/redis/events.h"
#include "lib/store/redis/lock.h"
#include "tests/store/fixture.h"

/* Claims the job with a lease that expires at once, and takes it back. */
static struct job_reaped lose(struct fixture *f, const char *id) {
    struct lease lease;
    struct job job;
    struct job_reaped reaped = {0};
    assert_ok(job_store_claim(f->store, id, "runner", SHORT_LEASE_MS, &f->arena, &lease, &job, &f->err));
    int64_t until_ms = clock_monotonic_ms() + TIMEOUT_MS;
    while (reaped.returned + reaped.failed + reaped.alarming == 0) {
        assert_true(clock_monotonic_ms() < until_ms);
        wait_ms(10);
        assert_ok(job_store_reap(f->store, SHORT_LEASE_MS, &reaped, &f->err));
    }
    return reaped;
}

/* No call of a runner with an old fencing number changes anything. */
static void assert_is_stale(struct fixture *f, const struct lease *lease) {
    const struct log_line line = {.level = LOG_INFO, .message = "late", .attempt = 1, .number = 99};
    const struct job_end end = {.success = true};
    int64_t left_ms;
    assert_status(STATUS_STALE, job_store_renew(f->store, lease, LEASE_MS, &f->err));
    assert_status(STATUS_STALE, job_store_lease_left(f->store, lease, &left_ms, &f->err));
    assert_status(STATUS_STALE, job_store_release(f->store, lease, &f->err));
    assert_status(STATUS_STALE, job_store_retry_later(f->store, lease, 1000, &f->err));
    assert_status(STATUS_STALE, job_store_record(f->store, lease, "{}", &f->err));
    assert_status(STATUS_STALE, job_store_finish(f->store, lease, &end, &f->err));
    assert_status(STATUS_STALE, log_stream_append(f->store, lease, &line, 1, 100, 10000, &f->err));
}

static void a_stale_number_can_write_nothing(void **state) {
    struct fixture *f = *state;
    struct job_request requests[] = {publish_of("a"), matrix_of("a", "0.15.15")}; /* with a package's lock, and without */
    for (int i = 0; i < 2; i++) {
        const char *id = requests[i].id;
        accept_job(f, &requests[i]);
        struct lease stale = claim_job(f, id);
        assert_ok(job_store_release(f->store, &stale, &f->err));
        assert_int_equal(lose(f, id).returned, 1);
        stale.fence++;
        assert_is_stale(f, &stale); /* pending again */
        struct lease lease = claim_job(f, id);
        assert_true(lease.fence > stale.fence);
        assert_is_stale(f, &stale); /* held by another runner */
        struct job job = get_job(f, id);
        assert_int_equal(job.state, JOB_STATE_RUNNING);
        assert_null(job.record);
        finish_job(f, &lease, false);
        assert_is_stale(f, &stale); /* ended */
        assert_int_equal(get_job(f, id).state, JOB_STATE_FAILED);
    }
}

static void a_lease_is_stale_once_somebody_took_its_lock(void **state) {
    struct fixture *f = *state;
    struct job_request request = publish_of("a");
    accept_job(f, &request);
    struct lease lease;
    struct job job;
    struct lock lock;
    assert_ok(job_store_claim(f->store, request.id, "runner", SHORT_LEASE_MS, &f->arena, &lease, &job, &f->err));
    assert_ok(lock_take(f->store, "package:a", LEASE_MS, TIMEOUT_MS, &lock, &f->err)); /* once the lease has expired */
    assert_is_stale(f, &lease);
    struct job_reaped reaped;
    assert_ok(job_store_reap(f->store, SHORT_LEASE_MS, &reaped, &f->err));
    assert_int_equal(reaped.returned, 1);
    assert_not_claimable(f, request.id);
    assert_ok(lock_keep(f->store, &lock, LEASE_MS, LEASE_MS, &f->err)); /* the job's end did not release the lock */
}

static void a_lease_lasts_as_long_as_it_is_renewed(void **state) {
    struct fixture *f = *state;
    struct job_request request = publish_of("a");
    accept_job(f, &request);
    struct lease lease;
    struct job job;
    int64_t left_ms;
    enum { FIRST_MS = 2000 };
    assert_ok(job_store_claim(f->store, request.id, "runner", FIRST_MS, &f->arena, &lease, &job, &f->err));
    assert_ok(job_store_lease_left(f->store, &lease, &left_ms, &f->err));
    assert_in_range(left_ms, 1, FIRST_MS);
    assert_ok(job_store_renew(f->store, &lease, LEASE_MS, &f->err));
    assert_ok(job_store_lease_left(f->store, &lease, &left_ms, &f->err));
    assert_in_range(left_ms, FIRST_MS + 1, LEASE_MS);
    wait_ms(FIRST_MS + 50);
    struct job_reaped reaped;
    assert_ok(job_store_reap(f->store, SHORT_LEASE_MS, &reaped, &f->err));
    assert_int_equal(reaped.returned, 0);
    finish_job(f, &lease, true);
}

static void a_job_handed_back_keeps_its_place_and_its_attempts(void **state) {
    struct fixture *f = *state;
    struct job_request first = publish_of("a"), second = publish_of("b"), behind = publish_of("a");
    accept_job(f, &first), accept_job(f, &second), accept_job(f, &behind);
    struct lease lease = claim_job(f, first.id);
    assert_ok(job_store_release(f->store, &lease, &f->err));
    assert_ok(job_store_release(f->store, &lease, &f->err)); /* its answer was lost */
    struct job job = get_job(f, first.id);
    assert_int_equal(job.state, JOB_STATE_PENDING);
    assert_int_equal(job.attempts, 0);
    assert_not_claimable(f, behind.id);
    struct lease next = claim_next(f, ALL_KINDS);
    assert_string_equal(next.job_id, first.id);
    assert_ok(job_store_release(f->store, &lease, &f->err)); /* … and again, late */
    assert_int_equal(get_job(f, first.id).state, JOB_STATE_RUNNING);
    assert_int_equal(get_job(f, first.id).attempts, 1);
}

static void a_retried_job_waits_and_its_package_with_it(void **state) {
    struct fixture *f = *state;
    struct job_request first = publish_of("a"), behind = publish_of("a"), other = publish_of("b");
    accept_job(f, &first), accept_job(f, &behind), accept_job(f, &other);
    struct lease lease = claim_job(f, first.id);
    assert_ok(job_store_record(f->store, &lease, "{\"commit\":\"1\"}", &f->err));
    enum { LATER_MS = 2000 };
    int64_t begun_ms = clock_monotonic_ms();
    assert_ok(job_store_retry_later(f->store, &lease, LATER_MS, &f->err));
    assert_ok(job_store_retry_later(f->store, &lease, LATER_MS, &f->err)); /* its answer was lost */
    assert_int_equal(get_job(f, first.id).delays, 1);
    assert_not_claimable(f, first.id);
    assert_not_claimable(f, behind.id);
    assert_string_equal(claim_next(f, ALL_KINDS).job_id, other.id);
    enum status status = STATUS_NOT_FOUND;
    struct job job;
    while (status == STATUS_NOT_FOUND && clock_monotonic_ms() < begun_ms + TIMEOUT_MS) {
        wait_ms(10);
        status = job_store_claim_next(f->store, ALL_KINDS, "runner", LEASE_MS, &f->arena, &lease, &job, &f->err);
    }
    assert_int_equal(status, STATUS_OK);
    assert_true(clock_monotonic_ms() >= begun_ms + LATER_MS - 10);
    assert_string_equal(job.id, first.id);
    assert_string_equal(job.record, "{\"commit\":\"1\"}");
    assert_int_equal(job.attempts, 1);
}

static void a_record_is_written_once(void **state) {
    struct fixture *f = *state;
    struct job_request request = publish_of("a");
    accept_job(f, &request);
    struct lease lease = claim_job(f, request.id);
    assert_ok(job_store_record(f->store, &lease, "{\"a\":  1}", &f->err));
    assert_ok(job_store_record(f->store, &lease, "{\"a\":  1}", &f->err));
    assert_status(STATUS_CONFLICT, job_store_record(f->store, &lease, "{\"a\": 2}", &f->err));
    assert_string_equal(get_job(f, request.id).record, "{\"a\":  1}");
}

static void the_commit_of_a_job_is_kept_for_every_later_run(void **state) {
    struct fixture *f = *state;
    struct job_request request = publish_of("a");
    accept_job(f, &request);
    struct lease lease = claim_job(f, request.id);
    assert_ok(job_store_keep_commit(f->store, &lease, "1234abcd", &f->err));
    assert_ok(job_store_keep_commit(f->store, &lease, "1234abcd", &f->err));
    assert_status(STATUS_CONFLICT, job_store_keep_commit(f->store, &lease, "5678", &f->err));
    assert_ok(job_store_release(f->store, &lease, &f->err));
    assert_status(STATUS_STALE, job_store_keep_commit(f->store, &lease, "1234abcd", &f->err));
    claim_job(f, request.id);
    assert_string_equal(get_job(f, request.id).commit, "1234abcd");
}

static void the_third_lost_lease_ends_the_job_and_says_why(void **state) {
    struct fixture *f = *state;
    struct job_request request = publish_of("a"), behind = publish_of("a");
    request.duplicate_key = "d";
    accept_job(f, &request), accept_job(f, &behind);
    for (int attempt = 1; attempt <= 2; attempt++) {
        struct job_reaped reaped = lose(f, request.id);
        assert_int_equal(reaped.returned, 1);
        assert_int_equal(get_job(f, request.id).attempts, attempt);
        assert_int_equal(get_job(f, request.id).state, JOB_STATE_PENDING);
        assert_not_claimable(f, behind.id);
    }
    struct job_reaped reaped = lose(f, request.id);
    assert_int_equal(reaped.failed, 1);
    assert_string_equal(reaped.failed_ids[0], request.id);
    struct job job = get_job(f, request.id);
    assert_int_equal(job.state, JOB_STATE_FAILED);
    assert_int_equal(job.attempts, 3);
    const struct log_query query = {.level = LOG_DEBUG, .limit = 100};
    struct log_lines log;
    assert_ok(log_stream_read(f->store, request.id, &query, &f->arena, &log, &f->err));
    assert_int_equal(log.lines[log.count - 1].level, LOG_ERROR);
    assert_string_equal(log.lines[log.count - 1].message, job.error);
    assert_true(job.finished_ms > log.lines[log.count - 1].time_ms);
    hash_random_uuid(request.id);
    assert_true(accept_job(f, &request).created);
    claim_job(f, behind.id); /* the package is free */
}

static void a_job_that_has_begun_to_write_is_never_given_up(void **state) {
    struct fixture *f = *state;
    struct job_request request = publish_of("a");
    accept_job(f, &request);
    struct lease lease = claim_job(f, request.id);
    assert_ok(job_store_record(f->store, &lease, "{}", &f->err));
    assert_ok(job_store_release(f->store, &lease, &f->err));
    lose(f, request.id), lose(f, request.id);
    struct job_reaped reaped = lose(f, request.id);
    assert_int_equal(reaped.failed, 0);
    assert_int_equal(reaped.alarming, 1);
    assert_string_equal(reaped.alarming_ids[0], request.id);
    assert_int_equal(get_job(f, request.id).state, JOB_STATE_PENDING);
    assert_not_claimable(f, request.id); /* for a while */
    int64_t until_ms = clock_monotonic_ms() + TIMEOUT_MS;
    struct job job;
    while (job_store_claim(f->store, request.id, "runner", LEASE_MS, &f->arena, &lease, &job, &f->err) != STATUS_OK) {
        assert_true(clock_monotonic_ms() < until_ms);
        wait_ms(10);
    }
    finish_job(f, &lease, true);
}

static void a_lease_lost_with_redis_is_no_attempt(void **state) {
    struct fixture *f = *state;
    struct job_request request = publish_of("a");
    accept_job(f, &request);
    for (int i = 0; i < 4; i++) {
        struct lease lease;
        struct job job;
        assert_ok(job_store_claim(f->store, request.id, "runner", SHORT_LEASE_MS, &f->arena, &lease, &job, &f->err));
        redis_server_kill(f->server);
        wait_ms(SHORT_LEASE_MS);
        redis_server_restart(f->server);
        struct job_reaped reaped = {0};
        int64_t until_ms = clock_monotonic_ms() + TIMEOUT_MS;
        while (reaped.returned == 0) {
            assert_true(clock_monotonic_ms() < until_ms);
            assert_ok(job_store_reap(f->store, SHORT_LEASE_MS, &reaped, &f->err));
            assert_int_equal(reaped.failed, 0);
        }
        assert_int_equal(get_job(f, request.id).attempts, 0);
    }
}

static void after_a_restart_of_redis_a_runner_can_renew(void **state) {
    struct fixture *f = *state;
    struct job_request request = publish_of("a");
    accept_job(f, &request);
    struct lease lease;
    struct job job;
    enum { SOME_MS = 2000 };
    assert_ok(job_store_claim(f->store, request.id, "runner", 1, &f->arena, &lease, &job, &f->err));
    redis_server_kill(f->server);
    redis_server_restart(f->server);
    struct job_reaped reaped;
    assert_ok(job_store_reap(f->store, SOME_MS, &reaped, &f->err));
    assert_int_equal(reaped.returned, 0);
    assert_ok(job_store_renew(f->store, &lease, LEASE_MS, &f->err));
    finish_job(f, &lease, true);
}

static void a_job_is_finished_once(void **state) {
    struct fixture *f = *state;
    struct job_request request = publish_of("a");
    accept_job(f, &request);
    struct lease lease = claim_job(f, request.id);
    struct job_end end = {.success = true, .documentation = "failed", .event = "{\"n\":1}"};
    assert_ok(job_store_finish(f->store, &lease, &end, &f->err));
    struct job job = get_job(f, request.id);
    assert_ok(job_store_finish(f->store, &lease, &end, &f->err)); /* its answer was lost */
    end.success = false;
    assert_status(STATUS_STALE, job_store_finish(f->store, &lease, &end, &f->err));
    struct job later = get_job(f, request.id);
    assert_int_equal(later.state, JOB_STATE_SUCCEEDED);
    assert_int_equal(later.finished_ms, job.finished_ms);
    assert_not_claimable(f, request.id);
    struct redis_reply *reply;
    assert_ok(redis_call(f->redis, &reply, &f->err, "XLEN events"));
    assert_int_equal(reply->integer, 1);
}

static void secrets_and_broken_characters_are_blanked_in_the_last_sentence(void **state) {
    struct fixture *f = *state;
    secret_keep("ghp_the-very-secret");
    struct job_request request = publish_of("a");
    run_job(f, &request, &(struct job_end){.error = "Push of \xC3\xA4\xFF with ghp_the-very-secret refused."});
    assert_string_equal(get_job(f, request.id).error, "Push of \xC3\xA4? with [secret] refused.");
}

static void jobs_are_counted_by_kind(void **state) {
    struct fixture *f = *state;
    struct job_request requests[] = {publish_of("a"), publish_of("a"), matrix_of("b", "0.15.15"), package_set()};
    for (int i = 0; i < 4; i++)
        accept_job(f, &requests[i]);
    struct lease lease = claim_job(f, requests[0].id);
    struct job_counts counts;
    assert_ok(job_store_count(f->store, &counts, &f->err));
    assert_int_equal(counts.pending[JOB_KIND_PUBLISH], 1);
    assert_int_equal(counts.running[JOB_KIND_PUBLISH], 1);
    assert_int_equal(counts.pending[JOB_KIND_MATRIX], 1);
    assert_int_equal(counts.running[JOB_KIND_MATRIX], 0);
    assert_int_equal(counts.oldest_pending_ms[JOB_KIND_PUBLISH], get_job(f, requests[1].id).created_ms);
    assert_int_equal(counts.oldest_pending_ms[JOB_KIND_TRANSFER], 0);
    int64_t ended = counts.ended_lately[JOB_KIND_PUBLISH];
    finish_job(f, &lease, true);
    assert_ok(job_store_count(f->store, &counts, &f->err));
    assert_int_equal(counts.running[JOB_KIND_PUBLISH], 0);
    assert_int_equal(counts.ended_lately[JOB_KIND_PUBLISH], ended + 1);
    assert_int_equal(counts.ended_lately[JOB_KIND_MATRIX], 0);
}

static void events_come_until_they_are_acknowledged(void **state) {
    struct fixture *f = *state;
    struct event *events;
    size_t count;
    assert_ok(
        events_read(f->store, &(struct event_consumer){"matrix", "one", 60000}, 0, 10, &f->arena, &events, &count, &f->err));
    assert_int_equal(count, 0);
    struct job_request first = publish_of("a"), second = publish_of("b"), quiet = publish_of("c");
    run_job(f, &first, &(struct job_end){.success = true, .event = "{\"n\": 1}"});
    run_job(f, &quiet, &(struct job_end){.success = true});
    run_job(f, &second, &(struct job_end){.success = true, .event = "{\"n\": 2}"});
    assert_ok(
        events_read(f->store, &(struct event_consumer){"matrix", "one", 60000}, 1000, 10, &f->arena, &events, &count, &f->err));
    assert_int_equal(count, 2);
    assert_string_equal(events[0].job_id, first.id);
    assert_string_equal(events[0].payload, "{\"n\": 1}");
    assert_string_equal(events[1].job_id, second.id);
    assert_ok(events_acknowledge(f->store, "matrix", &events[0].id, 1, &f->err));
    const char *second_event = events[1].id;

    assert_ok(
        events_read(f->store, &(struct event_consumer){"matrix", "two", 60000}, 0, 10, &f->arena, &events, &count, &f->err));
    assert_int_equal(count, 0); /* read by another consumer, and not long enough ago */
    wait_ms(20);
    assert_ok(events_read(f->store, &(struct event_consumer){"matrix", "two", 10}, 0, 10, &f->arena, &events, &count, &f->err));
    assert_int_equal(count, 1);
    assert_string_equal(events[0].id, second_event);
    assert_ok(events_acknowledge(f->store, "matrix", &second_event, 1, &f->err));
    assert_ok(events_acknowledge(f->store, "matrix", &second_event, 1, &f->err));
    wait_ms(20);
    assert_ok(events_read(f->store, &(struct event_consumer){"matrix", "one", 10}, 0, 10, &f->arena, &events, &count, &f->err));
    assert_int_equal(count, 0);
    assert_ok(
        events_read(f->store, &(struct event_consumer){"another", "one", 10}, 0, 10, &f->arena, &events, &count, &f->err));
    assert_int_equal(count, 2); /* from the beginning */
}

int main(void) {
    const struct CMUnitTest tests[] = {
        store_test(a_stale_number_can_write_nothing),
        store_test(a_lease_is_stale_once_somebody_took_its_lock),
        store_test(a_lease_lasts_as_long_as_it_is_renewed),
        store_test(a_job_handed_back_keeps_its_place_and_its_attempts),
        store_test(a_retried_job_waits_and_its_package_with_it),
        store_test(a_record_is_written_once),
        store_test(the_commit_of_a_job_is_kept_for_every_later_run),
        store_test(the_third_lost_lease_ends_the_job_and_says_why),
        store_test(a_job_that_has_begun_to_write_is_never_given_up),
        store_test(a_lease_lost_with_redis_is_no_attempt),
        store_test(after_a_restart_of_redis_a_runner_can_renew),
        store_test(a_job_is_finished_once),
        store_test(secrets_and_broken_characters_are_blanked_in_the_last_sentence),
        store_test(jobs_are_counted_by_kind),
        store_test(events_come_until_they_are_acknowledged),
    };
    return cmocka_run_group_tests(tests, start_fixture, stop_fixture);
}
