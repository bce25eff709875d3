/* SPDX-License-Identifier: BSD-3-Clause */
#include "lib/domain/package/json_fields.h"

#include <stdio.h>

#include "lib/base/arena.h"
#include "lib/base/json.h"
#include "lib/domain/package/package_name.h"

enum status within_field(const char *key, enum status status, struct error *err) {
    if (status && err) error_under(err, key);
    return status;
}

enum status within_item(size_t index, enum status status, struct error *err) {
    char place[32];
    snprintf(place, sizeof place, "[%zu]", index);
    return within_field(place, status, err);
}

enum status json_must_be_object(const json_t *value, const char *what, struct error *err) {
    if (json_is_object(value)) return STATUS_OK;
    return error_set(err, STATUS_INVALID, "%s must be an object, but it is %s.", what, json_type_name(value));
}

static enum status refuse_null(const char *key, const json_t *value, struct error *err) {
    if (json_is_null(value))
        return error_set_at(err, STATUS_INVALID, key, "The field \"%s\" must not be null: leave it out instead.", key);
    return within_field(key, json_must_have_no_null(value, err), err);
}

enum status json_must_have_no_null(const json_t *value, struct error *err) {
    enum status status = STATUS_OK;
    const char *key;
    char index_text[32];
    size_t index;
    json_t *item;
    json_object_foreach((json_t *)value, key, item) {
        if (!status) status = refuse_null(key, item, err);
    }
    json_array_foreach(value, index, item) {
        snprintf(index_text, sizeof index_text, "%zu", index);
        if (!status) status = refuse_null(index_text, item, err);
    }
    return status;
}

enum status json_need_version(const json_t *object, const char *key, struct version *out, struct error *err) {
    const char *text;
    enum status status = json_need_text(object, key, &text, err);
    return status ? status : within_field(key, version_parse(out, text, err), err);
}

enum status json_want_version(const json_t *object, const char *key, bool *has_version, struct version *out,
                              struct error *err) {
    const json_t *value = json_object_get(object, key);
    *has_version = value && !json_is_null(value);
    return *has_version ? json_need_version(object, key, out, err) : STATUS_OK;
}

enum status json_need_package_name(const json_t *object, const char *key, const char **out, struct arena *arena,
                                   struct error *err) {
    enum status status = json_need_copy(object, key, out, arena, err);
    return status ? status : within_field(key, package_name_check(*out, err), err);
}

enum status json_need_copy(const json_t *object, const char *key, const char **out, struct arena *arena, struct error *err) {
    enum status status = json_need_text(object, key, out, err);
    if (!status) *out = arena_copy(arena, *out);
    return status;
}

enum status json_want_copy(const json_t *object, const char *key, const char **out, struct arena *arena, struct error *err) {
    enum status status = json_want_text(object, key, out, err);
    if (!status && *out) *out = arena_copy(arena, *out);
    return status;
}
