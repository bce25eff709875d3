/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Earlier builds, cached by content (lib/tools/README.md, Build reuse): one entry per package version, compiler and versions of
 * all dependencies. A build links to the entries of its dependencies and compiles the rest.
 *
 *   FOLDER/KE/KEY/output/MODULE/…    the module's folder as the compiler left it, every time stamp 0, nothing writable
 *   FOLDER/KE/KEY/entry.json         modules, their parts of cache-db.json, errors, warnings, size and SHA-256 of every file
 *   FOLDER/KE/KEY/used               its time stamp is the time of last use (to the minute), its content the disk space of
 *                                    the entry in bytes
 *   FOLDER/new-…                     an entry that is being written; renamed to its place when it is complete
 *   FOLDER/old-…                     an entry that is being removed
 *
 * The store is a cache: anything missing is built again. So an entry is used only if it is complete and unchanged; a damaged
 * one is removed. A process checks the hashes at its first use of an entry, later only sizes, modes and times (any change moves
 * a file's ctime), and the hashes again if one of those differs. Therefore nothing is flushed to the disk: that would cost
 * several times the writing itself, and a power failure loses only the entries of the last seconds.
 *
 * Thread-safe, and safe for several workers on one disk: an entry in use is held by a shared lock on its folder, one being
 * written or evicted by an exclusive lock; the kernel releases both with the process. Each process counts its own additions and
 * removals, and recounts the store from time to time and before evicting.
 */
#ifndef LIB_TOOLS_PURS_BUILD_STORE_H
#define LIB_TOOLS_PURS_BUILD_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/error.h"
#include "lib/base/hash.h"
#include "lib/domain/matrix/work_order.h"
#include "lib/tools/purs/built_package.h"

struct arena;
struct build_store;

#define BUILD_RECIPE_VERSION "1" /* raise it when anything else changes that determines an entry's content */
#define BUILD_TARGETS "js"       /* code generation target; without one, missing foreign modules go unnoticed */

/* The cache key of `package` (a position in work->packages): hex SHA-256 over compiler, targets, recipe version, this
 * package as `name@version:hash`, and its dependencies in the same form, sorted. */
void build_store_key(char out[SHA256_HEX_MAX], const struct work_order *work, size_t package);

/* Creates the folder if it is missing, and removes half-written entries of dead processes. `limit_bytes` bounds the disk
 * space of the entries; held entries and the newest one may exceed it. */
CHECK_RESULT enum status build_store_open(struct build_store **out, const char *folder, int64_t limit_bytes, struct error *err);
void build_store_free(struct build_store *store);                /* when no entry is held any more; NULL is fine */
const char *build_store_folder(const struct build_store *store); /* absolute; borrowed */

/* The entries that one build uses: they are not evicted before build_store_let_go(). Starts zeroed. Not thread-safe. Takes
 * one file descriptor per entry. */
struct build_store_hold {
    struct held_entry *items;
    size_t count, capacity;
};

/* Finds the entry with this key (64 hex digits, lower case): texts in the arena, held by `hold`. False: not found, or it
 * was damaged and has been removed, even if another build holds it. */
bool build_store_find(struct build_store *store, const char *key, struct arena *arena, struct build_store_hold *hold,
                      struct build_entry *out);

/* Adds `entry`: copies ENTRY->folder/output/MODULE of each module, or stores the failure's errors. STATUS_OK also if the key
 * exists already. The entry appears complete or not at all, even after a crash. Evicts the least recently used entries if
 * the store is over its limit. STATUS_REFUSED: a module's folder is missing or holds anything but plain files (links in
 * particular); STATUS_TOO_LARGE: a file of over 256 MiB, or too many files; STATUS_INTERNAL: the disk. */
CHECK_RESULT enum status build_store_add(struct build_store *store, const char *key, const struct build_entry *entry,
                                         struct error *err);

/* Removes an entry that turned out to be wrong, even if it is held. No error if it is missing. */
void build_store_remove(struct build_store *store, const char *key);

void build_store_let_go(struct build_store *store, struct build_store_hold *hold);

/* Counters of this process since the store was opened. A damaged entry also counts as missed. */
struct build_store_counts {
    int64_t found, missed, added, damaged, evicted;
    int64_t hashed; /* verifications by hashes */
    int64_t bytes;  /* disk space of all processes' entries, as far as known */
};

struct build_store_counts build_store_counts(struct build_store *store);

#endif
