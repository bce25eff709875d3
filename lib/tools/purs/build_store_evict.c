/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Accounting of the build store's size, and removal of entries. An entry is renamed before it is deleted, so that others find
 * it either complete or not at all.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/array.h"
#include "lib/base/fault.h"
#include "lib/base/folder.h"
#include "lib/base/log.h"
#include "lib/base/text.h"
#include "lib/tools/purs/build_entry_files.h"
#include "lib/tools/purs/build_store_parts.h"

enum {
    ADDS_UNTIL_COUNT = 64, /* then the additions of other processes are counted, too */
    WALK_OPEN_FILES = 32,
};

#define OPEN_FOLDER (O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)

/* ---- Removing ---- */

static int make_removable(const char *path, const struct stat *about, int kind, struct FTW *where) {
    (void)about, (void)where;
    if (kind == FTW_D || kind == FTW_DNR) chmod(path, 0700);
    return 0;
}

void build_store_remove_tree(const struct build_store *store, const char *name) {
    struct text path = {0};
    text_append_format(&path, "%s/%s", store->folder, name);
    nftw(path.bytes, make_removable, WALK_OPEN_FILES, FTW_PHYS); /* only root can empty a folder that is not writable */
    folder_remove(path.bytes);
    text_release(&path);
}

static void subtract(struct build_store *store, int64_t disk_bytes) {
    pthread_mutex_lock(&store->mutex);
    store->counts.bytes -= disk_bytes < store->counts.bytes ? disk_bytes : store->counts.bytes;
    pthread_mutex_unlock(&store->mutex);
}

/* Renames the entry and deletes it. False: it is gone already, or cannot be renamed (logged). */
static bool take_away(struct build_store *store, const char *path, int64_t disk_bytes) {
    char name[BUILD_STORE_PATH_MAX], id[UUID_TEXT_MAX];
    hash_random_uuid(id);
    snprintf(name, sizeof name, OLD_PREFIX "%s", id);
    if (renameat(store->open_folder, path, store->open_folder, name) != 0) {
        if (errno != ENOENT)
            log_line(LOG_WARN, "build_store_eviction_failed", log_field("path", path), log_field("error", strerror(errno)));
        return false;
    }
    fault_point("build-store-taken");
    subtract(store, disk_bytes);
    build_store_remove_tree(store, name);
    return true;
}

void build_store_discard(struct build_store *store, const char *key, int folder) {
    char path[BUILD_STORE_PATH_MAX];
    build_store_path(path, key);
    int there = folder >= 0 ? folder : openat(store->open_folder, path, OPEN_FOLDER);
    if (folder < 0 || build_store_is_at(store, path, folder))
        take_away(store, path, there >= 0 ? build_entry_read_disk_bytes(there) : 0);
    if (folder < 0 && there >= 0) close(there);
}

static void remove_leftover(struct build_store *store, const char *name) {
    int folder = openat(store->open_folder, name, OPEN_FOLDER);
    if (folder < 0 ? errno != ENOENT : build_store_lock(folder, LOCK_EX | LOCK_NB)) build_store_remove_tree(store, name);
    if (folder >= 0) close(folder);
}

/* ---- Counting ---- */

struct seen_entry {
    char key[SHA256_HEX_MAX];
    int64_t disk_bytes;
    struct timespec used;
};

struct seen_entries {
    struct seen_entry *items;
    size_t count, capacity;
    int64_t disk_bytes; /* of all */
};

static void see_entry(struct seen_entries *out, int above, const char *key) {
    struct stat about;
    int folder = openat(above, key, OPEN_FOLDER);
    if (folder < 0) return;
    struct seen_entry *item = array_add(out);
    *item = (struct seen_entry){.disk_bytes = build_entry_read_disk_bytes(folder)};
    snprintf(item->key, sizeof item->key, "%s", key);
    if (fstatat(folder, ENTRY_USED, &about, AT_SYMLINK_NOFOLLOW) == 0) item->used = about.st_mtim;
    out->disk_bytes += item->disk_bytes;
    close(folder);
}

static bool is_hex(const char *name, size_t length) {
    return strlen(name) == length && strspn(name, "0123456789abcdef") == length;
}

