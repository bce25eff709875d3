/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The HTTP side as a whole: ports, TLS, and the loops that serve them.
 */
#ifndef SERVICES_GATEWAY_SERVER_H
#define SERVICES_GATEWAY_SERVER_H

#include <stdbool.h>

#include "lib/base/error.h"

struct gateway;
struct metrics;
struct server;

/* Opens the ports of gateway->settings and serves them from now on. */
CHECK_RESULT enum status server_create(struct server **out, struct gateway *gateway, struct error *err);

/* The ports that it listens on, which the system chose where the setting is 0. */
int server_port(const struct server *server);
int server_management_port(const struct server *server);

/* Adds its figures. Any thread. */
void server_measure(struct server *server, struct metrics *metrics);

/* Takes no more connections, lets what is under way end (ten seconds at most), and waits for that. */
void server_drain(struct server *server);

/* After server_drain(), and when nothing can come back to a loop any more. False: a loop still uses what is left, until the
 * process ends. */
bool server_free(struct server *server);

#endif
