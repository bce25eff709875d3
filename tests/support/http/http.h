/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Requests from a test to a server on this machine. A failure that is not under test (of the connection, say) fails the test.
 */
#ifndef TESTS_SUPPORT_HTTP_HTTP_H
#define TESTS_SUPPORT_HTTP_HTTP_H

#include <jansson.h>

#include "lib/tools/http/http_client.h"

/* `method` NULL: GET, or POST if there is a body. `headers` as in struct http_request. The caller releases the response. */
struct http_response http_ask(const char *method, const char *base, const char *path, const char *const *headers,
                              const char *body);

/* GET, whose body must be JSON: the caller decrefs it. *status may be NULL: it must be 200. */
json_t *http_get_json(const char *base, const char *path, int *status);

json_t *http_json(const struct http_response *response);           /* the body, which must be JSON; the caller decrefs it */
const char *http_json_text(const json_t *object, const char *key); /* "" where it has no such text */

/* The response must be an error with this status and code, some words, and this path (NULL: none). */
void http_expect_error(const struct http_response *response, int status, const char *code, const char *path);

/* The value of the response's header, "" if there is none; borrowed until the next call. */
const char *http_header(const struct http_response *response, const char *name);

#endif
