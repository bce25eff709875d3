/* SPDX-License-Identifier: BSD-3-Clause
 * Locks that no job holds (lib/store/README.md, Locks). */
#include "lib/store/redis/lock.h"

#include "tests/store/fixture.h"

#include <pthread.h>
#include <stdatomic.h>

static void a_taken_lock_is_refused(void **state) {
    struct fixture *f = *state;
    struct lock first, second;
    assert_ok(lock_take(f->store, "registry", LEASE_MS, 0, &first, &f->err));
    assert_status(STATUS_BUSY, lock_take(f->store, "registry", LEASE_MS, 0, &second, &f->err));
    assert_ok(lock_take(f->store, "another", LEASE_MS, 0, &second, &f->err));
    assert_ok(lock_release(f->store, &first, &f->err));
    assert_ok(lock_release(f->store, &first, &f->err)); /* its answer was lost */
    assert_ok(lock_take(f->store, "registry", LEASE_MS, 0, &second, &f->err));
    assert_true(second.fence > first.fence);
}

static void only_the_holder_can_renew_or_release(void **state) {
    struct fixture *f = *state;
    struct lock lock;
    assert_ok(lock_take(f->store, "registry", LEASE_MS, 0, &lock, &f->err));
    struct lock stranger = lock;
    hash_random_uuid(stranger.token);
    assert_status(STATUS_STALE, lock_keep(f->store, &stranger, LEASE_MS, LEASE_MS, &f->err));
    assert_status(STATUS_STALE, lock_release(f->store, &stranger, &f->err));
    assert_ok(lock_keep(f->store, &lock, LEASE_MS, LEASE_MS, &f->err));
    assert_ok(lock_release(f->store, &lock, &f->err));
    assert_status(STATUS_STALE, lock_keep(f->store, &lock, LEASE_MS, LEASE_MS, &f->err));
}

static void a_lock_runs_out(void **state) {
    struct fixture *f = *state;
    struct lock first, second;
    int64_t begun_ms = clock_monotonic_ms(); /* before the lease begins, however busy the machine is */
    assert_ok(lock_take(f->store, "registry", SHORT_LEASE_MS, 0, &first, &f->err));
    assert_ok(lock_take(f->store, "registry", LEASE_MS, TIMEOUT_MS, &second, &f->err));
    assert_in_range(clock_monotonic_ms() - begun_ms, SHORT_LEASE_MS - 50, TIMEOUT_MS);
    assert_true(second.fence > first.fence);
    assert_status(STATUS_STALE, lock_keep(f->store, &first, LEASE_MS, LEASE_MS, &f->err));
    assert_status(STATUS_STALE, lock_release(f->store, &first, &f->err));
    assert_ok(lock_keep(f->store, &second, LEASE_MS, LEASE_MS, &f->err));
}

static const char *deadline_of(struct fixture *f, const char *name) {
    struct redis_reply *reply;
    assert_ok(redis_call(f->redis, &reply, &f->err, "HGET lock:%s deadline", name));
    return arena_copy(&f->arena, reply->text);
}

static void a_lock_that_is_kept_stays(void **state) {
    struct fixture *f = *state;
    struct lock lock, other;
    assert_ok(lock_take(f->store, "registry", SHORT_LEASE_MS, 0, &lock, &f->err));
    const char *before = deadline_of(f, "registry");
    assert_ok(lock_keep(f->store, &lock, 1, LEASE_MS, &f->err));
    assert_string_equal(deadline_of(f, "registry"), before); /* it is valid that long without a renewal */
    assert_ok(lock_keep(f->store, &lock, LEASE_MS, LEASE_MS, &f->err));
    assert_status(STATUS_BUSY, lock_take(f->store, "registry", LEASE_MS, SHORT_LEASE_MS + 100, &other, &f->err));
}

static void a_name_that_is_too_long_is_refused(void **state) {
    struct fixture *f = *state;
    struct lock lock;
    char name[300];
    memset(name, 'x', sizeof name - 1);
    name[sizeof name - 1] = '\0';
    assert_status(STATUS_INVALID, lock_take(f->store, name, LEASE_MS, 0, &lock, &f->err));
}

struct contest {
    const char *url;
    atomic_int inside;
    atomic_int failures;
    atomic_llong last_fence;
};

static void *contend(void *context) {
    struct contest *contest = context;
    struct job_store *store = NULL;
    struct error err;
    if (job_store_create(&store, contest->url, TIMEOUT_MS, &err) != STATUS_OK) contest->failures++;
    for (int i = 0; i < 15 && !contest->failures; i++) {
        struct lock lock;
        if (lock_take(store, "registry", LEASE_MS, 60000, &lock, &err) != STATUS_OK) {
            contest->failures++;
            break;
        }
        if (contest->inside++ != 0) contest->failures++;
        if (atomic_exchange(&contest->last_fence, lock.fence) >= lock.fence) contest->failures++;
        contest->inside--;
        if (lock_release(store, &lock, &err) != STATUS_OK) contest->failures++;
    }
    job_store_free(store);
    return NULL;
}

static void among_many_there_is_one_holder(void **state) {
    struct fixture *f = *state;
    enum { THREADS = 8 };
    struct contest contest = {.url = redis_server_url(f->server)};
    pthread_t threads[THREADS];
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, contend, &contest), 0);
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    assert_int_equal(contest.failures, 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        store_test(a_taken_lock_is_refused),
        store_test(only_the_holder_can_renew_or_release),
        store_test(a_lock_runs_out),
        store_test(a_lock_that_is_kept_stays),
        store_test(a_name_that_is_too_long_is_refused),
        store_test(among_many_there_is_one_holder),
    };
    return cmocka_run_group_tests(tests, start_fixture, stop_fixture);
}
