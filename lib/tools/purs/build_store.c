/* SPDX-License-Identifier: BSD-3-Clause */
#include "lib/tools/purs/build_store.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/arena.h"
#include "lib/base/array.h"
#include "lib/base/fault.h"
#include "lib/base/folder.h"
#include "lib/base/log.h"
#include "lib/base/memory.h"
#include "lib/base/text.h"
#include "lib/tools/purs/build_entry_files.h"
#include "lib/tools/purs/build_store_parts.h"

enum {
    USED_STEP_SECONDS = 60,
    CLOCK_STEP_MS = 100, /* above the time stamp granularity of any local file system */
    FIND_TRIES = 4,      /* of opening an entry that is replaced at the same moment */
};

#define OPEN_FOLDER (O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)

/* ---- Opening ---- */

enum status build_store_open(struct build_store **out, const char *folder, int64_t limit_bytes, struct error *err) {
    *out = NULL;
    enum status status = folder_make(folder, err);
    if (status) return status;
    folder_spread(folder);
    struct build_store *store = memory_alloc(sizeof *store);
    pthread_mutex_init(&store->mutex, NULL);
    pthread_mutex_init(&store->evicting, NULL);
    store->limit_bytes = limit_bytes;
    store->folder = realpath(folder, NULL);
    store->open_folder = store->folder ? open(store->folder, OPEN_FOLDER) : -1;
    if (store->open_folder < 0) {
        status = error_set(err, STATUS_INTERNAL, "Cannot open the folder %s: %s.", folder, strerror(errno));
        build_store_free(store);
        return status;
    }
    build_store_remove_leftovers(store);
    build_store_count_again(store);
    *out = store;
    return STATUS_OK;
}

void build_store_free(struct build_store *store) {
    if (!store) return;
    if (store->open_folder >= 0) close(store->open_folder);
    pthread_mutex_destroy(&store->mutex);
    pthread_mutex_destroy(&store->evicting);
    map_release(&store->stamps, free);
    free(store->folder);
    free(store);
}

const char *build_store_folder(const struct build_store *store) {
    return store->folder;
}

struct build_store_counts build_store_counts(struct build_store *store) {
    pthread_mutex_lock(&store->mutex);
    struct build_store_counts counts = store->counts;
    pthread_mutex_unlock(&store->mutex);
    return counts;
}

static void count(struct build_store *store, int64_t *counter) {
    pthread_mutex_lock(&store->mutex);
    (*counter)++;
    pthread_mutex_unlock(&store->mutex);
}

/* ---- Verified entries: none is removed, since a stale stamp matches nothing, and a new entry with its key replaces it ---- */

static bool was_verified(struct build_store *store, const char *key, const struct entry_stamp *stamp) {
    pthread_mutex_lock(&store->mutex);
    const struct entry_stamp *found = map_find(&store->stamps, key);
    bool is_same = found && memcmp(found->bytes, stamp->bytes, sizeof stamp->bytes) == 0;
    pthread_mutex_unlock(&store->mutex);
    return is_same;
}

static void remember_verified(struct build_store *store, const char *key, const struct entry_stamp *stamp) {
    struct entry_stamp *copy = memory_alloc(sizeof *copy);
    *copy = *stamp;
    pthread_mutex_lock(&store->mutex);
    free(map_put(&store->stamps, key, copy));
    pthread_mutex_unlock(&store->mutex);
}

/* ---- Finding ---- */

struct held_entry {
    int folder; /* open, locked */
};

void build_store_path(char out[BUILD_STORE_PATH_MAX], const char *key) {
    snprintf(out, BUILD_STORE_PATH_MAX, "%.2s/%s", key, key);
}

bool build_store_is_at(const struct build_store *store, const char *path, int folder) {
    struct stat there, ours;
    return fstatat(store->open_folder, path, &there, AT_SYMLINK_NOFOLLOW) == 0 && fstat(folder, &ours) == 0 &&
           there.st_dev == ours.st_dev && there.st_ino == ours.st_ino;
}

bool build_store_lock(int folder, int operation) {
    int result;
    do {
        result = flock(folder, operation);
    } while (result != 0 && errno == EINTR);
    return result == 0;
}

