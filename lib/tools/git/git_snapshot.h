/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Makes a folder a git repository with one commit of its content and a tag: `purs publish` must run in a checkout
 * (lib/tools/README.md, The compiler), but packages are published as tarballs.
 */
#ifndef LIB_TOOLS_GIT_GIT_SNAPSHOT_H
#define LIB_TOOLS_GIT_GIT_SNAPSHOT_H

#include <stdint.h>

#include "lib/base/error.h"

/* Commits every file of `folder` byte for byte, whatever a `.gitignore` in it says, and tags the commit with `tag`;
 * `time_ms` is the time of author and committer, so that the commit is reproducible. `excluded` lists patterns (NULL at the
 * end) of files that will be added later and must not count as changes. STATUS_INTERNAL: the repository could not be
 * written. */
CHECK_RESULT enum status git_snapshot_make(const char *folder, const char *tag, int64_t time_ms, const char *const *excluded,
                                           struct error *err);

#endif
