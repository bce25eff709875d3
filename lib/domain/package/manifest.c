/* SPDX-License-Identifier: BSD-3-Clause */
#include "lib/domain/package/manifest.h"

#include <stdlib.h>
#include <string.h>

#include "lib/base/arena.h"
#include "lib/base/json.h"
#include "lib/base/json_writer.h"
#include "lib/base/text.h"
#include "lib/domain/identity/owners_check.h"
#include "lib/domain/package/json_fields.h"
#include "lib/domain/package/license.h"
#include "lib/domain/package/package_name.h"

static int compare_dependencies(const void *a, const void *b) {
    return strcmp(((const struct dependency *)a)->name, ((const struct dependency *)b)->name);
}

static void sort_dependencies(struct dependency *dependencies, size_t count) {
    if (count > 1) qsort(dependencies, count, sizeof *dependencies, compare_dependencies);
}

void manifest_sort_dependencies(struct manifest *manifest) {
    sort_dependencies(manifest->dependencies, manifest->dependency_count);
}

const struct dependency *dependencies_find(const struct dependency *dependencies, size_t count, const char *name) {
    const struct dependency wanted = {.name = name};
    return count > 0 ? bsearch(&wanted, dependencies, count, sizeof wanted, compare_dependencies) : NULL;
}

static enum status read_dependency(struct dependency *out, const json_t *object, const char *name, struct arena *arena,
                                   struct error *err) {
    const char *text;
    enum status status = package_name_check(name, err);
    if (!status) status = json_need_text(object, name, &text, err);
    if (status) return status;
    out->name = arena_copy(arena, name);
    return within_field(name, range_parse(&out->range, text, err), err);
}

enum status dependencies_read(struct dependency **out, size_t *count, const json_t *object, struct arena *arena,
                              struct error *err) {
    const json_t *dependencies;
    *count = 0;
    enum status status = json_need_object(object, "dependencies", &dependencies, err);
    if (status) return status;
    *out = arena_alloc(arena, json_object_size(dependencies) * sizeof **out);
    const char *name;
    json_t *value;
    json_object_foreach((json_t *)dependencies, name, value) {
        struct dependency *dependency = &(*out)[(*count)++];
        status = within_field("dependencies", read_dependency(dependency, dependencies, name, arena, err), err);
        if (status) return status;
    }
    sort_dependencies(*out, *count);
    return STATUS_OK;
}

static enum status read_globs(struct globs *out, const json_t *object, const char *key, struct arena *arena,
                              struct error *err) {
    const json_t *array;
    enum status status = json_want_array(object, key, &array, err);
    if (status || !array) return status;
    if (json_array_size(array) == 0)
        return error_set_at(err, STATUS_INVALID, key, "\"%s\" must not be an empty list: leave the field out.", key);
    out->items = arena_alloc(arena, json_array_size(array) * sizeof *out->items);
    size_t index;
    const json_t *item;
    json_array_foreach(array, index, item) {
        if (!json_is_string(item) || strlen(json_string_value(item)) != json_string_length(item))
            return error_set_at(err, STATUS_INVALID, key, "\"%s\" must be a list of texts without NUL characters.", key);
        out->items[out->count++] = arena_copy_bytes(arena, json_string_value(item), json_string_length(item));
    }
    return STATUS_OK;
}

static enum status read_location(struct manifest *out, const json_t *object, struct arena *arena, struct error *err) {
    const json_t *location;
    enum status status = json_need_object(object, "location", &location, err);
    return status ? status : within_field("location", location_read(&out->location, location, arena, err), err);
}

static enum status read_owners(struct manifest *out, const json_t *object, struct arena *arena, struct error *err) {
    const json_t *owners;
    enum status status = json_want_array(object, "owners", &owners, err);
    return status ? status : within_field("owners", owners_read(&out->owners, owners, arena, err), err);
}

enum status manifest_read(struct manifest *out, const json_t *object, struct arena *arena, struct error *err) {
    *out = (struct manifest){0};
    enum status status = json_must_be_object(object, "A manifest", err);
    if (!status) status = json_need_package_name(object, "name", &out->name, arena, err);
    if (!status) status = json_need_version(object, "version", &out->version, err);
    if (!status) status = json_need_copy(object, "license", &out->license, arena, err);
    if (!status) status = json_want_copy(object, "description", &out->description, arena, err);
    if (!status) status = read_location(out, object, arena, err);
    if (!status) status = json_need_copy(object, "ref", &out->ref, arena, err);
    if (!status) status = read_owners(out, object, arena, err);
    if (!status) status = read_globs(&out->include_files, object, "includeFiles", arena, err);
    if (!status) status = read_globs(&out->exclude_files, object, "excludeFiles", arena, err);
    if (!status) status = dependencies_read(&out->dependencies, &out->dependency_count, object, arena, err);
    return status;
}

enum status manifest_parse(struct manifest *out, const char *bytes, size_t length, const char *what, struct arena *arena,
                           struct error *err) {
    json_t *json = NULL;
    enum status status = json_read(&json, bytes, length, what, err);
    if (!status) status = manifest_read(out, json, arena, err);
    json_decref(json);
    return status;
}

