/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Misbehaving clients of the gateway in this process, byte by byte.
 */
#ifndef TESTS_STORE_GATEWAY_RAW_CLIENT_H
#define TESTS_STORE_GATEWAY_RAW_CLIENT_H

#include "tests/store/gateway/gateway_scene.h"

#include <sys/socket.h>

#define CONNECTIONS "registry_http_connections{program=\"gateway\"}"
#define INTAKE "registry_http_intake_bytes{program=\"gateway\"}"
#define ENDED(reason) "registry_http_connections_ended_total{reason=\"" reason "\",program=\"gateway\"}"

static inline void open_as(struct gateway_scene *s, struct http_connection *connection, unsigned client) {
    assert_true(http_connection_open_as(connection, client, server_port(s->gateway.server), PATIENCE_MS));
}

static inline void send_text(struct http_connection *connection, const char *bytes) {
    assert_true(http_connection_send_bytes(connection, bytes, strlen(bytes)));
}

static inline void send_and_clear(struct http_connection *connection, struct text *bytes) {
    assert_true(http_connection_send_bytes(connection, bytes->bytes, bytes->length));
    text_clear(bytes);
}

static inline void expect_answer(struct http_connection *connection, int status) {
    if (!http_connection_receive(connection)) fail_msg("closed without an answer");
    if (connection->status != status) fail_msg("%d %s", connection->status, text_view(&connection->answer));
}

/* The connection must be closed in good order, after everything that was sent, and not by a reset. */
static inline void expect_closed(struct http_connection *connection) {
    assert_int_equal(recv(connection->socket, &(char){0}, 1, 0), 0);
}

static inline bool is_closed(const struct http_connection *connection) {
    char byte;
    return recv(connection->socket, &byte, 1, MSG_PEEK | MSG_DONTWAIT) == 0;
}

#endif
