/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Repeated pushes over HTTP(S) to one repository: a push with a pack at hand is a single request, which names the old and the
 * new commit of the branch. The connection stays open between pushes, and the remote's capabilities are read once. (libgit2's
 * own push reads the refs each time, and makes a pack of its own.)
 */
#ifndef LIB_TOOLS_GIT_GIT_PUSH_H
#define LIB_TOOLS_GIT_GIT_PUSH_H

#include "lib/base/text.h"
#include "lib/tools/git/git_transport.h"

struct git_pusher;

struct git_pusher *git_pusher_create(const char *url); /* copies the URL; does not connect yet */
void git_pusher_free(struct git_pusher *pusher);

struct git_push {
    const char *ref;         /* of the remote: refs/heads/main */
    git_oid from, to;        /* `from` zero: the ref does not exist yet */
    const struct text *pack; /* `to`, and all objects that it has and `from` lacks */
};

/* STATUS_CONFLICT: the ref is not at `from` (or is locked). STATUS_REFUSED: the remote refused, with its reason. Other
 * statuses as of git_connection_open(); after those the push may have happened all the same. */
CHECK_RESULT enum status git_pusher_push(struct git_pusher *pusher, const struct git_push *push,
                                         const struct git_access *access, struct error *err);

#endif
