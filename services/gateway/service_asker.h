/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Asks one service what only it knows, on threads of its own: whatever else the gateway does must not wait for an answer. Few
 * questions at a time; more than some that wait are sent away, those of one address sooner, and so is one that has waited for
 * longer than an answer may take. Preferred questions (is_preferred) go first, and have places and threads that no other
 * takes. A question whose client left is dropped.
 *
 *   loop's thread    service_asker_ask() ──► waits ──► one of the threads: message_client_call() ──┐
 *   loop's thread    go_on(call) ◄─────────────────────────────────────────────────────────────────┘
 */
#ifndef SERVICES_GATEWAY_SERVICE_ASKER_H
#define SERVICES_GATEWAY_SERVICE_ASKER_H

#include "lib/base/error.h"
#include "proto/message.h"

struct call;
struct message_client;
struct service_asker;

/* One question, in the call's arena, and what came of it. */
struct service_question {
    struct message request;    /* its texts live as long as the call */
    enum message_tag expected; /* of the answer */
    void (*go_on)(struct call *call);
    void *context; /* of whoever goes on */
    bool is_preferred;

    enum status status; /* of asking; else `answer` counts, whose texts are in the call's arena */
    const char *failure_path, *failure_message;
    struct message answer;

    int64_t asked_ms; /* monotonic */
    bool is_waiting;  /* under the asker's mutex, like the next */
    struct service_question *next;
    struct call *call;
};

struct service_asker_options {
    struct message_client *client; /* borrowed */
    int threads;
    int preferred_threads; /* of these: for preferred questions alone */
    int timeout_ms;
    const char *busy; /* what a client is told where too many wait; borrowed */
};

CHECK_RESULT enum status service_asker_create(struct service_asker **out, const struct service_asker_options *options,
                                              struct error *err);

/* On the loop's thread: sends the call away, and calls `go_on` when there is an answer or none came. Where too many wait
 * already, the call is answered so. */
void service_asker_ask(struct service_asker *asker, struct call *call, struct service_question *question);

/* Answers the call with the question's failure: as the service put it where it said no, else with 503 and `unavailable`. */
void call_fail_with_question(struct call *call, const struct service_question *question, const char *unavailable);

/* Answers what waits, then ends. NULL is fine. */
void service_asker_free(struct service_asker *asker);

#endif
