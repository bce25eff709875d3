/* SPDX-License-Identifier: BSD-3-Clause
 *
 * For tests: one HTTP/1.1 connection, byte by byte. Unlike lib/tools/http/http_client.h it can send half a request, and keep
 * the connection for thousands of requests while adding next to nothing to their time. Reads answers with a Content-Length or
 * in chunks; no TLS, no HTTP/2.
 */
#ifndef TESTS_SUPPORT_HTTP_HTTP_CONNECTION_H
#define TESTS_SUPPORT_HTTP_HTTP_CONNECTION_H

#include <stdbool.h>

#include "lib/base/text.h"

struct http_connection {
    int socket;         /* -1: closed */
    struct text input;  /* received, not yet parsed */
    struct text answer; /* the last answer's body */
    int status;         /* of the last answer */
};

bool http_connection_open(struct http_connection *connection, int port, int timeout_ms); /* to 127.0.0.1 */

/* The same, as the client with the address 127.0.0.0 + `client`. */
bool http_connection_open_as(struct http_connection *connection, unsigned client, int port, int timeout_ms);
void http_connection_close(struct http_connection *connection);

/* Sends a whole request. False if the connection broke or time was up; so does the next function. */
bool http_connection_send(struct http_connection *connection, const char *method, const char *path, const char *body);
bool http_connection_send_bytes(struct http_connection *connection, const char *bytes, size_t length);

/* Reads one whole answer into `status` and `answer`. */
bool http_connection_receive(struct http_connection *connection);

#endif
