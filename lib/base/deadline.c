/* SPDX-License-Identifier: BSD-3-Clause */
#include "lib/base/deadline.h"

#include "lib/base/clock.h"

void deadline_start(struct deadline *deadline, int64_t timeout_ms) {
    int64_t now_ms = clock_monotonic_ms();
    deadline->at_ms = timeout_ms > INT64_MAX - now_ms ? INT64_MAX : now_ms + timeout_ms;
    atomic_init(&deadline->cancelled, STATUS_OK);
}

void deadline_cancel(struct deadline *deadline, enum status why) {
    int none = STATUS_OK;
    atomic_compare_exchange_strong(&deadline->cancelled, &none, (int)why);
}

enum status deadline_check(struct deadline *deadline, struct error *err) {
    enum status why = (enum status)atomic_load(&deadline->cancelled);
    if (why == STATUS_STALE) return error_set(err, why, "The job was taken over by another runner.");
    if (why) return error_set(err, why, "The work was stopped and will be resumed.");
    if (clock_monotonic_ms() >= deadline->at_ms) return error_set(err, STATUS_TIMEOUT, "The time limit was reached.");
    return STATUS_OK;
}

int deadline_left_ms(struct deadline *deadline, int most) {
    if (deadline_check(deadline, NULL)) return 0;
    int64_t left_ms = deadline->at_ms - clock_monotonic_ms();
    if (left_ms < 0) return 0;
    return left_ms < most ? (int)left_ms : most;
}

enum status deadline_pause(struct deadline *deadline, int64_t duration_ms, struct error *err) {
    int64_t until_ms = clock_monotonic_ms() + duration_ms;
    for (int64_t left_ms; !deadline_check(deadline, NULL) && (left_ms = until_ms - clock_monotonic_ms()) > 0;)
        clock_sleep_ms(deadline_left_ms(deadline, left_ms < DEADLINE_POLL_MS ? (int)left_ms : DEADLINE_POLL_MS));
    return deadline_check(deadline, err);
}
