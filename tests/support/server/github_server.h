/* SPDX-License-Identifier: BSD-3-Clause
 *
 * For tests: a stand-in for the GitHub API on a free port of 127.0.0.1, with the calls that the server and ops/github/ make:
 *
 *   GET   /user                                        whose token is this?
 *   GET   /orgs/purescript/teams/packaging/members     paged; by a token that may see the team
 *   POST  /repos/OWNER/REPO/issues/NUMBER/comments     {"body": TEXT}, by a token that may write to issues
 *   PATCH /repos/OWNER/REPO/issues/NUMBER              {"state": "closed"}, the same
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

/* The number of calls whose line begins with `prefix`: "GET /user", "" for all; and of those that were answered 304. */
size_t github_server_count(struct github_server *server, const char *prefix);
size_t github_server_count_unchanged(struct github_server *server);

/* The calls that were answered 2xx, a line each: `METHOD PATH by LOGIN`, followed for a comment by its text, with `\n` for line
 * breaks. Borrowed until the next call; each line is returned once. */
const char *github_server_take_lines(struct github_server *server);

#endif
