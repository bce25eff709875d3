/* SPDX-License-Identifier: BSD-3-Clause
 *
 * A change of a published version's bounds: what becomes of its manifest (lib/domain/README.md, Revise bounds). Whose plans it
 * would take away: lib/domain/matrix_plan.h.
 */
#ifndef LIB_DOMAIN_BOUNDS_H
#define LIB_DOMAIN_BOUNDS_H

#include <stdbool.h>

#include "lib/domain/manifest.h"

struct arena;
struct revise_request;

/* The manifest with the request's ranges in place of its own: its dependencies in the arena, all else shared. STATUS_REFUSED
 * names the dependencies that it does not have, or says that nothing would change. */
CHECK_RESULT enum status bounds_change(struct manifest *out, const struct manifest *manifest,
                                       const struct revise_request *request, struct arena *arena, struct error *err);

/* Does `after` allow all that `before` allows? Then every plan stays a plan. Both have the same dependencies. */
bool bounds_are_looser(const struct manifest *before, const struct manifest *after);

#endif
