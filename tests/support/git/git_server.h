/* SPDX-License-Identifier: BSD-3-Clause
 *
 * For tests: an HTTP server in front of `git http-backend`, on a free port of 127.0.0.1, with TLS or without, that can also
 * fail in the ways a real host does. One connection and one thread for each request.
 */
#ifndef TESTS_SUPPORT_GIT_GIT_SERVER_H
#define TESTS_SUPPORT_GIT_GIT_SERVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum git_server_mode {
    GIT_SERVER_SERVE,
    GIT_SERVER_HANG,         /* reads the request and sends nothing */
    GIT_SERVER_STALL,        /* sends the first half of the answer, and then nothing */
    GIT_SERVER_DROP,         /* reads the request and closes the connection */
    GIT_SERVER_TRICKLE,      /* begins as git does, and goes on without end, a byte at a time */
    GIT_SERVER_FLOOD,        /* begins as git does, then lists refs without end */
    GIT_SERVER_ENDLESS_HEAD, /* a head of the answer without end */
    GIT_SERVER_ENDLESS_PACK, /* serves the refs as they are, and then a pack without end */
    GIT_SERVER_STATUS,       /* answers with the status `number` */
    GIT_SERVER_REDIRECT,     /* redirects to `text`, with the rest of the URL appended */
    GIT_SERVER_PAGE,         /* answers every request with an HTML page */
};

struct git_server;

/* Serves the bare repositories in `folder`; accepts pushes to those with http.receivepack set. */
struct git_server *git_server_start(const char *folder);

/* The same by https, with a certificate and key in PEM files. */
struct git_server *git_server_start_tls(const char *folder, const char *certificate, const char *key);

/* The same at an address of this machine, on https's own port. */
struct git_server *git_server_start_at(const char *address, const char *folder, const char *certificate, const char *key);
void git_server_stop(struct git_server *server);

/* http://127.0.0.1:PORT, https://localhost:PORT or https://ADDRESS, borrowed. */
const char *git_server_url(const struct git_server *server);

/* From the next request on. `text` is borrowed until the next call. */
void git_server_behave(struct git_server *server, enum git_server_mode mode, int number, const char *text);

/* From the next request on, for those whose path has `part` in it; the others are served. */
void git_server_behave_for(struct git_server *server, const char *part, enum git_server_mode mode, int number,
                           const char *text);

/* The next `count` requests get the status `number`, then it serves again. */
void git_server_fail_next(struct git_server *server, int count, int number);

/* Asks for basic authentication with these; borrowed. NULL: stops asking. */
void git_server_need_login(struct git_server *server, const char *user, const char *password);

/* Calls `rival` once, right before the next pack is received, so that another push comes first. */
void git_server_before_next_push(struct git_server *server, void (*rival)(void *context), void *context);

/* Called right before a request is answered that asks for the branches of the repository at `path` or, `is_push`, pushes to it;
 * by one thread at a time. */
typedef void git_server_watch(void *context, const char *path, bool is_push);

/* From the next request on. NULL: ends it, and no call is under way when this returns. */
void git_server_set_watch(struct git_server *server, git_server_watch *watch, void *context);

/* So far: connections, requests, and requests that came with a login. */
size_t git_server_connections(struct git_server *server);
size_t git_server_requests(struct git_server *server);
size_t git_server_logins(struct git_server *server);

/* The time so far in which git worked on requests before the first byte of their answers; two at a time count once. */
int64_t git_server_worked_us(struct git_server *server);

/* True if `text` occurred anywhere in the heads of the requests so far, or in a decoded login. */
bool git_server_has_seen(struct git_server *server, const char *text);

#endif
