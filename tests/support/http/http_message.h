/* SPDX-License-Identifier: BSD-3-Clause
 *
 * For stand-ins of HTTP servers: one request, taken apart. HTTP/1.1 with a Content-Length; no chunks, no folded headers.
 */
#ifndef TESTS_SUPPORT_HTTP_HTTP_MESSAGE_H
#define TESTS_SUPPORT_HTTP_HTTP_MESSAGE_H

#include <stdbool.h>
#include <stddef.h>

#include "lib/base/arena.h"
#include "lib/base/text.h"

enum { HTTP_MESSAGE_HEADERS_MAX = 64 };

struct http_message {
    struct arena arena; /* the texts are in here */
    const char *method;
    const char *path;  /* as received, with escapes */
    const char *query; /* the same, after the `?`; "" if there is none */
    struct {
        const char *name, *value; /* the name in lower case, the value without blanks around it */
    } headers[HTTP_MESSAGE_HEADERS_MAX];
    size_t header_count;
    struct text body;
};

/* Parses a head: `length` bytes that end with the empty line. False if it is malformed. The caller releases `out` in any
 * case. */
bool http_message_parse_head(struct http_message *out, const char *head, size_t length);
void http_message_release(struct http_message *message);

/* Reads one whole request from a connection, head and body. False if the client left or sent something else. */
bool http_message_receive(struct http_message *out, int connection);

/* NULL where there is no such header; its name in lower case. */
const char *http_message_header(const struct http_message *message, const char *name);

#endif
