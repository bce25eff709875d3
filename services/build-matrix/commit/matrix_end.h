/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Ends matrix jobs that have nothing to commit (committer.h ends the others).
 */
#ifndef SERVICES_BUILD_MATRIX_COMMIT_MATRIX_END_H
#define SERVICES_BUILD_MATRIX_COMMIT_MATRIX_END_H

#include "lib/domain/matrix/verdict.h"
#include "lib/store/job/job_store.h"

struct matrix_service;

struct matrix_outcome {
    bool is_of_build; /* the verdict is a build worker's */
    enum verdict verdict;
    bool is_withdrawn;  /* the build is no longer needed (version unpublished, revision over): fails without a verdict */
    const char *reason; /* a sentence; NULL: the meaning of the verdict */
    const char *result; /* JSON of struct build_result; NULL: none */
};

/* Ends a job that did not succeed or that writes no metadata (builds of a revision, builds to verify). May be repeated, and
 * fails, like job_store_finish(). Outcomes that need an operator are logged at ERROR and counted in service->alarms. */
CHECK_RESULT enum status matrix_job_end(struct matrix_service *service, struct job_store *store, const struct job *job,
                                        const struct lease *lease, const struct matrix_outcome *outcome, struct error *err);

#endif
