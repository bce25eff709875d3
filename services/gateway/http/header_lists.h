/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Lists in request headers: the answers that a client has, and the codings that it accepts.
 */
#ifndef SERVICES_GATEWAY_HTTP_HEADER_LISTS_H
#define SERVICES_GATEWAY_HTTP_HEADER_LISTS_H

#include <stdbool.h>

/* True if the list of an If-None-Match header (NULL: none) has `tag`: a weak comparison, as RFC 9110 requires. */
bool header_list_has_tag(const char *if_none_match, const char *tag);

/* True if an Accept-Encoding header (NULL: none) allows gzip, by its name or by `*`, with any weight but 0. */
bool header_list_accepts_gzip(const char *accept_encoding);

#endif
