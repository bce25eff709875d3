/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef SERVICES_GATEWAY_WEB_API_PAGE_H
#define SERVICES_GATEWAY_WEB_API_PAGE_H

struct text;

/* Appends the page about the OpenAPI document, which is ours. */
void api_page_append(struct text *out, const char *openapi);

#endif
