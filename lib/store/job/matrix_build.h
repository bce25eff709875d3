/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The request for a matrix job: the build of one version with one compiler and a plan.
 */
#ifndef LIB_STORE_JOB_MATRIX_BUILD_H
#define LIB_STORE_JOB_MATRIX_BUILD_H

#include "lib/domain/registry/package_versions.h"
#include "lib/store/job/job_store.h"

/* All borrowed. */
struct matrix_build {
    const char *package;
    struct version version, compiler;
    const struct package_versions *plan; /* without the package itself */
    enum matrix_purpose purpose;
    const char *job_id; /* if it must be the same after a crash; NULL: a random one */
};

/* Fills in the request. It borrows the package's name; other strings are in the arena. */
void matrix_build_request(struct job_request *out, const struct matrix_build *build, struct arena *arena);

/* Makes the build's job, unless it exists: statuses as job_store_accept(), without limits. */
CHECK_RESULT enum status matrix_build_accept(struct job_store *store, const struct matrix_build *build,
                                             struct job_accepted *out, struct error *err);

#endif
