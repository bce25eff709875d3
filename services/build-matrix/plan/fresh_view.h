/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Keeps the in-memory view of the registry as recent as a query. The planner refreshes the view with each event and every ten
 * seconds, but the event may have been delivered to another instance. So no job is ended or refused, and no query answered with
 * "not found", from the view unless it was read after the query arrived.
 */
#ifndef SERVICES_BUILD_MATRIX_PLAN_FRESH_VIEW_H
#define SERVICES_BUILD_MATRIX_PLAN_FRESH_VIEW_H

#include <stdint.h>

#include "lib/base/error.h"

struct matrix_service;

/* Called at the start of a query: updates the view if it lacks commits of this server's jobs; otherwise costs one Redis call.
 * After a failure, which is only logged, the view stays as it was, and no query tries again for a second. */
void fresh_view_follow(struct matrix_service *service);

/* Called before a negative answer: makes sure that the view was read from the repositories after `asked_us`
 * (clock_monotonic_us()). STATUS_UNAVAILABLE or another temporary failure: a negative answer is not possible now. */
CHECK_RESULT enum status fresh_view_look_again(struct matrix_service *service, int64_t asked_us, struct error *err);

#endif
