/* SPDX-License-Identifier: BSD-3-Clause
 *
 * For tests: a stand-in for the GitHub API on a free port of 127.0.0.1, with the calls that the server and ops/github/ make:
 *
 *   GET   /user                                        whose token is this?
 *   GET   /orgs/purescript/teams/packaging/members     paged; by a token that may see the team
 *   POST  /repos/OWNER/REPO/issues/NUMBER/comments     {"body": TEXT}, by a token that may write to issues
 *   PATCH /repos/OWNER/REPO/issues/NUMBER              {"state": "closed"}, the same
 *   GET   /repos/OWNER/REPO, …/tags, …/commits/SHA     of repositories that the test has made; 301 for one that has moved
 *   GET   /repositories/ID                             where such a redirect leads
 *
 * Every call is checked (method, path, query, headers, token, body) and recorded; one that the real GitHub would refuse is
 * refused. It can be told to fail. Not supported: anything else that GitHub does, TLS, two connections at once.
 */
#ifndef TESTS_SUPPORT_SERVER_GITHUB_SERVER_H
#define TESTS_SUPPORT_SERVER_GITHUB_SERVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct github_server;

enum github_mode {
    GITHUB_WELL,
    GITHUB_AWAY,       /* closes every connection without an answer */
    GITHUB_BROKEN,     /* answers 502 */
    GITHUB_LIMITED,    /* answers 403: no calls remain */
    GITHUB_HIDES_TEAM, /* answers 403 to requests for the team */
    GITHUB_SILENT,     /* reads requests and does not answer them */
};

struct github_server *github_server_start(void);
void github_server_stop(struct github_server *server);

const char *github_server_url(const struct github_server *server); /* borrowed */
void github_server_set_mode(struct github_server *server, enum github_mode mode);
void github_server_set_page_size(struct github_server *server, size_t members); /* 100 at first */

/* From now on the token belongs to this account; `login` NULL: to none. Texts are borrowed. */
void github_server_set_token(struct github_server *server, const char *token, const char *login, bool may_see_team);
void github_server_set_member(struct github_server *server, const char *login, bool is_member); /* copied */

/* Repositories, `OWNER/NAME` without regard to case. A tag is made, or moved to another commit, of 40 hex digits, made at that time
 * (milliseconds since 1970). Texts are copied. */
void github_server_add_repository(struct github_server *server, const char *repository);
void github_server_remove_repository(struct github_server *server, const char *repository);
void github_server_tag(struct github_server *server, const char *repository, const char *tag, const char *commit,
                       int64_t time_ms);
/* From now on it is at `to`, and the old name is redirected. Moving it back is a move, too. */
void github_server_move_repository(struct github_server *server, const char *repository, const char *to);

/* The rate limit is used up after so many more calls (304 does not count), for so many seconds, and unlimited afterwards. */
void github_server_limit(struct github_server *server, size_t calls, int64_t seconds);

/* The next `count` calls whose path begins with `path` are answered 502. */
void github_server_fail(struct github_server *server, const char *path, size_t count);

/* The number of calls whose line begins with `prefix`: "GET /user", "" for all; and of those that were answered 304. */
size_t github_server_count(struct github_server *server, const char *prefix);
size_t github_server_count_unchanged(struct github_server *server);

/* The calls that were answered 2xx, a line each: `METHOD PATH by LOGIN`, followed for a comment by its text, with `\n` for line
 * breaks. Borrowed until the next call; each line is returned once. */
const char *github_server_take_lines(struct github_server *server);

#endif
