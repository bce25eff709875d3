/* SPDX-License-Identifier: BSD-3-Clause
 *
 * One piece of work for one worker: chosen among the ready jobs, claimed for it, and written down (lib/domain/build_work.h).
 */
#ifndef SERVICES_BUILD_MATRIX_HAND_OUT_H
#define SERVICES_BUILD_MATRIX_HAND_OUT_H

#include "lib/store/job_store.h"

struct matrix_service;
struct text;

struct hand_out_request {
    const char *worker;
    const char *const *compilers; /* those that it has */
    size_t compiler_count;
    size_t slots; /* of all workers: the ready jobs are shared among them */
};

/* Appends the work as JSON; nothing where no job can be handed out to this worker now. */
CHECK_RESULT enum status hand_out(struct text *work, size_t *job_count, struct matrix_service *service, struct job_store *store,
                                  const struct hand_out_request *request, struct error *err);

/* Where a worker downloads tarballs from, without a slash at the end; in the arena. */
const char *hand_out_downloads(const struct matrix_service *service, struct arena *arena);

#endif
