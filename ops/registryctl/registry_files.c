/* SPDX-License-Identifier: BSD-3-Clause */
#include "ops/registryctl/registry_files.h"

#include <errno.h>
#include <fts.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "lib/base/folder.h"
#include "lib/base/text.h"
#include "lib/domain/registry/index_file.h"
#include "lib/domain/registry/manifest_index.h"

enum { FILE_BYTES_MAX = 64 << 20 };

const char *const registry_part_names[PART_COUNT] = {[PART_REGISTRY] = "registry", [PART_INDEX] = "registry-index"};

struct hidden_filter {
    registry_visit *visit;
    void *context;
};

/* A registry_visit that skips hidden files and folders. */
static enum status visit_if_seen(const char *path, const struct registry_file *file, void *context, struct error *err) {
    const struct hidden_filter *filter = context;
    if (path[0] == '.' || strstr(path, "/.")) return STATUS_OK;
    return filter->visit(path, file, filter->context, err);
}

static enum status visit_repository(const char *path, const char *folder, struct hidden_filter *filter, struct error *err) {
    struct registry_repo *repo = NULL;
    struct registry_repo_options options = {.url = path};
    struct deadline deadline = {.at_ms = INT64_MAX};
    char head[REGISTRY_COMMIT_MAX];
    enum status status = registry_repo_open(&repo, &options, &deadline, err);
    if (!status) status = registry_repo_fetch(repo, &deadline, head, err);
    if (!status) status = registry_repo_compare(repo, "", head, folder, visit_if_seen, filter, err);
    registry_repo_free(repo);
    return status;
}

static int compare_names(const FTSENT **a, const FTSENT **b) {
    return strcmp((*a)->fts_name, (*b)->fts_name);
}

static enum status visit_file(const char *path, size_t root_length, const struct hidden_filter *filter, struct error *err) {
    struct text content = {0};
    enum status status = file_read(path, FILE_BYTES_MAX, &content, err);
    struct registry_file file = {text_view(&content), content.length};
    if (!status) status = filter->visit(path + root_length + 1, &file, filter->context, err);
    text_release(&content);
    return status;
}

static enum status visit_folder(const char *root, const char *folder, const struct hidden_filter *filter, struct error *err) {
    struct text path = {0};
    text_append_format(&path, folder ? "%s/%s" : "%s", root, folder);
    char *paths[] = {path.bytes, NULL};
    FTS *walk = fts_open(paths, FTS_PHYSICAL | FTS_NOCHDIR, compare_names);
    enum status status = STATUS_OK;
    while (walk && !status) {
        FTSENT *entry = fts_read(walk);
        if (!entry) break;
        if (entry->fts_level > 0 && entry->fts_name[0] == '.')
            fts_set(walk, entry, FTS_SKIP);
        else if (entry->fts_info == FTS_F)
            status = visit_file(entry->fts_path, strlen(root), filter, err);
        else if (entry->fts_info == FTS_DNR || entry->fts_info == FTS_ERR)
            status = error_set(err, STATUS_INTERNAL, "%s cannot be read: %s.", entry->fts_path, strerror(entry->fts_errno));
    }
    if (walk) fts_close(walk);
    text_release(&path);
    return status;
}

static bool is_folder(const char *path) {
    struct stat information;
    return stat(path, &information) == 0 && S_ISDIR(information.st_mode);
}

enum status registry_files_visit(const char *registry, enum registry_part part, const char *folder, registry_visit *visit,
                                 void *context, struct error *err) {
    struct hidden_filter filter = {visit, context};
    struct arena scratch = {0};
    const char *name = registry_part_names[part];
    const char *bare = arena_format(&scratch, "%s/%s.git", registry, name);
    const char *plain = arena_format(&scratch, "%s/%s", registry, name);
    enum status status;
    if (is_folder(bare))
        status = visit_repository(bare, folder, &filter, err);
    else if (is_folder(plain))
        status = visit_folder(plain, folder, &filter, err);
    else
        status = error_set(err, STATUS_NOT_FOUND, "There is neither a bare git repository %s.git nor a folder %s in %s.", name,
                           name, registry);
    arena_release(&scratch);
    return status;
}

const char *registry_metadata_package(const char *path, struct arena *arena) {
    static const char folder[] = "metadata/", suffix[] = ".json";
    if (!text_starts_with(path, folder) || !text_ends_with(path, suffix)) return NULL;
    size_t length = strlen(path) - strlen(folder) - strlen(suffix);
    const char *name = arena_copy_bytes(arena, path + strlen(folder), length);
    return package_name_check(name, NULL) ? NULL : name;
}

/* ---- Loading ---- */

struct loading {
    struct manifest_index *index;
    struct arena arena;
};

/* Callbacks of registry_files_visit(). */
static enum status load_metadata(const char *path, const struct registry_file *file, void *context, struct error *err) {
    struct loading *loading = context;
    const char *name = registry_metadata_package(path, &loading->arena);
    if (name && manifest_index_set_metadata(loading->index, name, file->bytes, file->length, err))
        fprintf(stderr, "registryctl: %s is left out: %s\n", path, err->message);
    return STATUS_OK;
}

static enum status load_manifests(const char *path, const struct registry_file *file, void *context, struct error *err) {
    struct loading *loading = context;
    const char *name = index_file_package(path);
    if (name && manifest_index_set_manifests(loading->index, name, file->bytes, file->length, err))
        fprintf(stderr, "registryctl: %s is left out: %s\n", path, err->message);
    return STATUS_OK;
}

enum status registry_files_load(struct manifest_index **out, const char *registry, struct error *err) {
    struct loading loading = {.index = manifest_index_create()};
    enum status status = registry_files_visit(registry, PART_REGISTRY, "metadata", load_metadata, &loading, err);
    if (!status) status = registry_files_visit(registry, PART_INDEX, NULL, load_manifests, &loading, err);
    arena_release(&loading.arena);
    if (status)
        manifest_index_free(loading.index);
    else
        *out = loading.index;
    return status;
}
