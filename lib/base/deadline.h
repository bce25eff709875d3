/* SPDX-License-Identifier: BSD-3-Clause
 *
 * A deadline with a cancellation flag. Functions that can take long accept one and check it between steps. One owner starts it;
 * any thread may check or cancel it.
 */
#ifndef LIB_BASE_DEADLINE_H
#define LIB_BASE_DEADLINE_H

#include <stdatomic.h>
#include <stdint.h>

#include "lib/base/error.h"

enum { DEADLINE_POLL_MS = 50 };

struct deadline {
    int64_t at_ms;        /* by clock_monotonic_ms(); INT64_MAX: never */
    atomic_int cancelled; /* an enum status: STATUS_OK, or the reason to stop (STATUS_CANCELLED, STATUS_STALE) */
};

void deadline_start(struct deadline *deadline, int64_t timeout_ms);
void deadline_cancel(struct deadline *deadline, enum status why); /* the first reason is kept */

/* STATUS_OK while there is time; else the reason of the cancellation, or STATUS_TIMEOUT. */
CHECK_RESULT enum status deadline_check(struct deadline *deadline, struct error *err);

/* Milliseconds left, at most `most`; 0 after the deadline or a cancellation. */
int deadline_left_ms(struct deadline *deadline, int most);

/* Sleeps, at most until the deadline; a cancellation ends it within DEADLINE_POLL_MS. Returns deadline_check() at its end. */
CHECK_RESULT enum status deadline_pause(struct deadline *deadline, int64_t duration_ms, struct error *err);

#endif
