/* SPDX-License-Identifier: BSD-3-Clause */
#include "lib/source/bower_json.h"

#include <string.h>

#include "lib/base/json.h"
#include "lib/base/text.h"
#include "lib/domain/licence.h"
#include "lib/domain/package_name.h"
#include "lib/source/npm_range.h"

#define PREFIX "purescript-"

/* Bower's packages were called `purescript-NAME`; but one real name begins so, too, and is kept. */
static const char *without_prefix(const char *name) {
    return text_starts_with(name, PREFIX) && package_name_check(name, NULL) ? name + strlen(PREFIX) : name;
}

static enum status add_licence(struct text *joined, const json_t *item, bool is_alone, struct arena *arena, struct error *err) {
    const char *text = json_string_value(item), *canonical;
    if (!text)
        return error_set_at(err, STATUS_INVALID, "license", "A licence must be a string, but it is %s.", json_type_name(item));
    if (licence_canonicalise(&canonical, text, arena, err)) return error_under(err, "license");
    bool needs_parentheses = !is_alone && strstr(canonical, " OR ");
    text_append_format(joined, "%s%s%s%s", joined->length ? " AND " : "", needs_parentheses ? "(" : "", canonical,
                       needs_parentheses ? ")" : "");
    return STATUS_OK;
}

/* `license` is a text or a list of them. */
static enum status read_licence(struct manifest *out, const json_t *object, struct arena *arena, struct error *err) {
    json_t *field = json_object_get(object, "license"), *item;
    struct text joined = {0};
    enum status status = STATUS_OK;
    size_t index;
    if (json_is_array(field)) json_array_foreach(field, index, item) {
            status = add_licence(&joined, item, json_array_size(field) == 1, arena, err);
            if (status) break;
        }
    else if (field)
        status = add_licence(&joined, field, true, arena, err);
    if (!status && joined.length == 0)
        status = error_set_at(err, STATUS_INVALID, "license", "The file bower.json has no license, which publishing needs.");
    if (!status) out->licence = arena_copy(arena, joined.bytes);
    text_release(&joined);
    return status;
}

static enum status read_dependency(struct dependency *out, const char *name, const json_t *value, struct arena *arena,
                                   struct error *err) {
    const char *range = json_string_value(value);
    enum status status = package_name_check(without_prefix(name), err);
    if (!status && !range)
        status = error_set(err, STATUS_INVALID, "Its range must be a string, but is %s.", json_type_name(value));
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
                                "The dependency %s is there twice, with and without \"" PREFIX "\".",
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
        status = error_set(err, STATUS_INVALID, "The file bower.json must be an object, but is %s.", json_type_name(object));
    if (!status) status = json_need_text(object, "name", &name, err);
    if (!status) status = json_want_text(object, "description", &description, err);
    if (!status) out->name = arena_copy(arena, without_prefix(name));
    if (!status && description) out->description = arena_copy(arena, description);
    if (!status) status = read_licence(out, object, arena, err);
    if (!status) status = read_dependencies(out, object, arena, err);
    json_decref(object);
    return status;
}
