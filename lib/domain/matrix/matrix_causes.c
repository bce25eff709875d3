/* SPDX-License-Identifier: BSD-3-Clause */
#include "lib/domain/matrix/matrix_causes.h"

#include <stdlib.h>

#include "lib/domain/registry/manifest_index.h"

struct search {
    const struct whole_matrix *matrix;
    const struct manifest_index *index;
    size_t compiler;
    size_t *causes; /* by row: its cause + 1; 0: not known yet */
};

/* The newest published version that the range of the need has; row_count if there is none, or one of them has succeeded. */
static size_t find_unmet(const struct search *search, const struct indexed_need *need) {
    const struct whole_matrix *matrix = search->matrix;
    const struct matrix_package *package =
        whole_matrix_find_package(matrix, manifest_index_package(search->index, need->package)->name);
    size_t newest = matrix->row_count;
    for (size_t i = 0; package && i < package->row_count; i++) {
        size_t row = package->first_row + i;
        if (!packed_range_includes(need->range, version_pack(matrix->versions[row]))) continue;
        if (whole_matrix_cell(matrix, row, search->compiler) == CELL_SUCCEEDED) return matrix->row_count;
        if (newest == matrix->row_count) newest = row;
    }
    return newest;
}

/* What the version waits for; itself if that is nothing else. */
static size_t find_next(const struct search *search, size_t row) {
    const struct whole_matrix *matrix = search->matrix;
    if (whole_matrix_cell(matrix, row, search->compiler) != CELL_NO_PLAN) return row;
    const struct indexed_version *version =
        manifest_index_find(search->index, whole_matrix_package_of(matrix, row)->name, matrix->versions[row]);
    for (size_t i = 1; version && i < version->need_count; i++) {
        size_t unmet = find_unmet(search, &version->needs[i]);
        if (unmet < matrix->row_count) return unmet;
    }
    return row;
}

/* Follows the way to the cause, which ends in a circle at the latest. */
static size_t find_cause(struct search *search, size_t row) {
    size_t at = row, steps = 0;
    while (search->causes[at] == 0) {
        search->causes[at] = at + 1; /* where the way comes back to, it ends */
        steps++;
        size_t next = find_next(search, at);
        if (next == at) break;
        at = next;
    }
    size_t cause = search->causes[at] - 1;
    for (at = row; steps > 0; steps--) {
        search->causes[at] = cause + 1;
        at = find_next(search, at);
    }
    return cause;
}

static bool is_stopped(const struct search *search, const struct matrix_package *package) {
    enum cell_state state = whole_matrix_cell(search->matrix, package->first_row, search->compiler);
    return state == CELL_NO_PLAN || state == CELL_FAILED;
}

/* The stopped versions of a cause are one after another. */
struct stopped {
    size_t row, cause;
};

static int compare_stopped(const void *a, const void *b) {
    const struct stopped *one = a, *other = b;
    if (one->cause != other->cause) return one->cause < other->cause ? -1 : 1;
    return one->row < other->row ? -1 : one->row > other->row;
}

static int compare_causes(const void *a, const void *b) {
    const struct matrix_cause *one = a, *other = b;
    if (one->stopped_count != other->stopped_count) return one->stopped_count > other->stopped_count ? -1 : 1;
    return one->row < other->row ? -1 : one->row > other->row;
}

static void group(struct matrix_causes *out, const struct stopped *stopped, size_t count, struct arena *arena) {
    size_t *rows = arena_alloc(arena, (count + 1) * sizeof *rows);
    out->items = arena_alloc(arena, (count + 1) * sizeof *out->items);
    for (size_t i = 0; i < count; i++) {
        struct matrix_cause *cause = out->count ? &out->items[out->count - 1] : NULL;
        if (!cause || cause->row != stopped[i].cause) {
            cause = &out->items[out->count++];
            *cause = (struct matrix_cause){.row = stopped[i].cause, .stopped = rows};
        }
        if (stopped[i].row == cause->row)
            cause->is_stopped = true;
        else
            cause->stopped_count++, *rows++ = stopped[i].row;
    }
    if (out->count > 0) qsort(out->items, out->count, sizeof *out->items, compare_causes);
}

void matrix_causes_find(struct matrix_causes *out, const struct whole_matrix *matrix, const struct manifest_index *index,
                        size_t compiler, struct arena *arena) {
    struct search search = {.matrix = matrix, .index = index, .compiler = compiler};
    struct stopped *stopped = arena_alloc(arena, (matrix->package_count + 1) * sizeof *stopped);
    size_t count = 0;
    search.causes = arena_alloc(arena, (matrix->row_count + 1) * sizeof *search.causes);
    for (size_t i = 0; i < matrix->package_count; i++)
        if (is_stopped(&search, &matrix->packages[i])) {
            size_t row = matrix->packages[i].first_row;
            stopped[count++] = (struct stopped){.row = row, .cause = find_cause(&search, row)};
        }
    if (count > 0) qsort(stopped, count, sizeof *stopped, compare_stopped);
    *out = (struct matrix_causes){0};
    group(out, stopped, count, arena);
}
