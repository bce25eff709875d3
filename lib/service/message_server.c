/* SPDX-License-Identifier: BSD-3-Clause
 *
 * nng's REP socket with several contexts, so that as many requests can be in flight. Each context is one desk, and goes round
 * and round without a thread of its own; nng's threads call desk_went_on() when something happened to it:
 *
 *     RECEIVING ──request──► (handler) ──answer──► SENDING ──sent──► RECEIVING
 *         ▲                      │
 *         └──── not believed ────┘                 CLOSED: the server is closing
 *
 * What does not prove the key gets no answer: its sender waits in vain, and the log says why.
 */
#include "lib/service/message_server.h"

#include <assert.h>
#include <nng/nng.h>
#include <nng/protocol/reqrep0/rep.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/clock.h"
#include "lib/base/log.h"
#include "lib/base/memory.h"
#include "lib/base/text.h"
#include "lib/service/service_address.h"
#include "lib/service/socket_closing.h"
#include "proto/envelope.h"

enum {
    DESKS = 16,
    SOCKET_MODE = 0660,
    REFUSAL_LOG_INTERVAL_MS = 1000,
};

enum desk_state { DESK_RECEIVING, DESK_SENDING, DESK_CLOSED };

struct desk {
    struct message_server *server;
    nng_ctx context;
    nng_aio *aio;
    enum desk_state state; /* under the server's mutex */
};

struct message_server {
    char *address;
    char *service_key;
    const struct message_handler *handlers;
    void *context;
    nng_socket socket;
    struct desk desks[DESKS];
    atomic_llong refusal_logged_ms;

    pthread_mutex_t mutex;
    pthread_cond_t desk_closed;
    bool is_closing;
    int open_desks;
};

/* ---- One request ---- */

static const struct message_handler *find_handler(const struct message_server *server, enum message_tag tag) {
    for (const struct message_handler *handler = server->handlers; handler->handle; handler++)
        if (handler->tag == tag) return handler;
    return NULL;
}

static enum status handle(struct message_server *server, const struct message *request, struct arena *arena,
                          struct message *answer, struct error *err) {
    const struct message_handler *handler = find_handler(server, request->tag);
    if (!handler)
        return error_set(err, STATUS_INVALID, "The program at %s does not answer \"%s\" messages.", server->address,
                         message_name(request->tag));
    return handler->handle(server->context, request, arena, answer, err);
}

/* A stranger must not be able to fill the disk with these. */
static void log_refusal(struct message_server *server, const struct error *err) {
    long long now_ms = clock_monotonic_ms(), last_ms = atomic_load(&server->refusal_logged_ms);
    if (last_ms > 0 && now_ms - last_ms < REFUSAL_LOG_INTERVAL_MS) return;
    if (!atomic_compare_exchange_strong(&server->refusal_logged_ms, &last_ms, now_ms)) return;
    log_line(LOG_WARN, "message refused", "address=%s reason=\"%s\"", server->address, err->message);
}

static void pack_answer(struct message_server *server, struct envelope *envelope, struct text *out) {
    struct error err = {0};
    if (envelope_pack(envelope, server->service_key, out, &err) == STATUS_OK) return;
    log_line(LOG_ERROR, "answer cannot be sent", "address=%s message=%s reason=\"%s\"", server->address,
             message_name(envelope->message.tag), err.message);
    envelope->message =
        (struct message){.tag = MESSAGE_failure,
                         .failure = {.status = STATUS_INTERNAL, .text = "The answer could not be written as a message."}};
    enum status status = envelope_pack(envelope, server->service_key, out, &err);
    assert(status == STATUS_OK);
}

/* False: no answer is due. */
static bool answer_request(struct message_server *server, const void *bytes, size_t length, struct text *out) {
    struct arena arena = {0};
    struct envelope request;
    struct error err = {0};
    bool is_from_peer = false;
    enum status status =
        envelope_unpack(bytes, length, server->service_key, clock_now_ms(), &arena, &request, &is_from_peer, &err);
    bool is_due = is_from_peer && !request.is_answer;
    if (status) log_refusal(server, &err);
    if (is_due) {
        struct envelope answer = {.is_answer = true, .message.tag = MESSAGE_done};
        memcpy(answer.id, request.id, sizeof answer.id);
        if (!status) status = handle(server, &request.message, &arena, &answer.message, &err);
        if (status)
            answer.message =
                (struct message){.tag = MESSAGE_failure, .failure = {.status = status, .path = err.path, .text = err.message}};
        answer.time_sent_ms = clock_now_ms();
        pack_answer(server, &answer, out);
    }
    arena_release(&arena);
    return is_due;
}

/* ---- The desks' round ---- */

static void receive_or_close(struct desk *desk) {
    struct message_server *server = desk->server;
    pthread_mutex_lock(&server->mutex);
    if (server->is_closing) {
        desk->state = DESK_CLOSED;
        if (--server->open_desks == 0) pthread_cond_signal(&server->desk_closed);
    } else {
        desk->state = DESK_RECEIVING;
        nng_ctx_recv(desk->context, desk->aio);
    }
    pthread_mutex_unlock(&server->mutex);
}

