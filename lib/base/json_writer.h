/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Writes JSON piece by piece, with the bytes that JavaScript's JSON.stringify prints: compact, or with indentation. For what
 * has a struct of its own; a json_t is printed by json_append_value() (lib/base/json.h). The caller opens and closes in pairs.
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
#include <stdint.h>

struct text;

struct json_writer {
    struct text *out;
    int indent; /* spaces a level; 0: compact */
    int depth;
    bool has_items; /* the innermost open object or array has any yet */
};

void json_writer_open(struct json_writer *writer, char bracket);   /* `{` or `[` */
void json_writer_close(struct json_writer *writer, char bracket);  /* `}` or `]` */
void json_writer_key(struct json_writer *writer, const char *key); /* of an object's field, its value follows */
void json_writer_item(struct json_writer *writer);                 /* of an array, its value follows */
void json_writer_text(struct json_writer *writer, const char *value);
void json_writer_integer(struct json_writer *writer, int64_t value);

/* A value that json_append_value() printed with the same indentation. */
void json_writer_raw(struct json_writer *writer, const char *json);

/* Key and value, where there is a value: NULL writes nothing. */
void json_writer_text_field(struct json_writer *writer, const char *key, const char *value);
void json_writer_integer_field(struct json_writer *writer, const char *key, int64_t value);
void json_writer_time_field(struct json_writer *writer, const char *key, int64_t time_ms); /* 0 writes nothing */

#endif
