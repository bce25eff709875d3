/* SPDX-License-Identifier: BSD-3-Clause */
#include "lib/store/job/archive_line.h"

#include <jansson.h>
#include <string.h>

#include "lib/base/json.h"
#include "lib/base/json_writer.h"
#include "lib/base/text.h"

enum { DIGITS_MAX = 15 }; /* of a number: more than any time or count has */

void archive_line_append(struct text *out, const struct log_line *line) {
    struct json_writer writer = {.out = out};
    json_writer_open(&writer, '{');
    json_writer_integer_field(&writer, "time", line->time_ms);
    if (line->ordinal) json_writer_integer_field(&writer, "ordinal", line->ordinal);
    json_writer_text_field(&writer, "level", log_level_name(line->level));
    json_writer_integer_field(&writer, "attempt", line->attempt);
    json_writer_integer_field(&writer, "number", line->number);
    json_writer_text_field(&writer, "message", line->message);
    json_writer_close(&writer, '}');
}

/* A place in a line's text. */
struct scan {
    const char *at, *end;
};

static bool scan_literal(struct scan *scan, const char *literal) {
    size_t length = strlen(literal);
    if ((size_t)(scan->end - scan->at) < length || memcmp(scan->at, literal, length) != 0) return false;
    scan->at += length;
    return true;
}

static bool scan_number(struct scan *scan, int64_t *out) {
    const char *begin = scan->at;
    for (*out = 0; scan->at < scan->end && *scan->at >= '0' && *scan->at <= '9'; scan->at++) {
        if (scan->at - begin == DIGITS_MAX) return false;
        *out = *out * 10 + (*scan->at - '0');
    }
    return scan->at > begin;
}

static bool scan_place(struct scan *scan, struct log_line *out) {
    *out = (struct log_line){0};
    if (!scan_literal(scan, "{\"time\":") || !scan_number(scan, &out->time_ms)) return false;
    return !scan_literal(scan, ",\"ordinal\":") || scan_number(scan, &out->ordinal);
}

bool archive_line_place(const char *line, size_t length, struct log_line *out) {
    return scan_place(&(struct scan){line, line + length}, out);
}

static bool scan_level(struct scan *scan, enum log_level *out) {
    const char *end = memchr(scan->at, '"', (size_t)(scan->end - scan->at));
    char name[8] = "";
    if (!end || (size_t)(end - scan->at) >= sizeof name) return false;
    memcpy(name, scan->at, (size_t)(end - scan->at));
    scan->at = end;
    return log_level_parse(name, out);
}

/* The character that a `\` and this one stand for; 0: none, or it is written in another way. */
static char unescape(char character) {
    switch (character) {
    case '"':
    case '\\':
    case '/': return character;
    case 'b': return '\b';
    case 'f': return '\f';
    case 'n': return '\n';
    case 'r': return '\r';
    case 't': return '\t';
    default: return 0;
    }
}

/* Copies a string without its escapes. NULL: it has one that is not in unescape(), or is malformed. */
static const char *copy_string(const char *at, const char *end, struct arena *arena) {
    char *copy = arena_alloc(arena, (size_t)(end - at) + 1), *to = copy;
    while (at < end) {
        const char *escape = memchr(at, '\\', (size_t)(end - at)), *plain_end = escape ? escape : end;
        if (memchr(at, '"', (size_t)(plain_end - at))) return NULL;
        memcpy(to, at, (size_t)(plain_end - at));
        to += plain_end - at;
        at = plain_end;
        if (!escape) break;
        if (end - at < 2 || (*to++ = unescape(at[1])) == 0) return NULL;
        at += 2;
    }
    return text_is_utf8(copy, (size_t)(to - copy)) ? copy : NULL;
}

/* Reads a line in exactly the form that archive_line_append() writes. */
static bool read_fixed_form(const char *line, size_t length, struct arena *arena, struct log_line *out) {
    struct scan scan = {line, line + length};
    int64_t attempt, number;
    if (!scan_place(&scan, out) || !scan_literal(&scan, ",\"level\":\"") || !scan_level(&scan, &out->level) ||
        !scan_literal(&scan, "\",\"attempt\":") || !scan_number(&scan, &attempt) || !scan_literal(&scan, ",\"number\":") ||
        !scan_number(&scan, &number) || !scan_literal(&scan, ",\"message\":\""))
        return false;
    if (scan.end - scan.at < 2 || memcmp(scan.end - 2, "\"}", 2) != 0) return false;
    out->attempt = (int)attempt;
    out->number = (int)number;
    out->message = copy_string(scan.at, scan.end - 2, arena);
    return out->message;
}

static bool read_json(const char *line, size_t length, struct arena *arena, struct log_line *out) {
    json_t *entry = NULL;
    if (!archive_line_place(line, length, out) || json_read(&entry, line, length, "the line", NULL)) return false;
    const char *level = json_string_value(json_object_get(entry, "level")),
               *message = json_string_value(json_object_get(entry, "message"));
    out->attempt = (int)json_integer_value(json_object_get(entry, "attempt"));
    out->number = (int)json_integer_value(json_object_get(entry, "number"));
    out->message = message ? arena_copy(arena, message) : NULL;
    bool is_line = level && log_level_parse(level, &out->level) && out->message;
    json_decref(entry);
    return is_line;
}

bool archive_line_read(const char *line, size_t length, struct arena *arena, struct log_line *out) {
    return read_fixed_form(line, length, arena, out) || read_json(line, length, arena, out);
}
