/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The server side of messages over nng: several requests in flight, each handled on one of nng's threads by the row for its
 * tag. A handler must be quick (it passes work on); if it cannot answer at once, it answers later, from any thread.
 *
 * The messages that a server accepts follow from its peers (struct message_server_options) and from the column `sender` of
 * proto/messages.def: a build worker's key authorizes only the messages that build workers send.
 *
 * TCP connections that do not prove the key are closed (connection_guard.h).
 *
 * A handler may be called twice with one request: nng resends it if the connection broke before the answer arrived. While a
 * request waits for its later answer, however, a copy is recognised by its id: it does not reach the handler, and the answer
 * goes to all connections over which the request came and that are still open.
 */
#ifndef LIB_SERVICE_MESSAGE_MESSAGE_SERVER_H
#define LIB_SERVICE_MESSAGE_MESSAGE_SERVER_H

#include <stdbool.h>

#include "lib/base/arena.h"
#include "lib/base/error.h"
#include "lib/service/message/service_address.h"
#include "proto/message.h"

struct message_server;

/* A request that is answered later. Its holder must answer it exactly once, from any thread, before the server is freed. */
struct message_pending;

struct message_handler {
    enum message_tag tag;
    /* Fills *answer, which is `done` initially (texts in `arena`), or returns a failure, which is sent as a `failure`
     * message. */
    enum status (*handle)(void *context, const struct message *request, struct arena *arena, struct message *answer,
                          struct error *err);
    /* Instead of `handle`, if it cannot answer at once: takes `pending` over. `request` is borrowed until the answer. */
    void (*handle_later)(void *context, const struct message *request, struct message_pending *pending);
};

/* How long the client still waits, as it said in the request; 0: no longer. The request must be answered in any case. */
int64_t message_pending_left_ms(const struct message_pending *pending);
/* True once all connections over which the request came have ended: nobody would get the answer, which must be given in any case.
 * A client that comes back sends its request again. */
bool message_pending_is_gone(const struct message_pending *pending);
/* Sends the answer (copied) and frees `pending`; never blocks. The answer is lost if the client is gone. */
void message_pending_answer(struct message_pending *pending, const struct message *answer);
void message_pending_fail(struct message_pending *pending, enum status status, const struct error *err);

/* How a server listens. Zeroed: as a service for other services. */
struct message_server_options {
    const char *address;
    const char *service_key; /* NULL: only on IPC and loopback */
    enum message_peers peers;
    int requests;            /* in flight at once, including those that wait for a later answer; 0: 16. Further ones queue */
    const char *certificate; /* PEM files, for tls+tcp://; else NULL */
    const char *certificate_key;
};

/* Listens. STATUS_INVALID: an address that is neither IPC nor loopback without a `service_key` (service_address.h), or a
 * tls+tcp:// one without certificate. STATUS_BUSY: another process listens there. `handlers`, all for messages that such peers
 * may send, ends with a row without functions and is borrowed, like `context`, until message_server_free().
 *
 * An eighth of `requests` is reserved for those that are answered at once, so that many waiting ones do not block them: beyond
 * that, a request that would be answered later gets STATUS_BUSY, and its handler is not called. */
CHECK_RESULT enum status message_server_create(struct message_server **out, const struct message_server_options *options,
                                               const struct message_handler *handlers, void *context, struct error *err);

/* Takes no more requests, waits until each one in flight is answered, then closes. The holder of pending requests must answer
 * them, before or meanwhile, and its `handle_later` must at once answer those that still arrive; a request that is unanswered
 * after ten seconds was forgotten, and the program aborts. */
void message_server_free(struct message_server *server);

#endif
