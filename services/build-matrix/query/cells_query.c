/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Answers queries about the whole build matrix (matrix_book.h): its file, and pages of its cells with counts for each compiler.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/array.h"
#include "lib/base/json_writer.h"
#include "lib/base/text.h"
#include "lib/domain/matrix/supported_compilers.h"
#include "lib/service/message/message_json.h"
#include "services/build-matrix/matrix_service.h"
#include "services/build-matrix/query/matrix_book.h"
#include "services/build-matrix/query/matrix_query.h"

enum { CELLS_STANDARD = 100, CELLS_MAX = 1000 };

#define NOT_SUCCEEDED "not_succeeded"

/* ---- The file ---- */

enum status answer_matrix_file_query(void *context, const struct message *request, struct arena *arena, struct message *answer,
                                     struct error *err) {
    struct matrix_service *service = context;
    struct matrix_page page;
    enum status status = matrix_book_open(service->book, &page, err);
    if (status) return status;
    *answer = (struct message){.tag = MESSAGE_matrix_file};
    answer->matrix_file.tag = arena_copy(arena, page.tag);
    if (!text_equal(request->matrix_file_query.known, page.tag))
        answer->matrix_file.json = arena_copy_bytes(arena, page.json->bytes, page.json->length);
    matrix_book_close(service->book);
    return STATUS_OK;
}

/* ---- Which cells ---- */

/* A query, understood. */
struct cell_filter {
    const struct message_matrix_cells_query *query;
    size_t compiler, than; /* positions; the number of compilers: any */
    bool has_state, only_not_succeeded;
    enum cell_state state;
};

struct chosen_cell {
    const struct matrix_package *package;
    size_t row, compiler;
    const struct build_note *note; /* NULL: it was not built by this server */
};

struct chosen_cells {
    struct chosen_cell *items;
    size_t count, capacity;
};

/* Sets the position of the compiler; `text` NULL: `otherwise`. */
static enum status find_compiler(size_t *out, const struct whole_matrix *matrix, const char *text, const char *field,
                                 size_t otherwise, struct error *err) {
    struct version compiler;
    *out = otherwise;
    if (!text) return STATUS_OK;
    if (version_parse(&compiler, text, err)) return error_under(err, field);
    *out = whole_matrix_compiler(matrix, compiler);
    enum status status = supported_compilers_check(matrix->compilers, matrix->compiler_count, compiler, err);
    if (status) snprintf(err->path, sizeof err->path, "%s", field);
    return status;
}

static enum status read_state(struct cell_filter *out, const char *text, struct error *err) {
    out->only_not_succeeded = text_equal(text, NOT_SUCCEEDED);
    if (!text || out->only_not_succeeded) return STATUS_OK;
    out->has_state = cell_state_parse(text, &out->state);
    if (out->has_state) return STATUS_OK;
    return error_set_at(err, STATUS_INVALID, "state", "There is no such state of a cell.");
}

static enum status read_filter(struct cell_filter *out, const struct whole_matrix *matrix,
                               const struct message_matrix_cells_query *query, struct error *err) {
    size_t any = matrix->compiler_count, newest = query->since_ms || any == 0 ? any : any - 1;
    *out = (struct cell_filter){.query = query};
    enum status status = find_compiler(&out->compiler, matrix, query->compiler, "compiler", newest, err);
    if (!status) status = find_compiler(&out->than, matrix, query->than, "than", any, err);
    if (!status) status = read_state(out, query->state, err);
    return status;
}

static bool wants_package(const struct cell_filter *filter, const struct matrix_package *package) {
    return !filter->query->name || strstr(package->name, filter->query->name);
}

static size_t wanted_rows(const struct cell_filter *filter, const struct matrix_package *package) {
    return filter->query->all_versions ? package->row_count : 1;
}

