/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Listens on nng's REP socket, whose contexts are the slots of message_slots.c, and passes each request to its handler.
 *
 * A message that fails authentication is dropped without a reply and logged.
 *
 * A client that disconnects during the handshake would stop the listener of nng 1.5 for good; broken_pipe.h prevents that, so a
 * program that is killed while it connects does not make a service unreachable.
 */
#include "lib/service/message/message_server.h"

#include <assert.h>
#include <malloc.h>
#include <nng/nng.h>
#include <nng/protocol/reqrep0/rep.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/clock.h"
#include "lib/base/condition.h"
#include "lib/base/log.h"
#include "lib/base/memory.h"
#include "lib/base/url.h"
#include "lib/service/message/broken_pipe.h"
#include "lib/service/message/connection_guard.h"
#include "lib/service/message/message_server_parts.h"
#include "lib/service/message/message_tls.h"
#include "lib/service/message/socket_closing.h"

enum {
    REQUESTS = 16,
    SOCKET_MODE = 0660,
    REFUSAL_LOG_INTERVAL_MS = 1000,
    TEND_MS = 500,
    MMAP_BYTES = 128 * 1024,
};

/* ---- Answers ---- */

int64_t message_pending_left_ms(const struct message_pending *pending) {
    int64_t left_ms = pending->until_ms - clock_monotonic_ms();
    return left_ms > 0 ? left_ms : 0;
}

static void pack_answer(struct message_server *server, struct envelope *envelope, struct text *out) {
    struct error err = {0};
    if (envelope_pack(envelope, server->service_key, out, &err) == STATUS_OK) return;
    log_line(LOG_ERROR, "reply_not_sent", log_field("address", server->address),
             log_field("message", message_name(envelope->message.tag)), log_field("reason", err.message));
    envelope->message = (struct message){
        .tag = MESSAGE_failure, .failure = {.status = STATUS_INTERNAL, .text = "The reply could not be encoded as a message."}};
    enum status status = envelope_pack(envelope, server->service_key, out, &err);
    assert(status == STATUS_OK);
}

static void free_pending(struct message_pending *pending) {
    arena_release(&pending->arena);
    free(pending);
}

void message_pending_answer(struct message_pending *pending, const struct message *answer) {
    struct envelope envelope = {.is_answer = true, .time_sent_ms = clock_now_ms(), .message = *answer};
    memcpy(envelope.id, pending->request.id, sizeof envelope.id);
    struct text bytes = {0};
    pack_answer(pending->server, &envelope, &bytes);
    message_slots_send(pending, &bytes);
    text_release(&bytes);
    free_pending(pending);
}

void message_pending_fail(struct message_pending *pending, enum status status, const struct error *err) {
    struct message answer = {.tag = MESSAGE_failure, .failure = {.status = status, .path = err->path, .text = err->message}};
    message_pending_answer(pending, &answer);
}

/* ---- Requests ---- */

static const struct message_handler *find_handler(const struct message_server *server, enum message_tag tag) {
    for (const struct message_handler *handler = server->handlers; handler->handle || handler->handle_later; handler++)
        if (handler->tag == tag) return handler;
    return NULL;
}

/* At most one line per interval: a stranger must not be able to fill the disk with these. */
static void log_refusal(struct message_server *server, const struct error *err) {
    long long now_ms = clock_monotonic_ms(), last_ms = atomic_load(&server->refusal_logged_ms);
    if (last_ms > 0 && now_ms - last_ms < REFUSAL_LOG_INTERVAL_MS) return;
    if (!atomic_compare_exchange_strong(&server->refusal_logged_ms, &last_ms, now_ms)) return;
    log_line(LOG_WARN, "message_rejected", log_field("address", server->address), log_field("reason", err->message));
}

static void answer_at_once(struct message_pending *pending, const struct message_handler *handler) {
    struct message answer = {.tag = MESSAGE_done};
    struct error err = {0};
    enum status status = handler->handle(pending->server->context, &pending->request.message, &pending->arena, &answer, &err);
    if (status)
        message_pending_fail(pending, status, &err);
    else
        message_pending_answer(pending, &answer);
}

