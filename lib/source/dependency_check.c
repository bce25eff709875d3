/* SPDX-License-Identifier: BSD-3-Clause */
#include "lib/source/dependency_check.h"

#include <stdlib.h>
#include <string.h>

#include "lib/base/map.h"
#include "lib/base/text.h"
#include "lib/tools/purs/compiler.h"

#define INSTALLED COMPILER_PACKAGES_FOLDER "/"

/* True if `path` is below `.registry/NAME-VERSION/`; sets start and length of NAME. */
static bool find_package(const char *path, const char **name, size_t *length) {
    if (text_starts_with(path, "./")) path += 2;
    if (!text_starts_with(path, INSTALLED)) return false;
    const char *folder = path + strlen(INSTALLED), *slash = strchr(folder, '/');
    const char *dash = slash ? memrchr(folder, '-', (size_t)(slash - folder)) : NULL;
    if (!dash || dash == folder) return false;
    *name = folder;
    *length = (size_t)(dash - folder);
    return true;
}

static bool is_named(const char *text, const char *name, size_t length) {
    return strlen(text) == length && memcmp(text, name, length) == 0;
}

/* True if `path` is one of the package's own files. */
static bool is_own(const char *path, const char *package) {
    const char *name;
    size_t length;
    return !find_package(path, &name, &length) || is_named(package, name, length);
}

/* Adds the packages from which the module at `node` imports to the set `used`. False: the graph is malformed there. */
static bool add_imports(struct map *used, struct arena *arena, const json_t *graph, const json_t *node, const char *package) {
    size_t index;
    json_t *import;
    const char *path = json_string_value(json_object_get(node, "path"));
    const json_t *depends = json_object_get(node, "depends");
    if (!path || !json_is_array(depends)) return false;
    if (!is_own(path, package)) return true;
    json_array_foreach(depends, index, import) {
        const char *module = json_string_value(import), *name;
        const json_t *target = module ? json_object_get(graph, module) : NULL;
        if (!module) return false;
        if (!target) continue; /* the compiler's own modules, Prim and below, are not in the graph */
        const char *target_path = json_string_value(json_object_get(target, "path"));
        size_t length;
        if (!target_path) return false;
        if (!is_own(target_path, package) && find_package(target_path, &name, &length))
            map_put(used, arena_copy_bytes(arena, name, length), used);
    }
    return true;
}

static int compare_names(const void *a, const void *b) {
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* The names of one set that are not in the other, sorted. */
static const char **difference(struct arena *arena, const struct map *names, const struct map *others, size_t *count) {
    const char **left = arena_alloc(arena, (map_count(names) + 1) * sizeof *left);
    *count = 0;
    for (const struct map_entry *at = map_first(names); at; at = map_next(at))
        if (!map_find(others, map_key(at))) left[(*count)++] = arena_copy(arena, map_key(at));
    qsort(left, *count, sizeof *left, compare_names);
    return left;
}

/* The set of the packages from which the package's modules import. */
static enum status list_used(struct map *used, struct arena *arena, const json_t *graph, const char *package,
                             struct error *err) {
    const char *module;
    json_t *node;
    if (!json_is_object(graph)) return error_set(err, STATUS_INTERNAL, "The compiler's module graph is not an object.");
    json_object_foreach((json_t *)graph, module, node) {
        if (!add_imports(used, arena, graph, node, package))
            return error_set(err, STATUS_INTERNAL, "The compiler's module graph has an unexpected entry at %s.", module);
    }
    return STATUS_OK;
}

enum status dependency_findings_make(struct dependency_findings *out, struct arena *arena, const json_t *graph,
                                     const char *package, const char *const *declared, size_t declared_count,
                                     struct error *err) {
    struct map used = {0}, wanted = {0};
    enum status status = list_used(&used, arena, graph, package, err);
    for (size_t i = 0; i < declared_count && !status; i++)
        map_put(&wanted, declared[i], &wanted);
    if (!status) {
        out->unused = difference(arena, &wanted, &used, &out->unused_count);
        out->missing = difference(arena, &used, &wanted, &out->missing_count);
    }
    map_release(&wanted, NULL);
    map_release(&used, NULL);
    return status;
}

static void append_names(struct text *out, const char *const *names, size_t count) {
    for (size_t i = 0; i < count; i++)
        text_append_format(out, "%s%s", i == 0 ? "" : i + 1 < count ? ", " : " and ", names[i]);
}

enum status dependency_findings_check(const struct dependency_findings *findings, struct error *err) {
    struct text sentence = {0};
    if (findings->unused_count == 0 && findings->missing_count == 0) return STATUS_OK;
    if (findings->unused_count) {
        text_append(&sentence, "The manifest declares dependencies that no module imports from (unused): ");
        append_names(&sentence, findings->unused, findings->unused_count);
        text_append(&sentence, findings->missing_count ? ". Leave them out. " : ". Leave them out.");
    }
    if (findings->missing_count) {
        text_append(&sentence, "The modules import from packages that the manifest does not declare (missing): ");
        append_names(&sentence, findings->missing, findings->missing_count);
        text_append(&sentence, ". Add them to its dependencies.");
    }
    error_set_at(err, STATUS_REFUSED, "dependencies", "%s", text_view(&sentence));
    text_release(&sentence);
    return STATUS_REFUSED;
}
