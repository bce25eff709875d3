/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Git's smart http protocol as a libgit2 subtransport over curl: with time-outs, cancellation, a cap on bytes, redirects
 * followed a few times (for the first request of a connection only), and every address checked at the moment a socket for it
 * is opened, that is after each redirect and name look-up. Proxies, cookies and .netrc are not used.
 *
 * Used by git_transport.c and git_push.c alone.
 */
#ifndef LIB_TOOLS_GIT_HTTP_H
#define LIB_TOOLS_GIT_HTTP_H

#include <git2.h>
#include <git2/sys/transport.h>

#include "lib/tools/git_transport.h"

/* What one connection's requests share. libgit2 can only carry a number and a text through its calls, so the status and
 * sentence of a failure are kept here; failure.status is STATUS_OK as long as there is none. */
struct git_session {
    const struct git_access *access;
    const char *url; /* the repository's, for sentences; borrowed */
    int64_t received_bytes;
    struct error failure;
};

/* A git_smart_subtransport_cb; `session` is a struct git_session that outlives the subtransport. */
int git_http_create(git_smart_subtransport **out, git_transport *owner, void *session);

#endif
