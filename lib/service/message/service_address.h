/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Where a service listens: `ipc://PATH` on this machine, `tcp://HOST:PORT`, or, for build workers, `tls+tcp://HOST:PORT`, too.
 * An address without a key must be reachable from this machine only.
 */
#ifndef LIB_SERVICE_MESSAGE_SERVICE_ADDRESS_H
#define LIB_SERVICE_MESSAGE_SERVICE_ADDRESS_H

#include <stdbool.h>

#include "lib/base/error.h"

/* The peers at an address, which decide the settings for its key and certificates. */
enum message_peers { PEERS_SERVICES, PEERS_WORKERS };

/* The names of those settings, for messages; NULL: such peers use no TLS. */
struct peers_settings {
    const char *key;
    const char *certificate;
    const char *certificate_key;
    const char *authority;
};
const struct peers_settings *peers_settings(enum message_peers peers);

bool service_address_is_tls(const char *address);

/* IPC, or TCP, with or without TLS, on a loopback address or `localhost`. Other names and wildcards are not local. */
bool service_address_is_local(const char *address);

/* STATUS_INVALID for an address of another form, and for one that is not local if `service_key` is NULL or so short that it
 * could be guessed; also with TLS, which authenticates the service to the worker, but not the worker to the service. */
CHECK_RESULT enum status service_address_check(const char *address, enum message_peers peers, const char *service_key,
                                               struct error *err);

/* Makes the folder of an IPC address's socket if it is missing. */
CHECK_RESULT enum status service_address_prepare(const char *address, struct error *err);

#endif
