/* SPDX-License-Identifier: BSD-3-Clause
 *
 * nng's REP socket with several contexts, so that as many requests can be in flight. A `struct reply_slot` is one context: a
 * state machine without a thread of its own; nng's threads call slot_went_on() when its operation has completed:
 *
 *     RECEIVING ──request──► (handler) ──────────answer────────► SENDING ──sent──► RECEIVING
 *            ▲                   │ └──answers later──► WAITING ──► ┘
 *            └─────rejected──────┘                            any thread     CLOSED: the server is closing
 *
 * A request that nng resends, over a new connection, while the first copy is WAITING waits at both slots, and the answer goes
 * to both connections. A slot whose connection has ended receives again, except the last one where the request waits: that one
 * identifies the request if it is resent.
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
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/clock.h"
#include "lib/base/condition.h"
#include "lib/base/log.h"
#include "lib/base/memory.h"
#include "lib/base/text.h"
#include "lib/base/url.h"
#include "lib/service/message/broken_pipe.h"
#include "lib/service/message/connection_guard.h"
#include "lib/service/message/message_tls.h"
#include "lib/service/message/socket_closing.h"
#include "proto/envelope.h"

enum {
    REQUESTS = 16,
    KEPT_PART = 8, /* 1 in KEPT_PART slots is reserved for requests that are answered at once */
    SOCKET_MODE = 0660,
    REFUSAL_LOG_INTERVAL_MS = 1000,
    FORGOTTEN_AFTER_MS = 10000, /* limit of the wait in message_server_free() */
    TEND_MS = 500,
    MMAP_BYTES = 128 * 1024,
    ENDED_MAX = 64, /* connections */
};

enum reply_slot_state { SLOT_RECEIVING, SLOT_WAITING, SLOT_SENDING, SLOT_CLOSED };

struct reply_slot {
    struct message_server *server;
    nng_ctx context;
    nng_aio *aio;
    enum reply_slot_state state;    /* guarded by the server's mutex, like the next */
    struct message_pending *asking; /* while WAITING, like the next */
    struct reply_slot *twin;        /* another slot where the same request waits, or NULL */
    nng_pipe pipe;                  /* the request's connection */
    bool is_left;                   /* that connection has ended */
};

/* A received request that is answered at once or later. */
struct message_pending {
    struct message_server *server;
    struct reply_slot *slot; /* the slot of its newest copy, then its twins; guarded by the server's mutex */
    struct arena arena;
    struct envelope request;
    int64_t until_ms; /* clock_monotonic_ms() */
};

struct message_server {
    char *address, *service_key;
    enum message_peers peers;
    enum message_sender sender; /* the only sender whose messages are accepted */
    const struct message_handler *handlers;
    void *context;
    nng_socket socket;
    int port;      /* of a TCP listener; 0: none */
    nng_aio *tend; /* of a TCP listener: timer that checks its connections */
    struct reply_slot *slots;
    int slot_count;
    atomic_llong refusal_logged_ms;

    pthread_mutex_t mutex;
    pthread_cond_t slot_closed;
    bool is_closing;
    int open_slots, waiting_slots;
    int ended[ENDED_MAX]; /* the ids of the last connections that have ended; 0: none */
    size_t ended_count;
};

/* ---- One request ---- */

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

/* ---- Answers ---- */

int64_t message_pending_left_ms(const struct message_pending *pending) {
    int64_t left_ms = pending->until_ms - clock_monotonic_ms();
    return left_ms > 0 ? left_ms : 0;
}

/* Takes the request off its slots, from which the answer is then sent. A copy that arrives later is a new request. */
static struct reply_slot *leave_slots(struct message_pending *pending) {
    struct message_server *server = pending->server;
    pthread_mutex_lock(&server->mutex);
    for (struct reply_slot *slot = pending->slot; slot; slot = slot->twin) {
        if (slot->state == SLOT_WAITING) server->waiting_slots--;
        slot->state = SLOT_SENDING;
        slot->asking = NULL;
    }
    pthread_mutex_unlock(&server->mutex);
    return pending->slot;
}

/* The last access to the slot: once the answer is sent, the slot and its server may be freed. */
static void send_from(struct reply_slot *slot, const struct text *bytes) {
    nng_msg *message = NULL;
    if (nng_msg_alloc(&message, 0) != 0 || nng_msg_append(message, bytes->bytes, bytes->length) != 0) abort();
    nng_aio_set_msg(slot->aio, message);
    nng_ctx_send(slot->context, slot->aio);
}

