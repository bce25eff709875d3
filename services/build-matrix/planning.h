/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Makes jobs of pairs that may have a plan: plans them in pieces, so that nobody waits long for the registry in memory, and
 * puts the jobs into Redis. What events, waves and sweeps share; all of it is the planner's thread's alone, but for what says
 * otherwise.
 *
 * Nothing here gives up because Redis or a repository is away: it waits and tries again, until the planner is stopped.
 */
#ifndef SERVICES_BUILD_MATRIX_PLANNING_H
#define SERVICES_BUILD_MATRIX_PLANNING_H

#include <pthread.h>
#include <stdatomic.h>

#include "lib/base/deadline.h"
#include "lib/base/metrics.h"
#include "lib/base/settings.h"
#include "lib/domain/build_plan.h"
#include "lib/domain/matrix_plan.h"
#include "lib/store/job_store.h"
#include "lib/store/registry_access.h"

/* Where the planning takes place. All borrowed. */
struct planning_place {
    const struct settings *settings;
    const struct registry_access *repositories; /* `registry`, `index` and `view` are used */
    void (*wake)(void *context);                /* there are new jobs; any thread may call it */
    void *context;
};

struct planning {
    struct planning_place place;
    struct job_store *store;
    struct version *compilers; /* the supported ones, ascending, as they were read last */
    size_t compiler_count;
    struct arena compiler_memory;

    /* Called between two pieces, where it is not NULL: what is urgent goes first. */
    void (*attend)(void *context);
    void *attend_context;

    pthread_mutex_t mutex;
    pthread_cond_t stopped;
    atomic_bool is_stopped;
    struct deadline limit; /* of whatever asks a repository */
    int64_t pause_ms;      /* before the last try; 0: nothing is wrong */

    struct { /* read by any thread */
        atomic_llong events, solved, rejected, jobs;
        atomic_llong sweeps, sweep_begun_ms, sweep_found, sweep_made; /* the latter three are of the last sweep */
    } counts;
};

CHECK_RESULT enum status planning_init(struct planning *out, const struct planning_place *place, struct error *err);
void planning_release(struct planning *planning); /* also after a failure */

/* Any thread: whatever waits ends its waiting soon. */
void planning_stop(struct planning *planning);

/* Waits; false: it was stopped. */
bool planning_wait(struct planning *planning, int64_t duration_ms);

/* Something failed (it is logged, once until all is well again): waits, longer each time. False: it was stopped. */
bool planning_pause(struct planning *planning, const char *what, const struct error *err);
void planning_goes_on(struct planning *planning); /* all is well again */

/* Takes what is new in both repositories. False: it was stopped. */
bool planning_refresh(struct planning *planning);

/* Reads the supported compilers. False: it was stopped, or there are none yet. */
bool planning_read_compilers(struct planning *planning);

struct planning_result {
    size_t found;      /* pairs with a plan */
    size_t made;       /* new jobs; the others were there already, or had been tried with that plan */
    char example[256]; /* one that was made */
};

/* Plans the pairs and makes their jobs, at most `job_limit` new ones in `result`, whose counts are added to. False: not all
 * were planned, since it was stopped or the limit was reached. */
bool planning_make(struct planning *planning, const struct matrix_pairs *pairs, size_t job_limit,
                   struct planning_result *result);

/* The job for one plan, where there is none yet. `id` is made by the caller where it must be the same after a crash, or NULL.
 */
CHECK_RESULT enum status planning_accept(struct job_store *store, const char *id, const char *package, struct version version,
                                         const struct build_plan *plan, enum matrix_purpose purpose, struct job_accepted *out,
                                         struct error *err);

/* A plan as a matrix job's payload: `{NAME: VERSION}`, names in order. */
void build_plan_append_payload(struct text *out, const struct build_plan *plan);

/* Any thread. */
void planning_measure(const struct planning *planning, struct metrics *metrics);

#endif
