/* SPDX-License-Identifier: BSD-3-Clause */
#include "services/gateway/http/loop.h"

#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>

#include "lib/base/clock.h"
#include "services/gateway/http/call.h"
#include "services/gateway/stream/log_wait.h"
#include "services/gateway/stream/reader.h"

enum {
    ACCEPTS_AT_ONCE = 16,
    CUT_MS = 2000,
    DRAIN_MS = 10000, /* limit for running calls after a stop */
    /* Twice the space that h2o requires before each read. So a request of up to half of it is not moved to a larger buffer, and
     * no copy of its token is left in freed memory (services/gateway/trustee/trustee_token.h). */
    INPUT_BUFFER_BYTES = 2 * H2O_SOCKET_INITIAL_INPUT_BUFFER_SIZE,
    IDLE_DRAIN_MS = 700, /* clients that poll every half second get their last answer with `Connection: close` */
};

/* ---- Accepting ---- */

static void accept_connections(h2o_socket_t *listening, const char *problem);

static void resume_listening(h2o_timeout_entry_t *entry) {
    struct loop *loop = H2O_STRUCT_FROM_MEMBER(struct loop, resume_timer, entry);
    for (size_t i = 0; i < LOOP_LISTENERS_MAX; i++)
        if (loop->listeners[i].socket) h2o_socket_read_start(loop->listeners[i].socket, accept_connections);
}

static bool has_newcomer(h2o_socket_t *listening) {
    struct pollfd queue = {.fd = h2o_socket_get_fd(listening), .events = POLLIN};
    return poll(&queue, 1, 0) > 0;
}

/* If no connection can be closed to make room, new connections wait in the kernel's queue for a moment. The management port is
 * never paused. */
static void pause_listening(struct loop *loop) {
    h2o_socket_read_stop(loop->listeners[0].socket);
    if (!h2o_timeout_is_linked(&loop->resume_timer))
        h2o_timeout_link(loop->context.loop, &loop->context.hundred_ms_timeout, &loop->resume_timer);
}

static void accept_connections(h2o_socket_t *listening, const char *problem) {
    struct listener *listener = listening->data;
    struct loop *loop = listener->loop;
    if (problem) return;
    for (int i = 0; i < ACCEPTS_AT_ONCE && has_newcomer(listening); i++) {
        if (listener == &loop->listeners[0] && !connections_make_room(loop)) {
            pause_listening(loop);
            return;
        }
        h2o_socket_t *socket = h2o_evloop_socket_accept(listening);
        if (!socket) return;
        connection_serve(listener, socket);
    }
}

static void open_listener(struct loop *loop, size_t index, int descriptor, h2o_hostconf_t **hosts, SSL_CTX *tls) {
    if (descriptor < 0) return;
    struct listener *listener = &loop->listeners[index];
    listener->loop = loop;
    listener->accept = (h2o_accept_ctx_t){.ctx = &loop->context, .hosts = hosts, .ssl_ctx = tls};
    listener->socket = h2o_evloop_socket_create(loop->context.loop, descriptor, H2O_SOCKET_FLAG_DONT_READ);
    listener->socket->data = listener;
    h2o_socket_read_start(listener->socket, accept_connections);
}

/* ---- Messages from other threads ---- */

static void take_calls(h2o_multithread_receiver_t *receiver, h2o_linklist_t *messages) {
    (void)receiver;
    while (!h2o_linklist_is_empty(messages)) {
        struct call *call = H2O_STRUCT_FROM_MEMBER(struct call, message.link, messages->next);
        h2o_linklist_unlink(&call->message.link);
        call_resume(call);
    }
}

static void take_stop(h2o_multithread_receiver_t *receiver, h2o_linklist_t *messages) {
    struct loop *loop = H2O_STRUCT_FROM_MEMBER(struct loop, stop_receiver, receiver);
    while (!h2o_linklist_is_empty(messages))
        h2o_linklist_unlink(messages->next);
    loop->stopping_since_ms = clock_monotonic_ms();
    h2o_timeout_unlink(&loop->resume_timer);
    for (size_t i = 0; i < LOOP_LISTENERS_MAX; i++) {
        if (!loop->listeners[i].socket) continue;
        accept_connections(loop->listeners[i].socket, NULL); /* else those in the kernel's queue would be reset */
        h2o_timeout_unlink(&loop->resume_timer);
        h2o_socket_close(loop->listeners[i].socket);
        loop->listeners[i].socket = NULL;
    }
    readers_end(loop);
    log_waits_end(loop);
    h2o_context_request_shutdown(&loop->context);
}

