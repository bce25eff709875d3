/* SPDX-License-Identifier: BSD-3-Clause
 *
 * A line, one connection of a client's pool: it connects, has one request at a time in flight, and reports the outcome of each.
 */
#include <nng/nng.h>
#include <nng/protocol/reqrep0/req.h>
#include <stdlib.h>

#include "lib/base/clock.h"
#include "lib/base/log.h"
#include "lib/base/memory.h"
#include "lib/service/message_client_parts.h"

enum {
    RECONNECT_MIN_MS = 50,
    RECONNECT_MAX_MS = 1000,
    RESEND_MS = 2 * ENVELOPE_TIME_LEFT_MAX_MS,
    UNANSWERED_MAX = 2,
    GREETING_MS = 2000,
};

/* ---- A line's requests ---- */

static void line_went_on(void *argument);
static void greet(nng_pipe pipe, nng_pipe_ev event, void *argument);

static int left_ms(const struct parcel *parcel) {
    int64_t left = parcel->until_ms - clock_monotonic_ms();
    return left > 1 ? (int)left : 1;
}

static int start_dialer(struct line *line) {
    int failure = nng_dialer_create(&line->dialer, line->socket, line->client->address);
    if (!failure) failure = nng_dialer_set_ms(line->dialer, NNG_OPT_RECONNMINT, RECONNECT_MIN_MS);
    if (!failure) failure = nng_dialer_set_ms(line->dialer, NNG_OPT_RECONNMAXT, RECONNECT_MAX_MS);
    if (!failure) failure = nng_dialer_set_size(line->dialer, NNG_OPT_RECVMAXSZ, ENVELOPE_BYTES_MAX);
    if (!failure && line->client->tls) failure = nng_dialer_set_ptr(line->dialer, NNG_OPT_TLS_CONFIG, line->client->tls);
    if (!failure) failure = nng_dialer_start(line->dialer, NNG_FLAG_NONBLOCK);
    return failure;
}

struct line *message_line_create(struct message_client *client, int *failure) {
    struct line *line = memory_alloc(sizeof *line);
    line->client = client;
    *failure = nng_req0_open(&line->socket);
    if (*failure) {
        free(line);
        return NULL;
    }
    *failure = nng_socket_set_ms(line->socket, NNG_OPT_REQ_RESENDTIME, RESEND_MS);
    if (!*failure) *failure = nng_aio_alloc(&line->aio, line_went_on, line);
    if (!*failure) *failure = nng_pipe_notify(line->socket, NNG_PIPE_EV_ADD_POST, greet, line);
    if (!*failure) *failure = start_dialer(line);
    if (*failure) {
        nng_close(line->socket);
        if (line->aio) nng_aio_free(line->aio);
        free(line);
        return NULL;
    }
    pthread_cond_init(&line->done, NULL);
    return line;
}

void message_line_mend(struct line *line) {
    if (!line->is_in_doubt) return;
    line->is_in_doubt = false;
    line->unanswered = 0;
    nng_dialer_close(line->dialer);
    int failure = start_dialer(line);
    if (failure)
        log_line(LOG_ERROR, "cannot connect again", log_field("address", line->client->address),
                 log_field("reason", nng_strerror(failure)));
}

void message_line_start(struct line *line, struct parcel *parcel) {
    nng_msg *message = NULL;
    if (nng_msg_alloc(&message, 0) != 0 || nng_msg_append(message, parcel->bytes.bytes, parcel->bytes.length) != 0) abort();
    line->parcel = parcel;
    line->state = LINE_SENDING;
    line->was_sent = false;
    line->is_done = false;
    line->failure = 0;
    nng_aio_set_msg(line->aio, message);
    nng_aio_set_timeout(line->aio, left_ms(parcel));
    nng_send_aio(line->socket, line->aio);
}

