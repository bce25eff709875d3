/* SPDX-License-Identifier: BSD-3-Clause
 *
 * One of h2o's event loops, on a thread of its own, with its listening sockets, connections and calls. For the loop's thread
 * only, unless stated otherwise.
 */
#ifndef SERVICES_GATEWAY_HTTP_LOOP_H
#define SERVICES_GATEWAY_HTTP_LOOP_H

#include <stdatomic.h>
#include <stdbool.h>

#include "lib/base/error.h"
#include "lib/base/thread.h"
#include "services/gateway/http/connection.h"
#include "services/gateway/http/h2o_all.h"

struct gateway;
struct loop;

enum { LOOP_LISTENERS_MAX = 2 };

struct listener {
    struct loop *loop;
    h2o_socket_t *socket; /* NULL: not in this loop, or closed */
    h2o_accept_ctx_t accept;
};

/* Options of a loop; the pointers must stay valid until loop_join(). The loop owns its sockets. */
struct loop_options {
    struct gateway *gateway;
    h2o_globalconf_t *config;
    h2o_hostconf_t **public_hosts; /* terminated by NULL */
    h2o_hostconf_t **management_hosts;
    int public_socket;
    int management_socket; /* of the first loop; -1 in others */
    SSL_CTX *tls;          /* NULL: no TLS */
    int64_t connection_limit;
    struct traffic *traffic; /* of all loops */
};

struct loop {
    h2o_globalconf_t config; /* a copy per loop: its body limit changes with each read (connection.c) */
    h2o_context_t context;
    h2o_multithread_receiver_t receiver; /* for calls that come back, from any thread */
    h2o_multithread_receiver_t stop_receiver;
    h2o_multithread_message_t stop_message;
    h2o_multithread_receiver_t feed_receiver; /* for news of feeds */
    h2o_linklist_t readers, log_waits;        /* of logs (services/gateway/stream) */
    size_t index;                             /* among the server's loops */
    struct loop_options options;
    struct listener listeners[LOOP_LISTENERS_MAX];
    h2o_timeout_entry_t resume_timer; /* resumes accepting connections */
    size_t calls;                     /* not freed yet */
    struct connections connections;
    int64_t stopping_since_ms; /* 0: not stopping */
    struct thread thread;
    bool is_open;   /* it serves; guarded by the thread's mutex */
    bool is_closed; /* everything was freed; read after the thread's end */
};

/* Starts the thread and waits until it serves; if that fails, the sockets stay the caller's. `loop` must be zeroed and must not
 * move until loop_join(). */
CHECK_RESULT enum status loop_start(struct loop *loop, const struct loop_options *options, struct error *err);

/* Calls `visit` with each link of a list, which keeps its order; any link may leave its list meanwhile, and be freed. */
void loop_visit(h2o_linklist_t *list, void (*visit)(h2o_linklist_t *link));

/* Makes the loop stop accepting connections, answer the running calls, and end. Any thread. */
void loop_request_stop(struct loop *loop);

/* Waits for the thread's end. False if a connection or call did not end: it still uses the config. */
bool loop_join(struct loop *loop);

#endif
