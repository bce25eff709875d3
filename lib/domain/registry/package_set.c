/* SPDX-License-Identifier: BSD-3-Clause */
#include "lib/domain/registry/package_set.h"

#include <stdio.h>
#include <string.h>

#include "lib/base/clock.h"
#include "lib/base/json.h"
#include "lib/base/json_writer.h"
#include "lib/base/text.h"
#include "lib/domain/package/json_fields.h"

/* Validates the date by parsing its midnight as a time. */
static enum status read_date(char out[DATE_TEXT_MAX], const json_t *object, const char *key, struct error *err) {
    const char *text;
    enum status status = json_need_text(object, key, &text, err);
    if (status) return status;
    char midnight[TIME_TEXT_MAX];
    int64_t time_ms;
    snprintf(midnight, sizeof midnight, "%.10sT00:00:00Z", text);
    if (strlen(text) != DATE_TEXT_MAX - 1 || !time_parse(midnight, &time_ms))
        return error_set_at(err, STATUS_INVALID, key, "\"%s\" is not a date: it must be written as in 2026-07-29.", text);
    memcpy(out, text, DATE_TEXT_MAX);
    return STATUS_OK;
}

static enum status read_set(struct package_set *out, const json_t *object, struct arena *arena, struct error *err) {
    const json_t *packages;
    enum status status = json_must_be_object(object, "A package set", err);
    if (!status) status = json_need_version(object, "version", &out->version, err);
    if (!status) status = json_need_version(object, "compiler", &out->compiler, err);
    if (!status) status = read_date(out->published, object, "published", err);
    if (!status) status = json_need_object(object, "packages", &packages, err);
    if (status) return status;
    return within_field("packages", package_versions_read(&out->packages, packages, arena, err), err);
}

enum status package_set_parse(struct package_set *out, const char *bytes, size_t length, struct arena *arena,
                              struct error *err) {
    *out = (struct package_set){0};
    json_t *json = NULL;
    enum status status = json_read(&json, bytes, length, "The package set", err);
    if (!status) status = read_set(out, json, arena, err);
    json_decref(json);
    return status;
}

void package_set_append_file(struct text *out, const struct package_set *set) {
    struct json_writer writer = {.out = out, .indent = 2};
    char version[VERSION_TEXT_MAX], compiler[VERSION_TEXT_MAX];
    version_print(set->version, version);
    version_print(set->compiler, compiler);
    json_writer_open(&writer, '{');
    json_writer_text_field(&writer, "version", version);
    json_writer_text_field(&writer, "compiler", compiler);
    json_writer_text_field(&writer, "published", set->published);
    json_writer_key(&writer, "packages");
    package_versions_write(&writer, &set->packages);
    json_writer_close(&writer, '}');
    text_append_character(out, '\n');
}
