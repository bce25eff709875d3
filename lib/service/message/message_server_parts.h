/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Shared by the files of the message server, and private to them: message_server.c listens and handles requests;
 * message_slots.c has the slots, in which nng receives the requests and sends their answers.
 */
#ifndef LIB_SERVICE_MESSAGE_MESSAGE_SERVER_PARTS_H
#define LIB_SERVICE_MESSAGE_MESSAGE_SERVER_PARTS_H

#include <nng/nng.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/arena.h"
#include "lib/base/text.h"
#include "lib/service/message/message_server.h"
#include "proto/envelope.h"

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

enum { SLOT_ENDED_MAX = 64 }; /* connections */

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
    int ended[SLOT_ENDED_MAX]; /* the ids of the last connections that have ended; 0: none */
    size_t ended_count;
};

/* ---- message_server.c ---- */

/* Handles the request that the slot has received, on nng's thread: it is answered, waits for a later answer, or is rejected. */
void message_server_handle(struct reply_slot *slot);

/* ---- message_slots.c ---- */

/* Opens `slot_count` slots on the server's socket, which receive from then on. */
void message_slots_open(struct message_server *server);

/* Cancels receiving and waits until each slot with a request has answered it and all are closed; aborts if a request was
 * forgotten. nng may still be in the callback of a slot: message_slots_free() waits for it. */
void message_slots_close(struct message_server *server);

/* Frees the closed slots, after the socket. */
void message_slots_free(struct message_server *server);

/* Lets the slot, which has no request, receive the next one; if the server is closing, closes the slot, after which the server
 * may be freed. */
void message_slot_receive(struct reply_slot *slot);

enum slot_wait {
    SLOT_WAIT_BEGUN,   /* the request waits at its slot */
    SLOT_WAIT_COPY,    /* it is a copy of a waiting request, which now waits at this slot, too; the caller frees the copy */
    SLOT_WAIT_REFUSED, /* no more slots may wait: the caller answers it */
};

/* Has a request that was just received wait for its later answer. */
enum slot_wait message_slots_wait(struct message_pending *pending);

/* Sends the answer (copied) from all slots of the request, which is the caller's then. The server may be freed after that. */
void message_slots_send(struct message_pending *pending, const struct text *answer);

/* Called by nng when a connection of the server, which is the argument, has ended. */
void message_slots_pipe_ended(nng_pipe pipe, nng_pipe_ev event, void *server);

#endif
