/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Writes the files of a commit to a folder without trusting its tree. libgit2's own checkout is not used: it would honour
 * filters, attributes and submodules, has no limits, and keeps links that lead anywhere.
 *
 *   regular file      mode 0644 or 0755
 *   symbolic link     kept if it stays inside the folder, through other links too; else replaced by its target, if that is
 *                     in the repository; else a link to GIT_CHECKOUT_OUTSIDE, which does not exist
 *   submodule         a link to GIT_CHECKOUT_SUBMODULE, which does not exist either; its content is not fetched
 *   Git LFS pointer   as it is
 *   dangerous names   (`.git`, `..`, the same twice) refused: lib/tools/archive/file_names.h
 *   too deep          (more than 100 levels) refused, naming the folder
 *
 * Other rules for packed files are applied where files are packed (lib/source/package_files.h).
 */
#ifndef LIB_TOOLS_GIT_GIT_CHECKOUT_H
#define LIB_TOOLS_GIT_GIT_CHECKOUT_H

#include <git2.h>
#include <stdint.h>

#include "lib/base/deadline.h"
#include "lib/base/error.h"

#define GIT_CHECKOUT_OUTSIDE "/dev/null/outside"
#define GIT_CHECKOUT_SUBMODULE "/dev/null/submodule"

struct git_checkout_limits {
    int64_t bytes; /* of all files together */
    int64_t files; /* entries: files, links and folders */
};

/* Writes the tree of `commit`, or its folder `subdir` (NULL: all), to `folder`, which must exist and be empty.
 * STATUS_INVALID with path `location.subdir`: the commit has no such folder. STATUS_TOO_LARGE, STATUS_REFUSED as above.
 * Names, numbers and sizes are checked before anything is written; after a failure the caller must remove the partial
 * result. */
CHECK_RESULT enum status git_checkout_write(git_repository *repository, const git_oid *commit, const char *subdir,
                                            const char *folder, const struct git_checkout_limits *limits,
                                            struct deadline *deadline, struct error *err);

#endif
