/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Turns pairs that may have a plan into jobs: plans them in chunks, so that the in-memory registry is locked briefly, and
 * stores the jobs in Redis. Shared by events, waves and sweeps. For the planner's thread only, unless stated otherwise.
 *
 * If Redis or a repository is unavailable, functions retry with backoff until the planner is stopped.
 */
#ifndef SERVICES_BUILD_MATRIX_PLAN_PLANNING_H
#define SERVICES_BUILD_MATRIX_PLAN_PLANNING_H

#include <stdatomic.h>

#include "lib/base/deadline.h"
#include "lib/base/metrics.h"
#include "lib/base/settings.h"
#include "lib/base/thread.h"
#include "lib/domain/matrix/matrix_plan.h"
#include "lib/domain/solver/build_plan.h"
#include "lib/store/job/job_store.h"
#include "lib/store/registry/registry_access.h"

/* The environment of the planner. All borrowed. */
struct planning_place {
    const struct settings *settings;
    const struct registry_access *repositories; /* of which `registry`, `index` and `view` are used */
    void (*wake)(void *context);                /* called on the planner's thread when there are new jobs */
    void *context;
};

struct planning {
    struct planning_place place;
    struct job_store *store;
    struct version *compilers; /* the supported ones when last read, ascending */
    size_t compiler_count;
    struct arena compiler_memory;

    /* Called between two chunks unless NULL, so that urgent events go first. */
    void (*attend)(void *context);
    void *attend_context;

    struct thread thread;  /* started by the planner */
    struct deadline limit; /* of requests to repositories; guarded by the thread's mutex */
    int64_t pause_ms;      /* the last backoff; 0: no failure */
    int64_t paused_at_ms;  /* clock_monotonic_ms() of the first of these failures */

    struct { /* read by any thread */
        atomic_llong events, solved, rejected, jobs;
        atomic_llong sweeps, sweep_begun_ms, sweep_found, sweep_made; /* the last three are of the last sweep */
    } counts;
};

CHECK_RESULT enum status planning_init(struct planning *out, const struct planning_place *place, struct error *err);
void planning_release(struct planning *planning); /* even after planning_init() failed */

/* Stops the planner: all waits end soon. Any thread. */
void planning_stop(struct planning *planning);

/* After a failure: sleeps with exponential backoff; logs only the first failure in a row. False: the planner was stopped. */
bool planning_pause(struct planning *planning, const char *what, const struct error *err);
void planning_goes_on(struct planning *planning); /* after a success: resets the backoff */

/* Refreshes the view from both repositories. False: the planner was stopped. */
bool planning_refresh(struct planning *planning);

/* Reads the supported compilers. False: the planner was stopped, or there are none yet. */
bool planning_read_compilers(struct planning *planning);

struct planning_result {
    size_t found;      /* pairs with a plan */
    size_t made;       /* new jobs; the others existed, or had been tried with that plan */
    char example[256]; /* the first new job */
};

/* Plans the pairs and makes their jobs, until `result`, whose counts are increased, has `job_limit` new ones. False: not all
 * pairs were planned, because the planner was stopped or the limit was reached. */
bool planning_make(struct planning *planning, const struct matrix_pairs *pairs, size_t job_limit,
                   struct planning_result *result);

/* Any thread. */
void planning_measure(const struct planning *planning, struct metrics *metrics);

#endif
