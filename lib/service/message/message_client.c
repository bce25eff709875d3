/* SPDX-License-Identifier: BSD-3-Clause
 *
 * A connection pool. Each `struct client_connection` (message_connection.c) is an nng REQ socket with one connection, and at
 * most one request in flight on it:
 *
 *     call or post ──► SENDING ──sent──► RECEIVING ──answer──► done
 *                         └──── its timeout, in either state ────► failed
 *
 * Callbacks on nng's threads drive it. A call waits for its connection to be done; a post's connection takes the next queued
 * post, or becomes idle. While the peer is unreachable, a request stays in SENDING and is withdrawn from nng at its timeout: it
 * is never delivered later. A delivered request is resent only if its connection breaks, since the resend time is beyond every
 * timeout.
 *
 * Why not one socket with a context for each request: in nng 1.5, if a write fails on a connection (the peer was killed) while
 * an answer is half read, that connection is never closed, nor is any other of the process after it, so nothing reconnects.
 * With one request at a time nothing is being read during a write.
 *
 * Another bug of nng 1.5, a dialer that never retries if the peer is killed while a connection to it is being made, is
 * prevented by broken_pipe.h. Even so, a connection whose request could not be sent in time gets a new dialer before its next
 * request. So does a connection with two consecutive unanswered requests: if the network was cut, TCP retries the old
 * connection only after minutes. (Not after one: the answer may arrive just then, and nng must not close a connection that is
 * being read, see socket_closing.h.)
 */
#include "lib/service/message/message_client.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "lib/base/clock.h"
#include "lib/base/condition.h"
#include "lib/base/hash.h"
#include "lib/base/log.h"
#include "lib/base/memory.h"
#include "lib/service/message/broken_pipe.h"
#include "lib/service/message/message_client_parts.h"
#include "lib/service/message/socket_closing.h"

enum {
    REQUESTS = 16,
    POSTS_MAX = 1024,
    POSTED_BYTES_MAX = 64 << 20, /* limit of posts in memory for a service that is unreachable */
    POST_PATIENCE_MS = 1000,     /* limit of the wait in message_client_free() */
};

/* ---- Packed requests ---- */

static int bound_timeout(int timeout_ms) {
    if (timeout_ms < 1) return 1;
    return timeout_ms < ENVELOPE_TIME_LEFT_MAX_MS ? timeout_ms : ENVELOPE_TIME_LEFT_MAX_MS;
}

enum status message_client_pack(struct message_client *client, const struct message *request, int timeout_ms,
                                struct packed_request *out, struct error *err) {
    struct envelope envelope = {.time_left_ms = timeout_ms, .time_sent_ms = clock_now_ms(), .message = *request};
    *out = (struct packed_request){.tag = request->tag, .until_ms = clock_monotonic_ms() + timeout_ms};
    hash_random_bytes(out->id, sizeof out->id);
    memcpy(envelope.id, out->id, sizeof envelope.id);
    return envelope_pack(&envelope, client->service_key, &out->bytes, err);
}

void message_post_drop(struct message_client *client, struct packed_request *post, const char *outcome) {
    log_line(LOG_DEBUG, "message_posted", log_field("address", client->address), log_field("message", message_name(post->tag)),
             log_field("outcome", outcome));
    client->posts--;
    client->posted_bytes -= post->bytes.length;
    pthread_cond_signal(&client->post_done);
    text_release(&post->bytes);
    free(post);
}

static struct packed_request *take_post(struct message_client *client) {
    return QUEUE_ITEM(queue_take(&client->posts_waiting), struct packed_request, link);
}

struct packed_request *message_post_take_waiting(struct message_client *client) {
    for (struct packed_request *post; (post = take_post(client));) {
        if (clock_monotonic_ms() < post->until_ms) return post;
        message_post_drop(client, post, "not delivered");
    }
    return NULL;
}

/* ---- Calls ---- */

/* An idle connection, a new one if the pool may grow, or NULL; with the client's mutex held. */
static struct client_connection *take_connection(struct message_client *client) {
    struct client_connection *connection = QUEUE_ITEM(queue_take(&client->idle), struct client_connection, link);
    int failure = 0;
    if (!connection && client->connection_count < client->connections_max &&
        (connection = message_connection_create(client, &failure)))
        client->connections[client->connection_count++] = connection;
    return connection;
}

/* False: timed out. With the client's mutex held. */
static bool wait_until(struct message_client *client, pthread_cond_t *condition, int64_t until_ms) {
    return condition_wait_until(condition, &client->mutex, until_ms);
}

