/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The part of the GitHub API that the registry uses (lib/tools/README.md, GitHub API):
 *
 *   GET BASE/user                                           with a user's token    →  {"login": …}
 *   GET BASE/orgs/ORG/teams/TEAM/members?per_page=100&page=N  with the server's    →  [{"login": …}, …], `Link: …; rel="next"`
 *
 * Every request is conditional: answers are cached with their ETag, by the hash of token and path, and GitHub counts a 304
 * against no limit. Rate limits are obeyed: a token is not used again before the time that GitHub names. The caller decides how
 * long to use an answer without asking. Tokens are not stored, and never appear in messages.
 */
#ifndef LIB_TOOLS_HTTP_GITHUB_H
#define LIB_TOOLS_HTTP_GITHUB_H

#include <stdbool.h>
#include <stddef.h>

#include "lib/base/arena.h"
#include "lib/base/error.h"

struct deadline;
struct github;

enum {
    GITHUB_LOGIN_MAX = 40, /* 39 characters and the NUL */
    GITHUB_TOKEN_MAX = 256,
};

/* [A-Za-z0-9-]{1,39} */
bool github_is_login(const char *text);

/* True for the form of a user's or a bot account's token: `ghp_…`, `gho_…`, `ghu_…`, `github_pat_…`, or the older 40 hex
 * digits. (Tokens of installations, `ghs_…`, belong to no account.) */
bool github_is_token(const char *text);

/* `base_url` is borrowed. Thread-safe. */
struct github *github_create(const char *base_url) __attribute__((returns_nonnull));
void github_free(struct github *github);

/* The login of the token's owner. STATUS_UNAUTHORIZED: GitHub does not know the token. STATUS_UNAVAILABLE, STATUS_TIMEOUT:
 * GitHub cannot be asked now, or its answer is malformed, as for the next function. */
CHECK_RESULT enum status github_read_login(struct github *github, const char *token, char out[GITHUB_LOGIN_MAX],
                                           struct deadline *deadline, struct error *err);

struct github_team {
    const char **logins; /* in the arena */
    size_t count;
};

/* All members of the team, which the token must be able to see. */
CHECK_RESULT enum status github_read_team(struct github *github, const char *token, const char *organization, const char *team,
                                          struct arena *arena, struct github_team *out, struct deadline *deadline,
                                          struct error *err);

#endif
