/* SPDX-License-Identifier: BSD-3-Clause
 *
 * For tests: an HTTP server in front of `git http-backend`, on a free port of 127.0.0.1, that can also misbehave in the ways a
 * host does. One request at a time, a connection each. No TLS.
 */
#ifndef TESTS_SUPPORT_GIT_SERVER_H
#define TESTS_SUPPORT_GIT_SERVER_H

#include <stdbool.h>
#include <stddef.h>

enum git_server_mode {
    GIT_SERVER_SERVE,
    GIT_SERVER_HANG,     /* takes the request and says nothing */
    GIT_SERVER_STALL,    /* answers with half of what it should, and then nothing */
    GIT_SERVER_FLOOD,    /* begins as git does, and never ends */
    GIT_SERVER_STATUS,   /* answers with the status `number` */
    GIT_SERVER_REDIRECT, /* sends whoever asks to `text`, the rest of the URL behind it */
    GIT_SERVER_PAGE,     /* answers every question with a page for people */
};

struct git_server;

/* Serves the bare repositories in `folder`; pushes, too, where the repository has http.receivepack set. */
struct git_server *git_server_start(const char *folder);
void git_server_stop(struct git_server *server);

/* http://127.0.0.1:PORT, borrowed. */
const char *git_server_url(const struct git_server *server);

/* From the next request on. `text` is borrowed until the next call. */
void git_server_behave(struct git_server *server, enum git_server_mode mode, int number, const char *text);

/* Asks for basic authentication with these; borrowed. NULL: no more. */
void git_server_need_login(struct git_server *server, const char *user, const char *password);

/* Calls `rival` once, right before the next pack is received: somebody else is faster. */
void git_server_before_next_push(struct git_server *server, void (*rival)(void *context), void *context);

/* Requests so far that came with a login. */
size_t git_server_logins(struct git_server *server);

#endif
