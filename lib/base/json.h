/* SPDX-License-Identifier: BSD-3-Clause
 *
 * JSON helpers on top of jansson: reading fields, with errors that name them, and printing the same bytes as JavaScript's
 * JSON.stringify, which printed the existing files of the registry.
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
 * STATUS_INVALID gives line and column; `what` is the subject of the message ("The request body"). */
CHECK_RESULT enum status json_read(json_t **out, const char *bytes, size_t length, const char *what, struct error *err);

/* Read a field of an object, required (need) or optional (want); *out is borrowed from the object. A missing or null optional
 * field gives NULL; a missing or null required one, or one of another type, STATUS_INVALID with `path` set to `key`. */
CHECK_RESULT enum status json_need_text(const json_t *object, const char *key, const char **out, struct error *err);
CHECK_RESULT enum status json_want_text(const json_t *object, const char *key, const char **out, struct error *err);
CHECK_RESULT enum status json_need_object(const json_t *object, const char *key, const json_t **out, struct error *err);
CHECK_RESULT enum status json_want_object(const json_t *object, const char *key, const json_t **out, struct error *err);
CHECK_RESULT enum status json_need_array(const json_t *object, const char *key, const json_t **out, struct error *err);
CHECK_RESULT enum status json_want_array(const json_t *object, const char *key, const json_t **out, struct error *err);
CHECK_RESULT enum status json_need_integer(const json_t *object, const char *key, int64_t *out, struct error *err);

/* "a string", "a number", … for messages; "nothing" for NULL. */
const char *json_type_name(const json_t *value);

/* Appends `bytes` (UTF-8) as a JSON string with its quotes. */
void json_append_text(struct text *out, const char *bytes, size_t length);
void json_append(struct text *out, const char *text); /* the same for a C string */

/* Appends `value` in its own key order: compact if `indent` is 0, else as JSON.stringify(value, null, indent). No final
 * newline. */
void json_append_value(struct text *out, const json_t *value, int indent);

#endif
