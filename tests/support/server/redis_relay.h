/* SPDX-License-Identifier: BSD-3-Clause
 *
 * For tests: a proxy between a program and its Redis that loses replies: the request is carried out, and then the connection is
 * closed.
 */
#ifndef TESTS_SUPPORT_SERVER_REDIS_RELAY_H
#define TESTS_SUPPORT_SERVER_REDIS_RELAY_H

#include "tests/support/server/redis_server.h"

struct redis_relay;

struct redis_relay *redis_relay_start(const struct redis_server *server);
void redis_relay_stop(struct redis_relay *relay); /* closes all connections */

const char *redis_relay_url(const struct redis_relay *relay); /* for REDIS_URL; borrowed until it is stopped */

/* Loses the replies to the next `count` requests that have `word` in them (borrowed; "": to any), in addition to earlier calls.
 * Any thread. */
void redis_relay_lose(struct redis_relay *relay, const char *word, int count);

/* The number of replies still to lose. */
int redis_relay_left(struct redis_relay *relay);

#endif
