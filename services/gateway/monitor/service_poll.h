/* SPDX-License-Identifier: BSD-3-Clause
 *
 * One query to every service at once, on a thread for each, so that several unreachable services take no longer than one.
 *
 *   struct service_poll poll;
 *   service_poll_begin(&poll, gateway, MESSAGE_ready_query, MESSAGE_readiness, TIMEOUT_MS);
 *   …                                             other queries meanwhile
 *   service_poll_wait(&poll);
 *   … poll.replies[SERVICE_PUBLISH] …
 *   service_poll_release(&poll);
 */
#ifndef SERVICES_GATEWAY_MONITOR_SERVICE_POLL_H
#define SERVICES_GATEWAY_MONITOR_SERVICE_POLL_H

#include "lib/base/arena.h"
#include "lib/base/error.h"
#include "lib/base/settings.h"
#include "lib/base/thread.h"
#include "proto/message.h"

struct gateway;
struct message_client;
struct service_poll;

struct service_reply {
    struct service_poll *poll;
    struct message_client *client;
    struct arena arena; /* of the answer's texts */
    enum status status; /* STATUS_OK: `answer` is set, else `err` */
    struct error err;
    struct message answer;
};

struct service_poll {
    enum message_tag query, expected; /* `query` has no fields */
    int timeout_ms;
    struct thread threads;
    struct service_reply replies[SERVICE_COUNT]; /* to be read after service_poll_wait() */
};

/* Sends the queries. `out` must stay where it is until it is released. */
void service_poll_begin(struct service_poll *out, const struct gateway *gateway, enum message_tag query,
                        enum message_tag expected, int timeout_ms);

/* Waits until every service has answered or its time is over. */
void service_poll_wait(struct service_poll *poll);

/* After service_poll_wait(). */
void service_poll_release(struct service_poll *poll);

#endif
