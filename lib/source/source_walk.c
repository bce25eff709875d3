/* SPDX-License-Identifier: BSD-3-Clause */
#include "lib/source/source_walk.h"

#include <errno.h>
#include <fts.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/array.h"
#include "lib/base/folder.h"
#include "lib/base/text.h"
#include "lib/source/source_text.h"

#define SUFFIX ".purs"

enum { FOREIGN_BYTES_MAX = 64 << 20 };

/* True if `*.purs` matches a file or folder of that name in src/. */
static bool is_module_name(const char *name, size_t length) {
    size_t suffix = strlen(SUFFIX);
    return length > suffix && name[0] != '.' && memcmp(name + length - suffix, SUFFIX, suffix) == 0;
}

/* True in src/, except in hidden folders directly below it. */
static bool is_below_source(const char *path) {
    static const char source[] = "src/";
    return text_starts_with(path, source) && path[strlen(source)] != '.';
}

bool source_is_module(const char *path) {
    const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;
    return is_below_source(path) && is_module_name(name, strlen(name));
}

static enum status refuse_folder(const char *path, size_t length, struct error *err) {
    return error_set(err, STATUS_REFUSED,
                     "The folder %.*s has a name that ends in " SUFFIX
                     ": the compiler would read it as a module. Give it another name.",
                     (int)length, path);
}

enum status source_check_folders(const char *path, struct error *err) {
    if (!is_below_source(path)) return STATUS_OK;
    const char *name = path + strlen("src/");
    for (const char *slash; (slash = strchr(name, '/')); name = slash + 1)
        if (is_module_name(name, (size_t)(slash - name))) return refuse_folder(path, (size_t)(slash - path), err);
    return STATUS_OK;
}

/* Every foreign import has this word; if the word occurs elsewhere, one file is checked unnecessarily. */
static bool may_import_foreign(const struct text *module) {
    static const char word[] = "foreign";
    return module->length > 0 && memmem(module->bytes, module->length, word, strlen(word)) != NULL;
}

enum status source_check_foreign(const char *folder, const char *path, const struct text *module, struct error *err) {
    if (!source_is_module(path) || !may_import_foreign(module)) return STATUS_OK;
    struct text full = {0}, foreign = {0}, name = {0};
    struct error problem = {0};
    text_append_format(&name, "%.*s.js", (int)(strlen(path) - strlen(SUFFIX)), path);
    text_append_format(&full, "%s/%s", folder, name.bytes);
    enum status status = file_read(full.bytes, FOREIGN_BYTES_MAX, &foreign, &problem);
    if (!status && source_text_check(text_view(&foreign), foreign.length, &problem))
        status = error_set(err, STATUS_REFUSED, "The foreign module %s: %s", name.bytes, problem.message);
    else
        status = STATUS_OK; /* a file that is missing or no file is reported by the compiler */
    text_release(&full);
    text_release(&foreign);
    text_release(&name);
    return status;
}

/* ---- Walking a folder ---- */

static void add_path(struct source_walk *list, struct arena *arena, const char *path) {
    list->paths = array_grow_in(arena, list->paths, list->count, &list->capacity, sizeof *list->paths);
    list->paths[list->count++] = arena_copy(arena, path);
}

static int compare_paths(const void *a, const void *b) {
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* Without a folder src there are no modules. */
static bool is_unreadable(const FTSENT *entry) {
    bool is_failure = entry->fts_info == FTS_DNR || entry->fts_info == FTS_ERR || entry->fts_info == FTS_NS;
    return is_failure && !(entry->fts_level == FTS_ROOTLEVEL && entry->fts_errno == ENOENT);
}

enum status source_walk_modules(struct source_walk *out, struct arena *arena, const char *folder, struct error *err) {
    char *const roots[] = {arena_format(arena, "%s/src", folder), NULL};
    size_t skipped = strlen(folder) + 1;
    enum status status = STATUS_OK;
    *out = (struct source_walk){0};
    FTS *walk = fts_open(roots, FTS_PHYSICAL | FTS_NOCHDIR, NULL);
    if (!walk) return error_set(err, STATUS_INTERNAL, "The folder %s cannot be read: %s.", folder, strerror(errno));
    for (FTSENT *entry = fts_read(walk); entry; entry = fts_read(walk)) {
        const char *path = entry->fts_path + skipped;
        bool is_folder = entry->fts_info == FTS_D && entry->fts_level > 0;
        if (is_folder && entry->fts_level == 1 && entry->fts_name[0] == '.')
            fts_set(walk, entry, FTS_SKIP);
        else if (is_folder && !status && is_module_name(entry->fts_name, entry->fts_namelen))
            status = refuse_folder(path, strlen(path), err);
        else if (entry->fts_info == FTS_F && source_is_module(path))
            add_path(out, arena, path);
        else if (!status && is_unreadable(entry))
            status = error_set(err, STATUS_INTERNAL, "%s cannot be read: %s.", path, strerror(entry->fts_errno));
    }
    fts_close(walk);
    if (out->count) qsort(out->paths, out->count, sizeof *out->paths, compare_paths);
    return status;
}
