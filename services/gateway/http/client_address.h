/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The address of a client: the peer's, or, if the peer is a trusted proxy (TRUSTED_PROXIES), the last address in
 * X-Forwarded-For that is not a trusted proxy. Limits count by the text made here: an IPv4 address, or the /64 network of an
 * IPv6 address, because a single household usually has a whole /64.
 */
#ifndef SERVICES_GATEWAY_HTTP_CLIENT_ADDRESS_H
#define SERVICES_GATEWAY_HTTP_CLIENT_ADDRESS_H

#include <stdbool.h>
#include <sys/socket.h>

#include "lib/base/error.h"

enum { CLIENT_ADDRESS_MAX = 64 };

struct trusted_proxies;

/* `list` is the setting: addresses or ADDRESS/BITS, separated by commas; NULL: no trusted proxies. STATUS_INVALID names the
 * malformed entry. */
CHECK_RESULT enum status trusted_proxies_parse(struct trusted_proxies **out, const char *list, struct error *err);
void trusted_proxies_free(struct trusted_proxies *proxies);

/* True if the peer is a trusted proxy. */
bool client_address_is_proxy(const struct trusted_proxies *proxies, const struct sockaddr *peer);

/* Prints the client's address into `out`; "unknown" for a peer that is not on IP. `forwarded_for` is the value of the header,
 * several joined by commas in their order; NULL: none. */
void client_address_find(const struct trusted_proxies *proxies, const struct sockaddr *peer, const char *forwarded_for,
                         char out[CLIENT_ADDRESS_MAX]);

#endif
