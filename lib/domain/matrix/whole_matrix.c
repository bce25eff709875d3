/* SPDX-License-Identifier: BSD-3-Clause */
#include "lib/domain/matrix/whole_matrix.h"

#include <stdlib.h>
#include <string.h>

#include "lib/base/clock.h"
#include "lib/base/json_writer.h"
#include "lib/base/text.h"
#include "lib/domain/registry/manifest_index.h"
#include "lib/domain/solver/build_plan.h"

/* ---- Reading ---- */

static size_t count_rows(const struct manifest_index *index) {
    size_t rows = 0;
    for (uint32_t id = 0; id < manifest_index_package_count(index); id++) {
        const struct metadata *metadata = manifest_index_package(index, id)->metadata;
        rows += metadata ? metadata->published_count : 0;
    }
    return rows;
}

static void read_row(struct whole_matrix *out, const struct published_version *published) {
    unsigned char *cells = &out->cells[out->row_count * out->compiler_count];
    for (size_t i = 0; i < out->compiler_count; i++)
        cells[i] = version_is_among(out->compilers[i], published->compilers, published->compiler_count) ? CELL_SUCCEEDED
                                                                                                        : CELL_NO_PLAN;
    out->versions[out->row_count++] = published->version;
}

static void read_package(struct whole_matrix *out, const struct indexed_package *package, struct arena *arena) {
    const struct metadata *metadata = package->metadata;
    out->packages[out->package_count++] = (struct matrix_package){.name = arena_copy(arena, package->name),
                                                                  .first_row = out->row_count,
                                                                  .row_count = metadata->published_count,
                                                                  .dependants = package->user_count};
    for (size_t i = metadata->published_count; i-- > 0;)
        read_row(out, &metadata->published[i]);
}

void whole_matrix_read(struct whole_matrix *out, const struct manifest_index *index, const struct version *compilers,
                       size_t compiler_count, struct arena *arena) {
    size_t packages = manifest_index_package_count(index), rows = count_rows(index);
    struct version *kept = arena_alloc(arena, compiler_count * sizeof *kept);
    if (compiler_count > 0) memcpy(kept, compilers, compiler_count * sizeof *kept);
    *out = (struct whole_matrix){.compilers = kept, .compiler_count = compiler_count};
    out->packages = arena_alloc(arena, packages * sizeof *out->packages);
    out->versions = arena_alloc(arena, rows * sizeof *out->versions);
    out->cells = arena_alloc(arena, rows * compiler_count);
    for (size_t i = 0; i < packages; i++) {
        const struct indexed_package *package = manifest_index_package(index, manifest_index_by_name(index, i));
        if (package->metadata && package->metadata->published_count > 0) read_package(out, package, arena);
    }
}

/* ---- Plans ---- */

static void plan_row(struct whole_matrix *matrix, size_t row, const struct manifest_index *index, const char *name) {
    const struct indexed_version *version = manifest_index_find(index, name, matrix->versions[row]);
    unsigned char *cells = &matrix->cells[row * matrix->compiler_count];
    for (size_t i = 0; version && i < matrix->compiler_count; i++)
        if (cells[i] == CELL_NO_PLAN && build_plan_exists(index, version, matrix->compilers[i])) cells[i] = CELL_UNTRIED;
}

const struct matrix_package *whole_matrix_package_of(const struct whole_matrix *matrix, size_t row) {
    size_t low = 0, high = matrix->package_count;
    while (high - low > 1) {
        size_t middle = (low + high) / 2;
        *(matrix->packages[middle].first_row <= row ? &low : &high) = middle;
    }
    return &matrix->packages[low];
}

void whole_matrix_plan(struct whole_matrix *matrix, const struct manifest_index *index, size_t *row, int64_t until_us) {
    for (; *row < matrix->row_count && clock_monotonic_us() < until_us; ++*row)
        plan_row(matrix, *row, index, whole_matrix_package_of(matrix, *row)->name);
}

/* ---- Finding ---- */

static int compare_name(const void *name, const void *package) {
    return strcmp(name, ((const struct matrix_package *)package)->name);
}

