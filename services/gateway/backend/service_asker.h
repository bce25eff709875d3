/* SPDX-License-Identifier: BSD-3-Clause
 *
 * A thread pool that sends queries to one service and waits for the replies, so that neither the loops nor the store pool wait
 * for a service. The queue is bounded, with a smaller limit per address; a query that finds it full, or that has waited
 * longer than the timeout, fails with STATUS_BUSY. Preferred queries (is_preferred) go first and have reserved queue places
 * and threads. A query whose client has disconnected is removed.
 *
 *   loop's thread    service_asker_ask() ──► queue ──► one of the threads: message_client_ask() ───┐
 *   loop's thread    go_on(call) ◄─────────────────────────────────────────────────────────────────┘
 */
#ifndef SERVICES_GATEWAY_BACKEND_SERVICE_ASKER_H
#define SERVICES_GATEWAY_BACKEND_SERVICE_ASKER_H

#include "lib/base/error.h"
#include "lib/base/queue.h"
#include "proto/message.h"

struct call;
struct message_client;
struct service_asker;

/* A query and its outcome; in the call's arena. */
struct service_question {
    struct message request;             /* its strings must live as long as the call */
    enum message_tag expected;          /* of the answer */
    void (*prepare)(struct call *call); /* of a query that was answered, still on the asker's thread, which may compute; NULL */
    void (*go_on)(struct call *call);
    void *context; /* for these two */
    bool is_preferred;

    enum status status; /* STATUS_OK: `answer` is set, with strings in the call's arena */
    const char *failure_path, *failure_message;
    struct message answer;

    int64_t asked_ms;       /* monotonic */
    struct queue_link link; /* used by the asker only */
    struct call *call;
};

struct service_asker_options {
    struct message_client *client; /* borrowed */
    int threads;
    int preferred_threads; /* of these, reserved for preferred queries */
    int timeout_ms;
    const char *busy; /* error message if the queue is full; borrowed */
};

/* Starts the threads. Free `*out` even after a failure. */
CHECK_RESULT enum status service_asker_create(struct service_asker **out, const struct service_asker_options *options,
                                              struct error *err);

/* On the loop's thread: queues the query and later calls `go_on` there, with an answer or a failure. If the queue is full, the
 * call is answered with STATUS_BUSY and `go_on` is not called. */
void service_asker_ask(struct service_asker *asker, struct call *call, struct service_question *question);

/* Answers the call with the query's failure: for a refusal with the service's message, else with 503 and `unavailable`. */
void call_fail_with_question(struct call *call, const struct service_question *question, const char *unavailable);

/* Processes the queued queries, then stops the threads. NULL is allowed. */
void service_asker_free(struct service_asker *asker);

#endif