static struct client_connection *wait_for_connection(struct message_client *client, int64_t until_ms) {
    pthread_mutex_lock(&client->mutex);
    struct client_connection *connection = take_connection(client);
    client->callers_waiting++;
    while (!connection && wait_until(client, &client->connection_idle, until_ms))
        connection = take_connection(client);
    client->callers_waiting--;
    pthread_mutex_unlock(&client->mutex);
    return connection;
}

static void wait_for_answer(struct client_connection *connection) {
    pthread_mutex_lock(&connection->client->mutex);
    while (!connection->is_done)
        pthread_cond_wait(&connection->done, &connection->client->mutex);
    pthread_mutex_unlock(&connection->client->mutex);
}

/* The status in a `failure` message; STATUS_INTERNAL for a number that is no failure's. */
static enum status failure_status(int64_t number) {
    return number > STATUS_OK && number <= STATUS_INTERNAL ? (enum status)number : STATUS_INTERNAL;
}

static enum status read_answer(const struct client_connection *connection, struct arena *arena, struct message *answer,
                               struct error *err) {
    const struct message_client *client = connection->client;
    struct envelope envelope;
    bool is_from_peer = false;
    enum status status = envelope_unpack(nng_msg_body(connection->answer), nng_msg_len(connection->answer), client->service_key,
                                         clock_now_ms(), arena, &envelope, &is_from_peer, err);
    if (!status && (!envelope.is_answer || memcmp(envelope.id, connection->packed->id, sizeof envelope.id) != 0))
        status = error_set(err, STATUS_UNAUTHORIZED, "It is the reply to another request.");
    if (!status && message_sender(envelope.message.tag) != MESSAGE_SENDER_ANSWER)
        status = error_set(err, STATUS_INVALID, "A \"%s\" message is not a reply.", message_name(envelope.message.tag));
    if (status)
        return error_set(err, STATUS_UNAVAILABLE, "The reply from %s was rejected: %s", client->address,
                         err ? err->message : "");
    *answer = envelope.message;
    if (answer->tag != MESSAGE_failure) return STATUS_OK;
    const struct message_failure *failure = &answer->failure;
    return error_set_at(err, failure_status(failure->status), failure->path ? failure->path : "", "%s",
                        failure->text ? failure->text : "");
}

/* Names the settings that must match, because a server never answers an unauthenticated client. */
static enum status describe_failure(const struct message_client *client, const struct client_connection *connection,
                                    const char *name, int timeout_ms, struct error *err) {
    const struct peers_settings *settings = peers_settings(client->peers);
    if (!connection || (connection->failure == NNG_ETIMEDOUT && !connection->was_sent))
        return error_set(err, STATUS_UNAVAILABLE, "The message \"%s\" was not delivered to %s within %d ms%s%s.", name,
                         client->address, timeout_ms,
                         client->tls ? ". Check that its certificate is signed by the authority in " : "",
                         client->tls ? settings->authority : "");
    if (connection->failure == NNG_ETIMEDOUT)
        return error_set(
            err, STATUS_TIMEOUT,
            "The message \"%s\" to %s timed out after %d ms. If the service is up, check that %s is the same on both sides.",
            name, client->address, timeout_ms, settings->key);
    return error_set(err, STATUS_UNAVAILABLE, "The message \"%s\" could not be sent to %s: %s.", name, client->address,
                     nng_strerror(connection->failure));
}

enum status message_client_call(struct message_client *client, const struct message *request, int timeout_ms,
                                struct arena *arena, struct message *answer, struct error *err) {
    timeout_ms = bound_timeout(timeout_ms);
    struct packed_request packed;
    enum status status = message_client_pack(client, request, timeout_ms, &packed, err);
    if (!status) {
        struct client_connection *connection = wait_for_connection(client, packed.until_ms);
        if (connection) {
            message_connection_mend(connection);
            message_connection_start(connection, &packed);
            wait_for_answer(connection);
        }
        if (!connection || connection->failure)
            status = describe_failure(client, connection, message_name(request->tag), timeout_ms, err);
        else
            status = read_answer(connection, arena, answer, err);
        if (connection) message_connection_pass_on(connection);
    }
    text_release(&packed.bytes);
    return status;
}

enum status message_client_ask(struct message_client *client, const struct message *request, enum message_tag expected,
                               int timeout_ms, struct arena *arena, struct message *answer, struct error *err) {
    enum status status = message_client_call(client, request, timeout_ms, arena, answer, err);
    if (status || answer->tag == expected) return status;
    return error_set(err, STATUS_INTERNAL,
                     "Unexpected answer: %s sent \"%s\" where \"%s\" was asked. Are all programs of one release?",
                     client->address, message_name(answer->tag), message_name(request->tag));
}

