/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Adds the headers of every response: CORS headers, so that any web page may read it, and headers for caches.
 * Errors that h2o generates itself (body over its limit, malformed request) get the JSON format of our errors.
 */
#ifndef SERVICES_GATEWAY_HTTP_RESPONSE_FILTER_H
#define SERVICES_GATEWAY_HTTP_RESPONSE_FILTER_H

#include "services/gateway/http/h2o_all.h"

struct text;

/* Adds the filter to all responses of this path. */
void response_filter_register(h2o_pathconf_t *path);

/* Marks the response to `req` as ours, as opposed to h2o's errors. Call it before h2o_start_response(). */
void response_filter_accept(h2o_req_t *req);

/* Appends `{"error", "message", "path"?}`. `path` NULL: none. */
void error_append_json(struct text *out, const char *code, const char *message, const char *path);

#endif
