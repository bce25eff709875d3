/* SPDX-License-Identifier: BSD-3-Clause
 *
 * A connection, one connection of a client's pool: it connects, has one request at a time in flight, and reports the outcome of
 * each.
 */
#include <nng/nng.h>
#include <nng/protocol/reqrep0/req.h>
#include <stdlib.h>

#include "lib/base/clock.h"
#include "lib/base/log.h"
#include "lib/base/memory.h"
#include "lib/service/message/message_client_parts.h"

enum {
    RECONNECT_MIN_MS = 50,
    RECONNECT_MAX_MS = 1000,
    RESEND_MS = 2 * ENVELOPE_TIME_LEFT_MAX_MS,
    UNANSWERED_MAX = 2,
    GREETING_MS = 2000,
};

/* ---- A connection's requests ---- */

static void connection_went_on(void *argument);
static void greet(nng_pipe pipe, nng_pipe_ev event, void *argument);

static int left_ms(const struct packed_request *packed) {
    int64_t left = packed->until_ms - clock_monotonic_ms();
    return left > 1 ? (int)left : 1;
}

static int start_dialer(struct client_connection *connection) {
    int failure = nng_dialer_create(&connection->dialer, connection->socket, connection->client->address);
    if (!failure) failure = nng_dialer_set_ms(connection->dialer, NNG_OPT_RECONNMINT, RECONNECT_MIN_MS);
    if (!failure) failure = nng_dialer_set_ms(connection->dialer, NNG_OPT_RECONNMAXT, RECONNECT_MAX_MS);
    if (!failure) failure = nng_dialer_set_size(connection->dialer, NNG_OPT_RECVMAXSZ, ENVELOPE_BYTES_MAX);
    if (!failure && connection->client->tls)
        failure = nng_dialer_set_ptr(connection->dialer, NNG_OPT_TLS_CONFIG, connection->client->tls);
    if (!failure) failure = nng_dialer_start(connection->dialer, NNG_FLAG_NONBLOCK);
    return failure;
}

struct client_connection *message_connection_create(struct message_client *client, int *failure) {
    struct client_connection *connection = memory_alloc(sizeof *connection);
    connection->client = client;
    *failure = nng_req0_open(&connection->socket);
    if (*failure) {
        free(connection);
        return NULL;
    }
    *failure = nng_socket_set_ms(connection->socket, NNG_OPT_REQ_RESENDTIME, RESEND_MS);
    if (!*failure) *failure = nng_aio_alloc(&connection->aio, connection_went_on, connection);
    if (!*failure) *failure = nng_pipe_notify(connection->socket, NNG_PIPE_EV_ADD_POST, greet, connection);
    if (!*failure) *failure = start_dialer(connection);
    if (*failure) {
        nng_close(connection->socket);
        if (connection->aio) nng_aio_free(connection->aio);
        free(connection);
        return NULL;
    }
    pthread_cond_init(&connection->done, NULL);
    return connection;
}

void message_connection_mend(struct client_connection *connection) {
    if (!connection->is_in_doubt) return;
    connection->is_in_doubt = false;
    connection->unanswered = 0;
    nng_dialer_close(connection->dialer);
    int failure = start_dialer(connection);
    if (failure)
        log_line(LOG_ERROR, "reconnect_failed", log_field("address", connection->client->address),
                 log_field("reason", nng_strerror(failure)));
}

void message_connection_start(struct client_connection *connection, struct packed_request *packed) {
    nng_msg *message = NULL;
    if (nng_msg_alloc(&message, 0) != 0 || nng_msg_append(message, packed->bytes.bytes, packed->bytes.length) != 0) abort();
    connection->packed = packed;
    connection->state = CONNECTION_SENDING;
    connection->was_sent = false;
    connection->is_done = false;
    connection->failure = 0;
    nng_aio_set_msg(connection->aio, message);
    nng_aio_set_timeout(connection->aio, left_ms(packed));
    nng_send_aio(connection->socket, connection->aio);
}

