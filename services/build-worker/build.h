/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Builds the jobs of one work_order (lib/domain/matrix/work_order.h), reusing earlier builds, and reports an outcome for each.
 * compiler_run.c documents the recipe and why reuse is safe; build.c decides which jobs share a run of the compiler.
 */
#ifndef SERVICES_BUILD_WORKER_BUILD_H
#define SERVICES_BUILD_WORKER_BUILD_H

#include "lib/base/deadline.h"
#include "lib/base/log.h"
#include "lib/domain/matrix/verdict.h"
#include "lib/domain/matrix/work_order.h"
#include "services/build-worker/build_environment.h"

/* The outcome of one job; texts live in the arena of the build. */
struct build_outcome {
    bool is_given_back; /* no verdict, for a cause on this worker's side (stop, tarballs unreachable, disk) */
    enum verdict verdict;
    const char *reason; /* a sentence, set unless the job succeeded */
    struct build_result result;
};

/* Called by the building thread; `job` is a position in work->jobs. `say` adds a line to the job's log. */
struct build_listener {
    void (*say)(void *context, size_t job, enum log_level level, const char *message);
    /* The job is done; others of the same work may still run. */
    void (*end)(void *context, size_t job, const struct build_outcome *outcome);
    void *context;
};

/* Builds all jobs of the work and calls `end` once for each. `deadline` is the work's time limit; it is cancelled when the
 * result is no longer wanted. */
void build_run(struct build_environment *environment, const struct work_order *work, const struct build_listener *listener,
               struct deadline *deadline, struct arena *arena);

#endif