/* Opens the entry's folder with a shared lock; -1 with errno. */
static int open_entry(const struct build_store *store, const char *path) {
    for (int tries = 0; tries < FIND_TRIES; tries++) {
        int folder = openat(store->open_folder, path, OPEN_FOLDER);
        if (folder < 0) return -1;
        /* The holder of an exclusive lock is moving the entry here or away. */
        if (build_store_lock(folder, LOCK_SH) && build_store_is_at(store, path, folder)) return folder;
        close(folder);
    }
    errno = ENOENT;
    return -1;
}

/* Updates the time of last use, at most once a minute, so that many builds do not all write to the same folder. */
static void mark_used(int folder) {
    struct stat about;
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    if (fstatat(folder, ENTRY_USED, &about, AT_SYMLINK_NOFOLLOW) != 0 || about.st_mtim.tv_sec + USED_STEP_SECONDS > now.tv_sec)
        return;
    utimensat(folder, ENTRY_USED, (const struct timespec[2]){{.tv_nsec = UTIME_OMIT}, {.tv_nsec = UTIME_NOW}},
              AT_SYMLINK_NOFOLLOW);
}

/* True if a further change would move the ctime: file system clocks advance in steps, and within a step the ctime stays. */
static bool is_settled(const struct entry_stamp *stamp, const struct timespec *now) {
    int64_t ms = (int64_t)(now->tv_sec - stamp->newest.tv_sec) * 1000 + (now->tv_nsec - stamp->newest.tv_nsec) / 1000000;
    return ms >= CLOCK_STEP_MS;
}

/* Verifies the entry against its record: by its stamp if that equals the one of an earlier verification, else by hashes. */
static enum entry_state verify_once(struct build_store *store, int folder, const struct entry_record *record,
                                    const struct text *json, const char *key, struct error *err) {
    struct entry_stamp stamp;
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    enum entry_state state = build_entry_inspect(&stamp, folder, record, err);
    if (state != ENTRY_WHOLE || was_verified(store, key, &stamp)) return state;
    if (!build_entry_sum_is_right(json->bytes, json->length) || strcmp(record->key, key) != 0) {
        error_set(err, STATUS_INTERNAL, "'" ENTRY_JSON "' of the entry is not what was written.");
        return ENTRY_DAMAGED;
    }
    count(store, &store->counts.hashed);
    state = build_entry_verify(folder, record, err);
    if (state == ENTRY_WHOLE && is_settled(&stamp, &now)) remember_verified(store, key, &stamp);
    return state;
}

/* Reads and verifies the entry in the open folder. */
static enum entry_state read_entry(struct build_store *store, int folder, const char *key, struct entry_record *record,
                                   struct arena *arena, struct error *err) {
    struct text json = {0};
    enum entry_state state = build_entry_read_json(&json, folder, err);
    if (state == ENTRY_WHOLE && build_entry_parse(record, json.bytes, json.length, arena, err)) state = ENTRY_DAMAGED;
    if (state == ENTRY_WHOLE) state = verify_once(store, folder, record, &json, key, err);
    text_release(&json);
    return state;
}

static void hold_folder(struct build_store_hold *hold, int folder) {
    *array_add(hold) = (struct held_entry){.folder = folder};
}

/* Opens the entry's folder, locked, and reads the entry; *out is -1 if the folder cannot be opened. */
static enum entry_state open_and_read(int *out, struct build_store *store, const char *path, const char *key,
                                      struct entry_record *record, struct arena *arena, struct error *err) {
    *out = open_entry(store, path);
    if (*out >= 0) {
        enum entry_state state = read_entry(store, *out, key, record, arena, err);
        if (state != ENTRY_DAMAGED || build_store_is_at(store, path, *out)) return state;
        error_set(err, STATUS_NOT_FOUND, "The entry was removed meanwhile.");
        return ENTRY_UNREADABLE;
    }
    bool is_no_folder = errno == ELOOP || errno == ENOTDIR;
    error_set(err, errno == ENOENT ? STATUS_NOT_FOUND : STATUS_INTERNAL, "The entry cannot be opened: %s.",
              is_no_folder ? "it is not a folder" : strerror(errno));
    return is_no_folder ? ENTRY_DAMAGED : ENTRY_UNREADABLE;
}

/* Removes an entry that exists but is damaged. */
static void drop_damaged(struct build_store *store, const char *key, int folder, const struct error *err) {
    log_line(LOG_WARN, "build_store_entry_removed", log_field("key", key), log_field("error", err->message));
    count(store, &store->counts.damaged);
    build_store_discard(store, key, folder);
}

