/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Makes a folder a git repository with one commit of what is in it, and a tag: `purs publish` wants to be run in a checkout
 * (lib/tools/README.md, The compiler), and what we publish is a tarball.
 */
#ifndef LIB_TOOLS_GIT_SNAPSHOT_H
#define LIB_TOOLS_GIT_SNAPSHOT_H

#include <stdint.h>

#include "lib/base/error.h"

/* Commits every file of `folder`, whatever a `.gitignore` in it says, byte for byte, and tags the commit with `tag`; author,
 * committer and their time do not tell when this was done: `time_ms` does. `excluded` are patterns, NULL at the end, of what
 * will be put there later and is not to count as a change. STATUS_INTERNAL: it could not be written. */
CHECK_RESULT enum status git_snapshot_make(const char *folder, const char *tag, int64_t time_ms, const char *const *excluded,
                                           struct error *err);

#endif
