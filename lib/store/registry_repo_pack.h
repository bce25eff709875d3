/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The objects of commits that are being made: kept in memory, where the repository finds them like any other, and written as
 * one pack before the push. A file and an fsync for each of a thousand commits' blobs and trees is what the git program takes
 * its time for; and a folder's tree of 50 kB differs from the one before in 20 bytes, which a pack can say.
 *
 * For registry_repo_write.c and registry_repo_tree.c; nobody else.
 */
#ifndef LIB_STORE_REGISTRY_REPO_PACK_H
#define LIB_STORE_REGISTRY_REPO_PACK_H

#include <git2.h>

#include "lib/base/text.h"

struct registry_pack {
    git_odb *odb;
    git_odb_backend *memory; /* the odb's */
    struct text bytes;       /* of the pack so far */
    struct registry_pack_object *objects;
    size_t count;
};

/* `git` gets a backend more, for good: use the pack with no other repository. A libgit2 code, as all here. */
int registry_pack_init(struct registry_pack *pack, git_repository *git);
void registry_pack_release(struct registry_pack *pack);

/* An object of the repository, and what it is made of. */
struct registry_pack_base {
    git_oid id;
    const char *bytes;
    size_t length;
};

/* Adds the object. `base` (may be NULL): what it resembles at both ends; it is packed as the difference where that is known to
 * the pack, too. */
int registry_pack_add(struct registry_pack *pack, git_oid *out, git_object_t type, const void *bytes, size_t length,
                      const struct registry_pack_base *base);

/* Puts what was added since the last call into the repository. */
int registry_pack_write(struct registry_pack *pack);

/* Forgets what was added since the last call of registry_pack_write(). */
void registry_pack_clear(struct registry_pack *pack);

#endif
