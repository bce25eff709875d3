/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The connections, requests and bytes that each address (client_address.h) has now. The loops count them up and down, and
 * compare them with the limits of an address in settings.def. An address is in the table as long as something refers to it. Any
 * thread may call; the counts are read and written by any.
 */
#ifndef SERVICES_GATEWAY_CLIENTS_H
#define SERVICES_GATEWAY_CLIENTS_H

#include <stdatomic.h>
#include <stddef.h>

#include "services/gateway/client_address.h"

struct clients;

struct client {
    char address[CLIENT_ADDRESS_MAX];
    atomic_int_fast64_t connections;
    atomic_int_fast64_t requests;     /* being answered, also those that wait for a line */
    atomic_int_fast64_t intake_bytes; /* of requests that are not complete (connection.h) */
    atomic_int_fast64_t answer_bytes; /* that are being sent */
    atomic_size_t references;         /* the table's, like the next */
    struct client *next;
};

struct clients *clients_create(void) __attribute__((returns_nonnull));
void clients_free(struct clients *clients); /* when nothing refers to a client any more; NULL is fine */

/* The client with this address, which may be new; to be given back by clients_drop(). */
struct client *clients_take(struct clients *clients, const char *address) __attribute__((returns_nonnull));

/* One more reference to a client to which the caller has one. */
struct client *clients_keep(struct client *client) __attribute__((returns_nonnull));
void clients_drop(struct clients *clients, struct client *client);

#endif
