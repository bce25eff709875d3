/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The asking side of messages over nng: one object per service that is talked to, used from any thread, several requests in
 * flight, each on a connection of its own; the rest wait their turn. Requests carry an id and a deadline; nng may send one
 * again, and the answering side knows it by its id.
 *
 * A request that its service holds back takes a connection for as long. Who asks N such at once says so in `requests`, N and
 * some for the short ones: then none waits for another.
 */
#ifndef LIB_SERVICE_MESSAGE_CLIENT_H
#define LIB_SERVICE_MESSAGE_CLIENT_H

#include "lib/base/arena.h"
#include "lib/base/error.h"
#include "lib/service/service_address.h"
#include "proto/message.h"

struct message_client;

/* How a client connects. Zeros: as a service, or the gateway, to a service. */
struct message_client_options {
    const char *address;
    const char *service_key; /* NULL: only for IPC and loopback */
    enum message_peers peers;
    int requests;          /* in flight at once, a connection each, which is made when it is needed first; 0: 16 */
    const char *authority; /* PEM file, for tls+tcp://: whose certificates are believed; else NULL */
};

/* Does not wait for the other side to be there: it connects, and connects again, in the background. The options are copied. */
CHECK_RESULT enum status message_client_create(struct message_client **out, const struct message_client_options *options,
                                               struct error *err);
void message_client_free(struct message_client *client);

/* Sends `request` and waits for its answer, which lives in `arena`. A `failure` message comes back as its status. Nobody there,
 * or nobody to be believed: STATUS_UNAVAILABLE; delivered, but not answered in time: STATUS_TIMEOUT. At most ten minutes. */
CHECK_RESULT enum status message_client_call(struct message_client *client, const struct message *request, int timeout_ms,
                                             struct arena *arena, struct message *answer, struct error *err);

/* Sends `request` (copied) without waiting; what becomes of it is logged at DEBUG only, since Redis holds what matters. Never
 * blocks; too many in flight (1,024, or 64 MiB) are dropped, and so is what could not be delivered within `timeout_ms`. */
void message_client_post(struct message_client *client, const struct message *request, int timeout_ms);

#endif
