/* SPDX-License-Identifier: BSD-3-Clause
 * Every call may be repeated after a lost reply and counts once (lib/store/README.md). */
#include "lib/store/job/job_waiting.h"
#include "lib/store/job/log_stream.h"
#include "lib/store/redis/lock.h"
#include "lib/store/redis/matrix_store.h"
#include "tests/store/fixture.h"
#include "tests/support/server/redis_relay.h"

static struct redis_relay *relay;

/* The fixture's store goes through the relay. */
static int start_with_relay(void **state) {
    start_fixture(state);
    struct fixture *f = *state;
    relay = redis_relay_start(f->server);
    job_store_free(f->store);
    assert_ok(job_store_create(&f->store, redis_relay_url(relay), TIMEOUT_MS, &f->err));
    return 0;
}

static int stop_with_relay(void **state) {
    redis_relay_stop(relay);
    return stop_fixture(state);
}

/* Makes the store connect and load its script, so that the reply to its next request is lost. */
static void lose_next_reply(struct fixture *f) {
    struct lock lock;
    char name[UUID_TEXT_MAX];
    hash_random_uuid(name);
    assert_ok(lock_take(f->store, name, LEASE_MS, 0, &lock, &f->err));
    redis_relay_lose(relay, "", 1);
}

static void assert_reply_was_lost(void) {
    assert_int_equal(redis_relay_left(relay), 0);
}

static void a_job_is_made_once(void **state) {
    struct fixture *f = *state;
    struct job_request request = publish_of("a");
    request.duplicate_key = "d";
    lose_next_reply(f);
    struct job_accepted accepted = accept_job(f, &request);
    assert_reply_was_lost();
    assert_true(accepted.created);
    assert_string_equal(accepted.id, request.id);
    struct job_counts counts;
    assert_ok(job_store_count(f->store, &counts, &f->err));
    assert_int_equal(counts.pending[JOB_KIND_PUBLISH], 1);
}

static void a_claim_is_the_claim_it_was(void **state) {
    struct fixture *f = *state;
    for (int by_id = 0; by_id < 2; by_id++) {
        struct job_request request = publish_of(by_id ? "a" : "b"), other = publish_of(by_id ? "c" : "d");
        accept_job(f, &request), accept_job(f, &other);
        struct lease lease;
        struct job job;
        lose_next_reply(f);
        if (by_id)
            assert_ok(job_store_claim(f->store, request.id, "r", LEASE_MS, &f->arena, &lease, &job, &f->err));
        else
            assert_ok(job_store_claim_next(f->store, ALL_KINDS, "r", LEASE_MS, &f->arena, &lease, &job, &f->err));
        assert_reply_was_lost();
        assert_string_equal(lease.job_id, request.id);
        assert_int_equal(job.attempts, 1);
        assert_int_equal(get_job(f, other.id).state, JOB_STATE_PENDING);
        assert_ok(job_store_renew(f->store, &lease, LEASE_MS, &f->err));
        finish_job(f, &lease, true);
        struct lease rest = claim_job(f, other.id);
        finish_job(f, &rest, true);
    }
}

