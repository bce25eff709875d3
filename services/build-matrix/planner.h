/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Decides what is to be built, and makes the jobs: for each event of the stream (a version was published, or built with one
 * more compiler, or its bounds were revised), for a compiler that is new, and once a day for what no event has brought
 * (lib/domain/README.md, Build matrix). Which pairs have a plan is lib/domain/matrix_plan.h's part.
 *
 *   planner.c          the thread: goes round these two
 *   planner_events.c   events: read, planned for together, acknowledged
 *   sweep.c            new compilers' waves, and the daily sweep
 *   planning.c         what they share: from pairs that may have a plan to jobs in Redis
 */
#ifndef SERVICES_BUILD_MATRIX_PLANNER_H
#define SERVICES_BUILD_MATRIX_PLANNER_H

#include "lib/base/error.h"
#include "lib/base/metrics.h"
#include "services/build-matrix/planning.h"

struct matrix_service;
struct planner;

/* Starts its thread. `service` is borrowed, and its dispatcher, where it has one, is there already: new jobs wake it. */
CHECK_RESULT enum status planner_create(struct planner **out, struct matrix_service *service, struct error *err);
/* The same without the rest of the service. */
CHECK_RESULT enum status planner_start(struct planner **out, const struct planning_place *place, struct error *err);
void planner_free(struct planner *planner); /* ends the thread; NULL is fine */

/* Makes the job for that version with that plan's compiler where there is none yet, and wakes the dispatcher. `id` is made by
 * the caller where it must be the same after a crash, or NULL. */
CHECK_RESULT enum status planner_accept(struct matrix_service *service, struct job_store *store, const char *id,
                                        const char *package, struct version version, const struct build_plan *plan,
                                        enum matrix_purpose purpose, struct job_accepted *out, struct error *err);

/* Any thread. */
void planner_measure(struct planner *planner, struct metrics *metrics);

#endif
