/* SPDX-License-Identifier: BSD-3-Clause */
#include "tests/support/client_codec.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

typedef bool reads(const json_t *value);

static bool is_text(const json_t *value) {
    return json_is_string(value);
}

static bool is_version(const json_t *value) {
    const char *at = json_string_value(value);
    for (int part = 0; at && part < 3; part++) {
        char *end;
        if (!isdigit((unsigned char)at[0]) || (at[0] == '0' && isdigit((unsigned char)at[1]))) return false;
        unsigned long long number = strtoull(at, &end, 10);
        if (number > 2147483647 || end - at > 10 || *end != (part < 2 ? '.' : '\0')) return false;
        at = end + 1;
    }
    return at != NULL;
}

static bool is_range(const json_t *value) {
    const char *text = json_string_value(value), *middle = text ? strstr(text, " <") : NULL;
    if (!middle || strncmp(text, ">=", 2) != 0) return false;
    json_t *low = json_stringn(text + 2, (size_t)(middle - text) - 2), *high = json_string(middle + 2);
    bool answer = is_version(low) && is_version(high);
    json_decref(low);
    json_decref(high);
    return answer;
}

static bool is_name_text(const char *name) {
    size_t length = strlen(name);
    if (length < 1 || length > 150 || name[0] == '-' || name[length - 1] == '-' || strstr(name, "--")) return false;
    return strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789-") == length;
}

static bool is_name(const json_t *value) {
    return json_is_string(value) && is_name_text(json_string_value(value));
}

static bool is_version_or_null(const json_t *value) {
    return json_is_null(value) || is_version(value);
}

static bool is_map(const json_t *value, reads *reads_value) {
    const char *key;
    json_t *item;
    if (!json_is_object(value)) return false;
    json_object_foreach((json_t *)value, key, item) if (!is_name_text(key) || !reads_value(item)) return false;
    return true;
}

static bool is_plan(const json_t *value) {
    return is_map(value, is_version);
}

static bool is_changes(const json_t *value) {
    return is_map(value, is_version_or_null);
}

static bool is_ranges(const json_t *value) {
    return is_map(value, is_range);
}

static bool has(const json_t *object, const char *key, reads *reads_value) {
    return reads_value(json_object_get(object, key));
}

static bool may_have(const json_t *object, const char *key, reads *reads_value) {
    const json_t *value = json_object_get(object, key);
    return !value || reads_value(value);
}

static bool is_location(const json_t *value) {
    if (!json_is_object(value) || !may_have(value, "subdir", is_text)) return false;
    bool is_github = has(value, "githubOwner", is_text) && has(value, "githubRepo", is_text);
    return is_github || has(value, "gitUrl", is_text);
}

static bool is_publish(const json_t *value) {
    return has(value, "name", is_name) && has(value, "ref", is_text) && has(value, "version", is_version) &&
           may_have(value, "location", is_location) && may_have(value, "compiler", is_version) &&
           may_have(value, "resolutions", is_plan);
}

static bool is_unpublish(const json_t *value) {
    const char *reason = json_string_value(json_object_get(value, "reason"));
    return has(value, "name", is_name) && has(value, "version", is_version) && reason;
}

static bool is_transfer(const json_t *value) {
    return has(value, "name", is_name) && has(value, "newLocation", is_location);
}

static bool has_null(const json_t *value) {
    const char *key;
    size_t index;
    json_t *item;
    json_object_foreach((json_t *)value, key, item) if (has_null(item)) return true;
    json_array_foreach(value, index, item) if (has_null(item)) return true;
    return json_is_null(value);
}

/* `{payload, signature}`; the payload text is decoded, too, and has no null in any field, known or not. */
static bool is_signed(const json_t *value, reads *reads_payload) {
    if (!has(value, "payload", is_text) || !has(value, "signature", is_text)) return false;
    const char *text = json_string_value(json_object_get(value, "payload"));
    json_t *payload = json_loads(text, JSON_DECODE_ANY, NULL);
    bool answer = payload && !has_null(payload) && reads_payload(payload);
    json_decref(payload);
    return answer;
}

static bool is_package_set(const json_t *value) {
    return has(value, "packages", is_changes) && may_have(value, "compiler", is_version);
}

static bool is_revision(const json_t *value) {
    return has(value, "name", is_name) && has(value, "version", is_version) && has(value, "dependencies", is_ranges);
}

bool client_reads_payload(const char *kind, const json_t *payload) {
    if (strcmp(kind, "unpublish") == 0) return is_signed(payload, is_unpublish);
    if (strcmp(kind, "transfer") == 0) return is_signed(payload, is_transfer);
    if (strcmp(kind, "packageset") == 0) return is_package_set(payload);
    if (has_null(payload)) return false;
    if (strcmp(kind, "publish") == 0) return is_publish(payload);
    if (strcmp(kind, "matrix") == 0) return is_plan(payload);
    return strcmp(kind, "revision") == 0 && is_revision(payload);
}
