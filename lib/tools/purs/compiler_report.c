/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Parses the compiler's output.
 */
#include "lib/tools/purs/compiler_report.h"

#include <stdlib.h>
#include <string.h>

#include "lib/base/json.h"
#include "lib/base/text.h"

/* A copy of the text field; NULL if it is absent, null or of another type. */
static const char *copy_field(struct arena *arena, const json_t *object, const char *key) {
    const char *text = json_string_value(json_object_get(object, key));
    return text ? arena_copy(arena, text) : NULL;
}

static int number_field(const json_t *object, const char *key) {
    return (int)json_integer_value(json_object_get(object, key));
}

/* A position from `allSpans`: {"name": FILE, "start": [LINE, COLUMN], "end": [LINE, COLUMN]}. */
static struct compiler_span read_span(const json_t *object, struct arena *arena) {
    const json_t *start = json_object_get(object, "start"), *end = json_object_get(object, "end");
    return (struct compiler_span){
        .filename = copy_field(arena, object, "name"),
        .start_line = (int)json_integer_value(json_array_get(start, 0)),
        .start_column = (int)json_integer_value(json_array_get(start, 1)),
        .end_line = (int)json_integer_value(json_array_get(end, 0)),
        .end_column = (int)json_integer_value(json_array_get(end, 1)),
    };
}

static bool is_at(const struct compiler_message *message, const struct compiler_span *span) {
    return text_equal(message->filename, span->filename) && message->start_line == span->start_line &&
           message->start_column == span->start_column && message->end_line == span->end_line &&
           message->end_column == span->end_column;
}

/* Skips the first span if it is the message's own position, as it mostly is. */
static void read_more_spans(struct compiler_message *out, const json_t *array, struct arena *arena) {
    size_t count = json_array_size(array);
    if (count == 0) return;
    struct compiler_span first = read_span(json_array_get(array, 0), arena);
    size_t skipped = is_at(out, &first) ? 1 : 0;
    if (count == skipped) return;
    struct compiler_span *spans = arena_alloc(arena, (count - skipped) * sizeof *spans);
    for (size_t i = skipped; i < count; i++)
        spans[i - skipped] = read_span(json_array_get(array, i), arena);
    out->more_spans = spans;
    out->more_span_count = count - skipped;
}

static void read_message(struct compiler_message *out, const json_t *object, struct arena *arena) {
    const json_t *position = json_object_get(object, "position");
    const char *message = copy_field(arena, object, "message"), *code = copy_field(arena, object, "errorCode");
    *out = (struct compiler_message){
        .message = message ? message : "",
        .code = code ? code : "Unknown",
        .link = copy_field(arena, object, "errorLink"),
        .filename = copy_field(arena, object, "filename"),
        .module = copy_field(arena, object, "moduleName"),
        .has_position = json_is_object(position),
        .start_line = number_field(position, "startLine"),
        .start_column = number_field(position, "startColumn"),
        .end_line = number_field(position, "endLine"),
        .end_column = number_field(position, "endColumn"),
    };
    read_more_spans(out, json_object_get(object, "allSpans"), arena);
}

/* ---- Duplicates ---- */

static int compare_texts(const char *a, const char *b) {
    return a && b ? strcmp(a, b) : (a != NULL) - (b != NULL);
}

static int compare_numbers(int a, int b) {
    return (a > b) - (a < b);
}

static int compare_messages(const struct compiler_message *a, const struct compiler_message *b) {
    const int differences[] = {
        compare_texts(a->filename, b->filename),
        compare_numbers(a->start_line, b->start_line),
        compare_numbers(a->start_column, b->start_column),
        compare_numbers(a->end_line, b->end_line),
        compare_numbers(a->end_column, b->end_column),
        compare_texts(a->code, b->code),
        compare_texts(a->module, b->module),
        compare_texts(a->message, b->message),
    };
    for (size_t i = 0; i < sizeof differences / sizeof differences[0]; i++)
        if (differences[i]) return differences[i];
    return 0;
}

/* Equal messages stay in their order. */
static int compare_places(const void *a, const void *b) {
    const struct compiler_message *one = *(const struct compiler_message *const *)a,
                                  *other = *(const struct compiler_message *const *)b;
    int difference = compare_messages(one, other);
    return difference ? difference : (one > other) - (one < other);
}

/* Removes duplicates; returns how many messages are left, in their order. */
static size_t leave_out_repeated(struct compiler_message *messages, size_t count) {
    struct arena arena = {0};
    struct compiler_message **sorted = arena_alloc(&arena, (count + 1) * sizeof *sorted);
    bool *is_repeated = arena_alloc(&arena, (count + 1) * sizeof *is_repeated);
    size_t left = 0;
    for (size_t i = 0; i < count; i++)
        sorted[i] = &messages[i];
    if (count) qsort(sorted, count, sizeof *sorted, compare_places);
    for (size_t i = 1; i < count; i++)
        if (compare_messages(sorted[i - 1], sorted[i]) == 0) is_repeated[sorted[i] - messages] = true;
    for (size_t i = 0; i < count; i++)
        if (!is_repeated[i]) messages[left++] = messages[i];
    arena_release(&arena);
    return left;
}

static struct compiler_message *read_messages(const json_t *array, size_t *count, struct arena *arena) {
    *count = json_array_size(array);
    struct compiler_message *messages = arena_alloc(arena, (*count + 1) * sizeof *messages);
    for (size_t i = 0; i < *count; i++)
        read_message(&messages[i], json_array_get(array, i), arena);
    *count = leave_out_repeated(messages, *count);
    return messages;
}

/* The last line that is a JSON object with both lists (other text may surround it), for the caller to release; NULL: not
 * found. */
static json_t *find_json(const struct text *text) {
    const char *begin = text_view(text), *end = begin + text->length;
    while (end > begin) {
        const char *newline = memrchr(begin, '\n', (size_t)(end - begin)), *line = newline ? newline + 1 : begin;
        json_t *found = NULL;
        if (line < end && *line == '{' && !json_read(&found, line, (size_t)(end - line), "The report", NULL)) {
            if (json_is_array(json_object_get(found, "errors")) && json_is_array(json_object_get(found, "warnings")))
                return found;
            json_decref(found);
        }
        end = newline ? newline : begin;
    }
    return NULL;
}

bool compiler_report_is_progress(const char *line) {
    const char *end = line[0] == '[' ? strchr(line, ']') : NULL;
    if (end && end[1] == ' ') line = end + 2;
    return text_starts_with(line, "Compiling ");
}

static size_t count_compiled(const struct text *printed) {
    size_t count = 0;
    for (const char *line = text_view(printed); line; line = strchr(line, '\n')) {
        if (*line == '\n') line++;
        count += compiler_report_is_progress(line);
    }
    return count;
}

bool compiler_report_read(struct compiler_report *out, struct arena *arena, const struct text *output,
                          const struct text *errors) {
    *out = (struct compiler_report){.compiled_count = count_compiled(output) + count_compiled(errors)}; /* in either stream */
    json_t *found = find_json(output);
    if (!found) found = find_json(errors); /* of compile before 0.14.0, and of graph */
    if (!found) return false;
    out->errors = read_messages(json_object_get(found, "errors"), &out->error_count, arena);
    out->warnings = read_messages(json_object_get(found, "warnings"), &out->warning_count, arena);
    json_decref(found);
    return true;
}
