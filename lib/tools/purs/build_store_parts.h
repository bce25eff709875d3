/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Shared by the two halves of the build store: build_store.c finds and adds, build_store_evict.c counts and removes.
 */
#ifndef LIB_TOOLS_PURS_BUILD_STORE_PARTS_H
#define LIB_TOOLS_PURS_BUILD_STORE_PARTS_H

#include <pthread.h>

#include "lib/base/map.h"
#include "lib/tools/purs/build_store.h"

#define NEW_PREFIX "new-"
#define OLD_PREFIX "old-"

enum { BUILD_STORE_PATH_MAX = SHA256_HEX_MAX + 16 };

struct build_store {
    char *folder;
    int open_folder;
    int64_t limit_bytes;
    pthread_mutex_t evicting; /* held by the thread that evicts; taken before `mutex` */
    pthread_mutex_t mutex;    /* guards the fields below */
    struct build_store_counts counts;
    int64_t adds;      /* since the last recount */
    struct map stamps; /* struct entry_stamp of verified entries, by key */
};

/* The path of the entry with this key, relative to the store's folder. */
void build_store_path(char out[BUILD_STORE_PATH_MAX], const char *key);

/* True if the open folder is still the one at that path. */
bool build_store_is_at(const struct build_store *store, const char *path, int folder);

/* flock(), repeated after signals; false with errno. */
bool build_store_lock(int folder, int operation);

/* Removes half-written and half-removed entries of dead processes. */
void build_store_remove_leftovers(struct build_store *store);

/* Recounts the bytes of all entries, including those of other processes. */
void build_store_count_again(struct build_store *store);

/* Accounts for an entry that was moved to its place; evicts others if the store is over its limit. */
void build_store_added(struct build_store *store, const char *key, int64_t disk_bytes);

/* Removes the entry, held or not; if `folder` is not -1, only if that is the open folder of the entry at this place. */
void build_store_discard(struct build_store *store, const char *key, int folder);

/* Removes a folder directly below the store's, whatever its permissions. */
void build_store_remove_tree(const struct build_store *store, const char *name);

#endif
