/* SPDX-License-Identifier: BSD-3-Clause */
#include "lib/store/registry/registry_view.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/arena.h"
#include "lib/base/clock.h"
#include "lib/base/log.h"
#include "lib/base/map.h"
#include "lib/base/memory.h"
#include "lib/base/text.h"
#include "lib/domain/registry/index_file.h"

#define METADATA_FOLDER "metadata"

/* The kind of a file, which follows from its repository. */
enum file_kind { FILE_METADATA, FILE_MANIFESTS, FILE_KIND_COUNT };

struct registry_view {
    pthread_mutex_t refreshing; /* one refresh at a time; guards the next three */
    int64_t tried_us;           /* when the last one began, by clock_monotonic_us(), and its outcome */
    enum status tried_status;
    struct error tried_err;
    pthread_rwlock_t lock; /* guards the fields below: a refresh locks it for writing */
    struct manifest_index *index;
    struct map skipped[FILE_KIND_COUNT]; /* sets of the packages whose file cannot be parsed */
    char commits[FILE_KIND_COUNT][REGISTRY_COMMIT_MAX];
    struct registry_repo *repos[FILE_KIND_COUNT]; /* borrowed; set once */
};

/* A changed file: read and parsed before the readers are locked out. */
struct changed_file {
    struct changed_file *next;
    enum file_kind kind;
    char name[PACKAGE_NAME_MAX + 1]; /* of the package */
    bool is_removed;
    char *problem;              /* why it could not be parsed; NULL: it could */
    struct arena memory;        /* of the parsed data, until the index has it */
    struct metadata metadata;   /* of FILE_METADATA */
    struct manifest *manifests; /* of FILE_MANIFESTS */
    size_t manifest_count;
};

/* The changed files of a comparison, collected by several threads. */
struct changes {
    pthread_mutex_t mutex; /* guards `first` */
    struct changed_file *first;
    enum file_kind kind; /* of the files being read */
};

struct registry_view *registry_view_create(struct registry_repo *registry, struct registry_repo *index) {
    struct registry_view *view = memory_alloc(sizeof *view);
    pthread_mutex_init(&view->refreshing, NULL);
    pthread_rwlockattr_t fair; /* otherwise readers that follow one another would starve a refresh */
    pthread_rwlockattr_init(&fair);
    pthread_rwlockattr_setkind_np(&fair, PTHREAD_RWLOCK_PREFER_WRITER_NONRECURSIVE_NP);
    pthread_rwlock_init(&view->lock, &fair);
    pthread_rwlockattr_destroy(&fair);
    view->index = manifest_index_create();
    view->repos[FILE_METADATA] = registry;
    view->repos[FILE_MANIFESTS] = index;
    return view;
}

static void forget_skipped(struct registry_view *view) {
    for (int kind = 0; kind < FILE_KIND_COUNT; kind++)
        map_release(&view->skipped[kind], NULL);
}

void registry_view_free(struct registry_view *view) {
    if (!view) return;
    forget_skipped(view);
    manifest_index_free(view->index);
    pthread_rwlock_destroy(&view->lock);
    pthread_mutex_destroy(&view->refreshing);
    free(view);
}

/* ---- Reading changed files ---- */

/* The package that a file belongs to; false for any other file. */
static bool find_package(enum file_kind kind, const char *path, char out[PACKAGE_NAME_MAX + 1]) {
    if (kind == FILE_MANIFESTS) {
        const char *name = index_file_package(path);
        if (name) memcpy(out, name, strlen(name) + 1);
        return name;
    }
    if (!text_starts_with(path, METADATA_FOLDER "/") || !text_ends_with(path, ".json")) return false;
    const char *name = path + strlen(METADATA_FOLDER "/");
    size_t length = strlen(name) - strlen(".json");
    if (length > PACKAGE_NAME_MAX) return false;
    memcpy(out, name, length);
    out[length] = '\0';
    return package_name_check(out, NULL) == STATUS_OK;
}

static void parse_file(struct changed_file *out, const struct registry_file *file) {
    struct error err = {0};
    enum status status = STATUS_OK;
    if (out->kind == FILE_METADATA)
        status = metadata_parse(&out->metadata, file->bytes, file->length, &out->memory, &err);
    else
        status =
            index_file_parse(&out->manifests, &out->manifest_count, out->name, file->bytes, file->length, &out->memory, &err);
    if (status) out->problem = memory_copy_text(err.message);
}

/* A registry_visit, called by several threads. */
static enum status take_file(const char *path, const struct registry_file *file, void *context, struct error *err) {
    (void)err;
    struct changes *changes = context;
    struct changed_file *changed = memory_alloc(sizeof *changed);
    changed->kind = changes->kind;
    changed->is_removed = !file->bytes;
    if (!find_package(changed->kind, path, changed->name)) {
        free(changed);
        return STATUS_OK;
    }
    if (file->bytes) parse_file(changed, file);
    pthread_mutex_lock(&changes->mutex);
    changed->next = changes->first;
    changes->first = changed;
    pthread_mutex_unlock(&changes->mutex);
    return STATUS_OK;
}

static void forget_changes(struct changes *changes) {
    while (changes->first) {
        struct changed_file *file = changes->first;
        changes->first = file->next;
        arena_release(&file->memory);
        free(file->problem);
        free(file);
    }
}

