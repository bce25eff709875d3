/* SPDX-License-Identifier: BSD-3-Clause
 *
 * A few lines, each an nng REQ socket with one connection, and at most one request in flight on it:
 *
 *     call or post ──► SENDING ──sent──► RECEIVING ──answer──► done
 *                         └──── its time-out, whichever comes first ────► failed
 *
 * nng's threads call line_went_on() between. A call waits for its line to be done; a post's line takes the next post that
 * waits, or becomes idle. While the other side is away a request waits in SENDING and is taken out of nng when its time is
 * over: it is never delivered later. One that was delivered is sent again only when its connection breaks, since the resend
 * time is beyond every time-out.
 *
 * Why not one socket with a context for each request: in nng 1.5, where a write fails on a connection (the other side was
 * killed) while an answer is half read, the connection is never taken down, and no connection of the whole process after it, so
 * that nothing connects again. With one request at a time nothing is being read when something is written.
 *
 * Another fault of it, a dialer that never tries again where the other side is killed while a connection to it is being made,
 * is prevented by broken_pipe.h. A line whose request nobody took gets a new dialer before its next one all the same. And so
 * does one of which two requests in a row were not answered: the network may have been cut off, and then TCP tries the old
 * connection again after minutes only. (Not after one: the answer may come in just then, and nng must not close a connection
 * that is being read, see socket_closing.h.)
 */
#include "lib/service/message_client.h"

#include <assert.h>
#include <nng/nng.h>
#include <nng/protocol/reqrep0/req.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "lib/base/clock.h"
#include "lib/base/condition.h"
#include "lib/base/hash.h"
#include "lib/base/log.h"
#include "lib/base/memory.h"
#include "lib/base/text.h"
#include "lib/service/broken_pipe.h"
#include "lib/service/message_tls.h"
#include "lib/service/socket_closing.h"
#include "proto/envelope.h"

enum {
    REQUESTS = 16,
    RECONNECT_MIN_MS = 50,
    RECONNECT_MAX_MS = 1000,
    RESEND_MS = 2 * ENVELOPE_TIME_LEFT_MAX_MS,
    POSTS_MAX = 1024,
    POSTED_BYTES_MAX = 64 << 20, /* what may wait in memory for a service that is away */
    UNANSWERED_MAX = 2,
    POST_PATIENCE_MS = 1000, /* of message_client_free() */
    GREETING_MS = 2000,
};

/* A packed request. */
struct parcel {
    struct parcel *next; /* in the queue of posts */
    struct text bytes;
    unsigned char id[ENVELOPE_ID_BYTES];
    enum message_tag tag;
    int64_t until_ms; /* clock_monotonic_ms() */
    bool is_post;
};

enum line_state { LINE_SENDING, LINE_RECEIVING };

struct line {
    struct message_client *client;
    struct line *next; /* in the list of idle ones */
    nng_socket socket;
    nng_dialer dialer;
    bool
        is_in_doubt; /* the dialer may have given up, or the connection leads nowhere; of whoever has the line, like the next */
    int unanswered;  /* requests in a row */
    nng_aio *aio;
    struct parcel *parcel; /* on its way, else NULL; the caller's, or a post that the line frees */
    enum line_state state; /* of whoever has the line: who starts it, then nng's thread */
    bool was_sent;
    int failure;     /* of nng; 0: `answer` is there */
    nng_msg *answer; /* owned */
    bool is_done;    /* under the client's mutex */
    pthread_cond_t done;
};

struct message_client {
    char *address;
    char *service_key;
    enum message_peers peers;
    nng_tls_config *tls; /* NULL: without */

    pthread_mutex_t mutex;
    pthread_cond_t line_idle;
    pthread_cond_t post_done;
    struct line **lines; /* of `lines_max`, as many as were needed at once so far */
    int lines_max;
    int line_count;
    struct line *idle;
    int callers_waiting; /* they go before posts */
    struct parcel *waiting_first;
    struct parcel *waiting_last;
    int posts; /* waiting and on their way */
    size_t posted_bytes;
    bool is_closing; /* no line starts by itself any more */
};

/* ---- Parcels ---- */

static int bound_timeout(int timeout_ms) {
    if (timeout_ms < 1) return 1;
    return timeout_ms < ENVELOPE_TIME_LEFT_MAX_MS ? timeout_ms : ENVELOPE_TIME_LEFT_MAX_MS;
}

static enum status pack_parcel(struct message_client *client, const struct message *request, int timeout_ms, struct parcel *out,
                               struct error *err) {
    struct envelope envelope = {.time_left_ms = timeout_ms, .time_sent_ms = clock_now_ms(), .message = *request};
    *out = (struct parcel){.tag = request->tag, .until_ms = clock_monotonic_ms() + timeout_ms};
    hash_random_bytes(out->id, sizeof out->id);
    memcpy(envelope.id, out->id, sizeof envelope.id);
    return envelope_pack(&envelope, client->service_key, &out->bytes, err);
}

