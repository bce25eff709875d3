/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Revising the bounds of a published version: computes the new manifest (lib/domain/README.md, Revise bounds). The dependants
 * that would lose their plan are found by lib/domain/matrix/matrix_plan.h.
 */
#ifndef LIB_DOMAIN_PACKAGE_BOUNDS_H
#define LIB_DOMAIN_PACKAGE_BOUNDS_H

#include <stdbool.h>

#include "lib/domain/package/manifest.h"

struct arena;
struct revise_request;

/* Copies `manifest` with the request's ranges in place of its own: the dependencies are in the arena, all else is shared.
 * STATUS_REFUSED, with "dependencies" as path, names requested packages that it does not depend on, or says that nothing would
 * change. */
CHECK_RESULT enum status bounds_change(struct manifest *out, const struct manifest *manifest,
                                       const struct revise_request *request, struct arena *arena, struct error *err);

/* True if `after` allows every version that `before` allows, so that every plan stays valid. Both must have the same
 * dependencies. */
bool bounds_are_looser(const struct manifest *before, const struct manifest *after);

#endif
