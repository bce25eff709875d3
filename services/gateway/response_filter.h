/* SPDX-License-Identifier: BSD-3-Clause
 *
 * What every response carries, whoever made it: the headers that let any web page read it, and those that keep crawlers out.
 * A response that h2o made by itself (a body over its limit, a malformed request) gets the shape of our errors here.
 */
#ifndef SERVICES_GATEWAY_RESPONSE_FILTER_H
#define SERVICES_GATEWAY_RESPONSE_FILTER_H

#include "services/gateway/h2o_all.h"

struct text;

void response_filter_register(h2o_pathconf_t *path);

/* Marks the response to `req` as one of ours. To be called before h2o_start_response(). */
void response_filter_accept(h2o_req_t *req);

/* Appends `{"error", "message", "path"?}`. `path` NULL: none. */
void error_append_json(struct text *out, const char *code, const char *message, const char *path);

#endif
