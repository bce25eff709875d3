/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Fetching with libgit2 (pushing: git_push.h): a connection to one remote, with a deadline, a limit on bytes, and checks of its
 * address. libgit2's own HTTP has no timeouts and no hook for addresses, so http and https go through curl
 * (lib/tools/git/git_http.h); `file://` and paths use libgit2's local transport, `git://` its own.
 *
 * libgit2's types are used only here, in the other git_* files, and in the registry_* files of lib/store. Its errors are
 * translated here, once.
 */
#ifndef LIB_TOOLS_GIT_GIT_TRANSPORT_H
#define LIB_TOOLS_GIT_GIT_TRANSPORT_H

#include <git2.h>
#include <stdbool.h>
#include <stdint.h>

#include "lib/base/deadline.h"
#include "lib/base/error.h"
#include "lib/tools/git/git_access.h"

struct git_connection;

/* Sets libgit2 up for this process, once: it reads no configuration of the machine or user (an `insteadOf` there would
 * change where sources come from), and opens repositories of other users. Every function that uses libgit2 calls it first. */
CHECK_RESULT enum status git_transport_start(struct error *err);

/* Refuses a URL with a user or password; without `allow_private` also any scheme but https, and a port. STATUS_INVALID or
 * STATUS_REFUSED, with a sentence. */
CHECK_RESULT enum status git_transport_check_url(const char *url, bool allow_private, struct error *err);

/* Connects and reads the refs that the remote advertises. `repository` receives fetched objects.
 * STATUS_NOT_FOUND: the repository does not exist or is private. STATUS_UNAVAILABLE, STATUS_TIMEOUT: try later.
 * STATUS_REFUSED: an address that is not allowed, or not a git host. STATUS_TOO_LARGE: too many refs.
 * STATUS_FORBIDDEN: the credentials were refused, or access is. */
CHECK_RESULT enum status git_connection_open(struct git_connection **out, git_repository *repository, const char *url,
                                             const struct git_access *access, struct error *err);
void git_connection_free(struct git_connection *connection);

/* The object id of an advertised ref, by its full name (`refs/tags/v1.0.0`). False: not advertised. */
bool git_connection_find(struct git_connection *connection, const char *ref, git_oid *out);

/* The remote's default branch (`refs/heads/main`), borrowed until the connection is freed; NULL: it has no commits. */
const char *git_connection_default_branch(struct git_connection *connection);

/* Fetches the objects of one advertised ref, and their history, into the repository. No local ref is written.
 * STATUS_TOO_LARGE: over limit_bytes. */
CHECK_RESULT enum status git_connection_fetch(struct git_connection *connection, const char *ref, struct error *err);

/* Translates libgit2's last failure in this thread (`code` is its return value) to a status; `doing` begins the sentence. */
enum status git_transport_failure(int code, const char *doing, struct error *err);

#endif
