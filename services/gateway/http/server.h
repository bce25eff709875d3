/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The HTTP server: ports, TLS, and the event loops that serve them.
 */
#ifndef SERVICES_GATEWAY_HTTP_SERVER_H
#define SERVICES_GATEWAY_HTTP_SERVER_H

#include <stdbool.h>

#include "lib/base/error.h"

struct gateway;
struct metrics;
struct server;

/* Opens the ports of gateway->settings and starts to serve them. `gateway` is borrowed. Free `*out` even after a failure. */
CHECK_RESULT enum status server_create(struct server **out, struct gateway *gateway, struct error *err);

/* The ports that the server listens on; the system chooses one if its setting is 0. */
int server_port(const struct server *server);
int server_management_port(const struct server *server);

/* Adds the server's metrics. Any thread. */
void server_measure(struct server *server, struct metrics *metrics);

/* Stops accepting connections and waits until running requests have ended, for about ten seconds at most. */
void server_drain(struct server *server);

/* Drains, if that was not done, and frees the server. No call may come back to a loop any more. NULL is allowed. False: a
 * connection or call did not end, so its memory is left until the process exits. */
bool server_free(struct server *server);

#endif
