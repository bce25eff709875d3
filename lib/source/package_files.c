/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The package's folder is walked once, including links to folders in the repository. Only chosen files are checked.
 */
#include "lib/source/package_files.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/array.h"
#include "lib/base/folder.h"
#include "lib/base/memory.h"
#include "lib/base/text.h"
#include "lib/domain/package/manifest.h"
#include "lib/source/glob.h"
#include "lib/source/packed_names.h"
#include "lib/tools/archive/archive.h"
#include "lib/tools/git/git_checkout.h"

enum {
    DEPTH_MAX = 64,
    LINKED_MAX = 10000,       /* entries reached through links to folders, which could lead into each other without bound */
    LFS_POINTER_MAX = 1024,   /* Git LFS's own limit */
    GLOBS_MAX = 1000,         /* per field; no package of the registry has more than 5 */
    GLOBS_BYTES_MAX = 100000, /* per field, with all combinations of braces expanded */
    TARBALL_BYTES_MIN = 30,
    TARBALL_BYTES_MAX = 2000000,
    UNPACKED_BYTES_WARNING = 5000000,
    UNPACKED_BYTES_MAX = 50000000,
};
#define STEPS_MAX UINT64_C(200000000) /* comparisons of globs with paths: about a second */
/* Always packed, in the root folder. */
static const char *const always_named[] = {"purs.json",      "spago.yaml", "spago.dhall",
                                           "packages.dhall", "bower.json", "package.json"};
/* The same, as patterns for names in lower case. */
static const char *const always_like[] = {"readme*", "license*", "licence*"};
/* Never packed, in the root folder; patterns for names in lower case. */
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
/* The same, at any depth. */
static const char *const never_like[] = {"*.*.swp", "._*", ".ds_store"};

#define COUNT(array) (sizeof(array) / sizeof(array)[0])

/* A growing list of texts in an arena. */
struct path_list {
    const char **items;
    size_t count, capacity;
};

static void add_path(struct path_list *list, struct arena *arena, const char *path) {
    *array_add_in(arena, list) = arena_copy(arena, path);
}

/* A glob of includeFiles or excludeFiles. */
struct rule {
    struct glob glob;
    bool has_matched;
    const char *always; /* of excludeFiles: a file that it matches, but that is always packed */
};

struct rules {
    const char *field;
    struct rule *items;
    size_t count;
};

struct selection {
    struct arena *arena;
    struct rules include, exclude;
    int root;
    struct path_list chosen, warnings;
    int64_t unpacked_bytes;
    uint64_t steps;           /* comparisons of globs */
    size_t linked_count;      /* entries reached through links to folders */
    const char *not_followed; /* the first entry over LINKED_MAX */
    bool has_module;          /* a .purs file in src/ was chosen */
};

/* A folder being walked, linked to the ones around it. */
struct level {
    const struct level *parent;
    dev_t device;
    ino_t inode;
    int depth;
    bool is_linked;                /* reached through a link */
    bool is_included, is_excluded; /* with everything below it, by a glob */
};

static bool matches_any_in_lower_case(const char *const *patterns, size_t count, const char *name) {
    char lower[NAME_MAX + 1];
    snprintf(lower, sizeof lower, "%s", name);
    for (char *at = lower; *at; at++)
        *at = (char)tolower((unsigned char)*at);
    for (size_t i = 0; i < count; i++)
        if (fnmatch(patterns[i], lower, 0) == 0) return true;
    return false;
}

static bool is_never_in(const char *path, const char *name) {
    return (path == name && matches_any_in_lower_case(never_at_root, COUNT(never_at_root), name)) ||
           matches_any_in_lower_case(never_like, COUNT(never_like), name);
}

static bool is_always_in(const char *path) {
    bool is_named = false;
    if (text_starts_with(path, "src/")) return true;
    for (size_t i = 0; i < COUNT(always_named); i++)
        is_named |= text_equal(path, always_named[i]);
    return !strchr(path, '/') && (is_named || matches_any_in_lower_case(always_like, COUNT(always_like), path));
}

/* ---- Globs ---- */

static enum status read_rules(struct rules *out, const char *field, const struct globs *globs, bool must_be_inside,
                              struct arena *arena, struct error *err) {
    size_t length = 0;
    if (globs->count > GLOBS_MAX)
        return error_set_at(err, STATUS_REFUSED, field, "%s has %zu globs; more than %d are not allowed.", field, globs->count,
                            GLOBS_MAX);
    *out = (struct rules){field, arena_alloc(arena, (globs->count + 1) * sizeof *out->items), globs->count};
    for (size_t i = 0; i < globs->count; i++) {
        struct glob *glob = &out->items[i].glob;
        /* A glob to exclude may lead outside: it has no effect. */
        if (glob_parse(glob, arena, globs->items[i], err) || (must_be_inside && glob_check_inside(glob, err))) {
            error_prefix(err, "%s", field);
            error_under(err, field);
            return err->status = STATUS_REFUSED;
        }
        length += glob->length;
        if (length > GLOBS_BYTES_MAX)
            return error_set_at(
                err, STATUS_REFUSED, field,
                "The globs of %s have more than %d bytes with their braces expanded. Use fewer or shorter ones.", field,
                GLOBS_BYTES_MAX);
    }
    return STATUS_OK;
}

