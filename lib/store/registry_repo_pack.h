/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The objects of commits that are being made: kept in memory, where the repository finds them like any other, and written as
 * one pack before the push. A file and an fsync for each of a thousand commits' blobs and trees is what the git program takes
 * its time for; and a folder's tree of 50 kB differs from the one before in 20 bytes, which a pack can say.
 *
 * The pack and its index are put together here (registry_repo_pack.c) and brought to the disk (registry_repo_pack_file.c):
 * libgit2 would unpack, hash and map all that was just made once more, which is most of the time that a commit takes. What has
 * been written stays in memory for a while, since the next commits are made of it.
 *
 * For registry_repo.c, registry_repo_write.c and registry_repo_tree.c; nobody else.
 */
#ifndef LIB_STORE_REGISTRY_REPO_PACK_H
#define LIB_STORE_REGISTRY_REPO_PACK_H

#include <git2.h>

#include "lib/base/error.h"
#include "lib/base/text.h"

#define REGISTRY_PACK_UNFINISHED "tmp_registry_" /* how the names of files begin that are not whole yet (git removes tmp_*) */

struct registry_pack_entry {
    git_oid id;
    size_t offset;
    uint32_t checksum; /* CRC-32 of what stands there */
    int chain;         /* how many differences it takes */
};

struct registry_pack {
    git_odb *odb;
    struct registry_pack_memory *memory; /* the odb's: what was made lately, in this pack or one before */
    char *folder;                        /* objects/pack */
    bool is_durable;                     /* on the disk before it counts as written */
    struct z_stream_s *zlib;
    struct text bytes; /* of the pack so far */
    bool is_sealed;    /* with its sum at the end */
    struct registry_pack_entry *entries;
    size_t count, capacity;
};

/* `git` gets a backend more, for good: use the pack with no other repository. A libgit2 code, as all here that is no status. */
int registry_pack_init(struct registry_pack *pack, git_repository *git, bool is_durable);
void registry_pack_release(struct registry_pack *pack);

/* An object of the repository of which another is made: `before` bytes at its beginning and `after` at its end are the same. */
struct registry_pack_base {
    git_oid id;
    size_t length, before, after;
};

/* Adds the object. `base` (may be NULL): it is packed as the difference from that where this pack has it, too. */
int registry_pack_add(struct registry_pack *pack, git_oid *out, git_object_t type, const char *bytes, size_t length,
                      const struct registry_pack_base *base);

/* What was added lately, in this pack or one before: its bytes, borrowed until the pack is written or cleared. NULL: it is not
 * in memory, and may be in the repository. Unlike git_odb_read(), which copies it and hashes it again. */
const char *registry_pack_find(const struct registry_pack *pack, const git_oid *id, size_t *length);

/* The whole pack as it is so far, borrowed until it is written or cleared; nothing can be added any more. */
const struct text *registry_pack_seal(struct registry_pack *pack);

/* Puts what was added since the last call into the repository. */
CHECK_RESULT enum status registry_pack_write(struct registry_pack *pack, struct error *err);

/* Forgets what was added since the last call of registry_pack_write(). */
void registry_pack_clear(struct registry_pack *pack);

/* Both files of a sealed pack, into the folder. Sorts the entries. */
CHECK_RESULT enum status registry_pack_file_write(const char *folder, const struct text *bytes,
                                                  struct registry_pack_entry *entries, size_t count, bool is_durable,
                                                  struct error *err);

#endif
