/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Between the two halves of the build store: build_store.c finds and adds, build_store_evict.c counts and removes.
 */
#ifndef LIB_TOOLS_BUILD_STORE_PARTS_H
#define LIB_TOOLS_BUILD_STORE_PARTS_H

#include <pthread.h>

#include "lib/tools/build_store.h"

#define NEW_PREFIX "new-"
#define OLD_PREFIX "old-"

enum { BUILD_STORE_PATH_MAX = SHA256_HEX_MAX + 16 };

struct build_store {
    char *folder;
    int open_folder;
    int64_t limit_bytes;
    pthread_mutex_t evicting; /* one thread at a time makes room; it takes the next one for moments */
    pthread_mutex_t mutex;    /* guards what follows */
    struct build_store_counts counts;
    int64_t adds; /* since it was counted what is there */
    struct verified_entry *stamps;
    size_t stamp_count, stamp_capacity; /* a power of two */
};

/* Where the entry of that key is, relative to the store's folder. */
void build_store_path(char out[BUILD_STORE_PATH_MAX], const char *key);

/* Whether the open folder is the one at that path (and not one that was there before). */
bool build_store_is_at(const struct build_store *store, const char *path, int folder);

/* flock() that signals do not disturb; false, with errno. */
bool build_store_lock(int folder, int operation);

/* Removes what dead processes were writing or removing. */
void build_store_remove_leftovers(struct build_store *store);

/* Counts the bytes that are there, whoever added them. */
void build_store_count_again(struct build_store *store);

/* An entry is at its place; makes room where there is too much now, of others. */
void build_store_added(struct build_store *store, const char *key, int64_t disk_bytes);

/* Takes the entry away, held or not: the one whose open folder that is, or, -1, whichever is there. */
void build_store_discard(struct build_store *store, const char *key, int folder);

/* Removes a folder directly in the store, however it was protected. */
void build_store_remove_tree(const struct build_store *store, const char *name);

#endif
