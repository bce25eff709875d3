/* SPDX-License-Identifier: BSD-3-Clause
 *
 * A file's place in a commit's tree: the folders on the way to it are read once, and written again with another file there. The
 * rest of a folder is copied as bytes.
 *
 * Private to registry_repo_write.c.
 */
#ifndef LIB_STORE_REGISTRY_REGISTRY_REPO_TREE_H
#define LIB_STORE_REGISTRY_REGISTRY_REPO_TREE_H

#include "lib/base/error.h"
#include "lib/store/registry/registry_repo_pack.h"

enum { TREE_DEPTH_MAX = 8 };

struct registry_tree_level {
    const char *folder; /* its bytes; NULL: it does not exist yet */
    size_t folder_length;
    git_oid id;
    git_odb_object *read; /* owner of these bytes; NULL: the pack has them, or there are none */
    const char *name;     /* the path's next name, in the path */
    size_t name_length;
    size_t at, length; /* where that entry is in the folder's bytes; length 0: it is missing, and belongs there */
};

struct registry_tree_path {
    struct registry_tree_level levels[TREE_DEPTH_MAX];
    int depth;
    git_oid file; /* zero: it does not exist */
};

/* Reads the folders on the way to `path` in the tree `root` (NULL: empty). `path` is borrowed until registry_tree_release(),
 * which must be called before the pack is written, and also after a failure. STATUS_REFUSED: the path leads to something other
 * than a file, or through a file, or is too deep. */
CHECK_RESULT enum status registry_tree_find(struct registry_tree_path *out, const struct registry_pack *pack,
                                            const git_oid *root, const char *path, struct error *err);
void registry_tree_release(struct registry_tree_path *path);

/* Makes the root's tree with `file` there (NULL: without it, and without the folders that this empties). `is_whole`: no folder of
 * it is packed as a delta. A libgit2 code. */
int registry_tree_replace(git_oid *out, const struct registry_tree_path *path, struct registry_pack *pack, const git_oid *file,
                          bool is_whole);

#endif
