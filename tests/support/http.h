/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Requests from a test to a server of its own. What should not fail (a connection) fails the test.
 */
#ifndef TESTS_SUPPORT_HTTP_H
#define TESTS_SUPPORT_HTTP_H

#include <jansson.h>

#include "lib/tools/http_client.h"

/* `method` NULL: GET, or POST where there is a body. `headers` as in struct http_request. The caller releases the response. */
struct http_response http_ask(const char *method, const char *base, const char *path, const char *const *headers,
                              const char *body);

/* GET, whose body must be JSON: the caller decrefs it. *status may be NULL: it must be 200. */
json_t *http_get_json(const char *base, const char *path, int *status);

/* The value of the response's header, "" where there is none; borrowed until the next call. */
const char *http_header(const struct http_response *response, const char *name);

#endif
