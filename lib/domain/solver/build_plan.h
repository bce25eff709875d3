/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Build plans (struct build_plan in lib/domain/solver/solver.h) of a package version, and the check of one that a client made.
 */
#ifndef LIB_DOMAIN_SOLVER_BUILD_PLAN_H
#define LIB_DOMAIN_SOLVER_BUILD_PLAN_H

#include <stdbool.h>

#include "lib/base/error.h"
#include "lib/domain/package/manifest.h"
#include "lib/domain/package/version.h"
#include "lib/domain/registry/package_versions.h"
#include "lib/domain/solver/solver.h"

struct arena;
struct indexed_version;
struct manifest_index;

/* Makes a plan for building `manifest` with exactly this compiler (lib/domain/README.md, Solver). STATUS_REFUSED if there is
 * none: the message is the solver's explanation. Other errors as solver_solve(). */
CHECK_RESULT enum status build_plan_for_compiler(struct build_plan *out, const struct manifest_index *index,
                                                 const struct manifest *manifest, struct version compiler, struct arena *arena,
                                                 struct error *err);

/* True if there is such a plan for this version of the index. Much faster than making one where a dependency has no version that
 * builds with the compiler, which is the usual reason why there is none. */
bool build_plan_exists(const struct manifest_index *index, const struct indexed_version *version, struct version compiler);

/* Checks the versions that a client chose for `manifest` (lib/domain/README.md, Publish, step 6): they must contain every
 * dependency inside its range, and each must be published. STATUS_REFUSED, with "resolutions" as path, names all that are
 * missing, outside their range or not registered. */
CHECK_RESULT enum status build_plan_check_resolutions(const struct manifest_index *index, const struct manifest *manifest,
                                                      const struct package_versions *resolutions, struct error *err);

#endif
