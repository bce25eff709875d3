/* SPDX-License-Identifier: BSD-3-Clause
 *
 * What a package is built with: one compiler, and one version of everything that it needs, transitively.
 */
#ifndef LIB_DOMAIN_BUILD_PLAN_H
#define LIB_DOMAIN_BUILD_PLAN_H

#include "lib/base/error.h"
#include "lib/domain/manifest.h"
#include "lib/domain/package_versions.h"
#include "lib/domain/version.h"

struct arena;
struct manifest_index;

/* Belongs to the arena that it was made in. */
struct build_plan {
    struct version compiler;
    struct package_versions packages; /* without the package that is built */
};

/* A plan for building `manifest` with exactly this compiler (lib/domain/README.md, Solver). STATUS_REFUSED where there is none:
 * the message is the solver's explanation. */
CHECK_RESULT enum status build_plan_for_compiler(struct build_plan *out, const struct manifest_index *index,
                                                 const struct manifest *manifest, struct version compiler, struct arena *arena,
                                                 struct error *err);

/* Whether versions chosen by a client will do for `manifest` (lib/domain/README.md, Publish, step 6): they contain every
 * dependency inside its range, and every one of them is published. STATUS_REFUSED names all that is missing, outside its range
 * or not registered. */
CHECK_RESULT enum status build_plan_check_resolutions(const struct manifest_index *index, const struct manifest *manifest,
                                                      const struct package_versions *resolutions, struct error *err);

#endif
