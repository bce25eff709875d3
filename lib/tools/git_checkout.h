/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Writes a commit's files to a folder, and trusts nothing in the tree. libgit2's own checkout is not used: it would honour
 * filters, attributes and submodules, has no bounds, and keeps links that lead anywhere.
 *
 *   regular file      mode 0644 or 0755
 *   symbolic link     kept as a link if it stays inside the folder, through other links too; what it leads to, if that is
 *                     elsewhere in the repository; else a link to GIT_CHECKOUT_OUTSIDE, where nothing is
 *   submodule         a link to GIT_CHECKOUT_SUBMODULE, where nothing is either: what is in it is not fetched
 *   Git LFS pointer   as it is
 *   dangerous names   (`.git`, `..`, the same twice) refused: lib/tools/file_names.h
 *   anything odd      (more than 100 levels) refused, naming it
 *
 * What else may not be packed is judged where it would be (lib/source/package_files.h).
 */
#ifndef LIB_TOOLS_GIT_CHECKOUT_H
#define LIB_TOOLS_GIT_CHECKOUT_H

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

/* Writes the tree of `commit`, or its folder `subdir` (NULL: all), into `folder`, which must exist and be empty. STATUS_INVALID
 * with path `location.subdir`: no such folder in the commit. STATUS_TOO_LARGE, STATUS_REFUSED as above. Names, numbers and
 * sizes are looked at before anything is written; what was written before a failure stays: the caller throws the folder away.
 */
CHECK_RESULT enum status git_checkout_write(git_repository *repository, const git_oid *commit, const char *subdir,
                                            const char *folder, const struct git_checkout_limits *limits,
                                            struct deadline *deadline, struct error *err);

#endif