void message_line_pass_on(struct line *line) {
    struct message_client *client = line->client;
    nng_msg_free(line->answer);
    line->answer = NULL;
    line->parcel = NULL;
    pthread_mutex_lock(&client->mutex);
    struct parcel *post = client->callers_waiting == 0 ? message_post_take_waiting(client) : NULL;
    if (!post) {
        line->next = client->idle;
        client->idle = line;
        pthread_cond_signal(&client->line_idle);
    }
    pthread_mutex_unlock(&client->mutex);
    if (post) message_line_start(line, post);
}

static void finish_line(struct line *line, int failure) {
    struct message_client *client = line->client;
    line->failure = failure;
    pthread_mutex_lock(&client->mutex);
    if (!line->parcel->is_post) {
        line->is_done = true;
        pthread_cond_signal(&line->done);
        pthread_mutex_unlock(&client->mutex);
        return;
    }
    message_post_drop(client, line->parcel, !failure ? "answered" : line->was_sent ? "not answered" : "not delivered");
    pthread_mutex_unlock(&client->mutex);
    message_line_pass_on(line);
}

static void line_went_on(void *argument) {
    struct line *line = argument;
    int failure = nng_aio_result(line->aio);
    if (line->state == LINE_SENDING && failure) {
        line->is_in_doubt = failure == NNG_ETIMEDOUT;
        nng_msg_free(nng_aio_get_msg(line->aio));
        finish_line(line, failure);
    } else if (line->state == LINE_SENDING) {
        line->was_sent = true;
        line->state = LINE_RECEIVING;
        nng_aio_set_timeout(line->aio, left_ms(line->parcel));
        nng_recv_aio(line->socket, line->aio);
    } else {
        if (!failure) line->answer = nng_aio_get_msg(line->aio);
        line->unanswered = failure == NNG_ETIMEDOUT ? line->unanswered + 1 : 0;
        line->is_in_doubt = line->unanswered >= UNANSWERED_MAX;
        finish_line(line, failure);
    }
}

/* Not left to nng_close(): nng 1.5 frees the socket while its timeout thread may be about to cancel one of its requests, which
 * then locks a destroyed mutex, and aborts. Freeing the aio waits for that thread. */
void message_line_stop(struct line *line) {
    struct message_client *client = line->client;
    nng_aio_stop(line->aio);
    if (line->parcel) { /* nng refused its next step, without a callback */
        if (line->state == LINE_SENDING) nng_msg_free(nng_aio_get_msg(line->aio));
        pthread_mutex_lock(&client->mutex);
        message_post_drop(client, line->parcel, line->was_sent ? "not answered" : "not delivered");
        pthread_mutex_unlock(&client->mutex);
    }
    nng_aio_free(line->aio);
}

/* ---- Greetings ---- */

/* Takes the line out of the idle list. False: it has a request, which proves the key, too. With the client's mutex held. */
static bool take_if_idle(struct line *line) {
    struct line **link = &line->client->idle;
    while (*link && *link != line)
        link = &(*link)->next;
    if (!*link) return false;
    *link = line->next;
    return true;
}

/* Called by nng when the line has connected. Servers close connections that do not prove the key, so an idle line sends a
 * greeting. */
static void greet(nng_pipe pipe, nng_pipe_ev event, void *argument) {
    struct line *line = argument;
    struct message_client *client = line->client;
    struct parcel *greeting = memory_alloc(sizeof *greeting);
    (void)pipe, (void)event;
    if (message_parcel_pack(client, &(struct message){.tag = MESSAGE_greeting}, GREETING_MS, greeting, NULL)) abort();
    greeting->is_post = true;
    pthread_mutex_lock(&client->mutex);
    bool is_started = !client->is_closing && take_if_idle(line);
    if (is_started) {
        client->posts++;
        client->posted_bytes += greeting->bytes.length;
        message_line_start(line, greeting); /* with the mutex held: nothing may start once the client is closing */
    }
    pthread_mutex_unlock(&client->mutex);
    if (!is_started) {
        text_release(&greeting->bytes);
        free(greeting);
    }
}
