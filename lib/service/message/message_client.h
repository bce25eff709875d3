/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The client side of messages over nng: one object for each service, a connection pool that any thread may use; several
 * requests are in flight, each on a connection of its own, and further ones wait for a free connection. Requests carry an id
 * and a deadline; nng may resend a request, and the server recognises it by its id.
 *
 * A request whose answer the server holds back occupies a connection meanwhile. A caller with N such requests at once sets
 * `requests` to N and some more for the short ones: then none waits for another.
 */
#ifndef LIB_SERVICE_MESSAGE_MESSAGE_CLIENT_H
#define LIB_SERVICE_MESSAGE_MESSAGE_CLIENT_H

#include "lib/base/arena.h"
#include "lib/base/error.h"
#include "lib/service/message/service_address.h"
#include "proto/message.h"

struct message_client;

/* How a client connects. Zeroed: as a service, or the gateway, to a service. */
struct message_client_options {
    const char *address;
    const char *service_key; /* NULL: only for IPC and loopback */
    enum message_peers peers;
    int requests;          /* limit of requests in flight, each on a connection that is made when first needed; 0: 16 */
    const char *authority; /* PEM file with the trusted authorities, for tls+tcp://; else NULL */
};

/* Does not wait for the peer: it connects, and reconnects, in the background. The options are copied. */
CHECK_RESULT enum status message_client_create(struct message_client **out, const struct message_client_options *options,
                                               struct error *err);
void message_client_free(struct message_client *client);

/* Sends `request` and waits for its answer, whose texts are in `arena`. A `failure` message is returned as its status.
 * STATUS_UNAVAILABLE: not delivered, or the answer failed authentication; STATUS_TIMEOUT: delivered, but not answered in time.
 * The timeout is ten minutes at most. */
CHECK_RESULT enum status message_client_call(struct message_client *client, const struct message *request, int timeout_ms,
                                             struct arena *arena, struct message *answer, struct error *err);

/* The same for a request that has one kind of answer: STATUS_INTERNAL for another kind. */
CHECK_RESULT enum status message_client_ask(struct message_client *client, const struct message *request,
                                            enum message_tag expected, int timeout_ms, struct arena *arena,
                                            struct message *answer, struct error *err);

/* Sends `request` (copied) without waiting; the outcome is only logged, at DEBUG, since Redis holds the state. Never blocks;
 * dropped if too many are in flight (1,024, or 64 MiB), or if not delivered within `timeout_ms`. */
void message_client_post(struct message_client *client, const struct message *request, int timeout_ms);

#endif
