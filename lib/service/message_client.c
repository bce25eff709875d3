/* SPDX-License-Identifier: BSD-3-Clause
 *
 * nng's REQ socket with a context for each request in flight. A request is an `exchange`: it is sent, its answer received, and
 * nng's threads call exchange_went_on() between. A call waits for its exchange to be done; a post's is put back by itself.
 *
 *     call or post ──► SENDING ──sent──► RECEIVING ──answer──► done
 *                         └──── its time-out, whichever comes first ────► failed
 *
 * While the other side is away a request waits in SENDING and is taken out of nng when its time is over: it is never delivered
 * later. One that was delivered is sent again only when its connection breaks, since the resend time is beyond every time-out.
 * Contexts and their aio are kept for the next request.
 */
#include "lib/service/message_client.h"

#include <nng/nng.h>
#include <nng/protocol/reqrep0/req.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "lib/base/clock.h"
#include "lib/base/hash.h"
#include "lib/base/log.h"
#include "lib/base/memory.h"
#include "lib/base/text.h"
#include "lib/service/service_address.h"
#include "lib/service/socket_closing.h"
#include "proto/envelope.h"

enum {
    RECONNECT_MIN_MS = 50,
    RECONNECT_MAX_MS = 1000,
    RESEND_MS = 2 * ENVELOPE_TIME_LEFT_MAX_MS,
    POSTS_MAX = 1024,
    POST_PATIENCE_S = 1,
    POSTED_BYTES_MAX = 64 << 20, /* what may wait in memory for a service that is away */
};

enum exchange_state { EXCHANGE_SENDING, EXCHANGE_RECEIVING };

struct exchange {
    struct message_client *client;
    struct exchange *next; /* in the client's list of idle ones */
    nng_ctx context;
    nng_aio *aio;
    unsigned char id[ENVELOPE_ID_BYTES];
    enum message_tag tag;
    int64_t until_ms; /* clock_monotonic_ms() */
    size_t size_bytes;
    bool is_post;
    enum exchange_state state; /* of whoever has the exchange: who starts it, then nng's thread */
    bool was_sent;
    int failure;     /* of nng; 0: `answer` is there */
    nng_msg *answer; /* owned */
    bool is_done;    /* under the client's mutex */
    pthread_cond_t done;
};

struct message_client {
    char *address;
    char *service_key;
    nng_socket socket;

    pthread_mutex_t mutex;
    pthread_cond_t post_done;
    struct exchange *idle;
    int posts;
    size_t posted_bytes;
};

/* ---- An exchange's life ---- */

static struct exchange *take_exchange(struct message_client *client) {
    pthread_mutex_lock(&client->mutex);
    struct exchange *exchange = client->idle;
    if (exchange) client->idle = exchange->next;
    pthread_mutex_unlock(&client->mutex);
    return exchange;
}

static void exchange_went_on(void *argument);

static struct exchange *create_exchange(struct message_client *client) {
    struct exchange *exchange = memory_alloc(sizeof *exchange);
    exchange->client = client;
    pthread_cond_init(&exchange->done, NULL);
    if (nng_aio_alloc(&exchange->aio, exchange_went_on, exchange) != 0) abort(); /* out of memory */
    if (nng_ctx_open(&exchange->context, client->socket) != 0) abort();
    return exchange;
}

static void free_exchange(struct exchange *exchange) {
    nng_aio_free(exchange->aio);
    nng_ctx_close(exchange->context);
    pthread_cond_destroy(&exchange->done);
    free(exchange);
}

static void put_back(struct exchange *exchange) {
    struct message_client *client = exchange->client;
    nng_msg_free(exchange->answer);
    exchange->answer = NULL;
    pthread_mutex_lock(&client->mutex);
    exchange->next = client->idle;
    client->idle = exchange;
    if (exchange->is_post) {
        client->posts--;
        client->posted_bytes -= exchange->size_bytes;
        pthread_cond_signal(&client->post_done);
    }
    pthread_mutex_unlock(&client->mutex);
}

static int left_ms(const struct exchange *exchange) {
    int64_t left = exchange->until_ms - clock_monotonic_ms();
    return left > 1 ? (int)left : 1;
}

static void log_post(const struct exchange *exchange) {
    const char *outcome = !exchange->failure ? "answered" : exchange->was_sent ? "not answered" : "not delivered";
    log_line(LOG_DEBUG, "message posted", "address=%s message=%s outcome=\"%s\"", exchange->client->address,
             message_name(exchange->tag), outcome);
}

static void finish_exchange(struct exchange *exchange, int failure) {
    exchange->failure = failure;
    if (exchange->is_post) {
        log_post(exchange);
        put_back(exchange);
        return;
    }
    pthread_mutex_lock(&exchange->client->mutex);
    exchange->is_done = true;
    pthread_cond_signal(&exchange->done);
    pthread_mutex_unlock(&exchange->client->mutex);
}

