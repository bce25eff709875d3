/* SPDX-License-Identifier: BSD-3-Clause */
#include "lib/store/registry/registry_sets.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/array.h"
#include "lib/base/log.h"
#include "lib/base/map.h"
#include "lib/base/memory.h"
#include "lib/base/text.h"
#include "lib/store/registry/registry_view.h"

#define SETS_FOLDER "package-sets"

/* Order of locks: `following`, `lock`. */
struct registry_sets {
    pthread_mutex_t following; /* one follows at a time; the commit changes under both locks */
    pthread_rwlock_t lock;     /* guards the fields below */
    struct set_history *history;
    struct map problems; /* version → why the file is no package set */
    char commit[REGISTRY_COMMIT_MAX];
    struct registry_repo *registry; /* borrowed; set once, as is the next */
    struct registry_view *view;
};

/* A file that was removed, or is no package set. */
struct absent_set {
    struct version version;
    char *problem; /* NULL: it was removed */
};

/* The changed files of a comparison, collected by several threads. */
struct changes {
    pthread_mutex_t mutex;       /* guards the fields below */
    struct set_history *present; /* the sets that were added or changed */
    struct absent_sets {
        struct absent_set *items;
        size_t count, capacity;
    } absent;
};

struct registry_sets *registry_sets_create(struct registry_repo *registry, struct registry_view *view) {
    struct registry_sets *sets = memory_alloc(sizeof *sets);
    pthread_mutex_init(&sets->following, NULL);
    pthread_rwlockattr_t fair; /* otherwise readers that follow one another would keep the changes out */
    pthread_rwlockattr_init(&fair);
    pthread_rwlockattr_setkind_np(&fair, PTHREAD_RWLOCK_PREFER_WRITER_NONRECURSIVE_NP);
    pthread_rwlock_init(&sets->lock, &fair);
    pthread_rwlockattr_destroy(&fair);
    sets->history = set_history_create();
    sets->registry = registry;
    sets->view = view;
    return sets;
}

void registry_sets_free(struct registry_sets *sets) {
    if (!sets) return;
    map_release(&sets->problems, free);
    set_history_free(sets->history);
    pthread_rwlock_destroy(&sets->lock);
    pthread_mutex_destroy(&sets->following);
    free(sets);
}

/* ---- Reading changed files ---- */

/* The version that the file is named after; false for any other file. */
static bool find_version(const char *path, struct version *out) {
    char text[VERSION_TEXT_MAX];
    if (!text_starts_with(path, SETS_FOLDER "/") || !text_ends_with(path, ".json")) return false;
    const char *name = path + strlen(SETS_FOLDER "/");
    size_t length = strlen(name) - strlen(".json");
    if (length >= sizeof text) return false;
    memcpy(text, name, length);
    text[length] = '\0';
    return version_parse(out, text, NULL) == STATUS_OK;
}

static enum status parse_set(struct package_set *out, struct version version, const struct registry_file *file,
                             struct arena *arena, struct error *err) {
    char found[VERSION_TEXT_MAX];
    enum status status = package_set_parse(out, file->bytes, file->length, arena, err);
    if (status && err->path[0]) return error_prefix(err, "%s", err->path);
    if (status || version_equal(out->version, version)) return status;
    version_print(out->version, found);
    return error_set_at(err, STATUS_INVALID, "version", "The file holds the package set %s.", found);
}

/* A registry_visit, called by several threads. */
static enum status take_file(const char *path, const struct registry_file *file, void *context, struct error *err) {
    struct changes *changes = context;
    struct arena arena = {0};
    struct package_set set;
    struct version version;
    struct error problem = {0};
    (void)err;
    if (!find_version(path, &version)) return STATUS_OK;
    bool is_set = file->bytes && parse_set(&set, version, file, &arena, &problem) == STATUS_OK;
    pthread_mutex_lock(&changes->mutex);
    if (is_set)
        set_history_put(changes->present, &set);
    else
        *array_add(&changes->absent) =
            (struct absent_set){.version = version, .problem = file->bytes ? memory_copy_text(problem.message) : NULL};
    pthread_mutex_unlock(&changes->mutex);
    arena_release(&arena);
    return STATUS_OK;
}

static void begin_changes(struct changes *changes) {
    *changes = (struct changes){.mutex = PTHREAD_MUTEX_INITIALIZER, .present = set_history_create()};
}

static void end_changes(struct changes *changes) {
    for (size_t i = 0; i < changes->absent.count; i++)
        free(changes->absent.items[i].problem);
    free(changes->absent.items);
    set_history_free(changes->present);
}

/* ---- Applying the changes ---- */

