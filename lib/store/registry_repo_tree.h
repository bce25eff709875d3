/* SPDX-License-Identifier: BSD-3-Clause
 *
 * A file's place in a commit's tree: the folders on the way to it, read once, and written anew with another file there. The
 * rest of a folder is copied as it stands: nothing of its thousand entries is parsed.
 *
 * For registry_repo_write.c; nobody else.
 */
#ifndef LIB_STORE_REGISTRY_REPO_TREE_H
#define LIB_STORE_REGISTRY_REPO_TREE_H

#include "lib/base/error.h"
#include "lib/store/registry_repo_pack.h"

enum { TREE_DEPTH_MAX = 8 };

struct registry_tree_level {
    const char *folder; /* its bytes; NULL: there is none yet */
    size_t folder_length;
    git_oid id;
    git_odb_object *read; /* whose bytes these are; NULL: the pack's, or there are none */
    const char *name;     /* of the entry that the path goes on with, in the path */
    size_t name_length;
    size_t at, length; /* where that entry stands in the folder's bytes, or would; 0 bytes long where it is missing */
};

struct registry_tree_path {
    struct registry_tree_level levels[TREE_DEPTH_MAX];
    int depth;
    git_oid file; /* zero: there is none */
};

/* `root`: the commit's tree, NULL for an empty one. `path` is borrowed until the release, which a failure needs, too, and which
 * comes before the pack is written. STATUS_REFUSED: what stands there is no file, or a file stands where a folder should. */
CHECK_RESULT enum status registry_tree_find(struct registry_tree_path *out, const struct registry_pack *pack,
                                            const git_oid *root, const char *path, struct error *err);
void registry_tree_release(struct registry_tree_path *path);

/* The root's tree with `file` there (NULL: with none, and without the folders that this empties). A libgit2 code. */
int registry_tree_replace(git_oid *out, const struct registry_tree_path *path, struct registry_pack *pack, const git_oid *file);

#endif
