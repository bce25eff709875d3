/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The dependency solver (lib/domain/README.md, Solver): chooses one compiler and one version of each needed package. It is
 * deterministic, and agrees with the solvers of the registry's clients. It only reads the index: solves may run concurrently.
 */
#ifndef LIB_DOMAIN_SOLVER_SOLVER_H
#define LIB_DOMAIN_SOLVER_SOLVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/error.h"
#include "lib/domain/package/manifest.h"
#include "lib/domain/package/range.h"
#include "lib/domain/package/version.h"
#include "lib/domain/registry/package_versions.h"

struct arena;
struct indexed_package;
struct manifest_index;

/* One compiler, and one version of each package that the package to be built needs, transitively. Owned by the arena that it
 * was made in. */
struct build_plan {
    struct version compiler;
    struct package_versions packages; /* without the package to be built */
};

struct solver_request {
    const struct dependency *required; /* sorted by name, each once, like a manifest's `dependencies` */
    size_t required_count;
    const struct version *compilers; /* the supported ones, ascending */
    size_t compiler_count;
    struct range acceptable_compilers;     /* range_exact(v), or SOLVER_ANY_COMPILER for all supported ones */
    uint64_t step_limit;                   /* 0: SOLVER_STEP_LIMIT */
    const struct indexed_package *instead; /* replaces the index's package of that name (manifest_index_revise()); NULL: none */
    bool is_quiet;                         /* without an explanation why there is no plan, which saves a second run */
};

/* A step is one check of one version of a package. Real requests take hundreds to thousands of steps; this limit is about a
 * second. */
#define SOLVER_STEP_LIMIT UINT64_C(50000000)

#define SOLVER_ANY_COMPILER ((struct range){.low = {0, 0, 0}, .high = {INT32_MAX, INT32_MAX, INT32_MAX}})

/* Makes the plan, with its texts and tables in the arena. STATUS_REFUSED: there is none, and the message explains it in several
 * lines: the packages in conflict, both bounds, the origin of each, and the reason for each version if all were tried.
 * STATUS_TOO_LARGE: the step limit was reached. */
CHECK_RESULT enum status solver_solve(struct build_plan *out, const struct manifest_index *index,
                                      const struct solver_request *request, struct arena *arena, struct error *err);

#endif
