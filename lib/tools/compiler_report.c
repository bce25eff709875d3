/* SPDX-License-Identifier: BSD-3-Clause
 *
 * What the compiler says, into structures, and printed again for people. */
#include "lib/tools/compiler_report.h"

#include <string.h>

#include "lib/base/json.h"
#include "lib/base/text.h"

/* The text of a field, copied; NULL where it is absent, null or something else. */
static const char *copy_field(struct arena *arena, const json_t *object, const char *key) {
    const char *text = json_string_value(json_object_get(object, key));
    return text ? arena_copy(arena, text) : NULL;
}

static int number_field(const json_t *object, const char *key) {
    return (int)json_integer_value(json_object_get(object, key));
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
}

static struct compiler_message *read_messages(const json_t *array, size_t *count, struct arena *arena) {
    *count = json_array_size(array);
    struct compiler_message *messages = arena_alloc(arena, (*count + 1) * sizeof *messages);
    for (size_t i = 0; i < *count; i++)
        read_message(&messages[i], json_array_get(array, i), arena);
    return messages;
}

/* The last line that is a JSON object with both lists, since other text may be around it; NULL where there is none. */
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

/* Lines such as `Compiling Data.Maybe` or `[3 of 20] Compiling Data.Maybe`. */
static size_t count_compiled(const struct text *printed) {
    static const char word[] = "Compiling ";
    size_t count = 0;
    const char *line = text_view(printed);
    while (line) {
        const char *at = line;
        if (*at == '[' && (at = strchr(at, ']')) && at[1] == ' ') at += 2;
        if (at && text_starts_with(at, word)) count++;
        line = strchr(line, '\n');
        if (line) line++;
    }
    return count;
}

bool compiler_report_read(struct compiler_report *out, struct arena *arena, const struct text *output,
                          const struct text *errors) {
    *out =
        (struct compiler_report){.compiled_count = count_compiled(output) + count_compiled(errors)}; /* wherever it says so */
    json_t *found = find_json(output);
    if (!found) found = find_json(errors); /* compile before 0.14.0, and graph */
    if (!found) return false;
    out->errors = read_messages(json_object_get(found, "errors"), &out->error_count, arena);
    out->warnings = read_messages(json_object_get(found, "warnings"), &out->warning_count, arena);
    json_decref(found);
    return true;
}

/* Appends `message` indented by two blanks (as most come already), without blanks and line breaks at its end. */
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

static void print_error(struct text *out, const struct compiler_message *message) {
    text_append(out, message->code);
    if (message->filename) text_append_format(out, " in %s", message->filename);
    if (message->has_position)
        text_append_format(out, ":%d:%d - %d:%d", message->start_line, message->start_column, message->end_line,
                           message->end_column);
    if (message->module) text_append_format(out, " (module %s)", message->module);
    text_append(out, ":\n");
    append_indented(out, message->message);
    if (message->link) text_append_format(out, "  See %s\n", message->link);
}

void compiler_report_print_errors(struct text *out, const struct compiler_report *report, size_t most) {
    for (size_t i = 0; i < report->error_count && i < most; i++) {
        if (i > 0) text_append_character(out, '\n');
        print_error(out, &report->errors[i]);
    }
    if (report->error_count > most) text_append_format(out, "\nand %zu more errors\n", report->error_count - most);
}
