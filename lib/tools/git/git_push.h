/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Repeated pushes over HTTP(S) to one repository: a push with a pack at hand is a single request, which names the old and the
 * new commit of each ref. The connection stays open between pushes, and the remote's capabilities are read once. (libgit2's
 * own push reads the refs each time, and makes a pack of its own.)
 */
#ifndef LIB_TOOLS_GIT_GIT_PUSH_H
#define LIB_TOOLS_GIT_GIT_PUSH_H

#include "lib/base/text.h"
#include "lib/tools/git/git_transport.h"

struct git_pusher;

struct git_pusher *git_pusher_create(const char *url); /* copies the URL; does not connect yet */
void git_pusher_free(struct git_pusher *pusher);

struct git_push_ref {
    const char *name; /* of the remote: refs/heads/main */
    git_oid from, to; /* `from` zero: the ref does not exist yet */
};

struct git_push {
    const struct git_push_ref *refs; /* several are moved together or not at all */
    size_t count;                    /* 1 at least */
    const struct text *pack;         /* all objects that the remote lacks; it may have none */
};

/* STATUS_CONFLICT: a ref is not at its `from` (or is locked). STATUS_REFUSED: the remote refused, with its reason. Other
 * statuses as of git_connection_open(); after those the push may have happened all the same. */
CHECK_RESULT enum status git_pusher_push(struct git_pusher *pusher, const struct git_push *push,
                                         const struct git_access *access, struct error *err);

#endif
