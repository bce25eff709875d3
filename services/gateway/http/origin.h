/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The site's own address, as the client sees it: of the request's scheme and host, or, from a trusted proxy (TRUSTED_PROXIES), of
 * X-Forwarded-Proto and X-Forwarded-Host.
 */
#ifndef SERVICES_GATEWAY_HTTP_ORIGIN_H
#define SERVICES_GATEWAY_HTTP_ORIGIN_H

#include <stdbool.h>

struct call;

/* "https://registry.example.org", in the call's arena, so that paths can follow. "" if the host has characters that no host has.
 * On the loop's thread. */
const char *origin_of_site(struct call *call);

/* False if a browser says that the request was made by a page of another site: by Sec-Fetch-Site, or else by an Origin with another
 * host. Clients that are no browsers send neither. On the loop's thread. */
bool origin_is_own(struct call *call);

#endif