static void the_writes_of_a_run_count_once(void **state) {
    struct fixture *f = *state;
    struct job_request request = publish_of("a");
    accept_job(f, &request);
    struct lease lease = claim_job(f, request.id);
    const struct log_line lines[] = {{.message = "one", .attempt = 1, .number = 1},
                                     {.message = "two", .attempt = 1, .number = 2}};
    lose_next_reply(f);
    assert_ok(log_stream_append(f->store, &lease, lines, 2, 100, 10000, &f->err));
    assert_reply_was_lost();
    const struct log_query query = {.limit = 10};
    struct log_lines log;
    assert_ok(log_stream_read(f->store, request.id, &query, &f->arena, &log, &f->err));
    assert_int_equal(log.count, 2);

    lose_next_reply(f);
    assert_ok(job_store_record(f->store, &lease, "{\"a\":1}", &f->err));
    assert_reply_was_lost();
    lose_next_reply(f);
    assert_ok(job_store_retry_later(f->store, &lease, 1, &f->err));
    assert_reply_was_lost();
    assert_int_equal(get_job(f, request.id).attempts, 0);
    struct job job;
    int64_t until_ms = clock_monotonic_ms() + TIMEOUT_MS;
    while (job_store_claim(f->store, request.id, "r", LEASE_MS, &f->arena, &lease, &job, &f->err) != STATUS_OK) {
        assert_true(clock_monotonic_ms() < until_ms);
        wait_ms(1);
    }

    lose_next_reply(f);
    const struct job_end end = {.success = true, .event = "{}"};
    assert_ok(job_store_finish(f->store, &lease, &end, &f->err));
    assert_reply_was_lost();
    struct redis_reply *reply;
    assert_ok(redis_call(f->redis, &reply, &f->err, "XLEN events"));
    assert_int_equal(reply->integer, 1);
}

static void a_wait_for_another_job_begins_once(void **state) {
    struct fixture *f = *state;
    struct job_request dependency = publish_of("a"), dependant = publish_of("b");
    accept_job(f, &dependency), accept_job(f, &dependant);
    struct lease lease = claim_job(f, dependant.id), other = claim_job(f, dependency.id);
    const char *const awaited[] = {dependency.id};
    lose_next_reply(f);
    assert_ok(job_store_wait_for(f->store, &lease, awaited, 1, &f->err));
    assert_reply_was_lost();
    assert_int_equal(get_job(f, dependant.id).attempts, 0);
    lose_next_reply(f);
    finish_job(f, &other, true);
    assert_reply_was_lost();
    struct lease next = claim_job(f, dependant.id);
    assert_ok(job_store_wait_for(f->store, &lease, awaited, 1, &f->err)); /* once more, late */
    assert_ok(job_store_renew(f->store, &next, LEASE_MS, &f->err));
    assert_int_equal(get_job(f, dependant.id).attempts, 1);
}

/* Makes a job lose its runners up to the last reap, and loses the reply to that one. */
static struct job_reaped give_up(struct fixture *f, struct job_request *request, bool has_record) {
    enum { SHORT_MS = 1, ATTEMPTS_MAX = 3 };
    struct job_reaped reaped = {0};
    accept_job(f, request);
    for (int i = 1; i <= ATTEMPTS_MAX; i++) {
        struct lease lease;
        struct job job;
        assert_ok(job_store_claim(f->store, request->id, "r", LEASE_MS, &f->arena, &lease, &job, &f->err));
        if (has_record) assert_ok(job_store_record(f->store, &lease, "{}", &f->err));
        assert_ok(job_store_renew(f->store, &lease, SHORT_MS, &f->err));
        wait_ms(SHORT_MS + 5);
        if (i == ATTEMPTS_MAX) lose_next_reply(f);
        assert_ok(job_store_reap(f->store, SHORT_MS, &reaped, &f->err));
    }
    assert_reply_was_lost();
    return reaped;
}

static void alarms_for_operators_are_repeated(void **state) {
    struct fixture *f = *state;
    struct job_request failed = publish_of("a"), begun = publish_of("b");
    struct job_reaped reaped = give_up(f, &failed, false);
    assert_int_equal(reaped.failed, 1);
    assert_string_equal(reaped.failed_ids[0], failed.id);
    assert_int_equal(get_job(f, failed.id).state, JOB_STATE_FAILED);
    reaped = give_up(f, &begun, true);
    assert_int_equal(reaped.alarming, 1);
    assert_string_equal(reaped.alarming_ids[0], begun.id);
    assert_ok(job_store_reap(f->store, LEASE_MS, &reaped, &f->err)); /* counted once */
    assert_int_equal(reaped.failed + reaped.alarming, 0);
}