static void take_present(struct registry_sets *sets, const struct set_history *present) {
    for (size_t i = 0; i < set_history_count(present); i++) {
        struct arena arena = {0};
        struct package_set set;
        char version[VERSION_TEXT_MAX];
        set_history_read(&set, present, set_history_at(present, i)->version, &arena);
        version_print(set.version, version);
        free(map_remove(&sets->problems, version));
        set_history_put(sets->history, &set);
        arena_release(&arena);
    }
}

static void take_absent(struct registry_sets *sets, struct absent_set *absent) {
    char version[VERSION_TEXT_MAX];
    version_print(absent->version, version);
    set_history_remove(sets->history, absent->version);
    free(map_remove(&sets->problems, version));
    if (!absent->problem) return;
    log_line(LOG_ERROR, "registry_file_skipped", log_field("kind", "package-set"), log_field("set", version),
             log_field("error", absent->problem));
    map_put(&sets->problems, version, absent->problem);
    absent->problem = NULL;
}

/* `is_whole`: the changes contain all existing sets. */
static void take_changes(struct registry_sets *sets, struct changes *changes, bool is_whole, const char *commit) {
    pthread_rwlock_wrlock(&sets->lock);
    if (is_whole) {
        set_history_free(sets->history);
        map_release(&sets->problems, free);
        sets->history = changes->present;
        changes->present = NULL;
    } else {
        take_present(sets, changes->present);
    }
    for (size_t i = 0; i < changes->absent.count; i++)
        take_absent(sets, &changes->absent.items[i]);
    memcpy(sets->commit, commit, sizeof sets->commit);
    pthread_rwlock_unlock(&sets->lock);
}

static enum status read_changes(struct registry_sets *sets, const char *from, const char *to, struct error *err) {
    struct changes changes;
    begin_changes(&changes);
    enum status status = registry_repo_compare_in_threads(sets->registry, from, to, SETS_FOLDER, take_file, &changes, err);
    if (!status) take_changes(sets, &changes, !*from, to);
    end_changes(&changes);
    return status;
}

enum status registry_sets_follow(struct registry_sets *sets, struct error *err) {
    enum status status = STATUS_OK;
    pthread_mutex_lock(&sets->following);
    const struct registry_view_state view = registry_view_state(sets->view);
    if (!text_equal(sets->commit, view.registry_commit)) status = read_changes(sets, sets->commit, view.registry_commit, err);
    if (status == STATUS_NOT_FOUND) { /* the history was rewritten, and does not contain our commit */
        log_line(LOG_WARN, "registry_reloaded", log_field("kind", "package-set"), log_field("reason", err ? err->message : ""));
        status = read_changes(sets, "", view.registry_commit, err);
    }
    pthread_mutex_unlock(&sets->following);
    return registry_repo_as_trouble(status, err);
}

/* ---- Readers ---- */

const struct set_history *registry_sets_lock(struct registry_sets *sets) {
    pthread_rwlock_rdlock(&sets->lock);
    return sets->history;
}

void registry_sets_unlock(struct registry_sets *sets) {
    pthread_rwlock_unlock(&sets->lock);
}

static const char *copy_problem(const struct registry_sets *sets, struct version version, struct arena *arena) {
    char text[VERSION_TEXT_MAX];
    version_print(version, text);
    const char *problem = map_find(&sets->problems, text);
    return problem ? arena_copy(arena, problem) : NULL;
}

const char *registry_sets_problem(struct registry_sets *sets, struct version version, struct arena *arena) {
    pthread_rwlock_rdlock(&sets->lock);
    const char *problem = copy_problem(sets, version, arena);
    pthread_rwlock_unlock(&sets->lock);
    return problem;
}

struct newest_set registry_sets_newest(struct registry_sets *sets, struct arena *arena) {
    struct newest_set newest = {0};
    pthread_rwlock_rdlock(&sets->lock);
    const struct released_set *latest = set_history_at(sets->history, 0);
    if (latest) newest = (struct newest_set){.is_any = true, .version = latest->version};
    for (const struct map_entry *at = map_first(&sets->problems); at; at = map_next(at)) {
        struct version version;
        if (version_parse(&version, map_key(at), NULL)) continue;
        if (!newest.is_any || version_compare(version, newest.version) > 0)
            newest = (struct newest_set){.is_any = true, .version = version};
    }
    if (newest.is_any) newest.problem = copy_problem(sets, newest.version, arena);
    pthread_rwlock_unlock(&sets->lock);
    return newest;
}

struct registry_sets_state registry_sets_state(struct registry_sets *sets) {
    struct registry_sets_state state = {0};
    pthread_rwlock_rdlock(&sets->lock);
    memcpy(state.commit, sets->commit, sizeof state.commit);
    state.sets = set_history_count(sets->history);
    state.skipped_files = map_count(&sets->problems);
    pthread_rwlock_unlock(&sets->lock);
    return state;
}
