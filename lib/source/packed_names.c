/* SPDX-License-Identifier: BSD-3-Clause */
#include "lib/source/packed_names.h"

#include <stdbool.h>
#include <string.h>

#include "lib/base/arena.h"
#include "lib/tools/archive/file_names.h"

enum status packed_name_check(const char *path, struct error *err) {
    struct arena arena = {0};
    enum status status = STATUS_OK;
    for (const char *at = path; *at && !status;) {
        size_t length = strcspn(at, "/");
        const char *fault = file_name_fault(arena_copy_bytes(&arena, at, length));
        if (fault)
            status = error_set(err, STATUS_REFUSED, "The file '%.500s' cannot be packed: the name '%.*s' %s.", path,
                               (int)length, at, fault);
        at += length;
        at += strspn(at, "/");
    }
    arena_release(&arena);
    return status;
}

/* Lists each folder once: in a sorted list, the paths below a folder are adjacent. */
enum status packed_names_check_case(const char *const *paths, size_t count, struct error *err) {
    struct arena arena = {0};
    size_t capacity = count + 1, used = 0, one, other;
    for (size_t i = 0; i < count; i++)
        for (const char *at = paths[i]; *at; at++)
            capacity += *at == '/';
    const char **names = arena_alloc(&arena, capacity * sizeof *names);
    const char *last_folder = "";
    bool has_manifest = false;
    for (size_t i = 0; i < count; i++) {
        for (const char *slash = strchr(paths[i], '/'); slash; slash = strchr(slash + 1, '/')) {
            size_t length = (size_t)(slash - paths[i]);
            bool is_known = strncmp(last_folder, paths[i], length) == 0 && (last_folder[length] == '/' || !last_folder[length]);
            if (!is_known) names[used++] = last_folder = arena_copy_bytes(&arena, paths[i], length);
        }
        names[used++] = paths[i];
        has_manifest |= strcmp(paths[i], "purs.json") == 0;
    }
    if (!has_manifest) names[used++] = "purs.json";
    enum status status = STATUS_OK;
    if (file_names_clash(names, used, &one, &other))
        status = error_set(err, STATUS_REFUSED,
                           "'%.500s' and '%.500s' differ only in upper and lower case, so they cannot be unpacked everywhere: "
                           "rename one of them.",
                           names[one], names[other]);
    arena_release(&arena);
    return status;
}
