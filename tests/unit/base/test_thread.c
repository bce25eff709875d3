/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The pauses here last an hour: if one is not cut short, ctest's time-out fails the test.
 */
#include "tests/support/cmocka_all.h"

#include "lib/base/clock.h"
#include "lib/base/thread.h"

enum { HOUR_MS = 3600 * 1000, THREADS = 4 };

/* Fields are guarded by the thread's mutex. */
struct worker {
    struct thread thread;
    char name[16];
    int begun, rounds, ended;
    int wanted, done; /* pieces of work */
};

static void count(struct worker *worker, int *counter) {
    thread_lock(&worker->thread);
    ++*counter;
    thread_wake(&worker->thread);
    thread_unlock(&worker->thread);
}

static void await(struct worker *worker, const int *counter, int least) {
    thread_lock(&worker->thread);
    while (*counter < least)
        thread_wait(&worker->thread, THREAD_NO_LIMIT);
    thread_unlock(&worker->thread);
}

static void pause_for_hours(void *context) {
    struct worker *worker = context;
    count(worker, &worker->begun);
    while (thread_pause(&worker->thread, HOUR_MS))
        count(worker, &worker->rounds);
    count(worker, &worker->ended);
}

static void a_stop_ends_a_pause(void **state) {
    (void)state;
    struct worker worker = {0};
    struct error err;
    thread_init(&worker.thread);
    assert_int_equal(thread_start(&worker.thread, "pauses", pause_for_hours, &worker, &err), STATUS_OK);
    await(&worker, &worker.begun, 1);
    assert_true(thread_goes_on(&worker.thread));
    thread_request_stop(&worker.thread);
    assert_false(thread_goes_on(&worker.thread));
    thread_join(&worker.thread);
    assert_int_equal(worker.ended, 1);
    assert_int_equal(worker.rounds, 0);
    thread_release(&worker.thread);
}

static void a_stop_before_the_pause_is_seen(void **state) {
    (void)state;
    struct worker worker = {0};
    struct error err;
    thread_init(&worker.thread);
    thread_request_stop(&worker.thread);
    thread_request_stop(&worker.thread);
    assert_int_equal(thread_start(&worker.thread, "pauses", pause_for_hours, &worker, &err), STATUS_OK);
    thread_release(&worker.thread);
    assert_int_equal(worker.ended, 1);
}

static void pause_briefly(void *context) {
    struct worker *worker = context;
    int64_t begun_ms = clock_monotonic_ms();
    while (thread_pause(&worker->thread, 5) && clock_monotonic_ms() - begun_ms >= 5) {
        count(worker, &worker->rounds);
        begun_ms = clock_monotonic_ms();
    }
    count(worker, &worker->ended);
}

static void a_pause_lasts_and_ends_and_waking_does_not_shorten_it(void **state) {
    (void)state;
    struct worker worker = {0};
    struct error err;
    thread_init(&worker.thread);
    assert_int_equal(thread_start(&worker.thread, "pauses", pause_briefly, &worker, &err), STATUS_OK);
    for (bool is_done = false; !is_done;) {
        thread_lock(&worker.thread);
        thread_wake(&worker.thread);
        is_done = worker.rounds >= 20;
        assert_int_equal(worker.ended, 0); /* ended only after too short a pause */
        thread_unlock(&worker.thread);
    }
    thread_release(&worker.thread);
    assert_int_equal(worker.ended, 1);
}

static void a_wait_times_out(void **state) {
    (void)state;
    struct worker worker = {0};
    thread_init(&worker.thread);
    int64_t until_ms = clock_monotonic_ms() + 20;
    thread_lock(&worker.thread);
    while (thread_wait(&worker.thread, until_ms)) {
    }
    thread_unlock(&worker.thread);
    assert_true(clock_monotonic_ms() >= until_ms);
    thread_release(&worker.thread);
}

/* Does the requested work, and stops when none is left. */
static void work(void *context) {
    struct worker *worker = context;
    thread_lock(&worker->thread);
    worker->begun++;
    thread_wake(&worker->thread);
    for (;;) {
        while (worker->wanted == 0 && !worker->thread.is_stopping)
            thread_wait(&worker->thread, THREAD_NO_LIMIT);
        if (worker->wanted == 0) break;
        worker->wanted--;
        worker->done++;
    }
    worker->ended++;
    thread_unlock(&worker->thread);
}

static void a_group_shares_work_and_stops_together(void **state) {
    (void)state;
    struct worker worker = {0};
    struct error err;
    thread_init(&worker.thread);
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(thread_start(&worker.thread, "works", work, &worker, &err), STATUS_OK);
    await(&worker, &worker.begun, THREADS);
    thread_lock(&worker.thread);
    worker.wanted = 1000;
    thread_wake(&worker.thread);
    thread_unlock(&worker.thread);
    thread_release(&worker.thread);
    assert_int_equal(worker.done, 1000);
    assert_int_equal(worker.ended, THREADS);
}

static void a_stop_wakes_what_waits_for_work(void **state) {
    (void)state;
    struct worker worker = {0};
    struct error err;
    thread_init(&worker.thread);
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(thread_start(&worker.thread, "works", work, &worker, &err), STATUS_OK);
    await(&worker, &worker.begun, THREADS); /* each holds the mutex from then until it waits */
    thread_release(&worker.thread);
    assert_int_equal(worker.ended, THREADS);
}

static void read_name(void *context) {
    struct worker *worker = context;
    await(worker, &worker->wanted, 1); /* its name is set once thread_start() has returned */
    pthread_getname_np(pthread_self(), worker->name, sizeof worker->name);
}

static void a_thread_has_its_name(void **state) {
    (void)state;
    struct worker worker = {0};
    struct error err;
    thread_init(&worker.thread);
    assert_int_equal(thread_start(&worker.thread, "fifteen-letters", read_name, &worker, &err), STATUS_OK);
    count(&worker, &worker.wanted);
    thread_release(&worker.thread);
    assert_string_equal(worker.name, "fifteen-letters");
}

static void one_that_was_never_started_can_be_released(void **state) {
    (void)state;
    struct thread thread;
    thread_init(&thread);
    thread_join(&thread);
    thread_release(&thread);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_stop_ends_a_pause),
        cmocka_unit_test(a_stop_before_the_pause_is_seen),
        cmocka_unit_test(a_pause_lasts_and_ends_and_waking_does_not_shorten_it),
        cmocka_unit_test(a_wait_times_out),
        cmocka_unit_test(a_group_shares_work_and_stops_together),
        cmocka_unit_test(a_stop_wakes_what_waits_for_work),
        cmocka_unit_test(a_thread_has_its_name),
        cmocka_unit_test(one_that_was_never_started_can_be_released),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
