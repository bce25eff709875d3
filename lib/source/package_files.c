/* SPDX-License-Identifier: BSD-3-Clause */
#include "lib/source/package_files.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "lib/base/memory.h"
#include "lib/base/text.h"
#include "lib/domain/manifest.h"
#include "lib/source/glob.h"
#include "lib/tools/archive.h"

enum {
    DEPTH_MAX = 64,
    TARBALL_BYTES_MIN = 30,
    TARBALL_BYTES_MAX = 2000000,
};

/* Always in, at the root. */
static const char *const always_named[] = {"purs.json",      "spago.yaml", "spago.dhall",
                                           "packages.dhall", "bower.json", "package.json"};
/* The same, in any case. */
static const char *const always_like[] = {"readme*", "license*", "licence*"};
/* Never in: at the root, in any case ... */
static const char *const never_at_root[] = {".git",
                                            ".svn",
                                            ".hg",
                                            "_darcs",
                                            ".fossil",
                                            ".jj",
                                            "cvs",
                                            ".pijul",
                                            ".psci",
                                            ".psci_modules",
                                            ".spago",
                                            "node_modules",
                                            "bower_components",
                                            "package-lock.json",
                                            "yarn.lock",
                                            "pnpm-lock.yaml"};
/* ... and at any depth. */
static const char *const never_like[] = {"*.*.swp", "._*", ".ds_store"};

#define COUNT(array) (sizeof(array) / sizeof(array)[0])

/* A growing list of texts in an arena. */
struct path_list {
    const char **items;
    size_t count, capacity;
};

static void add_path(struct path_list *list, struct arena *arena, const char *path) {
    if (list->count == list->capacity) {
        list->capacity = list->capacity * 2 + 32;
        const char **more = arena_alloc(arena, list->capacity * sizeof *more);
        if (list->count) memcpy(more, list->items, list->count * sizeof *more);
        list->items = more;
    }
    list->items[list->count++] = arena_copy(arena, path);
}

struct selection {
    struct arena *arena;
    const struct globs *include, *exclude;
    int root;
    struct path_list chosen, left_out;
    bool has_module; /* a .purs file in src/ */
};

static bool matches_any(const char *const *globs, size_t count, const char *path) {
    for (size_t i = 0; i < count; i++)
        if (glob_matches(globs[i], path)) return true;
    return false;
}

static bool matches_any_in_lower_case(const char *const *globs, size_t count, const char *name) {
    char lower[NAME_MAX + 1];
    snprintf(lower, sizeof lower, "%s", name);
    for (char *at = lower; *at; at++)
        *at = (char)tolower((unsigned char)*at);
    return matches_any(globs, count, lower);
}

static bool is_never_in(const char *path, const char *name) {
    return (path == name && matches_any_in_lower_case(never_at_root, COUNT(never_at_root), name)) ||
           matches_any_in_lower_case(never_like, COUNT(never_like), name);
}

static bool is_always_in(const char *path) {
    if (text_starts_with(path, "src/")) return true;
    return !strchr(path, '/') && (matches_any(always_named, COUNT(always_named), path) ||
                                  matches_any_in_lower_case(always_like, COUNT(always_like), path));
}

enum target { TARGET_FILE, TARGET_FOLDER, TARGET_OUTSIDE, TARGET_OTHER };

/* What a link below the package's folder leads to; a link that leads nowhere counts as one to the outside. */
static enum target link_target(int root, const char *path) {
    struct open_how how = {.flags = O_PATH | O_CLOEXEC, .resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS};
    struct stat information;
    int file = (int)syscall(SYS_openat2, root, path, &how, sizeof how);
    if (file < 0) return TARGET_OUTSIDE;
    bool is_known = fstat(file, &information) == 0;
    close(file);
    if (!is_known) return TARGET_OTHER;
    return S_ISREG(information.st_mode) ? TARGET_FILE : S_ISDIR(information.st_mode) ? TARGET_FOLDER : TARGET_OTHER;
}

/* A link that would be in the tarball, but leads to no file of the package. */
static enum status judge_bad_link(struct selection *selection, const char *path, bool is_included, struct error *err) {
    if (is_included)
        return error_set_at(err, STATUS_REFUSED, "includeFiles",
                            "includeFiles matches %s, which is a link that leads to no file in the package's folder.", path);
    if (text_starts_with(path, "src/"))
        return error_set(err, STATUS_REFUSED, "%s is a link that leads to no file in the package's folder.", path);
    add_path(&selection->left_out, selection->arena, path);
    return STATUS_OK;
}

static enum status judge_file(struct selection *selection, const char *path, bool is_link, struct error *err) {
    bool is_always = is_always_in(path);
    bool is_included = !is_always && matches_any(selection->include->items, selection->include->count, path) &&
                       !matches_any(selection->exclude->items, selection->exclude->count, path);
    if (!is_always && !is_included) return STATUS_OK;
    if (is_link && link_target(selection->root, path) != TARGET_FILE) return judge_bad_link(selection, path, is_included, err);
    add_path(&selection->chosen, selection->arena, path);
    if (text_starts_with(path, "src/") && text_ends_with(path, ".purs")) selection->has_module = true;
    return STATUS_OK;
}

static enum status walk_folder(struct selection *selection, char path[PATH_MAX], size_t length, int depth, struct error *err);

