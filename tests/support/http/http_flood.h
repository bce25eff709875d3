/* SPDX-License-Identifier: BSD-3-Clause
 *
 * For tests and benchmarks: many connections to a gateway whose requests do not end. The requests are bodies in streams of
 * HTTP/2, in chunks and with a length, and heads; PER_ADDRESS of them from each address of 127.0.0.0/8. A failure here fails
 * the test.
 */
#ifndef TESTS_SUPPORT_HTTP_HTTP_FLOOD_H
#define TESTS_SUPPORT_HTTP_HTTP_FLOOD_H

#include <stddef.h>

struct http_flood;

/* Raises the process's limit of descriptors, and opens `count` connections, which have sent nothing yet. */
struct http_flood *http_flood_start(int port, size_t count, int timeout_ms);

/* Sends as much as each connection accepts, and ignores received bytes. Returns how many have more to send. Connections that
 * the gateway closed stay closed; http_flood_renew() opens them again. */
size_t http_flood_go_on(struct http_flood *flood);
void http_flood_renew(struct http_flood *flood);

/* Closes the connections, and frees. */
void http_flood_stop(struct http_flood *flood);

#endif