static void exchange_went_on(void *argument) {
    struct exchange *exchange = argument;
    int failure = nng_aio_result(exchange->aio);
    if (exchange->state == EXCHANGE_SENDING) {
        if (failure) {
            nng_msg_free(nng_aio_get_msg(exchange->aio));
            finish_exchange(exchange, failure);
            return;
        }
        exchange->was_sent = true;
        exchange->state = EXCHANGE_RECEIVING;
        nng_aio_set_timeout(exchange->aio, left_ms(exchange));
        nng_ctx_recv(exchange->context, exchange->aio);
        return;
    }
    if (!failure) exchange->answer = nng_aio_get_msg(exchange->aio);
    finish_exchange(exchange, failure);
}

static void start_exchange(struct exchange *exchange, const struct text *bytes, int timeout_ms) {
    nng_msg *message = NULL;
    if (nng_msg_alloc(&message, 0) != 0 || nng_msg_append(message, bytes->bytes, bytes->length) != 0) abort();
    exchange->until_ms = clock_monotonic_ms() + timeout_ms;
    exchange->state = EXCHANGE_SENDING;
    exchange->was_sent = false;
    exchange->is_done = false;
    exchange->failure = 0;
    nng_aio_set_msg(exchange->aio, message);
    nng_aio_set_timeout(exchange->aio, left_ms(exchange));
    nng_ctx_send(exchange->context, exchange->aio);
}

static enum status pack_request(struct message_client *client, const struct message *request, int timeout_ms,
                                unsigned char id[ENVELOPE_ID_BYTES], struct text *out, struct error *err) {
    struct envelope envelope = {.time_left_ms = timeout_ms, .time_sent_ms = clock_now_ms(), .message = *request};
    hash_random_bytes(id, ENVELOPE_ID_BYTES);
    memcpy(envelope.id, id, sizeof envelope.id);
    return envelope_pack(&envelope, client->service_key, out, err);
}

static int bound_timeout(int timeout_ms) {
    if (timeout_ms < 1) return 1;
    return timeout_ms < ENVELOPE_TIME_LEFT_MAX_MS ? timeout_ms : ENVELOPE_TIME_LEFT_MAX_MS;
}

/* ---- Calls ---- */

/* A status that the other side claims to have met: one of ours, and a failure. */
static enum status failure_status(int64_t number) {
    return number > STATUS_OK && number <= STATUS_INTERNAL ? (enum status)number : STATUS_INTERNAL;
}

static enum status read_answer(const struct exchange *exchange, struct arena *arena, struct message *answer,
                               struct error *err) {
    const struct message_client *client = exchange->client;
    struct envelope envelope;
    bool is_from_peer = false;
    enum status status = envelope_unpack(nng_msg_body(exchange->answer), nng_msg_len(exchange->answer), client->service_key,
                                         clock_now_ms(), arena, &envelope, &is_from_peer, err);
    if (!status && (!envelope.is_answer || memcmp(envelope.id, exchange->id, sizeof envelope.id) != 0))
        status = error_set(err, STATUS_UNAUTHORIZED, "it is not the answer to what was asked");
    if (status) {
        error_prefix(err, "What came from %s is not to be believed", client->address);
        return STATUS_UNAVAILABLE;
    }
    *answer = envelope.message;
    if (answer->tag != MESSAGE_failure) return STATUS_OK;
    const struct message_failure *failure = &answer->failure;
    return error_set_at(err, failure_status(failure->status), failure->path ? failure->path : "", "%s",
                        failure->text ? failure->text : "");
}

static enum status describe_failure(const struct exchange *exchange, int timeout_ms, struct error *err) {
    const char *address = exchange->client->address, *name = message_name(exchange->tag);
    if (exchange->failure != NNG_ETIMEDOUT)
        return error_set(err, STATUS_UNAVAILABLE, "The message \"%s\" could not be sent to %s: %s.", name, address,
                         nng_strerror(exchange->failure));
    if (!exchange->was_sent)
        return error_set(err, STATUS_UNAVAILABLE, "Nobody took the message \"%s\" at %s within %d ms.", name, address,
                         timeout_ms);
    return error_set(err, STATUS_TIMEOUT, "The message \"%s\" to %s was not answered within %d ms.", name, address, timeout_ms);
}

enum status message_client_call(struct message_client *client, const struct message *request, int timeout_ms,
                                struct arena *arena, struct message *answer, struct error *err) {
    timeout_ms = bound_timeout(timeout_ms);
    unsigned char id[ENVELOPE_ID_BYTES];
    struct text bytes = {0};
    enum status status = pack_request(client, request, timeout_ms, id, &bytes, err);
    if (!status) {
        struct exchange *exchange = take_exchange(client);
        if (!exchange) exchange = create_exchange(client);
        exchange->is_post = false;
        exchange->tag = request->tag;
        memcpy(exchange->id, id, sizeof id);
        start_exchange(exchange, &bytes, timeout_ms);

        pthread_mutex_lock(&client->mutex);
        while (!exchange->is_done)
            pthread_cond_wait(&exchange->done, &client->mutex);
        pthread_mutex_unlock(&client->mutex);
        status = exchange->failure ? describe_failure(exchange, timeout_ms, err) : read_answer(exchange, arena, answer, err);
        put_back(exchange);
    }
    text_release(&bytes);
    return status;
}