/* The entry whose path is in `path`, its name at `name`. */
static enum status walk_entry(struct selection *selection, char path[PATH_MAX], const char *name, int depth,
                              struct error *err) {
    struct stat information;
    if (is_never_in(path, name)) return STATUS_OK;
    if (fstatat(selection->root, path, &information, AT_SYMLINK_NOFOLLOW))
        return error_set(err, STATUS_INTERNAL, "The file %s cannot be looked at: %s.", path, strerror(errno));
    if (S_ISREG(information.st_mode) || S_ISLNK(information.st_mode))
        return judge_file(selection, path, S_ISLNK(information.st_mode), err);
    if (!S_ISDIR(information.st_mode)) return STATUS_OK;
    size_t length = strlen(path);
    if (depth >= DEPTH_MAX || length + 1 >= PATH_MAX)
        return error_set(err, STATUS_REFUSED, "The folder %s is nested too deep: more than %d folders in each other.", path,
                         DEPTH_MAX);
    path[length] = '/';
    path[length + 1] = '\0';
    return walk_folder(selection, path, length + 1, depth + 1, err);
}

/* Everything in the folder whose path is the first `length` bytes of `path` (with its `/`; none is the root). */
static enum status walk_folder(struct selection *selection, char path[PATH_MAX], size_t length, int depth, struct error *err) {
    enum status status = STATUS_OK;
    struct dirent *entry;
    int folder = openat(selection->root, length ? path : ".", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    DIR *entries = folder >= 0 ? fdopendir(folder) : NULL;
    if (!entries) {
        status = error_set(err, STATUS_INTERNAL, "The folder %s cannot be read: %s.", path, strerror(errno));
        if (folder >= 0) close(folder);
        return status;
    }
    while (!status && (entry = readdir(entries))) {
        const char *name = entry->d_name;
        if (text_equal(name, ".") || text_equal(name, "..")) continue;
        if (length + strlen(name) >= PATH_MAX)
            status = error_set(err, STATUS_REFUSED, "The path %s%s is too long.", path, name);
        else {
            snprintf(path + length, PATH_MAX - length, "%s", name);
            status = walk_entry(selection, path, path + length, depth, err);
        }
        path[length] = '\0';
    }
    closedir(entries);
    return status;
}

/* What is left out may well be outside: nothing comes of it. */
static enum status check_globs(const struct globs *globs, const char *field, bool must_be_inside, struct error *err) {
    for (size_t i = 0; i < globs->count; i++)
        if (glob_check(globs->items[i], err) || (must_be_inside && glob_check_inside(globs->items[i], err))) {
            error_prefix(err, "%s", field);
            error_under(err, field);
            return err->status = STATUS_REFUSED;
        }
    return STATUS_OK;
}

static int compare_paths(const void *a, const void *b) {
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static enum status refuse_without_modules(const char *folder, struct error *err) {
    struct arena arena = {0};
    struct stat information;
    bool is_link = lstat(arena_format(&arena, "%s/src", folder), &information) == 0 && S_ISLNK(information.st_mode);
    arena_release(&arena);
    if (is_link) return error_set(err, STATUS_REFUSED, "The package's src is a link: it must be a folder itself.");
    return error_set(err, STATUS_REFUSED, "The package has no .purs file in its folder src/.");
}

enum status package_files_select(struct package_files *out, struct arena *arena, const char *folder,
                                 const struct globs *include, const struct globs *exclude, struct error *err) {
    struct selection selection = {.arena = arena, .include = include, .exclude = exclude};
    char path[PATH_MAX] = "";
    enum status status = check_globs(include, "includeFiles", true, err);
    if (!status) status = check_globs(exclude, "excludeFiles", false, err);
    if (status) return status;
    selection.root = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (selection.root < 0)
        return error_set(err, STATUS_INTERNAL, "The folder %s cannot be opened: %s.", folder, strerror(errno));
    status = walk_folder(&selection, path, 0, 0, err);
    close(selection.root);
    if (!status && !selection.has_module) status = refuse_without_modules(folder, err);
    if (status) return status;
    qsort(selection.chosen.items, selection.chosen.count, sizeof(char *), compare_paths);
    if (selection.left_out.count) qsort(selection.left_out.items, selection.left_out.count, sizeof(char *), compare_paths);
    *out = (struct package_files){selection.chosen.items, selection.chosen.count, selection.left_out.items,
                                  selection.left_out.count};
    return STATUS_OK;
}

enum status package_files_pack(struct text *out, const char *folder, const struct package_files *files, const char *top,
                               const char *purs_json, int64_t limit_bytes, struct error *err) {
    struct archive_item *items = memory_alloc((files->count + 1) * sizeof *items);
    size_t count = 0;
    items[count++] = (struct archive_item){"purs.json", purs_json, strlen(purs_json)};
    for (size_t i = 0; i < files->count; i++)
        if (!text_equal(files->paths[i], "purs.json")) items[count++].path = files->paths[i];
    enum status status = archive_pack(out, folder, top, items, count, limit_bytes, err);
    free(items);
    return status;
}

enum status package_files_check_size(size_t tarball_bytes, struct error *err) {
    if (tarball_bytes < TARBALL_BYTES_MIN)
        return error_set(err, STATUS_REFUSED, "Packing failed: the tarball has only %zu bytes.", tarball_bytes);
    if (tarball_bytes <= TARBALL_BYTES_MAX) return STATUS_OK;
    return error_set(err, STATUS_REFUSED,
                     "The package's tarball has %zu bytes; more than %d are not allowed. Leave files out with "
                     "\"excludeFiles\", or include fewer.",
                     tarball_bytes, TARBALL_BYTES_MAX);
}
