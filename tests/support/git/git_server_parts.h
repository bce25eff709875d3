/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Common parts of git_server.c and git_server_hostile.c.
 */
#ifndef TESTS_SUPPORT_GIT_GIT_SERVER_PARTS_H
#define TESTS_SUPPORT_GIT_GIT_SERVER_PARTS_H

#include <openssl/ssl.h>

#include "lib/base/arena.h"
#include "lib/base/text.h"

/* One connection. Waiting on it ends when the server is told to stop. */
struct git_client {
    int file;
    SSL *tls; /* NULL: plain */
    int stop; /* readable once the server must stop */
};

struct git_request {
    struct arena arena;
    char *method, *path, *query;
    const char *type, *login;
    struct text body;
};

/* False if the client has left or the server must stop. */
bool git_client_send(struct git_client *client, const void *bytes, size_t length);
bool git_client_send_text(struct git_client *client, const char *text);
bool git_client_receive(struct git_client *client, struct text *input);

/* Until the client leaves or the server stops. */
void git_client_hang(struct git_client *client);

/* git_server_hostile.c: answers without end. */
void git_client_trickle(struct git_client *client, const struct git_request *request);
void git_client_flood(struct git_client *client, const struct git_request *request);
void git_client_send_endless_head(struct git_client *client);
void git_client_send_endless_pack(struct git_client *client);

#endif