static int left_ms(const struct parcel *parcel) {
    int64_t left = parcel->until_ms - clock_monotonic_ms();
    return left > 1 ? (int)left : 1;
}

/* Ends a post, with the client's mutex held. */
static void drop_post(struct message_client *client, struct parcel *post, const char *outcome) {
    log_line(LOG_DEBUG, "message posted", log_field("address", client->address), log_field("message", message_name(post->tag)),
             log_field("outcome", outcome));
    client->posts--;
    client->posted_bytes -= post->bytes.length;
    pthread_cond_signal(&client->post_done);
    text_release(&post->bytes);
    free(post);
}

/* The next post whose time is not over, or NULL; with the client's mutex held. */
static struct parcel *take_waiting(struct message_client *client) {
    for (struct parcel *post; (post = client->waiting_first);) {
        client->waiting_first = post->next;
        if (!post->next) client->waiting_last = NULL;
        if (clock_monotonic_ms() < post->until_ms) return post;
        drop_post(client, post, "not delivered");
    }
    return NULL;
}

/* ---- A line's round ---- */

static void line_went_on(void *argument);
static void greet(nng_pipe pipe, nng_pipe_ev event, void *argument);

static int start_dialer(struct line *line) {
    int failure = nng_dialer_create(&line->dialer, line->socket, line->client->address);
    if (!failure) failure = nng_dialer_set_ms(line->dialer, NNG_OPT_RECONNMINT, RECONNECT_MIN_MS);
    if (!failure) failure = nng_dialer_set_ms(line->dialer, NNG_OPT_RECONNMAXT, RECONNECT_MAX_MS);
    if (!failure) failure = nng_dialer_set_size(line->dialer, NNG_OPT_RECVMAXSZ, ENVELOPE_BYTES_MAX);
    if (!failure && line->client->tls) failure = nng_dialer_set_ptr(line->dialer, NNG_OPT_TLS_CONFIG, line->client->tls);
    if (!failure) failure = nng_dialer_start(line->dialer, NNG_FLAG_NONBLOCK);
    return failure;
}

