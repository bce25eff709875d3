/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The current number of connections, requests and bytes per client address (client_address.h), which the loops update and
 * compare with the limits in lib/base/settings.def. An address is in the table while it is referenced. Any thread may call
 * these functions and read and write the counts.
 */
#ifndef SERVICES_GATEWAY_HTTP_CLIENTS_H
#define SERVICES_GATEWAY_HTTP_CLIENTS_H

#include <stdatomic.h>
#include <stddef.h>

#include "services/gateway/http/client_address.h"

struct clients;

struct client {
    char address[CLIENT_ADDRESS_MAX];
    atomic_int_fast64_t connections;
    atomic_int_fast64_t requests;     /* being answered, including those that wait for a log line */
    atomic_int_fast64_t readers;      /* of logs, live */
    atomic_int_fast64_t intake_bytes; /* of incomplete requests (connection.h) */
    atomic_int_fast64_t answer_bytes; /* of answers being sent */
    atomic_size_t references;         /* used by clients.c only */
};

struct clients *clients_create(void) __attribute__((returns_nonnull));
void clients_free(struct clients *clients); /* after all clients were dropped; NULL is allowed */

/* The client with this address, which is added if it is new. Release it with clients_drop(). */
struct client *clients_take(struct clients *clients, const char *address) __attribute__((returns_nonnull));

/* Adds a reference to a client to which the caller already has one. */
struct client *clients_keep(struct client *client) __attribute__((returns_nonnull));
void clients_drop(struct clients *clients, struct client *client);

#endif
