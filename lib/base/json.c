/* SPDX-License-Identifier: BSD-3-Clause */
#include "lib/base/json.h"

#include <limits.h>
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/text.h"

/* The encoding whose byte order mark `bytes` begins with, or NULL. */
static const char *find_byte_order_mark(const char *bytes, size_t length) {
    if (length >= 3 && memcmp(bytes, "\xEF\xBB\xBF", 3) == 0) return "UTF-8";
    if (length >= 2 && (memcmp(bytes, "\xFF\xFE", 2) == 0 || memcmp(bytes, "\xFE\xFF", 2) == 0)) return "UTF-16";
    return NULL;
}

enum status json_read(json_t **out, const char *bytes, size_t length, const char *what, struct error *err) {
    json_error_t problem;
    const char *mark = find_byte_order_mark(bytes, length);
    *out = NULL;
    if (mark)
        return error_set(err, STATUS_INVALID,
                         "%s begins with a byte order mark of %s, which JSON must not have: save it as UTF-8 without one.",
                         what, mark);
    *out = json_loadb(bytes, length, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, &problem);
    if (*out) return STATUS_OK;
    return error_set(err, STATUS_INVALID, "%s is not valid JSON: %s at line %d, column %d.", what, problem.text, problem.line,
                     problem.column);
}

const char *json_type_name(const json_t *value) {
    if (!value) return "nothing";
    switch (json_typeof(value)) {
    case JSON_OBJECT: return "an object";
    case JSON_ARRAY: return "an array";
    case JSON_STRING: return "a string";
    case JSON_INTEGER:
    case JSON_REAL: return "a number";
    case JSON_TRUE:
    case JSON_FALSE: return "a boolean";
    case JSON_NULL: return "null";
    }
    return "something else";
}

/* Finds a field and checks its type; *out is NULL if an optional field is absent or null. */
static enum status find_field(const json_t *object, const char *key, json_type type, const char *wanted, bool required,
                              const json_t **out, struct error *err) {
    *out = json_object_get(object, key);
    if (*out && json_typeof(*out) == type) return STATUS_OK;
    bool absent = !*out || json_is_null(*out);
    if (absent && !required) {
        *out = NULL;
        return STATUS_OK;
    }
    if (!*out) return error_set_at(err, STATUS_INVALID, key, "The field \"%s\" is missing: it must be %s.", key, wanted);
    return error_set_at(err, STATUS_INVALID, key, "The field \"%s\" must be %s, but it is %s.", key, wanted,
                        json_type_name(*out));
}

static enum status find_text(const json_t *object, const char *key, bool required, const char **out, struct error *err) {
    const json_t *value;
    enum status status = find_field(object, key, JSON_STRING, "a string", required, &value, err);
    if (status) return status;
    *out = value ? json_string_value(value) : NULL;
    return STATUS_OK;
}

enum status json_need_text(const json_t *object, const char *key, const char **out, struct error *err) {
    return find_text(object, key, true, out, err);
}

enum status json_want_text(const json_t *object, const char *key, const char **out, struct error *err) {
    return find_text(object, key, false, out, err);
}

enum status json_need_object(const json_t *object, const char *key, const json_t **out, struct error *err) {
    return find_field(object, key, JSON_OBJECT, "an object", true, out, err);
}

enum status json_want_object(const json_t *object, const char *key, const json_t **out, struct error *err) {
    return find_field(object, key, JSON_OBJECT, "an object", false, out, err);
}

enum status json_need_array(const json_t *object, const char *key, const json_t **out, struct error *err) {
    return find_field(object, key, JSON_ARRAY, "an array", true, out, err);
}

enum status json_want_array(const json_t *object, const char *key, const json_t **out, struct error *err) {
    return find_field(object, key, JSON_ARRAY, "an array", false, out, err);
}

enum status json_need_integer(const json_t *object, const char *key, int64_t *out, struct error *err) {
    const json_t *value;
    enum status status = find_field(object, key, JSON_INTEGER, "a whole number", true, &value, err);
    if (status) return status;
    *out = json_integer_value(value);
    return STATUS_OK;
}

static void append_escaped(struct text *out, unsigned char character) {
    switch (character) {
    case '"': text_append(out, "\\\""); break;
    case '\\': text_append(out, "\\\\"); break;
    case '\b': text_append(out, "\\b"); break;
    case '\f': text_append(out, "\\f"); break;
    case '\n': text_append(out, "\\n"); break;
    case '\r': text_append(out, "\\r"); break;
    case '\t': text_append(out, "\\t"); break;
    default: text_append_format(out, "\\u%04x", character);
    }
}

/* True for the bytes that a JSON string holds only as an escape. */
static const bool needs_escape[UCHAR_MAX + 1] = {[0 ... 0x1F] = true, ['"'] = true, ['\\'] = true};

