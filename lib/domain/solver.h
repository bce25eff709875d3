/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Chooses versions (lib/domain/README.md, Solver): one compiler and one version of each package that is needed. Deterministic,
 * and the same answer that the registry's clients compute. It only reads the index, so any number of solves may run at once.
 */
#ifndef LIB_DOMAIN_SOLVER_H
#define LIB_DOMAIN_SOLVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/error.h"
#include "lib/domain/build_plan.h"
#include "lib/domain/manifest.h"
#include "lib/domain/range.h"
#include "lib/domain/version.h"

struct arena;
struct indexed_package;
struct manifest_index;

struct solver_request {
    const struct dependency *required; /* by name, each once: what a manifest's `dependencies` are */
    size_t required_count;
    const struct version *compilers; /* the supported ones, ascending */
    size_t compiler_count;
    struct range acceptable_compilers;     /* range_exact(v) for exactly v, SOLVER_ANY_COMPILER for all supported ones */
    uint64_t step_limit;                   /* 0: SOLVER_STEP_LIMIT */
    const struct indexed_package *instead; /* of the index's package of that name (manifest_index_revise()); NULL: none */
    bool is_quiet; /* nobody will read why there is no plan: the message says no more than that, and costs nothing */
};

/* A step is one look at one version of a package. Real requests take some hundreds to some thousands; this is about a second.
 */
#define SOLVER_STEP_LIMIT UINT64_C(50000000)

#define SOLVER_ANY_COMPILER ((struct range){.low = {0, 0, 0}, .high = {INT32_MAX, INT32_MAX, INT32_MAX}})

/* The plan, its texts and tables in the arena. STATUS_REFUSED: there is none, and the message is the explanation, several lines
 * that name the packages in conflict, both bounds, where each came from, and the reason for each version where all were tried.
 * STATUS_TOO_LARGE: the step limit was reached before an answer. */
CHECK_RESULT enum status solver_solve(struct build_plan *out, const struct manifest_index *index,
                                      const struct solver_request *request, struct arena *arena, struct error *err);

#endif
