/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Who is asking: the peer's address, or, where the peer is one of our own proxies (TRUSTED_PROXIES), the last address in
 * X-Forwarded-For that is not. What limits count is the text made here: an IPv4 address, or the /64 that an IPv6 address is in,
 * since one household has that many.
 */
#ifndef SERVICES_GATEWAY_CLIENT_ADDRESS_H
#define SERVICES_GATEWAY_CLIENT_ADDRESS_H

#include <stdbool.h>
#include <sys/socket.h>

#include "lib/base/error.h"

enum { CLIENT_ADDRESS_MAX = 64 };

struct trusted_proxies;

/* `list` as the setting: addresses, or ADDRESS/BITS, separated by commas; NULL: nobody is trusted. STATUS_INVALID names the one
 * that is malformed. */
CHECK_RESULT enum status trusted_proxies_parse(struct trusted_proxies **out, const char *list, struct error *err);
void trusted_proxies_free(struct trusted_proxies *proxies);

/* Is the peer one of them? */
bool client_address_is_proxy(const struct trusted_proxies *proxies, const struct sockaddr *peer);

/* `forwarded_for` is the header's value, several headers joined by commas in their order; NULL: none. */
void client_address_find(const struct trusted_proxies *proxies, const struct sockaddr *peer, const char *forwarded_for,
                         char out[CLIENT_ADDRESS_MAX]);

#endif
