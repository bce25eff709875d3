/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Which of the ready jobs one worker gets together, and what it needs to know of them (lib/domain/build_work.h). Jobs share a
 * batch while their plans agree: over all of them there is one version of each name, and no job's package is in another's plan.
 * Pure: it looks at jobs and at the index, and asks nobody.
 */
#ifndef SERVICES_BUILD_MATRIX_BATCH_H
#define SERVICES_BUILD_MATRIX_BATCH_H

#include "lib/domain/build_work.h"
#include "lib/domain/job.h"
#include "lib/domain/manifest_index.h"

/* A job that cannot be built as it stands: something of its plan is gone since it was made. */
struct batch_refusal {
    size_t job;         /* position among the ready ones */
    const char *reason; /* a sentence; in the arena */
    bool is_withdrawn;  /* the version itself is not published any more */
};

struct batch_choice {
    size_t *jobs; /* positions among the ready ones, ascending */
    size_t job_count;
    struct batch_refusal *refusals; /* of jobs that come before or among the chosen */
    size_t refusal_count;
};

/* Chooses from `ready`, which is in the order in which jobs are to be handed out: the first that can be built, and up to
 * `most` - 1 others that may share its batch. A job that somebody waits for, or that a worker was lost over, goes alone. */
void batch_choose(struct batch_choice *out, const struct manifest_index *index, const struct job *ready, size_t count,
                  size_t most, struct arena *arena);

/* The packages of these jobs, whose plans agree, dependencies before dependants, and the position of each job's own in
 * `packages` (room for `count`). Texts are copied into the arena. STATUS_REFUSED where the index has changed since they were
 * chosen. */
CHECK_RESULT enum status batch_list_packages(struct build_work *out, size_t *packages, const struct manifest_index *index,
                                             const struct job *jobs, size_t count, struct arena *arena, struct error *err);

#endif