#define EACH_BYTE(byte) (UINT64_C(0x0101010101010101) * (byte))

/* True if one of eight bytes is below `least`, which is at most 0x80. */
static bool has_byte_below(uint64_t bytes, unsigned least) {
    return (bytes - EACH_BYTE(least)) & ~bytes & EACH_BYTE(0x80);
}

/* Eight bytes at a time: each line of a log, its time and its job's id go through here. */
static size_t count_plain(const char *bytes, size_t length) {
    size_t i = 0;
    for (uint64_t eight; length - i >= sizeof eight; i += sizeof eight) {
        memcpy(&eight, bytes + i, sizeof eight);
        if (has_byte_below(eight, 0x20) || has_byte_below(eight ^ EACH_BYTE('"'), 1) ||
            has_byte_below(eight ^ EACH_BYTE('\\'), 1))
            break;
    }
    while (i < length && !needs_escape[(unsigned char)bytes[i]])
        i++;
    return i;
}

void json_append_text(struct text *out, const char *bytes, size_t length) {
    char *end = text_reserve(out, length + 2); /* both quotes, and all of the text if nothing in it is escaped */
    *end = '"';
    out->length++;
    for (size_t plain;; bytes += plain + 1, length -= plain + 1) {
        plain = count_plain(bytes, length);
        text_append_bytes(out, bytes, plain);
        if (plain == length) break;
        append_escaped(out, (unsigned char)bytes[plain]);
    }
    text_append_character(out, '"');
}

void json_append(struct text *out, const char *text) {
    json_append_text(out, text, strlen(text));
}

static void append_line_break(struct text *out, int indent, int depth) {
    if (indent == 0) return;
    text_append_character(out, '\n');
    for (int i = 0; i < indent * depth; i++)
        text_append_character(out, ' ');
}

/* Prints the fewest digits that read back as this number, as JavaScript does; except that numbers from 1e18 on are printed with
 * an exponent, since jansson refuses integers beyond int64_t. */
static void append_real(struct text *out, double value) {
    enum { DIGITS_MAX = 17, POINT_MIN = -6, POINT_MAX = 18 };
    char printed[DIGITS_MAX + 10], digits[DIGITS_MAX + 1] = "";
    for (int count = 1; count <= DIGITS_MAX; count++) {
        snprintf(printed, sizeof printed, "%.*e", count - 1, fabs(value));
        if (strtod(printed, NULL) == fabs(value)) break;
    }
    char *exponent = strchr(printed, 'e');
    int point = atoi(exponent + 1) + 1, count = 0; /* the value is 0.DIGITS times 10 to the power of `point` */
    for (const char *at = printed; at < exponent; at++)
        if (*at != '.') digits[count++] = *at;
    if (value < 0) text_append_character(out, '-');
    if (point > POINT_MAX || point <= POINT_MIN)
        text_append_format(out, "%.1s%s%se%+d", digits, count > 1 ? "." : "", digits + 1, point - 1);
    else if (point <= 0)
        text_append_format(out, "0.%.*s%s", -point, "000000", digits);
    else if (count <= point)
        text_append_format(out, "%s%.*s", digits, point - count, "00000000000000000");
    else
        text_append_format(out, "%.*s.%s", point, digits, digits + point);
}

static void append_value(struct text *out, const json_t *value, int indent, int depth) {
    size_t index;
    const char *key;
    json_t *item;
    bool first = true;
    switch (json_typeof(value)) {
    case JSON_OBJECT:
        text_append_character(out, '{');
        json_object_foreach((json_t *)value, key, item) {
            if (!first) text_append_character(out, ',');
            first = false;
            append_line_break(out, indent, depth + 1);
            json_append(out, key);
            text_append(out, indent ? ": " : ":");
            append_value(out, item, indent, depth + 1);
        }
        if (!first) append_line_break(out, indent, depth);
        text_append_character(out, '}');
        break;
    case JSON_ARRAY:
        text_append_character(out, '[');
        json_array_foreach(value, index, item) {
            if (index) text_append_character(out, ',');
            append_line_break(out, indent, depth + 1);
            append_value(out, item, indent, depth + 1);
        }
        if (json_array_size(value)) append_line_break(out, indent, depth);
        text_append_character(out, ']');
        break;
    case JSON_STRING: json_append_text(out, json_string_value(value), json_string_length(value)); break;
    case JSON_INTEGER: text_append_format(out, "%" JSON_INTEGER_FORMAT, json_integer_value(value)); break;
    case JSON_REAL: append_real(out, json_real_value(value)); break;
    case JSON_TRUE: text_append(out, "true"); break;
    case JSON_FALSE: text_append(out, "false"); break;
    case JSON_NULL: text_append(out, "null"); break;
    }
}

void json_append_value(struct text *out, const json_t *value, int indent) {
    append_value(out, value, indent, 0);
}
