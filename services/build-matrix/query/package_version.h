/* SPDX-License-Identifier: BSD-3-Clause
 *
 * What the service knows of one published version, as JSON: metadata, manifest, dependants, package sets, and its row of the build
 * matrix. The state of a cell is the first that applies:
 *
 *   the metadata lists the compiler   succeeded
 *   there is an unfinished job        pending, running
 *   there is a verdict                failed, with the job's reason and the compiler's first error
 *   there is a plan                   untried
 *   otherwise                         no_plan, with the solver's explanation
 */
#ifndef SERVICES_BUILD_MATRIX_QUERY_PACKAGE_VERSION_H
#define SERVICES_BUILD_MATRIX_QUERY_PACKAGE_VERSION_H

#include "lib/base/error.h"
#include "lib/domain/registry/manifest_index.h"
#include "lib/domain/set/set_history.h"
#include "lib/store/job/job_store.h"

struct arena;
struct indexed_version;
struct json_writer;
struct matrix_service;
struct matrix_verdict;

/* The inputs of the cells that are not in the index. */
struct version_cells {
    const struct version *compilers; /* the supported ones */
    size_t compiler_count;
    const struct matrix_verdict *verdicts;
    struct job *failed; /* the job of each verdict that is one of a failure; without an id where it is no longer in Redis */
    size_t verdict_count;
    struct job_list jobs; /* unfinished, of the package */
};

/* Reads them into the arena. */
CHECK_RESULT enum status version_cells_read(struct version_cells *out, struct matrix_service *service, const char *name,
                                            const char *version, struct arena *arena, struct error *err);

/* A view of the index must be locked. */
void package_version_write(struct json_writer *writer, const struct manifest_index *index, const char *name,
                           const struct published_version *published, const struct version_cells *cells,
                           const struct set_membership *sets, struct arena *arena);

/* For JSON about packages and versions: the packages whose latest version depends on this one, or on any version of it. */
void package_dependants_write(struct json_writer *writer, const struct manifest_index *index, const char *name,
                              const struct version *version, struct arena *arena);
/* The package sets with a version: how many, which one first, which one last, and the newest hundred of them. */
void package_sets_write(struct json_writer *writer, const struct set_membership *sets);
void package_version_write_field(struct json_writer *writer, const char *key, struct version version);

#endif
