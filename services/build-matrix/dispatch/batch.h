/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Chooses which ready jobs form a batch for one worker, and lists the packages of a batch (lib/domain/matrix/work_order.h).
 * Jobs may share a batch if their plans agree: together they have one version of each package, and no job's own package is in
 * another job's plan. Pure: reads only the jobs and the index.
 */
#ifndef SERVICES_BUILD_MATRIX_DISPATCH_BATCH_H
#define SERVICES_BUILD_MATRIX_DISPATCH_BATCH_H

#include "lib/domain/job/job.h"
#include "lib/domain/matrix/work_order.h"
#include "lib/domain/registry/manifest_index.h"

/* A job that can no longer be built as planned, because a version in its plan, or its own, was unpublished since. */
struct batch_refusal {
    size_t job;         /* position in `ready` */
    const char *reason; /* a sentence; in the arena */
    bool is_withdrawn;  /* the version itself is no longer published */
};

struct batch_choice {
    size_t *jobs; /* positions in `ready`, ascending */
    size_t job_count;
    struct batch_refusal *refusals; /* found until the batch was complete */
    size_t refusal_count;
};

/* Chooses from `ready`, which is in dispatch order: the first job that can be built, and up to `most` - 1 others with the same
 * compiler and purpose that may share its batch. Urgent jobs, jobs to verify, builds of a whole package set, jobs that lost a
 * worker and jobs with a record are alone in their batch. Tables and strings are in the arena. */
void batch_choose(struct batch_choice *out, const struct manifest_index *index, const struct job *ready, size_t count,
                  size_t most, struct arena *arena);

/* Lists the packages of these jobs, whose plans agree, in `out`, dependencies before dependants, and in `packages` (room for
 * `count`) the position of each job's own package: all on which one of those depends. *is_whole: the only job builds a whole
 * package set, since its plan has more than that, and all packages of the plan are listed. Strings are copied into the arena. STATUS_REFUSED if the index has changed
 * since the jobs were chosen; STATUS_INVALID if packages of a plan depend on each other in a circle, which the plan of a package
 * set may have, since it ignores ranges: no publication and no plan of the solver builds a package with itself. */
CHECK_RESULT enum status batch_list_packages(struct work_order *out, size_t *packages, bool *is_whole,
                                             const struct manifest_index *index, const struct job *jobs, size_t count,
                                             struct arena *arena, struct error *err);

#endif
