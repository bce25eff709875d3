/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Where a service listens: `ipc://PATH` on this machine, or `tcp://HOST:PORT`. Whoever can reach an address without SERVICE_KEY
 * must be on this machine already.
 */
#ifndef LIB_SERVICE_SERVICE_ADDRESS_H
#define LIB_SERVICE_SERVICE_ADDRESS_H

#include <stdbool.h>

#include "lib/base/error.h"

/* IPC, or TCP on a loopback address or `localhost`. Other names and wildcards are not. */
bool service_address_is_local(const char *address);

/* STATUS_INVALID for an address of another form, and for one that is not local where `service_key` is NULL or so short that it
 * could be guessed. */
CHECK_RESULT enum status service_address_check(const char *address, const char *service_key, struct error *err);

/* Makes the folder of an IPC address's socket where it is missing. */
CHECK_RESULT enum status service_address_prepare(const char *address, struct error *err);

#endif