const struct matrix_package *whole_matrix_find_package(const struct whole_matrix *matrix, const char *name) {
    if (matrix->package_count == 0) return NULL;
    return bsearch(name, matrix->packages, matrix->package_count, sizeof *matrix->packages, compare_name);
}

size_t whole_matrix_compiler(const struct whole_matrix *matrix, struct version compiler) {
    size_t i = 0;
    while (i < matrix->compiler_count && !version_equal(matrix->compilers[i], compiler))
        i++;
    return i;
}

size_t whole_matrix_find_row(const struct whole_matrix *matrix, const struct matrix_package *package, struct version version) {
    for (size_t row = package->first_row; row < package->first_row + package->row_count; row++)
        if (version_equal(matrix->versions[row], version)) return row;
    return matrix->row_count;
}

unsigned char *whole_matrix_find(const struct whole_matrix *matrix, const char *package, struct version version,
                                 struct version compiler) {
    const struct matrix_package *found = whole_matrix_find_package(matrix, package);
    size_t column = whole_matrix_compiler(matrix, compiler);
    if (!found || column == matrix->compiler_count) return NULL;
    size_t row = whole_matrix_find_row(matrix, found, version);
    return row < matrix->row_count ? &matrix->cells[row * matrix->compiler_count + column] : NULL;
}

/* ---- JSON ---- */

static void write_version(struct json_writer *writer, struct version version) {
    char text[VERSION_TEXT_MAX];
    version_print(version, text);
    json_writer_item(writer);
    json_writer_text(writer, text);
}

static void begin_list(struct json_writer *writer, const char *key) {
    json_writer_key(writer, key);
    json_writer_open(writer, '[');
}

static void write_versions(struct json_writer *writer, const struct whole_matrix *matrix, struct text *line) {
    begin_list(writer, "versions");
    for (size_t i = 0; i < matrix->package_count; i++) {
        text_clear(line);
        for (size_t j = 0; j < matrix->packages[i].row_count; j++) {
            char text[VERSION_TEXT_MAX];
            version_print(matrix->versions[matrix->packages[i].first_row + j], text);
            text_append_format(line, "%s%s", j ? " " : "", text);
        }
        json_writer_item(writer);
        json_writer_bytes(writer, text_view(line), line->length);
    }
    json_writer_close(writer, ']');
}

static void write_cells(struct json_writer *writer, const struct whole_matrix *matrix, struct text *line) {
    begin_list(writer, "cells");
    for (size_t i = 0; i < matrix->package_count; i++) {
        text_clear(line);
        for (size_t j = 0; j < matrix->packages[i].row_count; j++) {
            if (j > 0) text_append_character(line, ' ');
            for (size_t k = 0; k < matrix->compiler_count; k++)
                text_append_character(line, (char)('0' + whole_matrix_cell(matrix, matrix->packages[i].first_row + j, k)));
        }
        json_writer_item(writer);
        json_writer_bytes(writer, text_view(line), line->length);
    }
    json_writer_close(writer, ']');
}

void whole_matrix_append_json(struct text *out, const struct whole_matrix *matrix) {
    struct json_writer writer = {.out = out};
    struct text line = {0};
    json_writer_open(&writer, '{');
    begin_list(&writer, "compilers");
    for (size_t i = 0; i < matrix->compiler_count; i++)
        write_version(&writer, matrix->compilers[i]);
    json_writer_close(&writer, ']');
    begin_list(&writer, "states");
    for (int i = 0; i < CELL_STATE_COUNT; i++) {
        json_writer_item(&writer);
        json_writer_text(&writer, cell_state_text((enum cell_state)i));
    }
    json_writer_close(&writer, ']');
    begin_list(&writer, "names");
    for (size_t i = 0; i < matrix->package_count; i++) {
        json_writer_item(&writer);
        json_writer_text(&writer, matrix->packages[i].name);
    }
    json_writer_close(&writer, ']');
    begin_list(&writer, "dependants");
    for (size_t i = 0; i < matrix->package_count; i++) {
        json_writer_item(&writer);
        json_writer_integer(&writer, (int64_t)matrix->packages[i].dependants);
    }
    json_writer_close(&writer, ']');
    write_versions(&writer, matrix, &line);
    write_cells(&writer, matrix, &line);
    json_writer_close(&writer, '}');
    text_release(&line);
}
