/* SPDX-License-Identifier: BSD-3-Clause
 *
 * How a matrix job ends, but for one that is to be committed (committer.h).
 */
#ifndef SERVICES_BUILD_MATRIX_MATRIX_END_H
#define SERVICES_BUILD_MATRIX_MATRIX_END_H

#include "lib/domain/verdict.h"
#include "lib/store/job_store.h"

struct matrix_service;

struct matrix_outcome {
    bool is_of_build; /* a build worker has found it out */
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
