/* SPDX-License-Identifier: BSD-3-Clause
 *
 * A streaming JSON writer, which prints the same bytes as JavaScript's JSON.stringify: compact or indented. For data in C
 * structs, and json_t values among it; a json_t alone is printed by json_append_value() (lib/base/json.h). The caller must
 * close every bracket that it opens.
 *
 *   struct json_writer writer = {.out = &text, .indent = 2};
 *   json_writer_open(&writer, '{');
 *   json_writer_key(&writer, "name");
 *   json_writer_text(&writer, "prelude");
 *   json_writer_close(&writer, '}');
 */
#ifndef LIB_BASE_JSON_WRITER_H
#define LIB_BASE_JSON_WRITER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct json_t;
struct text;

struct json_writer {
    struct text *out;
    int indent; /* spaces per level; 0: compact */
    int depth;
    bool has_items; /* the innermost open object or array is not empty */
};

void json_writer_open(struct json_writer *writer, char bracket);   /* `{` or `[` */
void json_writer_close(struct json_writer *writer, char bracket);  /* `}` or `]` */
void json_writer_key(struct json_writer *writer, const char *key); /* before the value of an object's field */
void json_writer_item(struct json_writer *writer);                 /* before each value of an array */
void json_writer_text(struct json_writer *writer, const char *value);
void json_writer_bytes(struct json_writer *writer, const char *value, size_t length); /* a text without its NUL */
void json_writer_integer(struct json_writer *writer, int64_t value);
void json_writer_boolean(struct json_writer *writer, bool value);
void json_writer_null(struct json_writer *writer);
void json_writer_value(struct json_writer *writer, const struct json_t *value);

/* Writes a value that is JSON already: printed compactly, or by json_append_value() with the same indentation. */
void json_writer_raw(struct json_writer *writer, const char *json);

/* Write a key and its value; a text or raw value of NULL writes nothing. */
void json_writer_text_field(struct json_writer *writer, const char *key, const char *value);
void json_writer_integer_field(struct json_writer *writer, const char *key, int64_t value);
void json_writer_boolean_field(struct json_writer *writer, const char *key, bool value);
void json_writer_value_field(struct json_writer *writer, const char *key, const struct json_t *value);
void json_writer_raw_field(struct json_writer *writer, const char *key, const char *json);
void json_writer_time_field(struct json_writer *writer, const char *key, int64_t time_ms); /* 0 writes nothing */

#endif
