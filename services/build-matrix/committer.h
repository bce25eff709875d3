/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Brings matrix jobs that succeeded to their end: the compiler into the version's metadata, by the change queue (those that
 * wait at the same time are one push), then the job's end with its event. What it has is in Redis as the job's record already;
 * so whoever takes over the lease of a killed service finds it there and goes on.
 */
#ifndef SERVICES_BUILD_MATRIX_COMMITTER_H
#define SERVICES_BUILD_MATRIX_COMMITTER_H

#include "lib/base/error.h"
#include "lib/base/metrics.h"
#include "lib/store/job_store.h"

struct committer;
struct matrix_service;

/* Starts its thread. `service` is borrowed. */
CHECK_RESULT enum status committer_create(struct committer **out, struct matrix_service *service, struct error *err);
/* Commits what it has, and frees. NULL is fine. */
void committer_free(struct committer *committer);

/* Takes the job over: its lease is renewed here from now on. `job` and what it points to are copied. Any thread; never blocks.
 */
void committer_add(struct committer *committer, const struct job *job, const struct lease *lease);

void committer_measure(struct committer *committer, struct metrics *metrics);

#endif
