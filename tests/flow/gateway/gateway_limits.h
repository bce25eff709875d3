/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Common setup of the tests of the gateway's limits: a gateway with low limits, connections to it from addresses of
 * 127.0.0.0/8, and the frames received on them.
 */
#ifndef TESTS_FLOW_GATEWAY_GATEWAY_LIMITS_H
#define TESTS_FLOW_GATEWAY_GATEWAY_LIMITS_H

#include "tests/support/cmocka_all.h"

#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "lib/base/hash.h"
#include "lib/base/log.h"
#include "lib/base/memory.h"
#include "tests/flow/gateway/gateway_fixture.h"
#include "tests/support/http/http.h"
#include "tests/support/http/http2_frames.h"
#include "tests/support/http/http_connection.h"
#include "tests/support/shell.h"

enum { PATIENCE_MS = 60000 };

static const char intake[] = "registry_http_intake_bytes{program=\"gateway\"}";

static inline struct gateway_process *start_with(const char *const *settings) {
    return gateway_process_start(redis_server_url(redis), settings);
}

static size_t taken; /* bytes of the newest connection's input that were read as frames */

static inline void open_as(struct http_connection *connection, struct gateway_process *process, unsigned client) {
    taken = 0;
    assert_true(http_connection_open_as(connection, client, gateway_process_port(process), PATIENCE_MS));
}

static inline void send_text(struct http_connection *connection, const char *bytes) {
    assert_true(http_connection_send_bytes(connection, bytes, strlen(bytes)));
}

static inline void send_and_clear(struct http_connection *connection, struct text *bytes) {
    assert_true(http_connection_send_bytes(connection, bytes->bytes, bytes->length));
    text_clear(bytes);
}

static inline void expect_status(struct http_connection *connection, int status) {
    if (!http_connection_receive(connection)) fail_msg("closed without an answer");
    if (connection->status != status) fail_msg("%d %s", connection->status, text_view(&connection->answer));
}

#endif
