/* SPDX-License-Identifier: BSD-3-Clause
 *
 * For tests: a stand-in for Pursuit on a free port of 127.0.0.1, with its two routes (lib/tools/README.md, Pursuit). An upload
 * must have the headers that the page asks for and the right token, be a gzip, and hold the JSON of one package in the form of
 * `purs publish`; otherwise it gets the real one's error, and is not kept. It can be told to fail.
 *
 * It does not look into the documentation, show it, or ask GitHub whose token it is. One request for each connection, one
 * connection at a time; no TLS.
 */
#ifndef TESTS_SUPPORT_SERVER_PURSUIT_SERVER_H
#define TESTS_SUPPORT_SERVER_PURSUIT_SERVER_H

#include <jansson.h>
#include <stddef.h>

struct pursuit_server;

enum pursuit_mode {
    PURSUIT_WELL,
    PURSUIT_AWAY,     /* closes every connection without an answer */
    PURSUIT_GARBLED,  /* answers 200 with a body that is not a list of versions */
    PURSUIT_REFUSING, /* answers uploads with 400 and a sentence */
    PURSUIT_SILENT,   /* reads uploads and does not answer them */
};

struct pursuit_server *pursuit_server_start(const char *token);
void pursuit_server_stop(struct pursuit_server *server);

const char *pursuit_server_url(const struct pursuit_server *server); /* borrowed */
void pursuit_server_set_mode(struct pursuit_server *server, enum pursuit_mode mode);
void pursuit_server_set_token(struct pursuit_server *server, const char *token); /* borrowed */

/* As if it had been uploaded. */
void pursuit_server_add(struct pursuit_server *server, const char *name, const char *version);

/* The last upload for NAME VERSION, or NULL; the caller owns it. */
json_t *pursuit_server_documentation(struct pursuit_server *server, const char *name, const char *version);

/* The number of requests: look-ups of versions, and uploads, refused ones included. */
size_t pursuit_server_look_ups(struct pursuit_server *server);
size_t pursuit_server_uploads(struct pursuit_server *server);

#endif
