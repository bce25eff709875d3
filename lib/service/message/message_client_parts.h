/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Shared by the files of the message client, and private to them: message_client.c has the calls, the posts and the packed
 * requests; message_connection.c has the connections, the pool's connections.
 */
#ifndef LIB_SERVICE_MESSAGE_MESSAGE_CLIENT_PARTS_H
#define LIB_SERVICE_MESSAGE_MESSAGE_CLIENT_PARTS_H

#include <nng/nng.h>
#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/queue.h"
#include "lib/base/text.h"
#include "lib/service/message/message_client.h"
#include "lib/service/message/message_tls.h"
#include "proto/envelope.h"

/* A packed request. */
struct packed_request {
    struct queue_link link; /* in message_client.posts_waiting */
    struct text bytes;
    unsigned char id[ENVELOPE_ID_BYTES];
    enum message_tag tag;
    int64_t until_ms; /* clock_monotonic_ms() */
    bool is_post;
};

enum connection_state { CONNECTION_SENDING, CONNECTION_RECEIVING };

struct client_connection {
    struct message_client *client;
    struct queue_link link; /* in message_client.idle */
    nng_socket socket;
    nng_dialer dialer;
    /* The next two belong to the connection's current user. In doubt: the dialer may have given up, or the connection may be
     * dead. */
    bool is_in_doubt;
    int unanswered; /* consecutive requests without an answer */
    nng_aio *aio;
    struct packed_request *packed; /* in flight, else NULL; the caller's, or a post that the connection frees */
    enum connection_state state;   /* accessed by the thread that starts the request, then by nng's callbacks */
    bool was_sent;
    int failure;     /* nng's error; 0: `answer` is set */
    nng_msg *answer; /* owned */
    bool is_done;    /* under the client's mutex */
    pthread_cond_t done;
};

struct message_client {
    char *address;
    char *service_key;
    enum message_peers peers;
    nng_tls_config *tls; /* NULL: no TLS */

    pthread_mutex_t mutex;
    pthread_cond_t connection_idle;
    pthread_cond_t post_done;
    struct client_connection **connections; /* array of `connections_max`; created when needed */
    int connections_max;
    int connection_count;
    struct queue idle;          /* struct client_connection; the last used first */
    int callers_waiting;        /* they take precedence over posts */
    struct queue posts_waiting; /* struct packed_request */
    int posts;                  /* queued and in flight */
    size_t posted_bytes;
    bool is_closing; /* no greeting is sent any more */
};

/* ---- message_client.c ---- */

/* Packs a request that times out after `timeout_ms`; the caller releases its bytes. */
CHECK_RESULT enum status message_client_pack(struct message_client *client, const struct message *request, int timeout_ms,
                                             struct packed_request *out, struct error *err);

/* Ends a post and frees it, with the client's mutex held. `outcome` is for the log. */
void message_post_drop(struct message_client *client, struct packed_request *post, const char *outcome);

/* Takes the next queued post that has not timed out, or NULL; drops those that have. With the client's mutex held. */
struct packed_request *message_post_take_waiting(struct message_client *client);

/* ---- message_connection.c ---- */

/* Opens a connection, which connects in the background. NULL, with nng's error in *failure, if the socket cannot be made.
 * message_client_free() frees it. */
struct client_connection *message_connection_create(struct message_client *client, int *failure);

/* Replaces the dialer if the connection is in doubt, so that it reconnects. Must not be called on nng's threads. */
void message_connection_mend(struct client_connection *connection);

/* Sends the packed, which must live until the connection is done. */
void message_connection_start(struct client_connection *connection, struct packed_request *packed);

/* Ends the connection's request and frees its answer: the connection takes the next post, or becomes idle. */
void message_connection_pass_on(struct client_connection *connection);

/* Withdraws the connection's request from nng and ends it; the client is closing. The socket stays open. Must not be called on
 * nng's threads. */
void message_connection_stop(struct client_connection *connection);

#endif
