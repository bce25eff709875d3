/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The pauses here last an hour: if one is not cut short, ctest's time-out fails the test.
 */
#include "tests/support/cmocka_all.h"

#include <pthread.h>

#include "lib/base/clock.h"
#include "lib/base/deadline.h"

enum { HOUR_MS = 3600 * 1000, SHORT_MS = 20 };

static void a_pause_takes_its_time(void **state) {
    (void)state;
    struct deadline deadline;
    struct error err = {0};
    deadline_start(&deadline, HOUR_MS);
    int64_t begun_ms = clock_monotonic_ms();
    assert_int_equal(deadline_pause(&deadline, SHORT_MS, &err), STATUS_OK);
    assert_true(clock_monotonic_ms() - begun_ms >= SHORT_MS);
    assert_int_equal(deadline_pause(&deadline, 0, &err), STATUS_OK);
}

static void a_pause_ends_with_the_deadline(void **state) {
    (void)state;
    struct deadline deadline;
    struct error err = {0};
    deadline_start(&deadline, SHORT_MS);
    assert_int_equal(deadline_pause(&deadline, HOUR_MS, &err), STATUS_TIMEOUT);
    assert_int_equal(err.status, STATUS_TIMEOUT);
}

static void *cancel(void *deadline) {
    clock_sleep_ms(SHORT_MS);
    deadline_cancel(deadline, STATUS_STALE);
    return NULL;
}

static void a_cancellation_ends_a_pause(void **state) {
    (void)state;
    struct deadline deadline;
    struct error err = {0};
    pthread_t thread;
    deadline_start(&deadline, INT64_MAX);
    assert_int_equal(pthread_create(&thread, NULL, cancel, &deadline), 0);
    assert_int_equal(deadline_pause(&deadline, HOUR_MS, &err), STATUS_STALE);
    pthread_join(thread, NULL);
    assert_int_equal(deadline_pause(&deadline, HOUR_MS, &err), STATUS_STALE);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_pause_takes_its_time),
        cmocka_unit_test(a_pause_ends_with_the_deadline),
        cmocka_unit_test(a_cancellation_ends_a_pause),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
