/* SPDX-License-Identifier: BSD-3-Clause */
#include "lib/source/module_clash.h"

#include <jansson.h>

#include "lib/base/folder.h"
#include "lib/base/text.h"
#include "lib/source/module_header.h"
#include "lib/source/source_walk.h"

enum { MODULE_BYTES_MAX = 16 << 20 };

/* {MODULE: [package, PATH]}; the package is a position in `packages`, or -1 for the one being checked. */
struct owners {
    json_t *by_name;
    const struct module_package *packages;
};

static enum status refuse(const struct owners *owners, const char *name, const json_t *first, const char *label,
                          const char *path, struct error *err) {
    json_int_t package = json_integer_value(json_array_get(first, 0));
    const char *first_path = json_string_value(json_array_get(first, 1));
    if (package < 0)
        return error_set(err, STATUS_REFUSED,
                         "The module %s is in %s, and also in the package %s that this one is built with, in %s. Two modules "
                         "of one name cannot be compiled together: give yours another name, or leave it out and depend on "
                         "that package.",
                         name, first_path, label, path);
    return error_set(err, STATUS_REFUSED,
                     "The module %s is in two packages that this one is built with: in %s of %s and in %s of %s. Two modules "
                     "of one name cannot be compiled together: depend on other versions, or on one of them only.",
                     name, first_path, owners->packages[package].label, path, label);
}

static enum status add(struct owners *owners, const char *name, json_int_t package, const char *path, struct error *err) {
    const json_t *first = json_object_get(owners->by_name, name);
    if (first) return refuse(owners, name, first, owners->packages[package].label, path, err);
    json_object_set_new(owners->by_name, name, json_pack("[I,s]", package, path));
    return STATUS_OK;
}

static enum status add_file(struct owners *owners, size_t package, const char *path, struct error *err) {
    struct text content = {0}, full = {0};
    struct arena arena = {0};
    struct module_header header;
    text_append_format(&full, "%s/%s", owners->packages[package].folder, path);
    enum status status = file_read(full.bytes, MODULE_BYTES_MAX, &content, err);
    if (status == STATUS_TOO_LARGE)
        status = STATUS_OK;
    else if (!status && !module_header_parse(&header, &arena, text_view(&content), content.length, NULL))
        status = add(owners, header.name, (json_int_t)package, path, err);
    text_release(&content);
    text_release(&full);
    arena_release(&arena);
    return status;
}

static enum status add_package(struct owners *owners, size_t package, struct arena *arena, struct error *err) {
    struct source_walk walk;
    enum status status = source_walk_modules(&walk, arena, owners->packages[package].folder, err);
    if (status == STATUS_REFUSED) status = STATUS_OK; /* it is published: left to the compiler */
    for (size_t i = 0; i < walk.count && !status; i++)
        status = add_file(owners, package, walk.paths[i], err);
    return status;
}

enum status module_clash_check(const struct source_modules *own, const struct module_package *packages, size_t count,
                               struct arena *arena, struct error *err) {
    struct owners owners = {.by_name = json_object(), .packages = packages};
    enum status status = STATUS_OK;
    for (size_t i = 0; i < own->count; i++)
        if (source_is_module(own->paths[i]))
            json_object_set_new(owners.by_name, own->names[i], json_pack("[I,s]", (json_int_t)-1, own->paths[i]));
    for (size_t i = 0; i < count && !status; i++)
        status = add_package(&owners, i, arena, err);
    json_decref(owners.by_name);
    return status;
}
