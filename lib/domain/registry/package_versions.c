/* SPDX-License-Identifier: BSD-3-Clause */
#include "lib/domain/registry/package_versions.h"

#include <stdlib.h>
#include <string.h>

#include "lib/base/arena.h"
#include "lib/base/json_writer.h"
#include "lib/domain/package/json_fields.h"
#include "lib/domain/package/package_name.h"

static int compare_names(const void *a, const void *b) {
    return strcmp(((const struct package_version *)a)->name, ((const struct package_version *)b)->name);
}

void package_versions_sort(struct package_versions *versions) {
    if (versions->count > 1) qsort(versions->items, versions->count, sizeof *versions->items, compare_names);
}

enum status package_versions_read(struct package_versions *out, const json_t *object, struct arena *arena, struct error *err) {
    *out = (struct package_versions){.items = arena_alloc(arena, json_object_size(object) * sizeof *out->items)};
    const char *name;
    json_t *value;
    json_object_foreach((json_t *)object, name, value) {
        struct package_version *item = &out->items[out->count++];
        enum status status = package_name_check(name, err);
        if (!status) status = json_need_version(object, name, &item->version, err);
        if (status) return status;
        item->name = arena_copy(arena, name);
    }
    package_versions_sort(out);
    return STATUS_OK;
}

void package_versions_write(struct json_writer *writer, const struct package_versions *versions) {
    json_writer_open(writer, '{');
    for (size_t i = 0; i < versions->count; i++) {
        char version[VERSION_TEXT_MAX];
        version_print(versions->items[i].version, version);
        json_writer_text_field(writer, versions->items[i].name, version);
    }
    json_writer_close(writer, '}');
}

void package_versions_append_json(struct text *out, const struct package_versions *versions) {
    struct json_writer writer = {.out = out};
    package_versions_write(&writer, versions);
}

const struct package_version *package_versions_find(const struct package_versions *versions, const char *name) {
    if (versions->count == 0) return NULL;
    struct package_version wanted = {.name = name};
    return bsearch(&wanted, versions->items, versions->count, sizeof *versions->items, compare_names);
}
