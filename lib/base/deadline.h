/* SPDX-License-Identifier: BSD-3-Clause
 *
 * When to give up: a point in time, and a flag that somebody else may raise. Whatever can take long takes one, and asks it
 * between steps. One owner sets it up; any thread may read it or raise its flag.
 */
#ifndef LIB_BASE_DEADLINE_H
#define LIB_BASE_DEADLINE_H

#include <stdatomic.h>
#include <stdint.h>

#include "lib/base/error.h"

struct deadline {
    int64_t at_ms;        /* clock_monotonic_ms() at which time is up; INT64_MAX: never */
    atomic_int cancelled; /* an enum status: 0, or why to stop (STATUS_CANCELLED, STATUS_STALE) */
};

void deadline_start(struct deadline *deadline, int64_t timeout_ms);
void deadline_cancel(struct deadline *deadline, enum status why); /* the first reason stays */

/* STATUS_OK while there is time; else STATUS_TIMEOUT, or the reason it was cancelled for, with a sentence. */
CHECK_RESULT enum status deadline_check(struct deadline *deadline, struct error *err);

/* Milliseconds left, 0 when time is up or it was cancelled, at most `most`. */
int deadline_left_ms(struct deadline *deadline, int most);

#endif