static bool wants_cell(const struct cell_filter *filter, const struct whole_matrix *matrix, const struct chosen_cell *cell) {
    enum cell_state state = whole_matrix_cell(matrix, cell->row, cell->compiler);
    if (filter->has_state && state != filter->state) return false;
    if (filter->only_not_succeeded && state == CELL_SUCCEEDED) return false;
    if (filter->than < matrix->compiler_count && whole_matrix_cell(matrix, cell->row, filter->than) == state) return false;
    if (!filter->query->since_ms) return true;
    return cell->note && cell->note->state == CELL_FAILED && cell->note->time_ms >= filter->query->since_ms;
}

static void choose_cell(struct chosen_cells *out, const struct cell_filter *filter, const struct matrix_page *page,
                        struct chosen_cell cell, struct arena *arena) {
    cell.note = build_notes_find(page->notes, cell.package->name, page->matrix->versions[cell.row],
                                 page->matrix->compilers[cell.compiler]);
    if (wants_cell(filter, page->matrix, &cell)) *array_add_in(arena, out) = cell;
}

static void choose_cells(struct chosen_cells *out, const struct cell_filter *filter, const struct matrix_page *page,
                         struct arena *arena) {
    const struct whole_matrix *matrix = page->matrix;
    bool is_one = filter->compiler < matrix->compiler_count;
    for (size_t i = 0; i < matrix->package_count; i++) {
        const struct matrix_package *package = &matrix->packages[i];
        size_t rows = wants_package(filter, package) ? wanted_rows(filter, package) : 0;
        for (size_t row = package->first_row; row < package->first_row + rows; row++)
            for (size_t j = is_one ? filter->compiler : 0; j < (is_one ? filter->compiler + 1 : matrix->compiler_count); j++)
                choose_cell(out, filter, page, (struct chosen_cell){.package = package, .row = row, .compiler = j}, arena);
    }
}

/* ---- Their order ---- */

/* Rows are in order of names, and of versions. */
static int compare_rows(const void *a, const void *b) {
    const struct chosen_cell *one = a, *other = b;
    if (one->row != other->row) return one->row < other->row ? -1 : 1;
    return one->compiler < other->compiler ? 1 : -(one->compiler > other->compiler);
}

static int compare_dependants(const void *a, const void *b) {
    const struct chosen_cell *one = a, *other = b;
    if (one->package->dependants != other->package->dependants)
        return one->package->dependants > other->package->dependants ? -1 : 1;
    return compare_rows(a, b);
}

static int compare_times(const void *a, const void *b) {
    const struct chosen_cell *one = a, *other = b;
    if (one->note->time_ms != other->note->time_ms) return one->note->time_ms > other->note->time_ms ? -1 : 1;
    return compare_rows(a, b);
}

static void sort_cells(struct chosen_cells *cells, const struct message_matrix_cells_query *query) {
    if (cells->count > 0)
        qsort(cells->items, cells->count, sizeof *cells->items,
              query->since_ms  ? compare_times
              : query->by_name ? compare_rows
                               : compare_dependants);
}

/* ---- The answer ---- */

static void write_version(struct json_writer *writer, const char *key, struct version version) {
    char text[VERSION_TEXT_MAX];
    version_print(version, text);
    json_writer_text_field(writer, key, text);
}

static void write_cell(struct json_writer *writer, const struct whole_matrix *matrix, const struct cell_filter *filter,
                       const struct chosen_cell *cell) {
    enum cell_state state = whole_matrix_cell(matrix, cell->row, cell->compiler);
    bool has_ended = cell->note && cell->note->state == CELL_FAILED;
    json_writer_item(writer);
    json_writer_open(writer, '{');
    json_writer_text_field(writer, "name", cell->package->name);
    write_version(writer, "version", matrix->versions[cell->row]);
    json_writer_integer_field(writer, "dependants", (int64_t)cell->package->dependants);
    write_version(writer, "compiler", matrix->compilers[cell->compiler]);
    json_writer_text_field(writer, "state", cell_state_text(state));
    if (filter->than < matrix->compiler_count)
        json_writer_text_field(writer, "otherState", cell_state_text(whole_matrix_cell(matrix, cell->row, filter->than)));
    if (has_ended) json_writer_text_field(writer, "verdict", verdict_text(cell->note->verdict));
    if (cell->note) json_writer_text_field(writer, "jobId", cell->note->job_id);
    if (cell->note) json_writer_time_field(writer, "time", cell->note->time_ms);
    json_writer_close(writer, '}');
}

