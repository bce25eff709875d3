/* SPDX-License-Identifier: BSD-3-Clause */
#include "lib/source/module_clash.h"

#include "lib/base/folder.h"
#include "lib/base/map.h"
#include "lib/base/text.h"
#include "lib/source/module_header.h"
#include "lib/source/source_walk.h"

enum { MODULE_BYTES_MAX = 16 << 20 };

/* The first module of a name. */
struct owner {
    const struct module_package *package; /* NULL: the one being checked */
    const char *path;
};

struct owners {
    struct map by_name; /* struct owner */
    struct arena *arena;
};

static void put_owner(struct owners *owners, const char *name, const struct module_package *package, const char *path) {
    struct owner *owner = arena_alloc(owners->arena, sizeof *owner);
    *owner = (struct owner){.package = package, .path = path};
    map_put(&owners->by_name, name, owner);
}

static enum status refuse(const char *name, const struct owner *first, const char *label, const char *path, struct error *err) {
    if (!first->package)
        return error_set(err, STATUS_REFUSED,
                         "The module %s is in %s, and also in its dependency %s, in %s. Two modules with the same name cannot "
                         "be compiled together: rename yours, or remove it and depend on that package.",
                         name, first->path, label, path);
    return error_set(err, STATUS_REFUSED,
                     "The module %s is in two dependencies of this package: in %s of %s and in %s of %s. Two modules with the "
                     "same name cannot be compiled together: depend on other versions, or on only one of them.",
                     name, first->path, first->package->label, path, label);
}

static enum status add(struct owners *owners, const char *name, const struct module_package *package, const char *path,
                       struct error *err) {
    const struct owner *first = map_find(&owners->by_name, name);
    if (first) return refuse(name, first, package->label, path, err);
    put_owner(owners, name, package, path);
    return STATUS_OK;
}

static enum status add_file(struct owners *owners, const struct module_package *package, const char *path, struct error *err) {
    struct text content = {0}, full = {0};
    struct arena arena = {0};
    struct module_header header;
    text_append_format(&full, "%s/%s", package->folder, path);
    enum status status = file_read(full.bytes, MODULE_BYTES_MAX, &content, err);
    if (status == STATUS_TOO_LARGE)
        status = STATUS_OK;
    else if (!status && !module_header_parse(&header, &arena, text_view(&content), content.length, NULL))
        status = add(owners, header.name, package, path, err);
    text_release(&content);
    text_release(&full);
    arena_release(&arena);
    return status;
}

static enum status add_package(struct owners *owners, const struct module_package *package, struct error *err) {
    struct source_walk walk;
    enum status status = source_walk_modules(&walk, owners->arena, package->folder, err);
    if (status == STATUS_REFUSED) status = STATUS_OK; /* it is published: left to the compiler */
    for (size_t i = 0; i < walk.count && !status; i++)
        status = add_file(owners, package, walk.paths[i], err);
    return status;
}

enum status module_clash_check(const struct source_modules *own, const struct module_package *packages, size_t count,
                               struct arena *arena, struct error *err) {
    struct owners owners = {.arena = arena};
    enum status status = STATUS_OK;
    for (size_t i = 0; i < own->count; i++)
        if (source_is_module(own->paths[i])) put_owner(&owners, own->names[i], NULL, own->paths[i]);
    for (size_t i = 0; i < count && !status; i++)
        status = add_package(&owners, &packages[i], err);
    map_release(&owners.by_name, NULL);
    return status;
}
