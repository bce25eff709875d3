/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Why versions do not build with a compiler: the version that is in their way. A version without a plan is stopped by a dependency
 * of which no version in its range has succeeded; where the newest of these has no plan either, by what stops that one, and so on.
 * So the cause is a version whose own build failed or has not been made, or whose dependencies do not go together. No I/O.
 */
#ifndef LIB_DOMAIN_MATRIX_MATRIX_CAUSES_H
#define LIB_DOMAIN_MATRIX_MATRIX_CAUSES_H

#include <stdbool.h>

#include "lib/domain/matrix/whole_matrix.h"

struct matrix_cause {
    size_t row;            /* the version that stops others, or only itself */
    const size_t *stopped; /* rows, in the order of the matrix, without `row` itself */
    size_t stopped_count;
    bool is_stopped; /* `row` is itself the newest of its package */
};

struct matrix_causes {
    struct matrix_cause *items; /* those that stop most first */
    size_t count;
};

/* The causes for the newest version of each package that is in the state CELL_NO_PLAN or CELL_FAILED with the compiler at this
 * position; in the arena. The caller holds the index's read lock; where the index is newer than the matrix, a version that it does
 * not have any more is its own cause. */
void matrix_causes_find(struct matrix_causes *out, const struct whole_matrix *matrix, const struct manifest_index *index,
                        size_t compiler, struct arena *arena);

#endif