bool build_store_find(struct build_store *store, const char *key, struct arena *arena, struct build_store_hold *hold,
                      struct build_entry *out) {
    char path[BUILD_STORE_PATH_MAX];
    struct entry_record record;
    struct error err = {0};
    int folder;
    build_store_path(path, key);
    enum entry_state state = open_and_read(&folder, store, path, key, &record, arena, &err);
    if (state != ENTRY_WHOLE) {
        if (state == ENTRY_DAMAGED)
            drop_damaged(store, key, folder, &err);
        else if (err.status != STATUS_NOT_FOUND)
            log_line(LOG_WARN, "build_store_read_failed", log_field("key", key), log_field("error", err.message));
        if (folder >= 0) close(folder);
        count(store, &store->counts.missed);
        return false;
    }
    mark_used(folder);
    hold_folder(hold, folder);
    count(store, &store->counts.found);
    *out = record.entry;
    out->folder = out->succeeded ? arena_format(arena, "%s/%s", store->folder, path) : NULL;
    return true;
}

void build_store_let_go(struct build_store *store, struct build_store_hold *hold) {
    (void)store;
    for (size_t i = 0; i < hold->count; i++)
        close(hold->items[i].folder); /* also releases its lock */
    free(hold->items);
    *hold = (struct build_store_hold){0};
}

/* ---- Adding ---- */

static int compare_modules(const void *a, const void *b) {
    return strcmp(((const struct built_module *)a)->name, ((const struct built_module *)b)->name);
}

/* The record of an entry to be added, with its modules sorted; their files are filled in later. */
static struct entry_record make_record(const char *key, const struct build_entry *entry, struct arena *arena) {
    struct built_module *sorted = arena_alloc(arena, entry->module_count * sizeof *sorted);
    if (entry->module_count) memcpy(sorted, entry->modules, entry->module_count * sizeof *sorted);
    qsort(sorted, entry->module_count, sizeof *sorted, compare_modules);
    struct entry_record record = {.key = key, .entry = *entry};
    record.entry.modules = sorted;
    record.modules = arena_alloc(arena, entry->module_count * sizeof *record.modules);
    return record;
}

/* Makes a folder in the store, locked exclusively so that other processes do not remove it as a leftover. */
static enum status make_new_folder(struct build_store *store, char name[BUILD_STORE_PATH_MAX], int *folder, struct error *err) {
    for (;;) {
        char id[UUID_TEXT_MAX];
        hash_random_uuid(id);
        snprintf(name, BUILD_STORE_PATH_MAX, NEW_PREFIX "%s", id);
        if (mkdirat(store->open_folder, name, 0700) != 0)
            return error_set(err, STATUS_INTERNAL, "Cannot create a folder in %s: %s.", store->folder, strerror(errno));
        *folder = openat(store->open_folder, name, OPEN_FOLDER);
        if (*folder >= 0 && build_store_lock(*folder, LOCK_EX) && build_store_is_at(store, name, *folder)) return STATUS_OK;
        if (*folder >= 0) close(*folder);
        if (*folder < 0 && errno != ENOENT) /* a process that is starting may have removed it before it was locked */
            return error_set(err, STATUS_INTERNAL, "Cannot open a folder in %s: %s.", store->folder, strerror(errno));
    }
}

