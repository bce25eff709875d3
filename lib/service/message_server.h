/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The answering side of messages over nng: several requests in flight, each handled on one of nng's threads by the row for its
 * tag. A handler is quick (it hands work on), and what it cannot answer at once it answers later, from any thread.
 *
 * Which messages it takes follows from who talks to it (struct message_server_options) and from the column `sender` of
 * proto/messages.def: a build worker's key moves nothing but what build workers send.
 *
 * TCP connections that do not prove the key are closed (connection_guard.h).
 *
 * A handler may be called twice with one request: nng sends it again where the connection broke before the answer was there.
 * One that still waits for its later answer is known by its id, though: the same again does not reach the handler, and the
 * answer goes to all connections that it came over and that are still there.
 */
#ifndef LIB_SERVICE_MESSAGE_SERVER_H
#define LIB_SERVICE_MESSAGE_SERVER_H

#include "lib/base/arena.h"
#include "lib/base/error.h"
#include "lib/service/service_address.h"
#include "proto/message.h"

struct message_server;

/* A request whose answer comes later. Whoever has it answers it exactly once, from any thread, and before the server is freed.
 */
struct message_pending;

struct message_handler {
    enum message_tag tag;
    /* Fills *answer, which is `done` at first (texts in `arena`), or returns a failure, which is sent as such. */
    enum status (*handle)(void *context, const struct message *request, struct arena *arena, struct message *answer,
                          struct error *err);
    /* In its place, for what cannot be answered at once: takes `pending` over. `request` is borrowed until it is answered. */
    void (*handle_later)(void *context, const struct message *request, struct message_pending *pending);
};

/* How long the asking side still waits, by its own word; 0: no longer. It is to be answered all the same. */
int64_t message_pending_left_ms(const struct message_pending *pending);
/* Sends the answer (copied) and frees `pending`; never blocks. Who asked may be gone: then nobody gets it. */
void message_pending_answer(struct message_pending *pending, const struct message *answer);
void message_pending_fail(struct message_pending *pending, enum status status, const struct error *err);

/* How a server listens. Zeros: as a service for other services. */
struct message_server_options {
    const char *address;
    const char *service_key; /* NULL: only on IPC and loopback */
    enum message_peers peers;
    int requests;            /* at once, those that wait for a later answer among them; 0: 16. More wait their turn */
    const char *certificate; /* PEM files, for tls+tcp://; else NULL */
    const char *certificate_key;
};

/* Listens. Refuses an address that is neither IPC nor loopback without a `service_key`, and a tls+tcp:// one without
 * certificate. `handlers`, all of messages that such peers may send, ends with a row without both functions and is borrowed,
 * like `context`, until message_server_free().
 *
 * An eighth of `requests` is kept for what is answered at once, so that a crowd that waits keeps nobody else out: a request
 * that would be answered later is refused there with STATUS_BUSY, and its handler does not see it. */
CHECK_RESULT enum status message_server_create(struct message_server **out, const struct message_server_options *options,
                                               const struct message_handler *handlers, void *context, struct error *err);

/* Takes no more requests, waits until each that is in flight is answered, then closes. It is for the holder of pending ones to
 * answer those, before or meanwhile, and for its `handle_later` to answer at once what still comes; one that is not answered
 * ten seconds later was forgotten, and the program aborts. */
void message_server_free(struct message_server *server);

#endif