static void a_lock_is_taken_and_released_once(void **state) {
    struct fixture *f = *state;
    struct lock lock, next;
    lose_next_reply(f);
    assert_ok(lock_take(f->store, "registry", LEASE_MS, 0, &lock, &f->err));
    assert_reply_was_lost();
    assert_ok(lock_keep(f->store, &lock, LEASE_MS, LEASE_MS, &f->err));
    lose_next_reply(f);
    assert_ok(lock_release(f->store, &lock, &f->err));
    assert_reply_was_lost();
    assert_ok(lock_take(f->store, "registry", LEASE_MS, 0, &next, &f->err));
    assert_true(next.fence > lock.fence);
}

static void several_matrix_jobs_are_claimed_once(void **state) {
    struct fixture *f = *state;
    struct job_request requests[] = {matrix_of("a", "0.15.14"), matrix_of("b", "0.15.14"), matrix_of("c", "0.15.14")};
    const char *ids[3];
    for (int i = 0; i < 3; i++)
        ids[i] = accept_job(f, &requests[i]).created ? requests[i].id : NULL;
    struct lease other = claim_job(f, requests[1].id), leases[3];
    struct job jobs[3];
    size_t claimed;
    lose_next_reply(f);
    assert_ok(job_store_claim_some(f->store, &(struct job_claim){.ids = ids, .count = 3, .runner = "w", .lease_ms = LEASE_MS},
                                   &f->arena, leases, jobs, &claimed, &f->err));
    assert_reply_was_lost();
    assert_int_equal(claimed, 2);
    assert_string_equal(leases[0].job_id, requests[0].id);
    assert_string_equal(leases[1].job_id, requests[2].id);
    assert_int_equal(jobs[0].attempts, 1);
    assert_int_equal(jobs[1].attempts, 1);

    bool is_held[2];
    lose_next_reply(f);
    assert_ok(job_store_renew_some(f->store, leases, 2, LEASE_MS, is_held, &f->err));
    assert_reply_was_lost();
    assert_true(is_held[0] && is_held[1]);

    lose_next_reply(f);
    finish_build(f, &leases[0], "failed_to_compile");
    assert_reply_was_lost();
    finish_build(f, &other, "succeeded");
    struct matrix_progress progress;
    lose_next_reply(f);
    assert_ok(matrix_progress_read(f->store, "0.15.14", "build-matrix", &progress, &f->err));
    assert_reply_was_lost();
    assert_int_equal(progress.running, 1);
    assert_int_equal(progress.ended[VERDICT_FAILED_TO_COMPILE], 1);
    assert_int_equal(progress.ended_since_first, 2);
}

static void waves_and_sweeps_are_claimed_once(void **state) {
    struct fixture *f = *state;
    bool is_ours = false;
    lose_next_reply(f);
    assert_ok(matrix_wave_claim(f->store, "0.15.14", LEASE_MS, &is_ours, &f->err));
    assert_reply_was_lost();
    assert_true(is_ours);
    assert_ok(matrix_wave_claim(f->store, "0.15.14", LEASE_MS, &is_ours, &f->err));
    assert_false(is_ours);
    struct worker_entry *workers;
    size_t count;
    assert_ok(worker_list_read(f->store, &f->arena, &workers, &count, &f->err)); /* loads the other script */
    lose_next_reply(f);
    assert_ok(matrix_sweep_claim(f->store, LEASE_MS, &is_ours, &f->err));
    assert_reply_was_lost();
    assert_true(is_ours);
    assert_ok(matrix_sweep_claim(f->store, LEASE_MS, &is_ours, &f->err));
    assert_false(is_ours);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        store_test(a_job_is_made_once),
        store_test(a_claim_is_the_claim_it_was),
        store_test(the_writes_of_a_run_count_once),
        store_test(a_wait_for_another_job_begins_once),
        store_test(alarms_for_operators_are_repeated),
        store_test(a_lock_is_taken_and_released_once),
        store_test(several_matrix_jobs_are_claimed_once),
        store_test(waves_and_sweeps_are_claimed_once),
    };
    return cmocka_run_group_tests(tests, start_with_relay, stop_with_relay);
}