static enum status copy_modules(struct entry_record *record, int folder, struct arena *arena, int64_t *disk_bytes,
                                struct error *err) {
    enum status status = STATUS_OK;
    int to = -1, from = -1, root = open(record->entry.folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (root >= 0) from = openat(root, ENTRY_OUTPUT, OPEN_FOLDER);
    if (from < 0) {
        status = error_set(err, STATUS_REFUSED, "The compiler's folder %s/" ENTRY_OUTPUT " cannot be read: %s.",
                           record->entry.folder, strerror(errno));
        goto out;
    }
    if (mkdirat(folder, ENTRY_OUTPUT, 0700) != 0 || (to = openat(folder, ENTRY_OUTPUT, OPEN_FOLDER)) < 0) {
        status = error_set(err, STATUS_INTERNAL, "Cannot create a folder in the build store: %s.", strerror(errno));
        goto out;
    }
    *disk_bytes += build_entry_disk_bytes(1);
    for (size_t i = 0; i < record->entry.module_count && !status; i++)
        status = build_entry_copy_module(&record->modules[i], to, from, record->entry.modules[i].name, arena, disk_bytes, err);
    if (!status && (fchmod(to, 0555) != 0 || futimens(to, (const struct timespec[2]){{0}, {0}}) != 0))
        status = error_set(err, STATUS_INTERNAL, "Cannot close a folder in the build store: %s.", strerror(errno));
out:
    if (root >= 0) close(root);
    if (from >= 0) close(from);
    if (to >= 0) close(to);
    return status;
}

/* Writes all parts of an entry to its new folder; sets *disk_bytes. */
static enum status write_entry(struct entry_record *record, int folder, struct arena *arena, int64_t *disk_bytes,
                               struct error *err) {
    struct text json = {0};
    char size[24];
    enum status status = STATUS_OK;
    fault_point("build-store-begun");
    if (record->entry.succeeded) status = copy_modules(record, folder, arena, disk_bytes, err);
    fault_point("build-store-copied");
    if (!status) build_entry_append(&json, record);
    if (!status) status = build_entry_write(folder, ENTRY_JSON, json.bytes, json.length, err);
    *disk_bytes += build_entry_disk_bytes(1) + build_entry_disk_bytes((int64_t)json.length) + build_entry_disk_bytes(1);
    snprintf(size, sizeof size, "%lld", (long long)*disk_bytes);
    if (!status) status = build_entry_write(folder, ENTRY_USED, size, strlen(size), err);
    if (!status && (utimensat(folder, ENTRY_USED, NULL, AT_SYMLINK_NOFOLLOW) != 0 || fchmod(folder, 0755) != 0))
        status = error_set(err, STATUS_INTERNAL, "Cannot close an entry of the build store: %s.", strerror(errno));
    fault_point("build-store-written");
    text_release(&json);
    return status;
}

/* Renames the folder to the entry's place. *is_ours is false if another process or thread was faster. */
static enum status move_to_its_place(struct build_store *store, const char *name, const char *key, bool *is_ours,
                                     struct error *err) {
    char path[BUILD_STORE_PATH_MAX], above[3] = {key[0], key[1], '\0'};
    build_store_path(path, key);
    if (mkdirat(store->open_folder, above, 0755) != 0 && errno != EEXIST)
        return error_set(err, STATUS_INTERNAL, "Cannot create a folder in %s: %s.", store->folder, strerror(errno));
    *is_ours = renameat(store->open_folder, name, store->open_folder, path) == 0;
    if (*is_ours || errno == ENOTEMPTY || errno == EEXIST) return STATUS_OK;
    return error_set(err, STATUS_INTERNAL, "Cannot move an entry to its place in %s: %s.", store->folder, strerror(errno));
}

enum status build_store_add(struct build_store *store, const char *key, const struct build_entry *entry, struct error *err) {
    assert(strlen(key) == SHA256_HEX_MAX - 1);
    assert(entry->succeeded == (entry->errors == NULL) && entry->succeeded == (entry->folder != NULL));
    assert(entry->succeeded || entry->module_count == 0);
    struct arena arena = {0};
    char path[BUILD_STORE_PATH_MAX], name[BUILD_STORE_PATH_MAX] = "";
    int64_t disk_bytes = 0;
    int folder = -1;
    bool is_ours = false;
    enum status status = STATUS_OK;
    build_store_path(path, key);
    if (faccessat(store->open_folder, path, F_OK, AT_SYMLINK_NOFOLLOW) == 0) return STATUS_OK;
    for (size_t i = 0; i < entry->module_count && !status; i++)
        if (!build_entry_name_is_good(entry->modules[i].name))
            status = error_set(err, STATUS_REFUSED, "The module \"%s\" cannot be stored: its name is not a file name.",
                               entry->modules[i].name);
    struct entry_record record = make_record(key, entry, &arena);
    if (!status) status = make_new_folder(store, name, &folder, err);
    if (!status) status = write_entry(&record, folder, &arena, &disk_bytes, err);
    if (!status) status = move_to_its_place(store, name, key, &is_ours, err);
    fault_point("build-store-moved");
    if (folder >= 0 && !is_ours) build_store_remove_tree(store, name);
    if (folder >= 0) close(folder);
    arena_release(&arena);
    if (is_ours) build_store_added(store, key, disk_bytes);
    return status;
}

void build_store_remove(struct build_store *store, const char *key) {
    build_store_discard(store, key, -1);
}