/* ---- Posts ---- */

/* Gives the post to a connection, or queues it until one is free. */
static void send_post(struct message_client *client, struct packed_request *post) {
    pthread_mutex_lock(&client->mutex);
    struct client_connection *connection = NULL;
    bool is_taken = client->posts < POSTS_MAX && post->bytes.length <= POSTED_BYTES_MAX - client->posted_bytes;
    client->posts++;
    client->posted_bytes += post->bytes.length;
    if (!is_taken) {
        message_post_drop(client, post, "too many in flight");
    } else if (!(connection = take_connection(client))) {
        queue_add(&client->posts_waiting, &post->link);
    }
    pthread_mutex_unlock(&client->mutex);
    if (!connection) return;
    message_connection_mend(connection);
    message_connection_start(connection, post);
}

void message_client_post(struct message_client *client, const struct message *request, int timeout_ms) {
    struct packed_request *post = memory_alloc(sizeof *post);
    struct error err;
    if (message_client_pack(client, request, bound_timeout(timeout_ms), post, &err)) {
        log_line(LOG_WARN, "message_post_failed", log_field("address", client->address),
                 log_field("message", message_name(request->tag)), log_field("reason", err.message));
        free(post);
        return;
    }
    post->is_post = true;
    send_post(client, post);
}

/* ---- Beginning and end ---- */

static void init_locks(struct message_client *client) {
    pthread_mutex_init(&client->mutex, NULL);
    condition_init(&client->connection_idle);
    condition_init(&client->post_done);
}

static void release_client(struct message_client *client) {
    pthread_cond_destroy(&client->post_done);
    pthread_cond_destroy(&client->connection_idle);
    pthread_mutex_destroy(&client->mutex);
    if (client->tls) nng_tls_config_free(client->tls);
    free(client->connections);
    free(client->service_key);
    free(client->address);
    free(client);
}

static struct message_client *make_client(const struct message_client_options *options, nng_tls_config *tls) {
    assert(options->requests >= 0);
    struct message_client *client = memory_alloc(sizeof *client);
    client->address = memory_copy_text(options->address);
    client->service_key = options->service_key ? memory_copy_text(options->service_key) : NULL;
    client->peers = options->peers;
    client->tls = tls;
    client->connections_max = options->requests > 0 ? options->requests : REQUESTS;
    client->connections = memory_alloc((size_t)client->connections_max * sizeof(struct client_connection *));
    init_locks(client);
    return client;
}

enum status message_client_create(struct message_client **out, const struct message_client_options *options,
                                  struct error *err) {
    nng_tls_config *tls = NULL;
    broken_pipe_check();
    enum status status = service_address_check(options->address, options->peers, options->service_key, err);
    if (!status) status = message_tls_for_client(&tls, options->address, options->peers, options->authority, err);
    if (status) return status;
    struct message_client *client = make_client(options, tls);
    int failure = 0;
    pthread_mutex_lock(&client->mutex);                                   /* greet() may run on nng's thread at once */
    client->connections[0] = message_connection_create(client, &failure); /* reports a bad address, and begins to connect */
    if (!failure) queue_put_back(&client->idle, &client->connections[client->connection_count++]->link);
    pthread_mutex_unlock(&client->mutex);
    if (failure) {
        release_client(client);
        return error_set(err, STATUS_INVALID, "The address \"%s\" cannot be used: %s.", options->address,
                         nng_strerror(failure));
    }
    *out = client;
    return STATUS_OK;
}

/* Gives posts a moment to get through, then drops those that still wait for a connection. */
static void await_posts(struct message_client *client) {
    int64_t until_ms = clock_monotonic_ms() + POST_PATIENCE_MS;
    pthread_mutex_lock(&client->mutex);
    while (client->posts > 0 && wait_until(client, &client->post_done, until_ms)) {
    }
    for (struct packed_request *post; (post = take_post(client));)
        message_post_drop(client, post, "not delivered");
    client->is_closing = true;
    pthread_mutex_unlock(&client->mutex);
}

void message_client_free(struct message_client *client) {
    if (!client) return;
    await_posts(client);
    for (int i = 0; i < client->connection_count; i++)
        message_connection_stop(client->connections[i]);
    for (int i = 0; i < client->connection_count; i++)
        if (!socket_close(client->connections[i]->socket, client)) return;
    for (int i = 0; i < client->connection_count; i++) {
        pthread_cond_destroy(&client->connections[i]->done);
        free(client->connections[i]);
    }
    release_client(client);
}