/* How many of the wanted rows are in each state, for each compiler, the newest first. */
static void write_counts(struct json_writer *writer, const struct whole_matrix *matrix, const struct cell_filter *filter) {
    json_writer_key(writer, "compilers");
    json_writer_open(writer, '[');
    for (size_t compiler = matrix->compiler_count; compiler-- > 0;) {
        int64_t counts[CELL_STATE_COUNT] = {0};
        for (size_t i = 0; i < matrix->package_count; i++)
            for (size_t j = 0; wants_package(filter, &matrix->packages[i]) && j < wanted_rows(filter, &matrix->packages[i]);
                 j++)
                counts[whole_matrix_cell(matrix, matrix->packages[i].first_row + j, compiler)]++;
        json_writer_item(writer);
        json_writer_open(writer, '{');
        write_version(writer, "compiler", matrix->compilers[compiler]);
        for (int state = 0; state < CELL_STATE_COUNT; state++)
            json_writer_integer_field(writer, cell_state_text((enum cell_state)state), counts[state]);
        json_writer_close(writer, '}');
    }
    json_writer_close(writer, ']');
}

/* The query as it was understood, for pages that show it. */
static void write_filter(struct json_writer *writer, const struct whole_matrix *matrix, const struct cell_filter *filter) {
    const struct message_matrix_cells_query *query = filter->query;
    json_writer_key(writer, "filter");
    json_writer_open(writer, '{');
    if (filter->compiler < matrix->compiler_count) write_version(writer, "compiler", matrix->compilers[filter->compiler]);
    if (filter->than < matrix->compiler_count) write_version(writer, "than", matrix->compilers[filter->than]);
    json_writer_text_field(writer, "state", query->state);
    json_writer_text_field(writer, "name", query->name);
    json_writer_text_field(writer, "versions", query->all_versions ? "all" : "newest");
    json_writer_text_field(writer, "order", query->by_name ? "name" : "dependants");
    json_writer_time_field(writer, "since", query->since_ms);
    json_writer_close(writer, '}');
}

static void write_answer(struct json_writer *writer, const struct whole_matrix *matrix, const struct cell_filter *filter,
                         const struct chosen_cells *cells) {
    const struct message_matrix_cells_query *query = filter->query;
    size_t limit = query->limit < 1 ? CELLS_STANDARD : query->limit > CELLS_MAX ? CELLS_MAX : (size_t)query->limit;
    size_t first = query->first < 0 ? 0 : (size_t)query->first;
    size_t end = first < cells->count && cells->count - first > limit ? first + limit : cells->count;
    json_writer_open(writer, '{');
    write_filter(writer, matrix, filter);
    write_counts(writer, matrix, filter);
    json_writer_integer_field(writer, "count", (int64_t)cells->count);
    json_writer_key(writer, "cells");
    json_writer_open(writer, '[');
    for (size_t i = first; i < end; i++)
        write_cell(writer, matrix, filter, &cells->items[i]);
    json_writer_close(writer, ']');
    if (end < cells->count) json_writer_integer_field(writer, "next", (int64_t)end);
    json_writer_close(writer, '}');
}

enum status answer_matrix_cells_query(void *context, const struct message *request, struct arena *arena, struct message *answer,
                                      struct error *err) {
    struct matrix_service *service = context;
    struct matrix_page page;
    struct cell_filter filter;
    struct chosen_cells cells = {0};
    struct text json = {0};
    enum status status = matrix_book_open(service->book, &page, err);
    if (status) return status;
    status = read_filter(&filter, page.matrix, &request->matrix_cells_query, err);
    if (!status && page.matrix->compiler_count > 0) choose_cells(&cells, &filter, &page, arena);
    sort_cells(&cells, &request->matrix_cells_query);
    if (!status) write_answer(&(struct json_writer){.out = &json}, page.matrix, &filter, &cells);
    matrix_book_close(service->book);
    if (!status) message_take_json(answer, &json, arena);
    return status;
}
