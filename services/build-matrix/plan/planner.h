/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Decides which builds are needed and makes their jobs: for each event of the stream (a version was published, was built with
 * another compiler, or had its bounds revised), for a new compiler, and in a daily sweep for pairs that no event covered
 * (lib/domain/README.md, Build matrix). lib/domain/matrix/matrix_plan.h decides which pairs have a plan.
 *
 *   planner.c          the thread, which calls the next two in turn
 *   planner_events.c   events: read, planned for together, acknowledged
 *   sweep.c            waves of new compilers, and the daily sweep
 *   planning.c         shared by both: from pairs that may have a plan to jobs in Redis
 */
#ifndef SERVICES_BUILD_MATRIX_PLAN_PLANNER_H
#define SERVICES_BUILD_MATRIX_PLAN_PLANNER_H

#include "lib/base/error.h"
#include "lib/base/metrics.h"
#include "lib/store/job/matrix_build.h"
#include "services/build-matrix/plan/planning.h"

struct matrix_service;
struct planner;

/* Starts the planner's thread. `service` is borrowed; new jobs wake its dispatcher, if it has one. */
CHECK_RESULT enum status planner_create(struct planner **out, struct matrix_service *service, struct error *err);
/* The same without the rest of the service. Both set `*out` to NULL after a failure. */
CHECK_RESULT enum status planner_start(struct planner **out, const struct planning_place *place, struct error *err);
void planner_free(struct planner *planner); /* stops and joins the thread; NULL is allowed */

/* Makes the build's job, unless it exists, and wakes the dispatcher. Any thread, with its own `store`. */
CHECK_RESULT enum status planner_accept(struct matrix_service *service, struct job_store *store,
                                        const struct matrix_build *build, struct job_accepted *out, struct error *err);

/* Any thread. */
void planner_measure(struct planner *planner, struct metrics *metrics);

#endif
