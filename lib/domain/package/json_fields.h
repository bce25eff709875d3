/* SPDX-License-Identifier: BSD-3-Clause
 *
 * JSON fields common to the registry's formats: names and versions, in addition to the types of lib/base/json.h. All fail with
 * STATUS_INVALID and the field as path.
 */
#ifndef LIB_DOMAIN_PACKAGE_JSON_FIELDS_H
#define LIB_DOMAIN_PACKAGE_JSON_FIELDS_H

#include <jansson.h>
#include <stdbool.h>

#include "lib/base/error.h"
#include "lib/domain/package/version.h"

struct arena;

/* Returns `status`; if it is a failure, puts `key` before the path of `err` (which may be NULL). For readers of nested
 * objects. */
CHECK_RESULT enum status within_field(const char *key, enum status status, struct error *err);
CHECK_RESULT enum status within_item(size_t index, enum status status, struct error *err); /* of an array: `[INDEX]` */

/* STATUS_INVALID if `value` is not an object; `what` is the subject of the message ("A location"). */
CHECK_RESULT enum status json_must_be_object(const json_t *value, const char *what, struct error *err);

/* STATUS_INVALID, with the null field as path, if there is a null anywhere in `value`: existing clients refuse a null in place
 * of an absent field, and with it the whole list of jobs that contains it (services/gateway/README.md). */
CHECK_RESULT enum status json_must_have_no_null(const json_t *value, struct error *err);

CHECK_RESULT enum status json_need_version(const json_t *object, const char *key, struct version *out, struct error *err);

/* *has_version is false if the field is missing or null. */
CHECK_RESULT enum status json_want_version(const json_t *object, const char *key, bool *has_version, struct version *out,
                                           struct error *err);

/* A well-formed package name, copied into the arena. */
CHECK_RESULT enum status json_need_package_name(const json_t *object, const char *key, const char **out, struct arena *arena,
                                                struct error *err);

/* A text, copied into the arena; an optional one is NULL if missing or null. */
CHECK_RESULT enum status json_need_copy(const json_t *object, const char *key, const char **out, struct arena *arena,
                                        struct error *err);
CHECK_RESULT enum status json_want_copy(const json_t *object, const char *key, const char **out, struct arena *arena,
                                        struct error *err);

#endif
