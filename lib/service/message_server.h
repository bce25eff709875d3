/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The answering side of messages over nng: several requests in flight, each handled on one of nng's threads by the row for its
 * tag. A handler is quick (it hands work on); it may be called twice with one request.
 */
#ifndef LIB_SERVICE_MESSAGE_SERVER_H
#define LIB_SERVICE_MESSAGE_SERVER_H

#include "lib/base/arena.h"
#include "lib/base/error.h"
#include "proto/message.h"

struct message_server;

struct message_handler {
    enum message_tag tag;
    /* Fills *answer, which is `done` at first (texts in `arena`), or returns a failure, which is sent as such. */
    enum status (*handle)(void *context, const struct message *request, struct arena *arena, struct message *answer,
                          struct error *err);
};

/* Listens on `address`. Refuses an address that is neither IPC nor loopback without a `service_key`. `handlers` ends with a row
 * whose `handle` is NULL and is borrowed, like `context`, until message_server_free(). */
CHECK_RESULT enum status message_server_create(struct message_server **out, const char *address, const char *service_key,
                                               const struct message_handler *handlers, void *context, struct error *err);
void message_server_free(struct message_server *server); /* answers what is in flight, then closes */

#endif