/* NULL, with nng's failure, where the socket cannot be made. */
static struct line *create_line(struct message_client *client, int *failure) {
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

/* An idle line, a new one while there may be more, or NULL; with the client's mutex held. */
static struct line *take_line(struct message_client *client) {
    struct line *line = client->idle;
    int failure = 0;
    if (line) {
        client->idle = line->next;
    } else if (client->line_count < client->lines_max && (line = create_line(client, &failure))) {
        client->lines[client->line_count++] = line;
    }
    return line;
}

/* Not to be called from nng's threads. */
static void mend_line(struct line *line) {
    if (!line->is_in_doubt) return;
    line->is_in_doubt = false;
    line->unanswered = 0;
    nng_dialer_close(line->dialer);
    int failure = start_dialer(line);
    if (failure)
        log_line(LOG_ERROR, "cannot connect again", log_field("address", line->client->address),
                 log_field("reason", nng_strerror(failure)));
}

static void start_line(struct line *line, struct parcel *parcel) {
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

/* The line's request is over: it takes the next post, or becomes idle. */
static void free_line(struct line *line) {
    struct message_client *client = line->client;
    nng_msg_free(line->answer);
    line->answer = NULL;
    line->parcel = NULL;
    pthread_mutex_lock(&client->mutex);
    struct parcel *post = client->callers_waiting == 0 ? take_waiting(client) : NULL;
    if (!post) {
        line->next = client->idle;
        client->idle = line;
        pthread_cond_signal(&client->line_idle);
    }
    pthread_mutex_unlock(&client->mutex);
    if (post) start_line(line, post);
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
    drop_post(client, line->parcel, !failure ? "answered" : line->was_sent ? "not answered" : "not delivered");
    pthread_mutex_unlock(&client->mutex);
    free_line(line);
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

/* ---- Greetings ---- */

/* Takes the line out of the idle ones. False: it has a request, which proves the key, too. With the client's mutex held. */
static bool take_if_idle(struct line *line) {
    struct line **link = &line->client->idle;
    while (*link && *link != line)
        link = &(*link)->next;
    if (!*link) return false;
    *link = line->next;
    return true;
}

/* nng calls it when the line has connected. Servers close connections that do not prove the key, so an idle line sends a
 * greeting.
 */
static void greet(nng_pipe pipe, nng_pipe_ev event, void *argument) {
    struct line *line = argument;
    struct message_client *client = line->client;
    struct parcel *greeting = memory_alloc(sizeof *greeting);
    (void)pipe, (void)event;
    if (pack_parcel(client, &(struct message){.tag = MESSAGE_greeting}, GREETING_MS, greeting, NULL)) abort();
    greeting->is_post = true;
    pthread_mutex_lock(&client->mutex);
    bool is_started = !client->is_closing && take_if_idle(line);
    if (is_started) {
        client->posts++;
        client->posted_bytes += greeting->bytes.length;
        start_line(line, greeting); /* before the mutex is let go: nothing starts once the client is closing */
    }
    pthread_mutex_unlock(&client->mutex);
    if (!is_started) {
        text_release(&greeting->bytes);
        free(greeting);
    }
}

/* ---- Calls ---- */

/* False: the time is over. With the client's mutex held. */
static bool wait_until(struct message_client *client, pthread_cond_t *condition, int64_t until_ms) {
    return condition_wait_until(condition, &client->mutex, until_ms);
}

static struct line *wait_for_line(struct message_client *client, int64_t until_ms) {
    pthread_mutex_lock(&client->mutex);
    struct line *line = take_line(client);
    client->callers_waiting++;
    while (!line && wait_until(client, &client->line_idle, until_ms))
        line = take_line(client);
    client->callers_waiting--;
    pthread_mutex_unlock(&client->mutex);
    return line;
}

static void wait_for_answer(struct line *line) {
    pthread_mutex_lock(&line->client->mutex);
    while (!line->is_done)
        pthread_cond_wait(&line->done, &line->client->mutex);
    pthread_mutex_unlock(&line->client->mutex);
}

/* A status that the other side claims to have met: one of ours, and a failure. */
static enum status failure_status(int64_t number) {
    return number > STATUS_OK && number <= STATUS_INTERNAL ? (enum status)number : STATUS_INTERNAL;
}

static enum status read_answer(const struct line *line, struct arena *arena, struct message *answer, struct error *err) {
    const struct message_client *client = line->client;
    struct envelope envelope;
    bool is_from_peer = false;
    enum status status = envelope_unpack(nng_msg_body(line->answer), nng_msg_len(line->answer), client->service_key,
                                         clock_now_ms(), arena, &envelope, &is_from_peer, err);
    if (!status && (!envelope.is_answer || memcmp(envelope.id, line->parcel->id, sizeof envelope.id) != 0))
        status = error_set(err, STATUS_UNAUTHORIZED, "It is not the answer to what was asked.");
    if (!status && message_sender(envelope.message.tag) != MESSAGE_SENDER_ANSWER)
        status = error_set(err, STATUS_INVALID, "A \"%s\" message is no answer.", message_name(envelope.message.tag));
    if (status)
        return error_set(err, STATUS_UNAVAILABLE, "What came from %s is not to be believed: %s", client->address,
                         err ? err->message : "");
    *answer = envelope.message;
    if (answer->tag != MESSAGE_failure) return STATUS_OK;
    const struct message_failure *failure = &answer->failure;
    return error_set_at(err, failure_status(failure->status), failure->path ? failure->path : "", "%s",
                        failure->text ? failure->text : "");
}

/* The settings that the other side has to agree with are named: it does not say what it thought of a stranger. */
static enum status describe_failure(const struct message_client *client, const struct line *line, const char *name,
                                    int timeout_ms, struct error *err) {
    const struct peers_settings *settings = peers_settings(client->peers);
    if (!line || (line->failure == NNG_ETIMEDOUT && !line->was_sent))
        return error_set(err, STATUS_UNAVAILABLE, "Nobody took the message \"%s\" at %s within %d ms%s%s.", name,
                         client->address, timeout_ms, client->tls ? ", or its certificate is not one for " : "",
                         client->tls ? settings->authority : "");
    if (line->failure == NNG_ETIMEDOUT)
        return error_set(err, STATUS_TIMEOUT,
                         "The message \"%s\" to %s was not answered within %d ms (to a wrong %s there is no answer).", name,
                         client->address, timeout_ms, settings->key);
    return error_set(err, STATUS_UNAVAILABLE, "The message \"%s\" could not be sent to %s: %s.", name, client->address,
                     nng_strerror(line->failure));
}

enum status message_client_call(struct message_client *client, const struct message *request, int timeout_ms,
                                struct arena *arena, struct message *answer, struct error *err) {
    timeout_ms = bound_timeout(timeout_ms);
    struct parcel parcel;
    enum status status = pack_parcel(client, request, timeout_ms, &parcel, err);
    if (!status) {
        struct line *line = wait_for_line(client, parcel.until_ms);
        if (line) {
            mend_line(line);
            start_line(line, &parcel);
            wait_for_answer(line);
        }
        if (!line || line->failure)
            status = describe_failure(client, line, message_name(request->tag), timeout_ms, err);
        else
            status = read_answer(line, arena, answer, err);
        if (line) free_line(line);
    }
    text_release(&parcel.bytes);
    return status;
}

/* ---- Posts ---- */

/* Gives the post to a line, or puts it behind the others that wait for one. */
static void send_post(struct message_client *client, struct parcel *post) {
    pthread_mutex_lock(&client->mutex);
    struct line *line = NULL;
    bool is_taken = client->posts < POSTS_MAX && post->bytes.length <= POSTED_BYTES_MAX - client->posted_bytes;
    client->posts++;
    client->posted_bytes += post->bytes.length;
    if (!is_taken) {
        drop_post(client, post, "too many in flight");
    } else if (!(line = take_line(client))) {
        if (client->waiting_last) client->waiting_last->next = post;
        if (!client->waiting_first) client->waiting_first = post;
        client->waiting_last = post;
    }
    pthread_mutex_unlock(&client->mutex);
    if (!line) return;
    mend_line(line);
    start_line(line, post);
}

void message_client_post(struct message_client *client, const struct message *request, int timeout_ms) {
    struct parcel *post = memory_alloc(sizeof *post);
    struct error err;
    if (pack_parcel(client, request, bound_timeout(timeout_ms), post, &err)) {
        log_line(LOG_WARN, "message cannot be posted", log_field("address", client->address),
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
    condition_init(&client->line_idle);
    condition_init(&client->post_done);
}

static void release_client(struct message_client *client) {
    pthread_cond_destroy(&client->post_done);
    pthread_cond_destroy(&client->line_idle);
    pthread_mutex_destroy(&client->mutex);
    if (client->tls) nng_tls_config_free(client->tls);
    free(client->lines);
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
    client->lines_max = options->requests > 0 ? options->requests : REQUESTS;
    client->lines = memory_alloc((size_t)client->lines_max * sizeof(struct line *));
    init_locks(client);
    return client;
}

enum status message_client_create(struct message_client **out, const struct message_client_options *options,
                                  struct error *err) {
    nng_tls_config *tls = NULL;
    broken_pipe_check();
    enum status status = service_address_check(options->address, options->peers, options->service_key, err);
    if (!status) status = message_tls_for_client(&tls, options, err);
    if (status) return status;
    struct message_client *client = make_client(options, tls);
    int failure = 0;
    pthread_mutex_lock(&client->mutex);                              /* nng may call greet() already */
    client->idle = client->lines[0] = create_line(client, &failure); /* tells a wrong address, and connects already */
    client->line_count = failure ? 0 : 1;
    pthread_mutex_unlock(&client->mutex);
    if (failure) {
        release_client(client);
        return error_set(err, STATUS_INVALID, "The address \"%s\" cannot be used: %s.", options->address,
                         nng_strerror(failure));
    }
    *out = client;
    return STATUS_OK;
}

/* Posts that were just made may still get through; those that wait for a line do not. */
static void await_posts(struct message_client *client) {
    int64_t until_ms = clock_monotonic_ms() + POST_PATIENCE_MS;
    pthread_mutex_lock(&client->mutex);
    while (client->posts > 0 && wait_until(client, &client->post_done, until_ms)) {
    }
    for (struct parcel *post; (post = client->waiting_first);) {
        client->waiting_first = post->next;
        drop_post(client, post, "not delivered");
    }
    client->waiting_last = NULL;
    client->is_closing = true;
    pthread_mutex_unlock(&client->mutex);
}

/* Takes the line's request out of nng. Not left to the socket's closing: nng 1.5 frees the socket while its thread for
 * time-outs is about to call a request of it off, which then takes a mutex that is gone, and aborts. Freeing the aio waits for
 * that thread. */
static void stop_line(struct line *line) {
    struct message_client *client = line->client;
    nng_aio_stop(line->aio);
    if (line->parcel) { /* nng refused its next step, which calls nobody back */
        if (line->state == LINE_SENDING) nng_msg_free(nng_aio_get_msg(line->aio));
        pthread_mutex_lock(&client->mutex);
        drop_post(client, line->parcel, line->was_sent ? "not answered" : "not delivered");
        pthread_mutex_unlock(&client->mutex);
    }
    nng_aio_free(line->aio);
}

void message_client_free(struct message_client *client) {
    if (!client) return;
    await_posts(client);
    for (int i = 0; i < client->line_count; i++)
        stop_line(client->lines[i]);
    for (int i = 0; i < client->line_count; i++)
        if (!socket_close(client->lines[i]->socket, client)) return;
    for (int i = 0; i < client->line_count; i++) {
        pthread_cond_destroy(&client->lines[i]->done);
        free(client->lines[i]);
    }
    release_client(client);
}
