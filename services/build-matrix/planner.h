/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Decides what is to be built, and makes the jobs: for each event of the stream (a version was published, or built with one
 * more compiler, or its bounds were revised), for a compiler that is new, and once a day for what no event has brought
 * (spec/operations.md, Build matrix). Which pairs have a plan is lib/domain/matrix_plan.h's part.
 */
#ifndef SERVICES_BUILD_MATRIX_PLANNER_H
#define SERVICES_BUILD_MATRIX_PLANNER_H

#include "lib/base/error.h"
#include "lib/base/metrics.h"
#include "lib/domain/build_plan.h"
#include "lib/store/job_store.h"

struct matrix_service;
struct planner;

/* Starts its thread. `service` is borrowed. */
CHECK_RESULT enum status planner_create(struct planner **out, struct matrix_service *service, struct error *err);
void planner_free(struct planner *planner); /* ends the thread; NULL is fine */

/* Makes the job for that version with that plan's compiler where there is none yet, and wakes the dispatcher. `id` is made by
 * the caller where it must be the same after a crash, or NULL. */
CHECK_RESULT enum status planner_accept(struct matrix_service *service, struct job_store *store, const char *id,
                                        const char *package, struct version version, const struct build_plan *plan,
                                        enum matrix_purpose purpose, struct job_accepted *out, struct error *err);

/* A plan as a matrix job's payload: `{NAME: VERSION}`, names in order. */
void build_plan_append_payload(struct text *out, const struct build_plan *plan);

void planner_measure(struct planner *planner, struct metrics *metrics);

#endif