/* Opens a folder of the store for listing; NULL on failure. */
static DIR *open_to_list(int above, const char *name) {
    int folder = openat(above, name, OPEN_FOLDER);
    DIR *list = folder >= 0 ? fdopendir(folder) : NULL;
    if (!list && folder >= 0) close(folder);
    return list;
}

static void see_entries_below(struct seen_entries *out, int above, const char *name) {
    DIR *list = open_to_list(above, name);
    for (struct dirent *item; list && (item = readdir(list));)
        if (is_hex(item->d_name, SHA256_HEX_MAX - 1)) see_entry(out, dirfd(list), item->d_name);
    if (list) closedir(list);
}

static struct seen_entries see_entries(const struct build_store *store) {
    struct seen_entries seen = {0};
    DIR *list = open_to_list(store->open_folder, ".");
    for (struct dirent *item; list && (item = readdir(list));)
        if (is_hex(item->d_name, 2)) see_entries_below(&seen, dirfd(list), item->d_name);
    if (list) closedir(list);
    return seen;
}

static void set_count(struct build_store *store, int64_t disk_bytes) {
    pthread_mutex_lock(&store->mutex);
    store->counts.bytes = disk_bytes;
    store->adds = 0;
    pthread_mutex_unlock(&store->mutex);
}

void build_store_count_again(struct build_store *store) {
    struct seen_entries seen = see_entries(store);
    set_count(store, seen.disk_bytes);
    free(seen.items);
}

void build_store_remove_leftovers(struct build_store *store) {
    DIR *list = open_to_list(store->open_folder, ".");
    for (struct dirent *item; list && (item = readdir(list));)
        if (text_starts_with(item->d_name, NEW_PREFIX) || text_starts_with(item->d_name, OLD_PREFIX))
            remove_leftover(store, item->d_name);
    if (list) closedir(list);
}

/* ---- Evicting ---- */

static int compare_used(const void *a, const void *b) {
    const struct seen_entry *left = a, *right = b;
    if (left->used.tv_sec != right->used.tv_sec) return left->used.tv_sec < right->used.tv_sec ? -1 : 1;
    if (left->used.tv_nsec != right->used.tv_nsec) return left->used.tv_nsec < right->used.tv_nsec ? -1 : 1;
    return strcmp(left->key, right->key);
}

/* True: the entry is gone, removed by us or another process. A held entry stays. */
static bool evict(struct build_store *store, const struct seen_entry *entry) {
    char path[BUILD_STORE_PATH_MAX];
    build_store_path(path, entry->key);
    int folder = openat(store->open_folder, path, OPEN_FOLDER);
    if (folder < 0) {
        subtract(store, entry->disk_bytes);
        return true;
    }
    bool is_gone = build_store_lock(folder, LOCK_EX | LOCK_NB) && build_store_is_at(store, path, folder) &&
                   take_away(store, path, entry->disk_bytes);
    close(folder);
    if (!is_gone) return false;
    pthread_mutex_lock(&store->mutex);
    store->counts.evicted++;
    pthread_mutex_unlock(&store->mutex);
    return true;
}

/* Evicts the least recently used entries until a sixteenth of the limit is free, so that the next additions need not evict.
 * The entry `added` stays. */
static void make_room(struct build_store *store, const char *added) {
    struct seen_entries seen = see_entries(store);
    set_count(store, seen.disk_bytes);
    qsort(seen.items, seen.count, sizeof *seen.items, compare_used);
    int64_t wanted = store->limit_bytes - store->limit_bytes / 16, there = seen.disk_bytes;
    if (there <= store->limit_bytes) wanted = there; /* others have made room already */
    for (size_t i = 0; i < seen.count && there > wanted; i++)
        if (strcmp(seen.items[i].key, added) != 0 && evict(store, &seen.items[i])) there -= seen.items[i].disk_bytes;
    free(seen.items);
}

void build_store_added(struct build_store *store, const char *key, int64_t disk_bytes) {
    pthread_mutex_lock(&store->mutex);
    store->counts.added++;
    store->counts.bytes += disk_bytes;
    bool looks = ++store->adds >= ADDS_UNTIL_COUNT || store->counts.bytes > store->limit_bytes;
    pthread_mutex_unlock(&store->mutex);
    if (!looks || pthread_mutex_trylock(&store->evicting) != 0) return; /* another thread is evicting */
    make_room(store, key);
    pthread_mutex_unlock(&store->evicting);
}
