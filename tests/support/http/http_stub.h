/* SPDX-License-Identifier: BSD-3-Clause
 *
 * For tests: a stand-in for somebody else's HTTP server, on a thread and a free port of 127.0.0.1. It answers every request
 * with the same text, one connection a request, and remembers what came. No TLS, no keep-alive, no chunked bodies.
 */
#ifndef TESTS_SUPPORT_HTTP_HTTP_STUB_H
#define TESTS_SUPPORT_HTTP_HTTP_STUB_H

#include <stddef.h>

struct http_stub;

/* `answer` is the whole answer, as in "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"; NULL: it takes the request and says
 * nothing. Borrowed. */
struct http_stub *http_stub_start(const char *answer);

int http_stub_port(const struct http_stub *stub);
void http_stub_set_answer(struct http_stub *stub, const char *answer);

/* The request number `index` (from 0) with its head and body, waiting for it; NULL when it does not come in time. Borrowed
 * until http_stub_stop(). */
const char *http_stub_request(struct http_stub *stub, size_t index);

size_t http_stub_count(struct http_stub *stub); /* requests that came so far */

void http_stub_stop(struct http_stub *stub);

#endif
