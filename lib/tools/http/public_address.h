/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Tells whether an address belongs to the public internet. Addresses from untrusted parties (a source's URL and its redirects)
 * are only fetched from there: not from this machine, its neighbours or a cloud's metadata service.
 */
#ifndef LIB_TOOLS_HTTP_PUBLIC_ADDRESS_H
#define LIB_TOOLS_HTTP_PUBLIC_ADDRESS_H

#include <stdbool.h>
#include <sys/socket.h>

/* False for everything that IANA's special-purpose registries reserve: private, loopback, link-local, shared (100.64/10),
 * multicast, documentation, unique-local, addresses that embed another one, and families other than IPv4 and IPv6. */
bool address_is_public(const struct sockaddr *address);

#endif