static void send_answer(struct desk *desk, const struct text *bytes) {
    nng_msg *message = NULL;
    if (nng_msg_alloc(&message, 0) != 0 || nng_msg_append(message, bytes->bytes, bytes->length) != 0) abort();
    pthread_mutex_lock(&desk->server->mutex);
    desk->state = DESK_SENDING;
    pthread_mutex_unlock(&desk->server->mutex);
    nng_aio_set_msg(desk->aio, message);
    nng_ctx_send(desk->context, desk->aio);
}

static void desk_received(struct desk *desk) {
    nng_msg *message = nng_aio_get_msg(desk->aio);
    struct text answer = {0};
    bool is_due = answer_request(desk->server, nng_msg_body(message), nng_msg_len(message), &answer);
    nng_msg_free(message);
    if (is_due)
        send_answer(desk, &answer);
    else
        receive_or_close(desk);
    text_release(&answer);
}

static void desk_went_on(void *argument) {
    struct desk *desk = argument;
    pthread_mutex_lock(&desk->server->mutex);
    enum desk_state state = desk->state;
    pthread_mutex_unlock(&desk->server->mutex);
    int failure = nng_aio_result(desk->aio);
    if (state == DESK_SENDING && failure) nng_msg_free(nng_aio_get_msg(desk->aio)); /* who asked is gone */
    if (state == DESK_RECEIVING && !failure)
        desk_received(desk);
    else
        receive_or_close(desk);
}

/* ---- Beginning and end ---- */

static enum status listen_failed(const char *address, int failure, struct error *err) {
    return error_set(err, failure == NNG_EADDRINUSE ? STATUS_BUSY : STATUS_INTERNAL, "Cannot listen on %s: %s.", address,
                     failure == NNG_EADDRINUSE ? "another process does" : nng_strerror(failure));
}

static enum status open_socket(struct message_server *server, struct error *err) {
    int failure = nng_rep0_open(&server->socket);
    if (failure) return listen_failed(server->address, failure, err);
    nng_listener listener;
    failure = nng_listener_create(&listener, server->socket, server->address);
    if (!failure) failure = nng_listener_set_size(listener, NNG_OPT_RECVMAXSZ, ENVELOPE_BYTES_MAX);
    if (!failure && text_starts_with(server->address, "ipc://"))
        failure = nng_listener_set_int(listener, NNG_OPT_IPC_PERMISSIONS, SOCKET_MODE);
    if (!failure) failure = nng_listener_start(listener, 0);
    if (!failure) return STATUS_OK;
    nng_close(server->socket);
    return listen_failed(server->address, failure, err);
}

static void open_desk(struct message_server *server, struct desk *desk) {
    desk->server = server;
    if (nng_ctx_open(&desk->context, server->socket) != 0 || nng_aio_alloc(&desk->aio, desk_went_on, desk) != 0) abort();
}

enum status message_server_create(struct message_server **out, const struct message_server_options *options,
                                  const struct message_handler *handlers, void *context, struct error *err) {
    enum status status = service_address_check(options->address, options->service_key, err);
    if (!status) status = service_address_prepare(options->address, err);
    if (status) return status;
    struct message_server *server = memory_alloc(sizeof *server);
    server->address = memory_copy_text(options->address);
    server->service_key = options->service_key ? memory_copy_text(options->service_key) : NULL;
    server->handlers = handlers;
    server->context = context;
    server->open_desks = DESKS;
    pthread_mutex_init(&server->mutex, NULL);
    pthread_cond_init(&server->desk_closed, NULL);
    status = open_socket(server, err);
    if (status) {
        server->open_desks = 0;
        message_server_free(server);
        return status;
    }
    for (int i = 0; i < DESKS; i++)
        open_desk(server, &server->desks[i]);
    for (int i = 0; i < DESKS; i++)
        receive_or_close(&server->desks[i]);
    *out = server;
    return STATUS_OK;
}

/* Desks that wait for a request are called off; those with a request answer it first. False: nng still has them. */
static bool close_desks(struct message_server *server) {
    pthread_mutex_lock(&server->mutex);
    server->is_closing = true;
    for (int i = 0; i < DESKS; i++)
        if (server->desks[i].state == DESK_RECEIVING) nng_aio_cancel(server->desks[i].aio);
    while (server->open_desks > 0)
        pthread_cond_wait(&server->desk_closed, &server->mutex);
    pthread_mutex_unlock(&server->mutex);
    if (!socket_close(server->socket)) return false;
    for (int i = 0; i < DESKS; i++)
        nng_aio_free(server->desks[i].aio);
    return true;
}

void message_server_free(struct message_server *server) {
    if (!server) return;
    if (server->open_desks > 0 && !close_desks(server)) return;
    pthread_cond_destroy(&server->desk_closed);
    pthread_mutex_destroy(&server->mutex);
    free(server->service_key);
    free(server->address);
    free(server);
}