void message_pending_answer(struct message_pending *pending, const struct message *answer) {
    struct envelope envelope = {.is_answer = true, .time_sent_ms = clock_now_ms(), .message = *answer};
    memcpy(envelope.id, pending->request.id, sizeof envelope.id);
    struct text bytes = {0};
    pack_answer(pending->server, &envelope, &bytes);
    for (struct reply_slot *slot = leave_slots(pending), *twin; slot; slot = twin) {
        twin = slot->twin;
        slot->twin = NULL;
        send_from(slot, &bytes);
    }
    text_release(&bytes);
    free_pending(pending);
}

void message_pending_fail(struct message_pending *pending, enum status status, const struct error *err) {
    struct message answer = {.tag = MESSAGE_failure, .failure = {.status = status, .path = err->path, .text = err->message}};
    message_pending_answer(pending, &answer);
}

/* ---- The slots' states ---- */

static void receive_or_close(struct reply_slot *slot) {
    struct message_server *server = slot->server;
    pthread_mutex_lock(&server->mutex);
    if (server->is_closing) {
        slot->state = SLOT_CLOSED;
        if (--server->open_slots == 0) pthread_cond_signal(&server->slot_closed);
    } else {
        slot->state = SLOT_RECEIVING;
        nng_ctx_recv(slot->context, slot->aio);
    }
    pthread_mutex_unlock(&server->mutex);
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

/* A waiting request with the same id, or NULL; with the server's mutex held. */
static struct message_pending *find_same(const struct message_pending *pending) {
    const struct message_server *server = pending->server;
    for (int i = 0; server->waiting_slots > 0 && i < server->slot_count; i++) {
        struct message_pending *other = server->slots[i].asking;
        if (other && memcmp(other->request.id, pending->request.id, sizeof other->request.id) == 0) return other;
    }
    return NULL;
}

/* True: one more slot may wait; with the server's mutex held. */
static bool has_room(const struct message_server *server) {
    int kept = (server->slot_count + KEPT_PART - 1) / KEPT_PART;
    return server->waiting_slots < server->slot_count - kept;
}

/* True if the slot's connection ended while the request was on its way from nng to here; with the server's mutex held. */
static bool has_ended(const struct reply_slot *slot) {
    for (size_t i = 0; i < ENDED_MAX; i++)
        if (slot->server->ended[i] == nng_pipe_id(slot->pipe)) return true;
    return false;
}

/* Has `pending` wait at this slot, too; if no more slots may wait, in place of its newest one, which is returned. With the
 * server's mutex held. */
static struct reply_slot *wait_at(struct message_pending *pending, struct reply_slot *slot) {
    struct reply_slot *replaced = NULL, *twin = pending->slot == slot ? NULL : pending->slot;
    if (has_room(slot->server)) {
        slot->server->waiting_slots++;
    } else {
        replaced = twin;
        twin = replaced->twin;
        replaced->asking = NULL;
        replaced->twin = NULL;
    }
    slot->state = SLOT_WAITING;
    slot->is_left = has_ended(slot);
    slot->asking = pending;
    slot->twin = twin;
    pending->slot = slot;
    return replaced;
}

/* Takes a slot whose connection has ended off its request, if that waits at another slot, too. NULL: there is no such slot. */
static struct reply_slot *take_left_slot(struct message_server *server) {
    struct reply_slot *left = NULL;
    pthread_mutex_lock(&server->mutex);
    for (int i = 0; i < server->slot_count && !left; i++) {
        struct reply_slot *slot = &server->slots[i];
        if (slot->asking && slot->is_left && (slot->asking->slot != slot || slot->twin)) left = slot;
    }
    if (left) {
        struct reply_slot **link = &left->asking->slot;
        while (*link != left)
            link = &(*link)->twin;
        *link = left->twin;
        left->twin = NULL;
        left->asking = NULL;
        server->waiting_slots--;
    }
    pthread_mutex_unlock(&server->mutex);
    return left;
}

static void release_left_slots(struct message_server *server) {
    for (struct reply_slot *slot; (slot = take_left_slot(server)) != NULL;)
        receive_or_close(slot);
}

/* Called by nng when a connection has ended. */
static void pipe_ended(nng_pipe pipe, nng_pipe_ev event, void *argument) {
    (void)event;
    struct message_server *server = argument;
    pthread_mutex_lock(&server->mutex);
    server->ended[server->ended_count++ % ENDED_MAX] = nng_pipe_id(pipe);
    for (int i = 0; i < server->slot_count; i++)
        if (server->slots[i].asking && nng_pipe_id(server->slots[i].pipe) == nng_pipe_id(pipe)) server->slots[i].is_left = true;
    pthread_mutex_unlock(&server->mutex);
    release_left_slots(server);
}

static void answer_later(struct message_pending *pending, const struct message_handler *handler) {
    struct message_server *server = pending->server;
    struct reply_slot *slot = pending->slot, *replaced = NULL;
    pthread_mutex_lock(&server->mutex);
    struct message_pending *same = find_same(pending);
    bool is_taken = same || has_room(server);
    if (is_taken) replaced = wait_at(same ? same : pending, slot);
    pthread_mutex_unlock(&server->mutex);
    if (same) {
        free_pending(pending);
        if (replaced) receive_or_close(replaced);
        release_left_slots(server);
    } else if (is_taken) {
        handler->handle_later(server->context, &pending->request.message, pending);
    } else {
        struct error err = {0};
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

static void slot_received(struct reply_slot *slot) {
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
        receive_or_close(slot);
    } else if (status) {
        message_pending_fail(pending, status, &err);
    } else {
        handle_request(pending);
    }
}

static void slot_went_on(void *argument) {
    struct reply_slot *slot = argument;
    pthread_mutex_lock(&slot->server->mutex);
    enum reply_slot_state state = slot->state;
    pthread_mutex_unlock(&slot->server->mutex);
    int failure = nng_aio_result(slot->aio);
    if (state == SLOT_SENDING && failure) nng_msg_free(nng_aio_get_msg(slot->aio)); /* the client is gone */
    if (state == SLOT_RECEIVING && !failure)
        slot_received(slot);
    else
        receive_or_close(slot);
}

/* ---- Beginning and end ---- */

static enum status listen_failed(const char *address, int failure, struct error *err) {
    return error_set(err, failure == NNG_EADDRINUSE ? STATUS_BUSY : STATUS_INTERNAL, "Cannot listen on %s: %s.", address,
                     failure == NNG_EADDRINUSE ? "another process listens there" : nng_strerror(failure));
}

/* ---- Connections ---- */

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
    failure = nng_pipe_notify(server->socket, NNG_PIPE_EV_REM_POST, pipe_ended, server);
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

static void open_slots(struct message_server *server) {
    for (int i = 0; i < server->slot_count; i++) {
        struct reply_slot *slot = &server->slots[i];
        slot->server = server;
        if (nng_ctx_open(&slot->context, server->socket) != 0 || nng_aio_alloc(&slot->aio, slot_went_on, slot) != 0) abort();
    }
    server->open_slots = server->slot_count;
    for (int i = 0; i < server->slot_count; i++)
        receive_or_close(&server->slots[i]);
}

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
    open_slots(server);
    *out = server;
    return STATUS_OK;
}

/* Waits until all slots are closed; with the server's mutex held. Handlers that still run are waited for without limit; a
 * pending request that is unanswered after FORGOTTEN_AFTER_MS was forgotten, which is a bug. */
static void wait_for_slots(struct message_server *server) {
    int64_t until_ms = clock_monotonic_ms() + FORGOTTEN_AFTER_MS;
    while (server->open_slots > 0 && condition_wait_until(&server->slot_closed, &server->mutex, until_ms)) {
    }
    assert(server->waiting_slots == 0);
    while (server->open_slots > 0)
        pthread_cond_wait(&server->slot_closed, &server->mutex);
}

/* Cancels receiving; slots with a request answer it first. False: nng did not close the socket and may still use the server. */
static bool close_slots(struct message_server *server) {
    pthread_mutex_lock(&server->mutex);
    server->is_closing = true;
    for (int i = 0; i < server->slot_count; i++)
        if (server->slots[i].state == SLOT_RECEIVING) nng_aio_cancel(server->slots[i].aio);
    wait_for_slots(server);
    pthread_mutex_unlock(&server->mutex);
    if (server->tend) {
        nng_aio_stop(server->tend);
        nng_aio_free(server->tend);
        connection_guard_remove(server->port);
    }
    if (!socket_close(server->socket, server)) return false;
    for (int i = 0; i < server->slot_count; i++)
        nng_aio_free(server->slots[i].aio);
    return true;
}

void message_server_free(struct message_server *server) {
    if (!server) return;
    if (server->open_slots > 0 && !close_slots(server)) return;
    pthread_cond_destroy(&server->slot_closed);
    pthread_mutex_destroy(&server->mutex);
    free(server->slots);
    free(server->service_key);
    free(server->address);
    free(server);
}
