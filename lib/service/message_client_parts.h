/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Shared by the files of the message client, and private to them: message_client.c has the calls, the posts and the parcels;
 * message_line.c has the lines, the pool's connections.
 */
#ifndef LIB_SERVICE_MESSAGE_CLIENT_PARTS_H
#define LIB_SERVICE_MESSAGE_CLIENT_PARTS_H

#include <nng/nng.h>
#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/text.h"
#include "lib/service/message_client.h"
#include "lib/service/message_tls.h"
#include "proto/envelope.h"

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
    struct line *next; /* in the list of idle lines */
    nng_socket socket;
    nng_dialer dialer;
    /* The next two belong to the line's current user. In doubt: the dialer may have given up, or the connection may be dead. */
    bool is_in_doubt;
    int unanswered; /* consecutive requests without an answer */
    nng_aio *aio;
    struct parcel *parcel; /* in flight, else NULL; the caller's, or a post that the line frees */
    enum line_state state; /* accessed by the thread that starts the request, then by nng's callbacks */
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
    pthread_cond_t line_idle;
    pthread_cond_t post_done;
    struct line **lines; /* array of `lines_max`; created when needed */
    int lines_max;
    int line_count;
    struct line *idle;
    int callers_waiting; /* they take precedence over posts */
    struct parcel *waiting_first;
    struct parcel *waiting_last;
    int posts; /* queued and in flight */
    size_t posted_bytes;
    bool is_closing; /* no greeting is sent any more */
};

/* ---- message_client.c ---- */

/* Packs a request that times out after `timeout_ms`; the caller releases its bytes. */
CHECK_RESULT enum status message_parcel_pack(struct message_client *client, const struct message *request, int timeout_ms,
                                             struct parcel *out, struct error *err);

/* Ends a post and frees it, with the client's mutex held. `outcome` is for the log. */
void message_post_drop(struct message_client *client, struct parcel *post, const char *outcome);

/* Takes the next queued post that has not timed out, or NULL; drops those that have. With the client's mutex held. */
struct parcel *message_post_take_waiting(struct message_client *client);

/* ---- message_line.c ---- */

/* Opens a line, which connects in the background. NULL, with nng's error in *failure, if the socket cannot be made.
 * message_client_free() frees it. */
struct line *message_line_create(struct message_client *client, int *failure);

/* Replaces the dialer if the line is in doubt, so that it reconnects. Must not be called on nng's threads. */
void message_line_mend(struct line *line);

/* Sends the parcel, which must live until the line is done. */
void message_line_start(struct line *line, struct parcel *parcel);

/* Ends the line's request and frees its answer: the line takes the next post, or becomes idle. */
void message_line_pass_on(struct line *line);

/* Withdraws the line's request from nng and ends it; the client is closing. The socket stays open. Must not be called on nng's
 * threads. */
void message_line_stop(struct line *line);

#endif
