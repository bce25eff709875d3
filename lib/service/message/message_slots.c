/* SPDX-License-Identifier: BSD-3-Clause
 *
 * A `struct reply_slot` is one context of nng's REP socket: a state machine without a thread of its own; nng's threads call
 * slot_went_on() when its operation has completed:
 *
 *     RECEIVING ──request──► (handler) ──────────answer────────► SENDING ──sent──► RECEIVING
 *            ▲                   │ └──answers later──► WAITING ──► ┘
 *            └─────rejected──────┘                            any thread     CLOSED: the server is closing
 *
 * A request that nng resends, over a new connection, while the first copy is WAITING waits at both slots, and the answer goes
 * to both connections. A slot whose connection has ended receives again, except the last one where the request waits: that one
 * identifies the request if it is resent.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/clock.h"
#include "lib/base/condition.h"
#include "lib/service/message/message_server_parts.h"

enum {
    KEPT_PART = 8,              /* 1 in KEPT_PART slots is reserved for requests that are answered at once */
    FORGOTTEN_AFTER_MS = 10000, /* limit of the wait in message_slots_close() */
};

/* ---- A slot's states ---- */

void message_slot_receive(struct reply_slot *slot) {
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

static void slot_went_on(void *argument) {
    struct reply_slot *slot = argument;
    pthread_mutex_lock(&slot->server->mutex);
    enum reply_slot_state state = slot->state;
    pthread_mutex_unlock(&slot->server->mutex);
    int failure = nng_aio_result(slot->aio);
    if (state == SLOT_SENDING && failure) nng_msg_free(nng_aio_get_msg(slot->aio)); /* the client is gone */
    if (state == SLOT_RECEIVING && !failure)
        message_server_handle(slot);
    else
        message_slot_receive(slot);
}

/* ---- Where requests wait ---- */

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
    for (size_t i = 0; i < SLOT_ENDED_MAX; i++)
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

bool message_pending_is_gone(const struct message_pending *pending) {
    struct message_server *server = pending->server;
    pthread_mutex_lock(&server->mutex);
    const struct reply_slot *slot = pending->slot;
    while (slot && slot->is_left)
        slot = slot->twin;
    pthread_mutex_unlock(&server->mutex);
    return slot == NULL;
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
        message_slot_receive(slot);
}

void message_slots_pipe_ended(nng_pipe pipe, nng_pipe_ev event, void *argument) {
    (void)event;
    struct message_server *server = argument;
    pthread_mutex_lock(&server->mutex);
    server->ended[server->ended_count++ % SLOT_ENDED_MAX] = nng_pipe_id(pipe);
    for (int i = 0; i < server->slot_count; i++)
        if (server->slots[i].asking && nng_pipe_id(server->slots[i].pipe) == nng_pipe_id(pipe)) server->slots[i].is_left = true;
    pthread_mutex_unlock(&server->mutex);
    release_left_slots(server);
}

enum slot_wait message_slots_wait(struct message_pending *pending) {
    struct message_server *server = pending->server;
    struct reply_slot *slot = pending->slot, *replaced = NULL;
    pthread_mutex_lock(&server->mutex);
    struct message_pending *same = find_same(pending);
    bool is_taken = same || has_room(server);
    if (is_taken) replaced = wait_at(same ? same : pending, slot);
    pthread_mutex_unlock(&server->mutex);
    if (!same) return is_taken ? SLOT_WAIT_BEGUN : SLOT_WAIT_REFUSED;
    if (replaced) message_slot_receive(replaced);
    release_left_slots(server);
    return SLOT_WAIT_COPY;
}

/* ---- Answers ---- */

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

void message_slots_send(struct message_pending *pending, const struct text *answer) {
    for (struct reply_slot *slot = leave_slots(pending), *twin; slot; slot = twin) {
        twin = slot->twin;
        slot->twin = NULL;
        send_from(slot, answer);
    }
}

/* ---- Opening and closing ---- */

void message_slots_open(struct message_server *server) {
    for (int i = 0; i < server->slot_count; i++) {
        struct reply_slot *slot = &server->slots[i];
        slot->server = server;
        if (nng_ctx_open(&slot->context, server->socket) != 0 || nng_aio_alloc(&slot->aio, slot_went_on, slot) != 0) abort();
    }
    server->open_slots = server->slot_count;
    for (int i = 0; i < server->slot_count; i++)
        message_slot_receive(&server->slots[i]);
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

void message_slots_close(struct message_server *server) {
    pthread_mutex_lock(&server->mutex);
    server->is_closing = true;
    for (int i = 0; i < server->slot_count; i++)
        if (server->slots[i].state == SLOT_RECEIVING) nng_aio_cancel(server->slots[i].aio);
    wait_for_slots(server);
    pthread_mutex_unlock(&server->mutex);
}

void message_slots_free(struct message_server *server) {
    for (int i = 0; i < server->slot_count; i++)
        nng_aio_free(server->slots[i].aio);
}