static void answer_later(struct message_pending *pending, const struct message_handler *handler) {
    const struct message_server *server = pending->server;
    struct error err = {0};
    switch (message_slots_wait(pending)) {
    case SLOT_WAIT_BEGUN: handler->handle_later(server->context, &pending->request.message, pending); break;
    case SLOT_WAIT_COPY: free_pending(pending); break;
    case SLOT_WAIT_REFUSED:
        error_set(&err, STATUS_BUSY, "Too many requests wait at %s: try again later.", server->address);
        message_pending_fail(pending, STATUS_BUSY, &err);
    }
}

static void handle_request(struct message_pending *pending) {
    const struct message_server *server = pending->server;
    enum message_tag tag = pending->request.message.tag;
    const struct message_handler *handler = find_handler(server, tag);
    struct error err = {0};
    enum status status = STATUS_OK;
    if (tag == MESSAGE_greeting)
        message_pending_answer(pending, &(struct message){.tag = MESSAGE_done});
    else if (message_sender(tag) != server->sender)
        status = error_set(&err, STATUS_UNAUTHORIZED, "A \"%s\" message to %s is not allowed with its %s.", message_name(tag),
                           server->address, peers_settings(server->peers)->key);
    else if (handler && handler->handle)
        answer_at_once(pending, handler);
    else if (handler)
        answer_later(pending, handler);
    else
        status = error_set(&err, STATUS_INVALID, "The program at %s does not support \"%s\" messages.", server->address,
                           message_name(tag));
    if (status) message_pending_fail(pending, status, &err);
}

void message_server_handle(struct reply_slot *slot) {
    struct message_server *server = slot->server;
    struct message_pending *pending = memory_alloc(sizeof *pending);
    pending->server = server;
    pending->slot = slot;
    nng_msg *message = nng_aio_get_msg(slot->aio);
    struct error err = {0};
    bool is_from_peer = false;
    enum status status = envelope_unpack(nng_msg_body(message), nng_msg_len(message), server->service_key, clock_now_ms(),
                                         &pending->arena, &pending->request, &is_from_peer, &err);
    slot->pipe = nng_msg_get_pipe(message);
    if (is_from_peer) connection_guard_prove(slot->pipe);
    nng_msg_free(message);
    pending->until_ms = clock_monotonic_ms() + pending->request.time_left_ms;
    if (status) log_refusal(server, &err);
    if (!is_from_peer || pending->request.is_answer) {
        free_pending(pending);
        message_slot_receive(slot);
    } else if (status) {
        message_pending_fail(pending, status, &err);
    } else {
        handle_request(pending);
    }
}

/* ---- Listening ---- */

static enum status listen_failed(const char *address, int failure, struct error *err) {
    return error_set(err, failure == NNG_EADDRINUSE ? STATUS_BUSY : STATUS_INTERNAL, "Cannot listen on %s: %s.", address,
                     failure == NNG_EADDRINUSE ? "another process listens there" : nng_strerror(failure));
}

static void tend_connections(void *argument) {
    struct message_server *server = argument;
    if (nng_aio_result(server->tend) != 0) return; /* the server closes */
    connection_guard_tend();
    nng_sleep_aio(TEND_MS, server->tend);
}

/* Of a TCP listener. The fixed threshold makes malloc return large messages to the system when they are freed. */
static void guard_connections(struct message_server *server, nng_listener listener) {
    if (url_after_scheme(server->address, "ipc")) return;
    struct url url;
    url_split(&url, server->address);
    if (!url_port_parse(&server->port, &url.port)) /* nng has chosen one */
        nng_listener_get_int(listener, NNG_OPT_TCP_BOUND_PORT, &server->port);
    mallopt(M_MMAP_THRESHOLD, MMAP_BYTES);
    connection_guard_add(server->port);
    if (nng_aio_alloc(&server->tend, tend_connections, server) != 0) abort();
    nng_sleep_aio(TEND_MS, server->tend);
}