/* ---- Posts ---- */

static bool reserve_post(struct message_client *client, size_t size_bytes) {
    pthread_mutex_lock(&client->mutex);
    bool there_is_room = client->posts < POSTS_MAX && size_bytes <= POSTED_BYTES_MAX - client->posted_bytes;
    if (there_is_room) {
        client->posts++;
        client->posted_bytes += size_bytes;
    }
    pthread_mutex_unlock(&client->mutex);
    return there_is_room;
}

void message_client_post(struct message_client *client, const struct message *request, int timeout_ms) {
    timeout_ms = bound_timeout(timeout_ms);
    unsigned char id[ENVELOPE_ID_BYTES];
    struct text bytes = {0};
    struct error err;
    if (pack_request(client, request, timeout_ms, id, &bytes, &err)) {
        log_line(LOG_WARN, "message cannot be posted", "address=%s message=%s reason=\"%s\"", client->address,
                 message_name(request->tag), err.message);
    } else if (!reserve_post(client, bytes.length)) {
        log_line(LOG_DEBUG, "message dropped", "address=%s message=%s reason=\"too many in flight\"", client->address,
                 message_name(request->tag));
    } else {
        struct exchange *exchange = take_exchange(client);
        if (!exchange) exchange = create_exchange(client);
        exchange->is_post = true;
        exchange->tag = request->tag;
        exchange->size_bytes = bytes.length;
        start_exchange(exchange, &bytes, timeout_ms);
    }
    text_release(&bytes);
}

/* ---- Beginning and end ---- */

static int open_socket(struct message_client *client) {
    int failure = nng_req0_open(&client->socket);
    if (failure) return failure;
    nng_dialer dialer;
    failure = nng_socket_set_ms(client->socket, NNG_OPT_REQ_RESENDTIME, RESEND_MS);
    if (!failure) failure = nng_dialer_create(&dialer, client->socket, client->address);
    if (!failure) failure = nng_dialer_set_ms(dialer, NNG_OPT_RECONNMINT, RECONNECT_MIN_MS);
    if (!failure) failure = nng_dialer_set_ms(dialer, NNG_OPT_RECONNMAXT, RECONNECT_MAX_MS);
    if (!failure) failure = nng_dialer_set_size(dialer, NNG_OPT_RECVMAXSZ, ENVELOPE_BYTES_MAX);
    if (!failure) failure = nng_dialer_start(dialer, NNG_FLAG_NONBLOCK);
    if (failure) nng_close(client->socket);
    return failure;
}

enum status message_client_create(struct message_client **out, const char *address, const char *service_key,
                                  struct error *err) {
    enum status status = service_address_check(address, service_key, err);
    if (status) return status;
    struct message_client *client = memory_alloc(sizeof *client);
    client->address = memory_copy_text(address);
    client->service_key = service_key ? memory_copy_text(service_key) : NULL;
    int failure = open_socket(client);
    if (failure) {
        status = error_set(err, STATUS_INVALID, "The address \"%s\" cannot be used: %s.", address, nng_strerror(failure));
        free(client->service_key);
        free(client->address);
        free(client);
        return status;
    }
    pthread_mutex_init(&client->mutex, NULL);
    pthread_cond_init(&client->post_done, NULL);
    *out = client;
    return STATUS_OK;
}

/* Posts that were just made may still get through. */
static void await_posts(struct message_client *client, int patience_s) {
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += patience_s;
    int failure = 0;
    pthread_mutex_lock(&client->mutex);
    while (client->posts > 0 && failure == 0)
        failure = pthread_cond_timedwait(&client->post_done, &client->mutex, &until);
    pthread_mutex_unlock(&client->mutex);
}

void message_client_free(struct message_client *client) {
    if (!client) return;
    await_posts(client, POST_PATIENCE_S);
    if (!socket_close(client->socket)) return; /* else what was in flight has failed now */
    pthread_mutex_lock(&client->mutex);
    while (client->posts > 0)
        pthread_cond_wait(&client->post_done, &client->mutex);
    pthread_mutex_unlock(&client->mutex);
    for (struct exchange *next; client->idle; client->idle = next) {
        next = client->idle->next;
        free_exchange(client->idle);
    }
    pthread_cond_destroy(&client->post_done);
    pthread_mutex_destroy(&client->mutex);
    free(client->service_key);
    free(client->address);
    free(client);
}