static enum status check_dependency(const struct manifest *manifest, const struct dependency *dependency, struct error *err) {
    if (text_equal(dependency->name, manifest->name))
        return error_set_at(err, STATUS_INVALID, dependency->name, "The package \"%s\" cannot depend on itself.",
                            manifest->name);
    if (range_is_valid(dependency->range)) return STATUS_OK;
    char range[RANGE_TEXT_MAX];
    range_print(dependency->range, range);
    return error_set_at(err, STATUS_INVALID, dependency->name, "The range \"%s\" of the dependency \"%s\" includes no version.",
                        range, dependency->name);
}

static enum status check_dependencies(const struct manifest *manifest, struct error *err) {
    enum status status = STATUS_OK;
    for (size_t i = 0; i < manifest->dependency_count && !status; i++)
        status = check_dependency(manifest, &manifest->dependencies[i], err);
    return within_field("dependencies", status, err);
}

static enum status check_globs(const char *key, const struct globs *globs, struct error *err) {
    for (size_t i = 0; i < globs->count; i++)
        if (globs->items[i][0] == '\0')
            return error_set_at(err, STATUS_INVALID, key,
                                "\"%s\" has an empty pattern, which package managers cannot read: remove it.", key);
    return STATUS_OK;
}

enum status manifest_check_readable(const struct manifest *manifest, struct error *err) {
    size_t length = manifest->description ? text_count_characters(manifest->description) : 0;
    if (length > DESCRIPTION_CHARACTERS_MAX)
        return error_set_at(err, STATUS_INVALID, "description",
                            "The description has %zu characters, but package managers read no more than %d: shorten it.",
                            length, DESCRIPTION_CHARACTERS_MAX);
    enum status status = within_field("license", license_check_readable(manifest->license, err), err);
    if (!status) status = check_globs("includeFiles", &manifest->include_files, err);
    return status ? status : check_globs("excludeFiles", &manifest->exclude_files, err);
}

enum status manifest_check_new(const struct manifest *manifest, struct error *err) {
    enum status status = within_field("name", package_name_check(manifest->name, err), err);
    if (!status) status = within_field("license", license_check_new(manifest->license, err), err);
    if (!status) status = manifest_check_readable(manifest, err);
    if (!status) status = within_field("location", location_check_published(&manifest->location, err), err);
    if (!status) status = within_field("owners", owners_check(&manifest->owners, err), err);
    return status ? status : check_dependencies(manifest, err);
}

static void write_globs(struct json_writer *writer, const char *key, const struct globs *globs) {
    if (globs->count == 0) return;
    json_writer_key(writer, key);
    json_writer_open(writer, '[');
    for (size_t i = 0; i < globs->count; i++) {
        json_writer_item(writer);
        json_writer_text(writer, globs->items[i]);
    }
    json_writer_close(writer, ']');
}

void dependencies_write(struct json_writer *writer, const struct dependency *dependencies, size_t count) {
    json_writer_key(writer, "dependencies");
    json_writer_open(writer, '{');
    for (size_t i = 0; i < count; i++) {
        char range[RANGE_TEXT_MAX];
        range_print(dependencies[i].range, range);
        json_writer_text_field(writer, dependencies[i].name, range);
    }
    json_writer_close(writer, '}');
}

void manifest_write(struct json_writer *writer, const struct manifest *manifest) {
    char version[VERSION_TEXT_MAX];
    version_print(manifest->version, version);
    json_writer_open(writer, '{');
    json_writer_text_field(writer, "name", manifest->name);
    json_writer_text_field(writer, "version", version);
    json_writer_text_field(writer, "license", manifest->license);
    json_writer_text_field(writer, "description", manifest->description);
    json_writer_key(writer, "location");
    location_write(writer, &manifest->location);
    json_writer_text_field(writer, "ref", manifest->ref);
    if (manifest->owners.count > 0) {
        json_writer_key(writer, "owners");
        owners_write(writer, &manifest->owners);
    }
    write_globs(writer, "includeFiles", &manifest->include_files);
    write_globs(writer, "excludeFiles", &manifest->exclude_files);
    dependencies_write(writer, manifest->dependencies, manifest->dependency_count);
    json_writer_close(writer, '}');
}

void manifest_append_line(struct text *out, const struct manifest *manifest) {
    manifest_write(&(struct json_writer){.out = out}, manifest);
}

void manifest_append_file(struct text *out, const struct manifest *manifest) {
    manifest_write(&(struct json_writer){.out = out, .indent = 2}, manifest);
    text_append_character(out, '\n');
}

bool manifest_equal(const struct manifest *a, const struct manifest *b) {
    struct text first = {0}, second = {0};
    manifest_append_line(&first, a);
    manifest_append_line(&second, b);
    bool are_equal = text_equal(first.bytes, second.bytes);
    text_release(&first);
    text_release(&second);
    return are_equal;
}