static enum status open_socket(struct message_server *server, nng_tls_config *tls, struct error *err) {
    int failure = nng_rep0_open(&server->socket);
    if (failure) return listen_failed(server->address, failure, err);
    nng_listener listener;
    failure = nng_pipe_notify(server->socket, NNG_PIPE_EV_REM_POST, message_slots_pipe_ended, server);
    if (!failure) failure = nng_listener_create(&listener, server->socket, server->address);
    if (!failure) failure = nng_listener_set_size(listener, NNG_OPT_RECVMAXSZ, ENVELOPE_BYTES_MAX);
    if (!failure && url_after_scheme(server->address, "ipc"))
        failure = nng_listener_set_int(listener, NNG_OPT_IPC_PERMISSIONS, SOCKET_MODE);
    else if (!failure) /* a machine that vanishes closes nothing, and nothing may ever be sent to it again */
        failure = nng_listener_set_bool(listener, NNG_OPT_TCP_KEEPALIVE, true);
    if (!failure && tls) failure = nng_listener_set_ptr(listener, NNG_OPT_TLS_CONFIG, tls);
    if (!failure) failure = nng_listener_start(listener, 0);
    if (!failure) guard_connections(server, listener);
    if (!failure) return STATUS_OK;
    nng_close(server->socket);
    return listen_failed(server->address, failure, err);
}

/* ---- Creating and freeing ---- */

static struct message_server *make_server(const struct message_server_options *options, const struct message_handler *handlers,
                                          void *context) {
    assert(options->requests >= 0);
    struct message_server *server = memory_alloc(sizeof *server);
    server->address = memory_copy_text(options->address);
    server->service_key = options->service_key ? memory_copy_text(options->service_key) : NULL;
    server->peers = options->peers;
    server->sender = options->peers == PEERS_WORKERS ? MESSAGE_SENDER_WORKER : MESSAGE_SENDER_SERVICE;
    server->handlers = handlers;
    server->context = context;
    for (const struct message_handler *handler = handlers; handler->handle || handler->handle_later; handler++)
        assert(message_sender(handler->tag) == server->sender);
    server->slot_count = options->requests > 0 ? options->requests : REQUESTS;
    server->slots = memory_alloc((size_t)server->slot_count * sizeof *server->slots);
    pthread_mutex_init(&server->mutex, NULL);
    condition_init(&server->slot_closed);
    return server;
}

enum status message_server_create(struct message_server **out, const struct message_server_options *options,
                                  const struct message_handler *handlers, void *context, struct error *err) {
    nng_tls_config *tls = NULL;
    broken_pipe_check();
    enum status status = service_address_check(options->address, options->peers, options->service_key, err);
    if (!status) status = service_address_prepare(options->address, err);
    if (!status)
        status =
            message_tls_for_server(&tls, options->address, options->peers, options->certificate, options->certificate_key, err);
    if (status) return status;
    struct message_server *server = make_server(options, handlers, context);
    status = open_socket(server, tls, err);
    if (tls) nng_tls_config_free(tls); /* the listener has its own reference */
    if (status) {
        message_server_free(server);
        return status;
    }
    message_slots_open(server);
    *out = server;
    return STATUS_OK;
}

/* False: nng did not close the socket and may still use the server. */
static bool close_server(struct message_server *server) {
    message_slots_close(server);
    if (server->tend) {
        nng_aio_stop(server->tend);
        nng_aio_free(server->tend);
        connection_guard_remove(server->port);
    }
    if (!socket_close(server->socket, server)) return false;
    message_slots_free(server);
    return true;
}

void message_server_free(struct message_server *server) {
    if (!server) return;
    if (server->open_slots > 0 && !close_server(server)) return;
    pthread_cond_destroy(&server->slot_closed);
    pthread_mutex_destroy(&server->mutex);
    free(server->slots);
    free(server->service_key);
    free(server->address);
    free(server);
}
