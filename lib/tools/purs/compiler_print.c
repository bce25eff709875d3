/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Formats the compiler's messages for readers: their paths, their text, their number.
 */
#include <string.h>

#include "lib/base/text.h"
#include "lib/domain/matrix/work_order.h"
#include "lib/tools/purs/compiler.h"

enum { SPANS_SHOWN = 20 };

#define PACKAGES COMPILER_PACKAGES_FOLDER "/"

/* ---- Paths ---- */

/* True if `path` is below the folder of that package; *length is the length of that prefix. */
static bool is_of_package(const char *path, const char *package, size_t *length) {
    size_t folder = strlen(PACKAGES), name = strlen(package);
    *length = folder + name + 1;
    return text_starts_with(path, PACKAGES) && strncmp(path + folder, package, name) == 0 && path[folder + name] == '/';
}

const char *compiler_localize_text(struct arena *arena, const char *text, const char *own) {
    const char *found = text ? strstr(text, PACKAGES) : NULL;
    if (!found) return text;
    struct text out = {0};
    for (; found; found = strstr(text, PACKAGES)) {
        size_t length;
        text_append_bytes(&out, text, (size_t)(found - text));
        text = found + (is_of_package(found, own, &length) ? length : strlen(PACKAGES));
    }
    text_append(&out, text);
    const char *copy = arena_copy(arena, text_view(&out));
    text_release(&out);
    return copy;
}

void compiler_message_localize(struct compiler_message *message, struct arena *arena, const char *own) {
    message->message = compiler_localize_text(arena, message->message, own);
    message->filename = compiler_localize_text(arena, message->filename, own);
    if (message->more_span_count == 0) return;
    struct compiler_span *spans = arena_alloc(arena, message->more_span_count * sizeof *spans);
    memcpy(spans, message->more_spans, message->more_span_count * sizeof *spans);
    for (size_t i = 0; i < message->more_span_count; i++)
        spans[i].filename = compiler_localize_text(arena, spans[i].filename, own);
    message->more_spans = spans;
}

void compiler_report_localize(struct compiler_report *report, struct arena *arena, const char *own) {
    for (size_t i = 0; i < report->error_count; i++)
        compiler_message_localize(&report->errors[i], arena, own);
    for (size_t i = 0; i < report->warning_count; i++)
        compiler_message_localize(&report->warnings[i], arena, own);
}

struct compiler_message *compiler_report_own_warnings(const struct compiler_report *report, struct arena *arena,
                                                      const char *own, size_t *count) {
    struct compiler_message *warnings = arena_alloc(arena, (report->warning_count + 1) * sizeof *warnings);
    *count = 0;
    for (size_t i = 0; i < report->warning_count; i++) {
        size_t length;
        if (!report->warnings[i].filename || !is_of_package(report->warnings[i].filename, own, &length)) continue;
        warnings[*count] = report->warnings[i];
        compiler_message_localize(&warnings[(*count)++], arena, own);
    }
    return warnings;
}

/* ---- Text ---- */

/* Appends `message` indented by two spaces (most already are), without trailing spaces and line breaks. */
static void append_indented(struct text *out, const char *message) {
    const char *indent = message[0] == ' ' ? "" : "  ";
    size_t length = strlen(message);
    while (length > 0 && strchr(" \n", message[length - 1]))
        length--;
    for (size_t at = 0; at < length;) {
        size_t line = strcspn(message + at, "\n");
        if (line > length - at) line = length - at;
        if (line > 0) text_append(out, indent);
        text_append_bytes(out, message + at, line);
        text_append_character(out, '\n');
        at += line + 1;
    }
}

static void print_place(struct text *out, int start_line, int start_column, int end_line, int end_column) {
    text_append_format(out, ":%d:%d - %d:%d", start_line, start_column, end_line, end_column);
}

/* Appends an indented line for each further position. */
static void append_more_places(struct text *out, const struct compiler_message *message) {
    for (size_t i = 0; i < message->more_span_count && i < SPANS_SHOWN; i++) {
        const struct compiler_span *span = &message->more_spans[i];
        text_append_format(out, "  also in %s", span->filename ? span->filename : "a file without a name");
        print_place(out, span->start_line, span->start_column, span->end_line, span->end_column);
        text_append_character(out, '\n');
    }
    if (message->more_span_count > SPANS_SHOWN)
        text_append_format(out, "  and in %zu more places\n", message->more_span_count - SPANS_SHOWN);
}

const char *compiler_message_whole(struct arena *arena, const struct compiler_message *message) {
    if (message->more_span_count == 0) return message->message;
    struct text out = {0};
    append_indented(&out, message->message);
    append_more_places(&out, message);
    const char *copy = arena_copy(arena, text_view(&out));
    text_release(&out);
    return copy;
}

static void print_message(struct text *out, const struct compiler_message *message) {
    text_append(out, message->code);
    if (message->filename) text_append_format(out, " in %s", message->filename);
    if (message->has_position)
        print_place(out, message->start_line, message->start_column, message->end_line, message->end_column);
    if (message->module) text_append_format(out, " (module %s)", message->module);
    text_append(out, ":\n");
    append_indented(out, message->message);
    append_more_places(out, message);
    if (message->link) text_append_format(out, "  See %s\n", message->link);
}

void compiler_messages_print(struct text *out, const struct compiler_message *messages, size_t count, size_t most) {
    for (size_t i = 0; i < count && i < most; i++) {
        if (i > 0) text_append_character(out, '\n');
        print_message(out, &messages[i]);
    }
    if (count > most) text_append_format(out, "\nand %zu more\n", count - most);
}

void compiler_report_print_errors(struct text *out, const struct compiler_report *report, size_t most) {
    compiler_messages_print(out, report->errors, report->error_count, most);
}

void compiler_result_print_errors(struct text *out, const struct build_result *result, size_t most) {
    struct arena arena = {0};
    struct compiler_message *messages = arena_alloc(&arena, (result->error_count + 1) * sizeof *messages);
    for (size_t i = 0; i < result->error_count; i++) {
        const struct build_error *error = &result->errors[i];
        messages[i] = (struct compiler_message){
            .message = error->message,
            .code = error->code,
            .link = error->link,
            .filename = error->filename,
            .module = error->module,
            .has_position = error->has_position,
            .start_line = error->position.start_line,
            .start_column = error->position.start_column,
            .end_line = error->position.end_line,
            .end_column = error->position.end_column,
        };
    }
    compiler_messages_print(out, messages, result->error_count + result->errors_left_out,
                            result->error_count < most ? result->error_count : most);
    arena_release(&arena);
}

const char *compiler_report_count_errors(const struct compiler_report *report, struct arena *arena, size_t most) {
    if (report->error_count > most)
        return arena_format(arena, "%zu errors, the first %zu of which are shown above", report->error_count, most);
    return arena_format(arena, "%zu error%s, shown above", report->error_count, report->error_count == 1 ? "" : "s");
}
