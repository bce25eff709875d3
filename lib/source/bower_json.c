/* SPDX-License-Identifier: BSD-3-Clause */
#include "lib/source/bower_json.h"

#include <string.h>

#include "lib/base/json.h"
#include "lib/base/text.h"
#include "lib/domain/package/license.h"
#include "lib/domain/package/package_name.h"
#include "lib/source/npm_range.h"

#define PREFIX "purescript-"

/* Bower's packages are named `purescript-NAME`; the prefix is removed unless the whole name is a valid one, as one is. */
static const char *without_prefix(const char *name) {
    return text_starts_with(name, PREFIX) && package_name_check(name, NULL) ? name + strlen(PREFIX) : name;
}

/* In old packages an entry may be an object with a `type`. */
static const char *license_text(const json_t *entry) {
    return json_string_value(json_is_object(entry) ? json_object_get(entry, "type") : entry);
}

/* Adds the entry to `joined`, or the reason to `passed_over` if it is no license. */
static void add_license(struct text *joined, struct text *passed_over, const json_t *entry, bool is_alone,
                        struct arena *arena) {
    struct error why;
    const char *text = license_text(entry), *canonical;
    if (!text || license_canonicalise(&canonical, text, arena, &why)) {
        text_append_format(passed_over, "%s%s", passed_over->length ? " " : "",
                           text ? why.message : "A license must be a string, or an object with a \"type\".");
        return;
    }
    bool needs_parentheses = !is_alone && strstr(canonical, " OR ");
    text_append_format(joined, "%s%s%s%s", joined->length ? " AND " : "", needs_parentheses ? "(" : "", canonical,
                       needs_parentheses ? ")" : "");
}

/* `license` is a text or a list. Entries that are no license are skipped if at least one is. */
static enum status read_license(struct manifest *out, const json_t *object, struct arena *arena, struct error *err) {
    json_t *field = json_object_get(object, "license"), *item;
    struct text joined = {0}, passed_over = {0};
    enum status status = STATUS_OK;
    size_t index;
    if (json_is_array(field))
        json_array_foreach(field, index, item) add_license(&joined, &passed_over, item, json_array_size(field) == 1, arena);
    else if (field)
        add_license(&joined, &passed_over, field, true, arena);
    if (joined.length == 0)
        status = passed_over.length
                     ? error_set_at(err, STATUS_INVALID, "license", "%s%s",
                                    json_array_size(field) > 1 ? "None of its entries is a license. " : "", passed_over.bytes)
                     : error_set_at(err, STATUS_INVALID, "license",
                                    "The file bower.json has no license, which is required for publishing.");
    if (!status) out->license = arena_copy(arena, joined.bytes);
    text_release(&joined);
    text_release(&passed_over);
    return status;
}

static enum status read_dependency(struct dependency *out, const char *name, const json_t *value, struct arena *arena,
                                   struct error *err) {
    const char *range = json_string_value(value);
    enum status status = package_name_check(without_prefix(name), err);
    if (!status && !range)
        status = error_set(err, STATUS_INVALID, "The range of the dependency must be a string, but it is %s.",
                           json_type_name(value));
    if (!status) status = npm_range_parse(&out->range, range, err);
    out->name = arena_copy(arena, without_prefix(name));
    if (!status) return STATUS_OK;
    error_under(err, name);
    return error_under(err, "dependencies");
}

static enum status read_dependencies(struct manifest *out, const json_t *object, struct arena *arena, struct error *err) {
    const json_t *field;
    const char *name;
    json_t *value;
    enum status status = json_want_object(object, "dependencies", &field, err);
    if (status || !field) return status;
    out->dependencies = arena_alloc(arena, (json_object_size(field) + 1) * sizeof *out->dependencies);
    json_object_foreach((json_t *)field, name, value) {
        status = read_dependency(&out->dependencies[out->dependency_count++], name, value, arena, err);
        if (status) return status;
    }
    manifest_sort_dependencies(out);
    for (size_t i = 1; i < out->dependency_count; i++)
        if (text_equal(out->dependencies[i - 1].name, out->dependencies[i].name))
            return error_set_at(err, STATUS_INVALID, "dependencies",
                                "The dependency %s is listed twice, with and without \"" PREFIX "\".",
                                out->dependencies[i].name);
    return STATUS_OK;
}

enum status bower_json_read(struct manifest *out, struct arena *arena, const char *bytes, size_t length,
                            const struct manifest_request *request, struct error *err) {
    json_t *object = NULL;
    const char *name, *description = NULL;
    *out = (struct manifest){.version = request->version, .location = *request->location, .ref = request->ref};
    enum status status = json_read(&object, bytes, length, "The file bower.json", err);
    if (!status && !json_is_object(object))
        status = error_set(err, STATUS_INVALID, "The file bower.json must be an object, but it is %s.", json_type_name(object));
    if (!status) status = json_need_text(object, "name", &name, err);
    if (!status) status = json_want_text(object, "description", &description, err);
    if (!status) out->name = arena_copy(arena, without_prefix(name));
    if (!status && description) out->description = arena_copy(arena, description);
    if (!status) status = read_license(out, object, arena, err);
    if (!status) status = read_dependencies(out, object, arena, err);
    json_decref(object);
    return status;
}
