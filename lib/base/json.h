/* SPDX-License-Identifier: BSD-3-Clause
 *
 * JSON as the registry needs it, on jansson: reading fields with errors that name them, and printing the bytes that
 * JavaScript's JSON.stringify prints (which is what every file of the registry was printed with).
 */
#ifndef LIB_BASE_JSON_H
#define LIB_BASE_JSON_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/error.h"

struct text;

/* Parses the whole of `bytes`; duplicate keys and NUL characters are refused. On success the caller owns *out (json_decref).
 * STATUS_INVALID says line and column; `what` begins the sentence ("The request body"). */
CHECK_RESULT enum status json_read(json_t **out, const char *bytes, size_t length, const char *what, struct error *err);

/* The fields of an object. The text is borrowed from the object. A missing or null optional field gives NULL; a missing
 * required one, or one of another type, STATUS_INVALID with `path` set to `key`. */
CHECK_RESULT enum status json_need_text(const json_t *object, const char *key, const char **out, struct error *err);
CHECK_RESULT enum status json_want_text(const json_t *object, const char *key, const char **out, struct error *err);
CHECK_RESULT enum status json_need_object(const json_t *object, const char *key, const json_t **out, struct error *err);
CHECK_RESULT enum status json_want_object(const json_t *object, const char *key, const json_t **out, struct error *err);
CHECK_RESULT enum status json_need_array(const json_t *object, const char *key, const json_t **out, struct error *err);
CHECK_RESULT enum status json_want_array(const json_t *object, const char *key, const json_t **out, struct error *err);
CHECK_RESULT enum status json_need_integer(const json_t *object, const char *key, int64_t *out, struct error *err);

/* "a text", "a number", … for messages. */
const char *json_type_name(const json_t *value);

/* Appends `bytes` (UTF-8) as a JSON string with its quotes. */
void json_append_text(struct text *out, const char *bytes, size_t length);
void json_append(struct text *out, const char *text); /* the same for a C string */

/* Appends `value` in its own key order: compact where `indent` is 0, else as JSON.stringify(value, null, indent). No final
 * newline. */
void json_append_value(struct text *out, const json_t *value, int indent);

#endif
