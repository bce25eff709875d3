/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Is this network address one of the public internet? What strangers name (a source's URL, and where that redirects) is only
 * fetched from there: not from this machine, its neighbours or a cloud's metadata service.
 */
#ifndef LIB_TOOLS_PUBLIC_ADDRESS_H
#define LIB_TOOLS_PUBLIC_ADDRESS_H

#include <stdbool.h>
#include <sys/socket.h>

/* False for everything that IANA's special-purpose registries reserve: private, loopback, link-local, shared (100.64/10),
 * multicast, documentation, unique-local, addresses that carry another one inside, and families other than IPv4 and IPv6. */
bool address_is_public(const struct sockaddr *address);

#endif