/* Adds the files that differ between the view's commits and the heads. `from_nothing`: all files. */
static enum status read_changes(struct changes *changes, struct registry_view *view, bool from_nothing,
                                char heads[FILE_KIND_COUNT][REGISTRY_COMMIT_MAX], struct error *err) {
    static const char *const folders[FILE_KIND_COUNT] = {[FILE_METADATA] = METADATA_FOLDER};
    enum status status = STATUS_OK;
    for (int kind = 0; kind < FILE_KIND_COUNT && !status; kind++) {
        const char *from = from_nothing ? "" : view->commits[kind];
        changes->kind = (enum file_kind)kind;
        if (strcmp(from, heads[kind]) != 0)
            status =
                registry_repo_compare_in_threads(view->repos[kind], from, heads[kind], folders[kind], take_file, changes, err);
    }
    return status;
}

/* ---- Applying the changes ---- */

static void note_skipped(struct registry_view *view, const struct changed_file *file) {
    log_line(LOG_ERROR, "registry_file_skipped", log_field("kind", file->kind == FILE_METADATA ? "metadata" : "manifests"),
             log_field("package", file->name), log_field("error", file->problem));
    map_put(&view->skipped[file->kind], file->name, &view->skipped);
}

static void take_change(struct registry_view *view, struct manifest_index *index, struct changed_file *file) {
    map_remove(&view->skipped[file->kind], file->name);
    if (file->problem)
        note_skipped(view, file);
    else if (file->kind == FILE_METADATA && file->is_removed)
        manifest_index_remove_metadata(index, file->name);
    else if (file->kind == FILE_METADATA)
        manifest_index_put_metadata(index, file->name, &file->metadata, &file->memory);
    else if (file->is_removed)
        manifest_index_remove_manifests(index, file->name);
    else
        manifest_index_put_manifests(index, file->name, file->manifests, file->manifest_count, &file->memory);
}

/* Applies the changes to the view's index, or to `replacement`, which then takes its place. */
static void take_changes(struct registry_view *view, const struct changes *changes, struct manifest_index *replacement,
                         char heads[FILE_KIND_COUNT][REGISTRY_COMMIT_MAX]) {
    pthread_rwlock_wrlock(&view->lock);
    if (replacement) {
        forget_skipped(view);
        manifest_index_free(view->index);
        view->index = replacement;
    }
    for (struct changed_file *file = changes->first; file; file = file->next)
        take_change(view, view->index, file);
    memcpy(view->commits, heads, sizeof view->commits);
    pthread_rwlock_unlock(&view->lock);
}

static enum status refresh_locked(struct registry_view *view, struct deadline *deadline, struct error *err) {
    char heads[FILE_KIND_COUNT][REGISTRY_COMMIT_MAX] = {{0}};
    struct changes changes = {.mutex = PTHREAD_MUTEX_INITIALIZER};
    struct manifest_index *replacement = NULL;
    enum status status = STATUS_OK;
    for (int kind = 0; kind < FILE_KIND_COUNT && !status; kind++)
        status = registry_repo_fetch(view->repos[kind], deadline, heads[kind], err);
    if (status || memcmp(heads, view->commits, sizeof heads) == 0) return status;

    status = read_changes(&changes, view, false, heads, err);
    if (status == STATUS_NOT_FOUND) { /* the history was rewritten, and does not contain our commit */
        log_line(LOG_WARN, "registry_reloaded", log_field("reason", err ? err->message : ""));
        forget_changes(&changes);
        status = read_changes(&changes, view, true, heads, err);
        if (!status) replacement = manifest_index_create();
    }
    if (!status) take_changes(view, &changes, replacement, heads);
    forget_changes(&changes);
    return status;
}

enum status registry_view_catch_up(struct registry_view *view, int64_t asked_us, struct deadline *deadline, struct error *err) {
    pthread_mutex_lock(&view->refreshing);
    if (view->tried_us <= asked_us) {
        view->tried_us = clock_monotonic_us();
        view->tried_err = (struct error){0};
        view->tried_status = refresh_locked(view, deadline, &view->tried_err);
    }
    enum status status = view->tried_status;
    if (status && err) *err = view->tried_err;
    pthread_mutex_unlock(&view->refreshing);
    return registry_repo_as_trouble(status, err);
}

enum status registry_view_refresh(struct registry_view *view, struct deadline *deadline, struct error *err) {
    return registry_view_catch_up(view, INT64_MAX, deadline, err);
}

/* ---- Readers ---- */

const struct manifest_index *registry_view_lock(struct registry_view *view) {
    pthread_rwlock_rdlock(&view->lock);
    return view->index;
}

void registry_view_unlock(struct registry_view *view) {
    pthread_rwlock_unlock(&view->lock);
}

struct registry_view_state registry_view_state(struct registry_view *view) {
    struct registry_view_state state = {0};
    pthread_rwlock_rdlock(&view->lock);
    memcpy(state.registry_commit, view->commits[FILE_METADATA], REGISTRY_COMMIT_MAX);
    memcpy(state.index_commit, view->commits[FILE_MANIFESTS], REGISTRY_COMMIT_MAX);
    for (int kind = 0; kind < FILE_KIND_COUNT; kind++)
        state.skipped_files += map_count(&view->skipped[kind]);
    pthread_rwlock_unlock(&view->lock);
    return state;
}
