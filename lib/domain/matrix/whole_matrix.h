/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The whole build matrix: the state of every published version with every compiler, in one array.
 *
 *   packages by name ──► rows, the newest version first ──► cells, a byte for each compiler (enum cell_state)
 *
 * What the registry says is filled in by this file: a compiler of the metadata has succeeded, and of the others those without a
 * plan are known. That there were builds, and are jobs, is in Redis; its owner puts these into the cells. No I/O, no locks.
 */
#ifndef LIB_DOMAIN_MATRIX_WHOLE_MATRIX_H
#define LIB_DOMAIN_MATRIX_WHOLE_MATRIX_H

#include <stdint.h>

#include "lib/base/arena.h"
#include "lib/domain/matrix/cell_state.h"
#include "lib/domain/package/version.h"

struct manifest_index;
struct text;

struct matrix_package {
    const char *name;
    size_t first_row, row_count;
    size_t dependants; /* number of packages of which some version depends on it */
};

struct whole_matrix {
    const struct version *compilers; /* ascending */
    size_t compiler_count;
    struct matrix_package *packages; /* by name */
    size_t package_count;
    struct version *versions; /* of each row */
    unsigned char *cells;     /* [row * compiler_count + compiler] */
    size_t row_count;
};

/* Everything is in the arena, with copies of the names. Cells are CELL_SUCCEEDED or CELL_NO_PLAN; whole_matrix_plan() decides
 * about the latter. The caller holds the index's read lock, for some milliseconds. */
void whole_matrix_read(struct whole_matrix *out, const struct manifest_index *index, const struct version *compilers,
                       size_t compiler_count, struct arena *arena);

/* Makes CELL_NO_PLAN of the rows from `*row` on CELL_UNTRIED where there is a plan, until `until_us` (clock_monotonic_us()); moves
 * `*row` on, to row_count at last. The caller holds the index's read lock; where the index has changed in between, the cells of
 * one row may be of an earlier moment than those of another. */
void whole_matrix_plan(struct whole_matrix *matrix, const struct manifest_index *index, size_t *row, int64_t until_us);

/* The package of a row. */
const struct matrix_package *whole_matrix_package_of(const struct whole_matrix *matrix, size_t row);

/* The cell of a version with a compiler; NULL if there is none. */
unsigned char *whole_matrix_find(const struct whole_matrix *matrix, const char *package, struct version version,
                                 struct version compiler);

/* The package with this name; NULL if it has no published versions. */
const struct matrix_package *whole_matrix_find_package(const struct whole_matrix *matrix, const char *name);

/* The row of one of its versions; row_count if there is none. */
size_t whole_matrix_find_row(const struct whole_matrix *matrix, const struct matrix_package *package, struct version version);

/* The position of the compiler; compiler_count if there is none. */
size_t whole_matrix_compiler(const struct whole_matrix *matrix, struct version compiler);

static inline enum cell_state whole_matrix_cell(const struct whole_matrix *matrix, size_t row, size_t compiler) {
    return (enum cell_state)matrix->cells[row * matrix->compiler_count + compiler];
}

/* Appends it as JSON that becomes very small by gzip, since a row is mostly that of the version before:
 *
 *   {"compilers": ["0.13.0", …], "states": ["untried", …],
 *    "names": ["aff", …], "dependants": [117, …], "versions": ["8.0.0 7.1.0", …], "cells": ["0111 3300", …]}
 *
 * The last four have an item for each package; a cell is the digit of its state, a row of cells that of a version. */
void whole_matrix_append_json(struct text *out, const struct whole_matrix *matrix);

#endif
