/* SPDX-License-Identifier: BSD-3-Clause
 *
 * What the formats of the registry share in reading JSON: fields that are names or versions, as lib/base/json.h has them for
 * texts. All answer STATUS_INVALID with the field as path.
 */
#ifndef LIB_DOMAIN_JSON_FIELDS_H
#define LIB_DOMAIN_JSON_FIELDS_H

#include <jansson.h>
#include <stdbool.h>

#include "lib/base/error.h"
#include "lib/domain/version.h"

struct arena;

/* Passes `status` on; where it is a failure, `key` is put before the path of `err` (which may be NULL), for whoever read a
 * field that has fields of its own. */
CHECK_RESULT enum status within_field(const char *key, enum status status, struct error *err);

/* STATUS_INVALID where `value` is no object; `what` begins the sentence ("A location"). */
CHECK_RESULT enum status json_must_be_object(const json_t *value, const char *what, struct error *err);

/* STATUS_INVALID where a null stands anywhere in `value`, with the field that is null as path: existing clients refuse a null
 * in place of an absent field, and with it the whole list of jobs that shows it (services/gateway/README.md). */
CHECK_RESULT enum status json_must_have_no_null(const json_t *value, struct error *err);

CHECK_RESULT enum status json_need_version(const json_t *object, const char *key, struct version *out, struct error *err);

/* *has_version is false where the field is missing or null. */
CHECK_RESULT enum status json_want_version(const json_t *object, const char *key, bool *has_version, struct version *out,
                                           struct error *err);

/* A well-formed package name, copied into the arena. */
CHECK_RESULT enum status json_need_package_name(const json_t *object, const char *key, const char **out, struct arena *arena,
                                                struct error *err);

/* A text, copied into the arena; the optional one is NULL where it is missing or null. */
CHECK_RESULT enum status json_need_copy(const json_t *object, const char *key, const char **out, struct arena *arena,
                                        struct error *err);
CHECK_RESULT enum status json_want_copy(const json_t *object, const char *key, const char **out, struct arena *arena,
                                        struct error *err);

#endif
