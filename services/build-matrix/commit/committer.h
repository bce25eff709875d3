/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Completes matrix jobs that succeeded: commits the compiler to the version's metadata through the change queue (queued jobs
 * share a push), then ends the job with its event. The result is already in Redis as the job's record, so if the service is
 * killed, the instance that claims the job next resumes from it.
 */
#ifndef SERVICES_BUILD_MATRIX_COMMIT_COMMITTER_H
#define SERVICES_BUILD_MATRIX_COMMIT_COMMITTER_H

#include "lib/base/error.h"
#include "lib/base/metrics.h"
#include "lib/store/job/job_store.h"

struct committer;
struct matrix_service;

/* Starts the committer's thread. `service` is borrowed. Free `*out` even after a failure. */
CHECK_RESULT enum status committer_create(struct committer **out, struct matrix_service *service, struct error *err);
/* Commits the queued jobs, within a time limit, and stops the thread. NULL is allowed. */
void committer_free(struct committer *committer);

/* Queues the job, whose lease the committer renews from now on. `job` and its strings are copied. Any thread; never blocks. */
void committer_add(struct committer *committer, const struct job *job, const struct lease *lease);

void committer_measure(struct committer *committer, struct metrics *metrics);

#endif
