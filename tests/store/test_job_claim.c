/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Which job is claimed, and when (lib/store/README.md: Life, Once, Order).
 */
#include "lib/store/redis/lock.h"
#include "tests/store/fixture.h"

static void assert_nothing_to_claim(struct fixture *f, unsigned kinds) {
    struct lease lease;
    struct job job;
    assert_status(STATUS_NOT_FOUND,
                  job_store_claim_next(f->store, kinds, "runner", LEASE_MS, &f->arena, &lease, &job, &f->err));
}

static void a_claimed_job_is_running(void **state) {
    struct fixture *f = *state;
    struct job_request request = publish_of("a");
    accept_job(f, &request);
    struct lease lease;
    struct job claimed;
    assert_ok(job_store_claim(f->store, request.id, "runner one", LEASE_MS, &f->arena, &lease, &claimed, &f->err));
    assert_string_equal(claimed.payload, request.payload);
    struct job job = get_job(f, request.id);
    assert_int_equal(job.state, JOB_STATE_RUNNING);
    assert_int_equal(job.attempts, 1);
    assert_true(job.started_ms >= job.created_ms);
    assert_int_equal(claimed.started_ms, job.started_ms);
    assert_not_claimable(f, request.id);
    assert_nothing_to_claim(f, ALL_KINDS);
}

static void a_malformed_job_id_is_not_found(void **state) {
    struct fixture *f = *state;
    static const char *const ids[] = {"",  "x",    "00000000-0000-4000-8000-000000000000",    "a b",
                                      "*", "%s%s", "00000000-0000-4000-8000-000000000000:log"};
    for (size_t i = 0; i < sizeof ids / sizeof ids[0]; i++) {
        struct lease lease;
        struct job job;
        assert_status(STATUS_NOT_FOUND, job_store_get(f->store, ids[i], &f->arena, &job, &f->err));
        assert_status(STATUS_NOT_FOUND,
                      job_store_claim(f->store, ids[i], "runner", LEASE_MS, &f->arena, &lease, &job, &f->err));
    }
}

static void a_package_has_one_job_at_a_time_in_the_order_accepted(void **state) {
    struct fixture *f = *state;
    struct job_request first = publish_of("a"), second = unpublish_of("a"), third = publish_of("a"), other = publish_of("b");
    third.kind = JOB_KIND_TRANSFER;
    accept_job(f, &first), accept_job(f, &second), accept_job(f, &third), accept_job(f, &other);
    assert_not_claimable(f, second.id);
    assert_not_claimable(f, third.id);
    struct lease lease = claim_next(f, ALL_KINDS);
    assert_string_equal(lease.job_id, first.id);
    assert_not_claimable(f, second.id);
    assert_string_equal(claim_next(f, ALL_KINDS).job_id, other.id);
    assert_nothing_to_claim(f, ALL_KINDS);
    finish_job(f, &lease, false);
    assert_not_claimable(f, third.id);
    lease = claim_job(f, second.id);
    finish_job(f, &lease, true);
    assert_string_equal(claim_next(f, ALL_KINDS).job_id, third.id);
}

static void a_refused_claim_uses_no_attempt(void **state) {
    struct fixture *f = *state;
    struct job_request first = publish_of("a"), second = publish_of("a");
    accept_job(f, &first), accept_job(f, &second);
    struct lease lease = claim_job(f, first.id);
    assert_not_claimable(f, second.id);
    assert_not_claimable(f, second.id);
    finish_job(f, &lease, true);
    claim_job(f, second.id);
    assert_int_equal(get_job(f, second.id).attempts, 1);
}

static void a_job_whose_lock_somebody_holds_waits(void **state) {
    struct fixture *f = *state;
    struct job_request request = publish_of("a"), other = publish_of("b");
    struct lock lock;
    accept_job(f, &request), accept_job(f, &other);
    assert_ok(lock_take(f->store, "package:a", LEASE_MS, 0, &lock, &f->err));
    assert_not_claimable(f, request.id);
    assert_string_equal(claim_next(f, ALL_KINDS).job_id, other.id);
    struct lease lease;
    struct job job;
    assert_status(STATUS_BUSY, job_store_claim_next(f->store, ALL_KINDS, "runner", LEASE_MS, &f->arena, &lease, &job, &f->err));
    assert_nothing_to_claim(f, 1U << JOB_KIND_TRANSFER);
    assert_int_equal(get_job(f, request.id).attempts, 0);
    assert_ok(lock_release(f->store, &lock, &f->err));
    assert_string_equal(claim_next(f, ALL_KINDS).job_id, request.id);
    assert_int_equal(get_job(f, request.id).attempts, 1);
}

static struct job_request revision_of(const char *package) {
    struct job_request request = publish_of(package);
    request.kind = JOB_KIND_REVISION;
    return request;
}

