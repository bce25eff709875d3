/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The registry in memory, as new as a question is. The planner refreshes it with each event and every ten seconds, but another
 * instance may have had the event: so nothing is ended, refused or answered "there is none" by what is in memory, unless it was
 * read after the question came.
 */
#ifndef SERVICES_BUILD_MATRIX_FRESH_VIEW_H
#define SERVICES_BUILD_MATRIX_FRESH_VIEW_H

#include <stdint.h>

#include "lib/base/error.h"

struct matrix_service;

/* At the beginning of a question: has all that jobs of this server have committed by now in the view. One look into Redis where
 * that is so already. A failure leaves the view as it was, which is good for what it has; for a second no other question tries.
 */
void fresh_view_follow(struct matrix_service *service);

/* Before a "no": has the view be read from the repositories after `asked_us` (clock_monotonic_us()). STATUS_UNAVAILABLE or
 * another temporary failure: nobody can say "no" now. */
CHECK_RESULT enum status fresh_view_look_again(struct matrix_service *service, int64_t asked_us, struct error *err);

#endif
