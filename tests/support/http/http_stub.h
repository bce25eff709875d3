/* SPDX-License-Identifier: BSD-3-Clause
 *
 * For tests: a stand-in for any HTTP server, on a thread and a free port of 127.0.0.1. It answers every request with the same
 * text, one request for each connection, and keeps the requests. No TLS, no keep-alive, no chunked bodies.
 */
#ifndef TESTS_SUPPORT_HTTP_HTTP_STUB_H
#define TESTS_SUPPORT_HTTP_HTTP_STUB_H

#include <stddef.h>

struct http_stub;

/* `answer` is the whole answer, as in "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"; NULL: it reads the request and sends
 * nothing. Borrowed. */
struct http_stub *http_stub_start(const char *answer);

int http_stub_port(const struct http_stub *stub);
void http_stub_set_answer(struct http_stub *stub, const char *answer);

/* Waits for the request number `index` (from 0) and returns its head and body; NULL if it does not come in time. Borrowed
 * until http_stub_stop(). */
const char *http_stub_request(struct http_stub *stub, size_t index);

size_t http_stub_count(struct http_stub *stub); /* requests that came so far */

void http_stub_stop(struct http_stub *stub);

#endif
