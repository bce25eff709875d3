/* SPDX-License-Identifier: BSD-3-Clause
 *
 * What was compiled before, kept by content (lib/tools/README.md, Build reuse): one entry for a package version, a compiler,
 * and the versions of all that it depends on. A build links to the entries of its dependencies and compiles the rest.
 *
 *   FOLDER/KE/KEY/output/MODULE/…    the module's folder as the compiler left it, every time stamp 0, nothing writable
 *   FOLDER/KE/KEY/entry.json         what is in it: modules, their part of cache-db.json, notes, size and SHA-256 of every file
 *   FOLDER/KE/KEY/used               its time stamp says when the entry was used last (to the minute), its content how many
 *                                    bytes the entry takes up
 *   FOLDER/new-…                     an entry that is being written; renamed to its place when it is complete
 *   FOLDER/old-…                     one that is being removed
 *
 * Nothing in here is needed: whatever is missing is built again. So an entry is used only if it is whole, byte for byte; a
 * damaged one is thrown away. That is seen by its hashes when a process uses it first, later by sizes, modes and times (a
 * change of any kind moves a file's ctime), and by the hashes again where one of those moved. Therefore nothing is flushed to
 * the disk: that would cost several times what writing does, and a power cut costs no more than the entries of the last seconds.
 *
 * Safe from several threads, and for several workers on one disk: an entry that somebody uses is held by a shared lock on its
 * folder, one that is being written or evicted by an exclusive one, and the kernel frees both with the process. Each process
 * counts what it adds and removes itself, and counts again what is there now and then, and before it evicts.
 */
#ifndef LIB_TOOLS_BUILD_STORE_H
#define LIB_TOOLS_BUILD_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/error.h"
#include "lib/base/hash.h"
#include "lib/domain/build_work.h"

struct arena;
struct build_store;

#define BUILD_RECIPE_VERSION "1" /* raised when anything changes that an entry's content depends on */
#define BUILD_TARGETS "js"       /* code generation; without it missing foreign modules go unnoticed */

/* The key of `package` (a position in work->packages) and of what it is built with: hex of a SHA-256 over compiler, targets,
 * recipe version, this package as `name@version:hash`, and the same of all that it depends on, sorted. */
void build_store_key(char out[SHA256_HEX_MAX], const struct build_work *work, size_t package);

/* Makes the folder where it is missing and removes what was left half-written by processes that are gone. The limit is on what
 * the entries take up on the disk; what is held, and what was added this moment, may pass it. */
CHECK_RESULT enum status build_store_open(struct build_store **out, const char *folder, int64_t limit_bytes, struct error *err);
void build_store_free(struct build_store *store);                /* when nothing is held any more; NULL is fine */
const char *build_store_folder(const struct build_store *store); /* absolute; borrowed */

/* One module of a package. */
struct built_module {
    const char *name;           /* "Data.Maybe": also its folder below `output` */
    const char *const *imports; /* NULL at the end */
    const char *cache_entry;    /* JSON: its value in cache-db.json, {"PATH": ["TIME", "HASH"], …} */
};

struct build_entry {
    bool succeeded;
    const char *folder;                 /* absolute; its modules are FOLDER/output/MODULE. NULL for a failure */
    const struct built_module *modules; /* found: sorted by name; to add: in any order. None for a failure */
    size_t module_count;
    const char *errors;   /* JSON of the errors, for a failure; else NULL */
    const char *warnings; /* JSON of the warnings, or NULL: a module that is up to date reports none again */
};

/* What one build uses: it stays until build_store_let_go(). A zeroed struct is empty. One thread's. Takes a file descriptor an
 * entry. */
struct build_store_hold {
    struct held_entry *entries;
    size_t count, capacity;
};

/* The entry of that key (64 hex digits, lower case), in the arena, held; false where there is none, or a damaged one, which is
 * then gone, even where another build holds it. */
bool build_store_find(struct build_store *store, const char *key, struct arena *arena, struct build_store_hold *hold,
                      struct build_entry *out);

/* Keeps `entry`: copies ENTRY->folder/output/MODULE of each module, or the failure's errors. Fine where somebody was faster. It
 * is there, whole, or not at all, whatever happens. Then evicts what was not used for longest, where there is too much.
 * STATUS_REFUSED: a module's folder is not there, or holds anything but plain files (links above all); STATUS_TOO_LARGE: a file
 * of over 256 MiB, or too many of them; STATUS_INTERNAL: the disk. */
CHECK_RESULT enum status build_store_add(struct build_store *store, const char *key, const struct build_entry *entry,
                                         struct error *err);

/* Throws an entry away that turned out to be no good, also where it is held. Fine where there is none. */
void build_store_remove(struct build_store *store, const char *key);

void build_store_let_go(struct build_store *store, struct build_store_hold *hold);

/* Since the store was opened, by this process. A damaged entry that was looked for is also one that was missed. */
struct build_store_counts {
    int64_t found, missed, added, damaged, evicted;
    int64_t hashed; /* how often an entry was read whole to be sure of it */
    int64_t bytes;  /* there now on the disk, all processes' entries, as far as known */
};

struct build_store_counts build_store_counts(struct build_store *store);

#endif