/* ---- The thread ---- */

static void turn(struct loop *loop, int32_t most_ms) {
    h2o_evloop_run(loop->context.loop, most_ms);
    connections_look(loop);
}

static bool is_drained(struct loop *loop) {
    int64_t passed_ms = clock_monotonic_ms() - loop->stopping_since_ms;
    return h2o_linklist_is_empty(&loop->connections.all) || passed_ms > DRAIN_MS ||
           (loop->calls == 0 && passed_ms > IDLE_DRAIN_MS);
}

/* Closes the remaining connections, which are idle or too slow, as if their clients had disconnected. */
static void cut_connections(struct loop *loop) {
    connections_cut(loop);
    int64_t give_up_ms = clock_monotonic_ms() + CUT_MS;
    while ((!h2o_linklist_is_empty(&loop->connections.all) || loop->calls) && clock_monotonic_ms() < give_up_ms)
        turn(loop, 20);
}

static void open_loop(struct loop *loop) {
    const struct loop_options *options = &loop->options;
    h2o_socket_buffer_prototype._initial_buf.capacity = INPUT_BUFFER_BYTES; /* thread-local */
    loop->config = *options->config;
    h2o_context_init(&loop->context, h2o_evloop_create(), &loop->config);
    connections_open(loop);
    h2o_multithread_register_receiver(loop->context.queue, &loop->receiver, take_calls);
    h2o_multithread_register_receiver(loop->context.queue, &loop->stop_receiver, take_stop);
    readers_open(loop);
    loop->resume_timer.cb = resume_listening;
    open_listener(loop, 0, options->public_socket, options->public_hosts, options->tls);
    open_listener(loop, 1, options->management_socket, options->management_hosts, NULL);
}

/* Frees h2o's memory, unless a connection or call did not end (e.g. a call that never came back). */
static void close_loop(struct loop *loop) {
    if (!h2o_linklist_is_empty(&loop->connections.all) || loop->calls) return;
    connections_close(loop);
    h2o_evloop_t *events = loop->context.loop;
    h2o_multithread_queue_t *queue = loop->context.queue;
    h2o_timeout_unlink(&loop->context.http2._graceful_shutdown_timeout); /* set by the shutdown; h2o leaves it */
    h2o_multithread_unregister_receiver(loop->context.queue, &loop->receiver);
    h2o_multithread_unregister_receiver(loop->context.queue, &loop->stop_receiver);
    readers_close(loop);
    h2o_context_dispose(&loop->context);
    free(queue); /* h2o 2.2.5 closes it and does not free it */
    h2o_evloop_destroy(events);
    loop->is_closed = true;
}

/* h2o's sockets take their buffers from a thread-local pool, so a loop and everything in it is created, used and freed by its
 * own thread. */
static void run(void *context) {
    struct loop *loop = context;
    open_loop(loop);
    thread_lock(&loop->thread);
    loop->is_open = true;
    thread_wake(&loop->thread);
    thread_unlock(&loop->thread);
    while (loop->stopping_since_ms == 0)
        turn(loop, INT32_MAX);
    while (!is_drained(loop))
        turn(loop, 20);
    cut_connections(loop);
    close_loop(loop);
}

enum status loop_start(struct loop *loop, const struct loop_options *options, struct error *err) {
    loop->options = *options;
    thread_init(&loop->thread);
    enum status status = thread_start(&loop->thread, "loop", run, loop, err);
    if (status) {
        thread_release(&loop->thread);
        return status;
    }
    thread_lock(&loop->thread);
    while (!loop->is_open)
        thread_wait(&loop->thread, THREAD_NO_LIMIT);
    thread_unlock(&loop->thread);
    return STATUS_OK;
}

void loop_visit(h2o_linklist_t *list, void (*visit)(h2o_linklist_t *link)) {
    h2o_linklist_t rest;
    h2o_linklist_init_anchor(&rest);
    h2o_linklist_insert_list(&rest, list);
    while (!h2o_linklist_is_empty(&rest)) {
        h2o_linklist_t *link = rest.next;
        h2o_linklist_unlink(link);
        h2o_linklist_insert(list, link);
        visit(link);
    }
}

void loop_request_stop(struct loop *loop) {
    h2o_multithread_send_message(&loop->stop_receiver, &loop->stop_message);
}

bool loop_join(struct loop *loop) {
    thread_release(&loop->thread);
    return loop->is_closed;
}
