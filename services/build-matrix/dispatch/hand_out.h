/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Makes one work order for one worker: chooses among the ready jobs, claims them and encodes them
 * (lib/domain/matrix/work_order.h).
 */
#ifndef SERVICES_BUILD_MATRIX_DISPATCH_HAND_OUT_H
#define SERVICES_BUILD_MATRIX_DISPATCH_HAND_OUT_H

#include "lib/store/job/job_store.h"
#include "proto/message.h"

struct matrix_service;

struct hand_out_request {
    const char *worker;
    const char *const *compilers; /* that the worker has */
    size_t compiler_count;
    bool is_urgent; /* only jobs that somebody waits for */
    size_t slots;   /* of all workers: the ready jobs are shared among them */
};

/* Makes `work` a work_order, or `done` if there is no job for this worker now; lists and texts are in the arena. Jobs that can no
 * longer be built, or whose work is too large for a message, are ended, and jobs with a recorded result go to the committer. */
CHECK_RESULT enum status hand_out(struct message *work, struct matrix_service *service, struct job_store *store,
                                  const struct hand_out_request *request, struct arena *arena, struct error *err);

/* The base URL for tarball downloads, without a trailing slash; in the arena. */
const char *hand_out_downloads(const struct matrix_service *service, struct arena *arena);

#endif
