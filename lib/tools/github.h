/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The GitHub API, as far as the registry asks it (lib/tools/README.md, GitHub API):
 *
 *   GET BASE/user                                           with somebody's token  →  {"login": …}
 *   GET BASE/orgs/ORG/teams/TEAM/members?per_page=100&page=N  with the server's    →  [{"login": …}, …], `Link: …; rel="next"`
 *
 * Every question is a conditional one: answers are kept with their ETag, by the token's hash, and GitHub counts a 304 against
 * nobody's limit. What GitHub says of limits is obeyed: until the time that it names, a token is not used again. How long an
 * answer is believed without asking is the caller's affair. Tokens are kept nowhere, nor do they get into a message.
 */
#ifndef LIB_TOOLS_GITHUB_H
#define LIB_TOOLS_GITHUB_H

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

/* Shaped like a token of a person's or a bot's account: `ghp_…`, `gho_…`, `ghu_…`, `github_pat_…`, or the 40 hex digits of old.
 * (Those of installations, `ghs_…`, are nobody's.) */
bool github_is_token(const char *text);

/* `base_url` is borrowed. Any number of threads may ask at once. */
struct github *github_create(const char *base_url) __attribute__((returns_nonnull));
void github_free(struct github *github);

/* Whose token is it? STATUS_UNAUTHORIZED: GitHub says nobody's. STATUS_UNAVAILABLE, STATUS_TIMEOUT: it cannot be asked now, or
 * its answer cannot be understood, as for the next. */
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