/* True if a rule matches. Rules without a match so far are always tried, for the warnings at the end. */
static bool try_rules(struct selection *selection, struct rules *rules, const char *path, bool is_folder, bool is_always) {
    bool matches = false;
    for (size_t i = 0; i < rules->count; i++) {
        struct rule *rule = &rules->items[i];
        bool is_telling = !rule->has_matched || (is_always && !rule->always);
        if ((matches && !is_telling) || !glob_matches(&rule->glob, path, is_folder, &selection->steps)) continue;
        matches = rule->has_matched = true;
        if (is_always && !rule->always) rule->always = arena_copy(selection->arena, path);
    }
    return matches;
}

static enum status check_steps(const struct selection *selection, struct error *err) {
    if (selection->steps <= STEPS_MAX) return STATUS_OK;
    return error_set_at(err, STATUS_REFUSED, "includeFiles",
                        "The globs of includeFiles and excludeFiles take too long to match against the package's files: use "
                        "fewer or shorter globs, with fewer stars.");
}

static void warn(struct selection *selection, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void warn(struct selection *selection, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    add_path(&selection->warnings, selection->arena, arena_format_list(selection->arena, format, arguments));
    va_end(arguments);
}

static void warn_of_rules(struct selection *selection) {
    for (size_t i = 0; i < selection->include.count; i++)
        if (!selection->include.items[i].has_matched)
            warn(selection, "includeFiles: \"%s\" matches no file that can be packed.", selection->include.items[i].glob.text);
    for (size_t i = 0; i < selection->exclude.count; i++) {
        const struct rule *rule = &selection->exclude.items[i];
        if (rule->always)
            warn(selection, "excludeFiles: \"%s\" matches %s, which is always packed, and is not left out.", rule->glob.text,
                 rule->always);
        else if (glob_names_folder(&rule->glob, "src"))
            warn(selection, "excludeFiles: \"%s\" matches files in src, which is always packed whole.", rule->glob.text);
    }
    if (selection->not_followed)
        warn(selection, "%s is left out: the package's links to folders lead to more than %d files and folders in total.",
             selection->not_followed, LINKED_MAX);
}

/* ---- Links ---- */

/* Follows a link and stats its target. False: it leads out of the folder, or nowhere. */
static bool follow_link(int root, const char *path, struct stat *out) {
    int file = file_open_below(root, path, O_PATH);
    bool is_known = file >= 0 && fstat(file, out) == 0;
    if (file >= 0) close(file);
    return is_known;
}

static bool is_link_to(int root, const char *path, const char *target) {
    char found[64];
    ssize_t length = readlinkat(root, path, found, sizeof found);
    return length >= 0 && (size_t)length == strlen(target) && memcmp(found, target, (size_t)length) == 0;
}

static bool is_named_by_include(const struct selection *selection, const char *path) {
    for (size_t i = 0; i < selection->include.count; i++)
        if (glob_names_folder(&selection->include.items[i].glob, path)) return true;
    return false;
}

/* Judges a submodule, or a link without a target that can be packed: refused if it would be packed, left out with a warning
 * in the root folder, else ignored. */
static enum status judge_bad_link(struct selection *selection, const char *path, bool included, bool is_excluded,
                                  struct error *err) {
    bool is_submodule = is_link_to(selection->root, path, GIT_CHECKOUT_SUBMODULE);
    bool is_source = text_equal(path, "src") || text_starts_with(path, "src/");
    const char *what = is_submodule ? "is a submodule, which is not fetched: put its files into the repository itself"
                                    : "is a link, but its target is not a file or folder of the repository that can be packed";
    if (is_source) return error_set(err, STATUS_REFUSED, "%s %s.", path, what);
    if (is_always_in(path)) {
        warn(selection, "%s is left out: it %s.", path, what);
        return STATUS_OK;
    }
    if (is_excluded || (!included && !is_named_by_include(selection, path))) return STATUS_OK;
    return error_set_at(err, STATUS_REFUSED, "includeFiles", "The globs of includeFiles match %s, which %s.", path, what);
}

/* ---- Files ---- */

/* True for a pointer that Git LFS stores in place of a file. */
static bool is_lfs_pointer(int root, const char *path, off_t size_bytes) {
    static const char *const beginnings[] = {"version https://git-lfs.github.com/spec/",
                                             "version https://hawser.github.com/spec/", "version http://git-media.io/v/"};
    char content[64] = "";
    int file = size_bytes < LFS_POINTER_MAX ? file_open_below(root, path, O_RDONLY | O_NONBLOCK) : -1;
    if (file < 0) return false;
    ssize_t length = read(file, content, sizeof content - 1);
    close(file);
    for (size_t i = 0; i < sizeof beginnings / sizeof *beginnings && length > 0; i++)
        if (text_starts_with(content, beginnings[i])) return true;
    return false;
}

static enum status choose(struct selection *selection, const char *path, off_t size_bytes, struct error *err) {
    bool is_source = text_starts_with(path, "src/"), is_module = text_ends_with(path, ".purs");
    enum status status = packed_name_check(path, err);
    if (status) return status;
    if ((is_source || is_module) && is_lfs_pointer(selection->root, path, size_bytes))
        return error_set(
            err, STATUS_REFUSED,
            "The file '%.500s' is stored in Git LFS, which is not fetched: put the file itself into the repository.", path);
    add_path(&selection->chosen, selection->arena, path);
    selection->unpacked_bytes += size_bytes;
    if (is_source && is_module) selection->has_module = true;
    return STATUS_OK;
}

/* True if includeFiles matches the entry or a folder around it; *is_excluded tells the same of excludeFiles. */
static bool is_included(struct selection *selection, const struct level *in, const char *path, bool is_folder, bool is_always,
                        bool *is_excluded) {
    bool included = try_rules(selection, &selection->include, path, is_folder, false) || in->is_included;
    *is_excluded = try_rules(selection, &selection->exclude, path, is_folder, is_always) || in->is_excluded;
    return included;
}

/* ---- Folders ---- */

static enum status walk_folder(struct selection *selection, char path[PATH_MAX], size_t length, struct level *level,
                               struct error *err);

static bool is_in_itself(const struct level *level, const struct stat *information) {
    for (; level; level = level->parent)
        if (level->device == information->st_dev && level->inode == information->st_ino) return true;
    return false;
}

/* Walks a folder, or the target of a link to one. */
static enum status walk_below(struct selection *selection, char path[PATH_MAX], const struct level *in, bool is_link,
                              const struct stat *information, struct error *err) {
    size_t length = strlen(path);
    bool is_always = text_equal(path, "src") || text_starts_with(path, "src/"), is_excluded;
    struct level level = {.parent = in,
                          .device = information->st_dev,
                          .inode = information->st_ino,
                          .depth = in->depth + 1,
                          .is_linked = is_link || in->is_linked};
    level.is_included = is_included(selection, in, path, true, is_always, &is_excluded);
    level.is_excluded = is_excluded;
    if (is_link && is_in_itself(in, information)) return judge_bad_link(selection, path, level.is_included, is_excluded, err);
    if (is_link && selection->linked_count > LINKED_MAX) return STATUS_OK;
    if (level.depth > DEPTH_MAX || length + 1 >= PATH_MAX)
        return error_set(err, STATUS_REFUSED, "The folder %s is nested too deeply: more than %d levels.", path, DEPTH_MAX);
    path[length] = '/';
    path[length + 1] = '\0';
    return walk_folder(selection, path, length + 1, &level, err);
}

/* Handles the entry at `path`, whose name starts at `name`. */
static enum status walk_entry(struct selection *selection, char path[PATH_MAX], const char *name, const struct level *in,
                              struct error *err) {
    struct stat information;
    bool is_excluded;
    if (is_never_in(path, name)) return STATUS_OK;
    if (fstatat(selection->root, path, &information, AT_SYMLINK_NOFOLLOW))
        return error_set(err, STATUS_INTERNAL, "The file %s cannot be examined: %s.", path, strerror(errno));
    bool is_link = S_ISLNK(information.st_mode), leads_somewhere = !is_link || follow_link(selection->root, path, &information);
    if (in->is_linked && ++selection->linked_count > LINKED_MAX) {
        if (!selection->not_followed) selection->not_followed = arena_copy(selection->arena, path);
        return STATUS_OK;
    }
    if (leads_somewhere && S_ISDIR(information.st_mode)) return walk_below(selection, path, in, is_link, &information, err);
    bool is_always = is_always_in(path), included = is_included(selection, in, path, false, is_always, &is_excluded);
    bool is_packed = is_always || (included && !is_excluded);
    enum status status = check_steps(selection, err);
    if (status) return status;
    if (is_link && (!leads_somewhere || !S_ISREG(information.st_mode)))
        return judge_bad_link(selection, path, included, is_excluded, err);
    return is_packed && S_ISREG(information.st_mode) ? choose(selection, path, information.st_size, err) : STATUS_OK;
}

static int compare_paths(const void *a, const void *b) {
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* Appends the names in the folder, sorted, so that of several faults the same one is always reported. False, with errno: it
 * cannot be opened. */
static bool read_names(struct path_list *out, struct arena *arena, int root, const char *path) {
    struct dirent *entry;
    int folder = file_open_below(root, path, O_RDONLY | O_DIRECTORY);
    DIR *entries = folder >= 0 ? fdopendir(folder) : NULL;
    if (!entries) {
        int reason = errno;
        if (folder >= 0) close(folder);
        errno = reason;
        return false;
    }
    while (errno = 0, (entry = readdir(entries)))
        if (!text_equal(entry->d_name, ".") && !text_equal(entry->d_name, "..")) add_path(out, arena, entry->d_name);
    int reason = errno;
    closedir(entries);
    if (out->count) qsort(out->items, out->count, sizeof *out->items, compare_paths);
    errno = reason;
    return reason == 0;
}

/* Walks the folder whose path is the first `length` bytes of `path` (with its `/`; 0: the root). */
static enum status walk_folder(struct selection *selection, char path[PATH_MAX], size_t length, struct level *level,
                               struct error *err) {
    enum status status = STATUS_OK;
    struct arena arena = {0};
    struct path_list names = {0};
    if (!read_names(&names, &arena, selection->root, length ? path : "."))
        status = error_set(err, STATUS_INTERNAL, "The folder %s cannot be read: %s.", path, strerror(errno));
    for (size_t i = 0; i < names.count && !status; i++) {
        if (length + strlen(names.items[i]) >= PATH_MAX)
            status = error_set(err, STATUS_REFUSED, "The path %s%s is too long.", path, names.items[i]);
        else {
            snprintf(path + length, PATH_MAX - length, "%s", names.items[i]);
            status = walk_entry(selection, path, path + length, level, err);
        }
        path[length] = '\0';
    }
    arena_release(&arena);
    return status;
}

/* ---- Selection ---- */

/* Walks from the root, which a glob like "." matches. */
static enum status walk_root(struct selection *selection, struct error *err) {
    char path[PATH_MAX] = "";
    struct stat information;
    bool is_excluded;
    if (fstat(selection->root, &information))
        return error_set(err, STATUS_INTERNAL, "The package's folder cannot be examined: %s.", strerror(errno));
    struct level level = {.device = information.st_dev, .inode = information.st_ino};
    level.is_included = is_included(selection, &level, "", true, false, &is_excluded);
    level.is_excluded = is_excluded;
    return walk_folder(selection, path, 0, &level, err);
}

enum status package_files_select(struct package_files *out, struct arena *arena, const char *folder,
                                 const struct globs *include, const struct globs *exclude, struct error *err) {
    struct selection selection = {.arena = arena};
    enum status status = read_rules(&selection.include, "includeFiles", include, true, arena, err);
    if (!status) status = read_rules(&selection.exclude, "excludeFiles", exclude, false, arena, err);
    if (status) return status;
    selection.root = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (selection.root < 0)
        return error_set(err, STATUS_INTERNAL, "The folder %s cannot be opened: %s.", folder, strerror(errno));
    status = walk_root(&selection, err);
    close(selection.root);
    if (!status && !selection.has_module)
        status = error_set(err, STATUS_REFUSED, "The package has no .purs file in its folder src/.");
    if (status) return status;
    qsort(selection.chosen.items, selection.chosen.count, sizeof(char *), compare_paths);
    status = packed_names_check_case(selection.chosen.items, selection.chosen.count, err);
    if (!status && selection.unpacked_bytes > UNPACKED_BYTES_MAX)
        status = error_set(err, STATUS_REFUSED,
                           "The files that would be packed have %lld bytes; more than %d are not allowed. Leave files out with "
                           "\"excludeFiles\", or include fewer.",
                           (long long)selection.unpacked_bytes, UNPACKED_BYTES_MAX);
    if (status) return status;
    if (selection.unpacked_bytes > UNPACKED_BYTES_WARNING)
        warn(&selection, "The files that are packed have %lld bytes, more than the recommended %d. Consider excludeFiles.",
             (long long)selection.unpacked_bytes, UNPACKED_BYTES_WARNING);
    warn_of_rules(&selection);
    if (selection.warnings.count) qsort(selection.warnings.items, selection.warnings.count, sizeof(char *), compare_paths);
    *out = (struct package_files){selection.chosen.items, selection.chosen.count, selection.warnings.items,
                                  selection.warnings.count, selection.unpacked_bytes};
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
