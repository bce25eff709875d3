/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Private to matrix_plan.c and matrix_follow.c: collecting pairs.
 */
#ifndef LIB_DOMAIN_MATRIX_MATRIX_PAIRS_H
#define LIB_DOMAIN_MATRIX_MATRIX_PAIRS_H

#include "lib/domain/matrix/matrix_plan.h"
#include "lib/domain/registry/manifest_index.h"

/* True if the solver may choose the version for a plan with that compiler. */
bool matrix_version_is_possible(const struct indexed_version *version, unsigned __int128 compiler);

/* Adds the pair if the version is published, not known to build with the compiler, and may have a plan. A pair that fails only
 * the last check is counted as rejected. */
void matrix_pairs_consider(struct matrix_pairs *out, const struct manifest_index *index, const struct indexed_package *package,
                           const struct indexed_version *version, struct version compiler, enum matrix_purpose purpose);

/* Adds the pair, for MATRIX_PURPOSE_REVISION, if the version is known to build with the compiler. */
void matrix_pairs_add_known(struct matrix_pairs *out, const struct indexed_package *package,
                            const struct indexed_version *version, struct version compiler);

#endif