void message_connection_pass_on(struct client_connection *connection) {
    struct message_client *client = connection->client;
    nng_msg_free(connection->answer);
    connection->answer = NULL;
    connection->packed = NULL;
    pthread_mutex_lock(&client->mutex);
    struct packed_request *post = client->callers_waiting == 0 ? message_post_take_waiting(client) : NULL;
    if (!post) {
        queue_put_back(&client->idle, &connection->link);
        pthread_cond_signal(&client->connection_idle);
    }
    pthread_mutex_unlock(&client->mutex);
    if (post) message_connection_start(connection, post);
}

static void finish_connection(struct client_connection *connection, int failure) {
    struct message_client *client = connection->client;
    connection->failure = failure;
    pthread_mutex_lock(&client->mutex);
    if (!connection->packed->is_post) {
        connection->is_done = true;
        pthread_cond_signal(&connection->done);
        pthread_mutex_unlock(&client->mutex);
        return;
    }
    message_post_drop(client, connection->packed,
                      !failure               ? "answered"
                      : connection->was_sent ? "not answered"
                                             : "not delivered");
    pthread_mutex_unlock(&client->mutex);
    message_connection_pass_on(connection);
}

static void connection_went_on(void *argument) {
    struct client_connection *connection = argument;
    int failure = nng_aio_result(connection->aio);
    if (connection->state == CONNECTION_SENDING && failure) {
        connection->is_in_doubt = failure == NNG_ETIMEDOUT;
        nng_msg_free(nng_aio_get_msg(connection->aio));
        finish_connection(connection, failure);
    } else if (connection->state == CONNECTION_SENDING) {
        connection->was_sent = true;
        connection->state = CONNECTION_RECEIVING;
        nng_aio_set_timeout(connection->aio, left_ms(connection->packed));
        nng_recv_aio(connection->socket, connection->aio);
    } else {
        if (!failure) connection->answer = nng_aio_get_msg(connection->aio);
        connection->unanswered = failure == NNG_ETIMEDOUT ? connection->unanswered + 1 : 0;
        connection->is_in_doubt = connection->unanswered >= UNANSWERED_MAX;
        finish_connection(connection, failure);
    }
}

/* Not left to nng_close(): nng 1.5 frees the socket while its timeout thread may be about to cancel one of its requests, which
 * then locks a destroyed mutex, and aborts. Freeing the aio waits for that thread. */
void message_connection_stop(struct client_connection *connection) {
    struct message_client *client = connection->client;
    nng_aio_stop(connection->aio);
    if (connection->packed) { /* nng refused its next step, without a callback */
        if (connection->state == CONNECTION_SENDING) nng_msg_free(nng_aio_get_msg(connection->aio));
        pthread_mutex_lock(&client->mutex);
        message_post_drop(client, connection->packed, connection->was_sent ? "not answered" : "not delivered");
        pthread_mutex_unlock(&client->mutex);
    }
    nng_aio_free(connection->aio);
}

/* ---- Greetings ---- */

/* Takes the connection out of the idle ones. False: it has a request, which proves the key, too. With the client's mutex held. */
static bool take_if_idle(struct client_connection *connection) {
    bool is_idle = queue_has_link(&connection->link);
    if (is_idle) queue_remove(&connection->client->idle, &connection->link);
    return is_idle;
}

/* Called by nng when the connection has connected. Servers close connections that do not prove the key, so an idle connection
 * sends a greeting. */
static void greet(nng_pipe pipe, nng_pipe_ev event, void *argument) {
    struct client_connection *connection = argument;
    struct message_client *client = connection->client;
    struct packed_request *greeting = memory_alloc(sizeof *greeting);
    (void)pipe, (void)event;
    if (message_client_pack(client, &(struct message){.tag = MESSAGE_greeting}, GREETING_MS, greeting, NULL)) abort();
    greeting->is_post = true;
    pthread_mutex_lock(&client->mutex);
    bool is_started = !client->is_closing && take_if_idle(connection);
    if (is_started) {
        client->posts++;
        client->posted_bytes += greeting->bytes.length;
        message_connection_start(connection, greeting); /* with the mutex held: nothing may start once the client is closing */
    }
    pthread_mutex_unlock(&client->mutex);
    if (!is_started) {
        text_release(&greeting->bytes);
        free(greeting);
    }
}
