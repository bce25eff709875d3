/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Schemas of the OpenAPI document (JSON Schema, as far as openapi.json uses it) for people.
 */
#ifndef SERVICES_GATEWAY_WEB_API_SCHEMA_H
#define SERVICES_GATEWAY_WEB_API_SCHEMA_H

#include "services/gateway/web/html.h"

struct json_t;

/* The type in a few words, named schemas as links to their sections. */
void api_schema_write_type(struct html *html, const struct json_t *schema);

/* The section of a named schema: what it is, and its fields. */
void api_schema_write(struct html *html, const char *name, const struct json_t *schema);

#endif
