/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Fetching with libgit2 (pushing is git_push.h): one connection to one remote, with a deadline, a cap on bytes, and checks on
 * where it connects. libgit2's own http has no time-outs and no say in which address is used, so http and https go through
 * curl (lib/tools/git_http.h); `file://` and paths use libgit2's local transport, `git://` its own.
 *
 * Libgit2's types are seen here and in the other git_* files, and in lib/store/registry_repo.c; nowhere else. Its errors are
 * translated here, once.
 */
#ifndef LIB_TOOLS_GIT_TRANSPORT_H
#define LIB_TOOLS_GIT_TRANSPORT_H

#include <git2.h>
#include <stdbool.h>
#include <stdint.h>

#include "lib/base/deadline.h"
#include "lib/base/error.h"

/* How a remote may be reached. Borrowed by the connection until it is freed. */
struct git_access {
    /* Sent as basic authentication to the URL's own host, scheme and port, and to no other that it redirects to; over https, or
     * to this machine itself. In memory only: never in a URL, an argument list or a log. NULL: anonymous. */
    const char *user;
    const char *token;
    const char *authorities;   /* PEM file of those that certificates are checked against; NULL: this machine's */
    bool allow_private;        /* also http://, git://, file:// and paths, ports, and addresses that are not public */
    int64_t limit_bytes;       /* most bytes received over the connection; 0: no limit */
    int64_t silence_ms;        /* how long the host may send nothing, by http; 0: as long as the deadline allows */
    struct deadline *deadline; /* asked while it waits and between packets */
};

struct git_connection;

/* Sets libgit2 up for this process, once: no configuration of the machine or user is read (an `insteadOf` there would change
 * where things come from), repositories of other users may be opened. Every function that uses libgit2 calls it first. */
CHECK_RESULT enum status git_transport_start(struct error *err);

/* Refuses a URL that may not be used under `allow_private`, with a sentence: user or token in it, a scheme that is not allowed,
 * a port. */
CHECK_RESULT enum status git_transport_check_url(const char *url, bool allow_private, struct error *err);

/* Connects and reads the refs that the remote advertises. `repository` is where fetched objects go.
 * STATUS_NOT_FOUND: the repository does not exist or is private. STATUS_UNAVAILABLE, STATUS_TIMEOUT: try later.
 * STATUS_REFUSED: an address that is not allowed, or what is no git host. STATUS_TOO_LARGE: refs without end.
 * STATUS_FORBIDDEN: the credentials were refused, or we are. */
CHECK_RESULT enum status git_connection_open(struct git_connection **out, git_repository *repository, const char *url,
                                             const struct git_access *access, struct error *err);
void git_connection_free(struct git_connection *connection);

/* The id behind an advertised ref, by its whole name (`refs/tags/v1.0.0`). False: not advertised. */
bool git_connection_find(struct git_connection *connection, const char *ref, git_oid *out);

/* The remote's default branch (`refs/heads/main`), borrowed until the connection is freed; NULL: it has no commits. */
const char *git_connection_default_branch(struct git_connection *connection);

/* Brings the objects of one advertised ref, and their history, into the repository. No local ref is written.
 * STATUS_TOO_LARGE: over limit_bytes. */
CHECK_RESULT enum status git_connection_fetch(struct git_connection *connection, const char *ref, struct error *err);

/* What libgit2's last failure (of this thread; `code` is what it returned) means; `doing` begins the sentence. */
enum status git_transport_failure(int code, const char *doing, struct error *err);

#endif
