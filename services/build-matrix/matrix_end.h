/* SPDX-License-Identifier: BSD-3-Clause
 *
 * How a matrix job ends, but for one that is to be committed (committer.h), and what the service itself says in its log.
 */
#ifndef SERVICES_BUILD_MATRIX_MATRIX_END_H
#define SERVICES_BUILD_MATRIX_MATRIX_END_H

#include "lib/domain/verdict.h"
#include "lib/store/job_store.h"

struct matrix_service;

/* Lines are numbered within a lease, so that a line that is written again counts once (lib/store/log_stream.h). The worker's
 * numbers lie between the service's: what it says when it hands the job out, and what it says at the end. */
enum {
    LINE_HANDED_OUT = 1,
    LINE_WORKERS_FIRST = 16, /* the worker's line 1 is this one */
    LINE_WORKERS_MOST = 1000000000,
    LINE_OF_END = LINE_WORKERS_FIRST + LINE_WORKERS_MOST + 1,
};

/* Adds one line to the job's log. STATUS_STALE: it is somebody else's now. */
CHECK_RESULT enum status matrix_job_log(struct matrix_service *service, struct job_store *store, const struct lease *lease,
                                        int number, enum log_level level, const char *message, struct error *err);

struct matrix_outcome {
    enum verdict verdict;
    bool is_withdrawn;  /* the version was unpublished meanwhile: the job fails, and there is no verdict */
    const char *reason; /* a sentence, where it did not succeed */
    const char *result; /* JSON of struct build_result; NULL: none */
};

/* Ends a job that changes nothing: one that did not succeed, or is to change nothing (a revision's build, one to compare). The
 * same again is fine. What operators should know of is logged at ERROR, and counted in service->alarms. */
CHECK_RESULT enum status matrix_job_end(struct matrix_service *service, struct job_store *store, const struct job *job,
                                        const struct lease *lease, const struct matrix_outcome *outcome, struct error *err);

#endif