/* It builds for a long time; it takes the lock for its commit by itself. */
static void a_revision_holds_up_nobody_and_waits_for_nobody(void **state) {
    struct fixture *f = *state;
    struct job_request publish = publish_of("a"), first = revision_of("a"), second = revision_of("a"), next = publish_of("a");
    accept_job(f, &publish), accept_job(f, &first), accept_job(f, &second), accept_job(f, &next);
    struct lease published = claim_job(f, publish.id), revised = claim_job(f, first.id);
    claim_job(f, second.id);
    assert_not_claimable(f, next.id);
    struct lock lock;
    assert_status(STATUS_BUSY, lock_take(f->store, "package:a", LEASE_MS, 0, &lock, &f->err));
    finish_job(f, &published, true);
    assert_ok(lock_take(f->store, "package:a", LEASE_MS, 0, &lock, &f->err));
    assert_not_claimable(f, next.id);
    finish_job(f, &revised, true); /* releases no lock that it does not hold */
    assert_not_claimable(f, next.id);
    assert_ok(lock_release(f->store, &lock, &f->err));
    claim_job(f, next.id);
}

static void a_claim_holds_the_package_lock_under_the_same_number(void **state) {
    struct fixture *f = *state;
    struct job_request request = publish_of("a");
    accept_job(f, &request);
    struct lease lease = claim_job(f, request.id);
    struct lock lock;
    assert_status(STATUS_BUSY, lock_take(f->store, "package:a", LEASE_MS, 0, &lock, &f->err));
    struct redis_reply *reply;
    assert_ok(redis_call(f->redis, &reply, &f->err, "HGET lock:package:a fence"));
    assert_int_equal(redis_reply_number(reply, 0), lease.fence);
    finish_job(f, &lease, true);
    assert_ok(lock_take(f->store, "package:a", LEASE_MS, 0, &lock, &f->err));
    assert_true(lock.fence > lease.fence);
}

static void one_package_set_job_runs_at_a_time(void **state) {
    struct fixture *f = *state;
    struct job_request first = package_set(), second = package_set();
    accept_job(f, &first), accept_job(f, &second);
    struct lease lease = claim_next(f, 1U << JOB_KIND_PACKAGE_SET);
    assert_string_equal(lease.job_id, first.id);
    assert_not_claimable(f, second.id);
    finish_job(f, &lease, true);
    claim_job(f, second.id);
}

static void matrix_jobs_hold_nothing_up(void **state) {
    struct fixture *f = *state;
    struct job_request builds[] = {matrix_of("a", "0.15.13"), matrix_of("a", "0.15.14"), matrix_of("a", "0.15.15")};
    struct job_request publish = publish_of("a");
    for (int i = 0; i < 3; i++)
        accept_job(f, &builds[i]);
    accept_job(f, &publish);
    assert_string_equal(claim_next(f, 1U << JOB_KIND_PUBLISH).job_id, publish.id);
    for (int i = 0; i < 3; i++)
        claim_job(f, builds[i].id);
}

static void the_oldest_of_the_asked_kinds_comes_first(void **state) {
    struct fixture *f = *state;
    struct job_request requests[] = {publish_of("a"), package_set(), publish_of("c"), unpublish_of("d")};
    for (int i = 0; i < 4; i++)
        accept_job(f, &requests[i]);
    assert_string_equal(claim_next(f, 1U << JOB_KIND_UNPUBLISH | 1U << JOB_KIND_PUBLISH).job_id, requests[0].id);
    for (int i = 1; i < 4; i++)
        assert_string_equal(claim_next(f, ALL_KINDS).job_id, requests[i].id);
}

static void the_number_of_a_claim_only_grows(void **state) {
    struct fixture *f = *state;
    int64_t last = 0;
    for (int i = 0; i < 20; i++) {
        struct job_request request = publish_of("a");
        accept_job(f, &request);
        struct lease lease = claim_job(f, request.id);
        assert_true(lease.fence > last);
        last = lease.fence;
        finish_job(f, &lease, true);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        store_test(a_claimed_job_is_running),
        store_test(a_malformed_job_id_is_not_found),
        store_test(a_package_has_one_job_at_a_time_in_the_order_accepted),
        store_test(a_refused_claim_uses_no_attempt),
        store_test(a_job_whose_lock_somebody_holds_waits),
        store_test(a_revision_holds_up_nobody_and_waits_for_nobody),
        store_test(a_claim_holds_the_package_lock_under_the_same_number),
        store_test(one_package_set_job_runs_at_a_time),
        store_test(matrix_jobs_hold_nothing_up),
        store_test(the_oldest_of_the_asked_kinds_comes_first),
        store_test(the_number_of_a_claim_only_grows),
    };
    return cmocka_run_group_tests(tests, start_fixture, stop_fixture);
}
