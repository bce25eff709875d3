/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Pushing over http(s) to one repository, again and again: a push whose pack is at hand is a single request, which says from
 * where to where the branch is to move. The connection stays open from one to the next, and what the remote is able to do is
 * asked once. (libgit2's own push asks first each time, and makes a pack of its own.)
 */
#ifndef LIB_TOOLS_GIT_PUSH_H
#define LIB_TOOLS_GIT_PUSH_H

#include "lib/base/text.h"
#include "lib/tools/git_transport.h"

struct git_pusher;

struct git_pusher *git_pusher_create(const char *url); /* copied; connects to nothing yet */
void git_pusher_free(struct git_pusher *pusher);

struct git_push {
    const char *ref;         /* of the remote: refs/heads/main */
    git_oid from, to;        /* `from` zero: there is no such ref yet */
    const struct text *pack; /* `to`, and all that it has and `from` has not */
};

/* STATUS_CONFLICT: the ref is not at `from` (or it is locked). STATUS_REFUSED: the remote said no, with what it said. And as
 * git_connection_open() does. After any failure but these two it may still have happened. */
CHECK_RESULT enum status git_pusher_push(struct git_pusher *pusher, const struct git_push *push,
                                         const struct git_access *access, struct error *err);

#endif
