/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Git's smart HTTP protocol as a libgit2 subtransport over curl: with timeouts, cancellation, a limit on bytes and a few
 * redirects (for the first request of a connection only). Every address is checked when a socket for it is opened, that is
 * after each redirect and name lookup. Proxies, cookies and .netrc are not used.
 *
 * Only for git_transport.c and git_push.c.
 */
#ifndef LIB_TOOLS_GIT_GIT_HTTP_H
#define LIB_TOOLS_GIT_GIT_HTTP_H

#include <git2.h>
#include <git2/sys/transport.h>

#include "lib/base/error.h"
#include "lib/tools/git/git_access.h"

/* The state of one connection's requests. libgit2 can only pass on a number and a text, so the status and the message of a
 * failure are kept here; failure.status is STATUS_OK until then. */
struct git_session {
    const struct git_access *access;
    const char *url; /* the repository's, for sentences; borrowed */
    int64_t received_bytes;
    struct error failure;
};

/* True if credentials are safe on their way to the URL: over https, or within this machine as its usual names say. */
bool git_http_is_safe_for_token(const char *url);

/* A git_smart_subtransport_cb; `session` is a struct git_session that outlives the subtransport. */
int git_http_create(git_smart_subtransport **out, git_transport *owner, void *session);

#endif
