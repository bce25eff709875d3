/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The objects of commits that are being made: kept in memory, where the repository finds them like any other, and written as
 * one pack before the push. The git program spends most of its time on a file and an fsync for each blob and tree of a thousand
 * commits; and a folder's tree of 50 kB differs from the one before in 20 bytes, which a pack stores as a delta.
 *
 * The pack and its index are built here (registry_repo_pack.c) and written to the disk (registry_repo_pack_file.c): libgit2
 * would unpack, hash and map all new objects once more, which is most of the time that a commit takes. Written objects stay in
 * memory for a while, since the next commits are based on them.
 *
 * Private to registry_repo.c, registry_repo_write.c and registry_repo_tree.c.
 */
#ifndef LIB_STORE_REGISTRY_REGISTRY_REPO_PACK_H
#define LIB_STORE_REGISTRY_REGISTRY_REPO_PACK_H

#include <git2.h>

#include "lib/base/error.h"
#include "lib/base/text.h"

#define REGISTRY_PACK_UNFINISHED "tmp_registry_" /* prefix of the names of unfinished files (git removes tmp_*) */

struct registry_pack_entry {
    git_oid id;
    size_t offset;
    uint32_t checksum; /* CRC-32 of its packed bytes */
    int chain;         /* length of its chain of deltas */
};

struct registry_pack {
    git_odb *odb;
    struct registry_pack_memory *memory; /* owned by the odb: recent objects, of this pack or an earlier one */
    char *folder;                        /* objects/pack */
    bool is_durable;                     /* it must be on the disk before it counts as written */
    struct z_stream_s *zlib;
    struct text bytes; /* of the pack so far */
    bool is_sealed;    /* with its checksum at the end */
    struct registry_pack_entry *entries;
    size_t count, capacity;
};

/* Adds a backend to `git`, for good: use the pack with no other repository. A libgit2 code, as all here that is no status. */
int registry_pack_init(struct registry_pack *pack, git_repository *git, bool is_durable);
void registry_pack_release(struct registry_pack *pack);

/* An object from which another is derived: its first `before` bytes and its last `after` bytes are the same. */
struct registry_pack_base {
    git_oid id;
    size_t length, before, after;
};

/* Adds the object. `base` (may be NULL): the object is packed as a delta to it if this pack has it, too. */
int registry_pack_add(struct registry_pack *pack, git_oid *out, git_object_t type, const char *bytes, size_t length,
                      const struct registry_pack_base *base);

/* The bytes of an object that was added recently, in this pack or an earlier one, borrowed until the pack is written or
 * cleared; neither copied nor hashed, unlike by git_odb_read(). NULL: it is not in memory, but may be in the repository. */
const char *registry_pack_find(const struct registry_pack *pack, const git_oid *id, size_t *length);

/* Completes the pack, which may have no objects, and returns it, borrowed until it is written or cleared; nothing can be added
 * any more. */
const struct text *registry_pack_seal(struct registry_pack *pack);

/* Writes the objects that were added since the last call to the repository. */
CHECK_RESULT enum status registry_pack_write(struct registry_pack *pack, struct error *err);

/* Discards the objects that were added since the last call of registry_pack_write(). */
void registry_pack_clear(struct registry_pack *pack);

/* Writes both files of a sealed pack to the folder. Sorts the entries. */
CHECK_RESULT enum status registry_pack_file_write(const char *folder, const struct text *bytes,
                                                  struct registry_pack_entry *entries, size_t count, bool is_durable,
                                                  struct error *err);

#endif
