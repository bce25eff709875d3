/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Builds what a piece of work asks for (lib/domain/build_work.h), reusing what was built before, and says for each of its jobs
 * what came of it. The recipe, and why it is safe, stands in build_set.c; what is together in one run of the compiler and what
 * alone, in build.c.
 */
#ifndef SERVICES_BUILD_WORKER_BUILD_H
#define SERVICES_BUILD_WORKER_BUILD_H

#include "lib/base/deadline.h"
#include "lib/base/log.h"
#include "lib/domain/build_work.h"
#include "lib/domain/verdict.h"
#include "services/build-worker/builder.h"

/* What came of one job; texts in the arena of the build. */
struct build_outcome {
    bool is_given_back; /* no verdict: this worker cannot say (a stop, no tarballs to be had, its disk) */
    enum verdict verdict;
    const char *reason; /* a sentence where it did not succeed, or was given back */
    struct build_result result;
};

/* Lines for the log of a job (a position in work->jobs). Called by the thread that builds. */
struct build_listener {
    void (*say)(void *context, size_t job, enum log_level level, const char *message);
    /* The job is done, before others of the same work are. */
    void (*end)(void *context, size_t job, const struct build_outcome *outcome);
    void *context;
};

/* Builds all jobs of the work; `end` is called once for each. `deadline` is the work's time limit, cancelled where nobody wants
 * the result any more. */
void build_run(struct builder *builder, const struct build_work *work, const struct build_listener *listener,
               struct deadline *deadline, struct arena *arena);

#endif
