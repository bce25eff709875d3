/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Between the files of the message client: message_client.c has the calls, the posts and the parcels; message_line.c has the
 * lines on which they go. Nobody else includes this.
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
    struct line *next; /* in the list of idle ones */
    nng_socket socket;
    nng_dialer dialer;
    /* The next two belong to whoever has the line. In doubt: the dialer may have given up, or the connection leads nowhere. */
    bool is_in_doubt;
    int unanswered; /* requests in a row */
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

/* ---- message_client.c ---- */

/* Makes a parcel that is good for `timeout_ms`; the caller releases its bytes. */
CHECK_RESULT enum status message_parcel_pack(struct message_client *client, const struct message *request, int timeout_ms,
                                             struct parcel *out, struct error *err);

/* Ends a post and frees it, with the client's mutex held. `outcome` is for the log. */
void message_post_drop(struct message_client *client, struct parcel *post, const char *outcome);

/* The next post whose time is not over, or NULL; with the client's mutex held. */
struct parcel *message_post_take_waiting(struct message_client *client);

/* ---- message_line.c ---- */

/* Opens a line, which connects by itself. NULL, with nng's failure, where the socket cannot be made. message_client_free()
 * frees it. */
struct line *message_line_create(struct message_client *client, int *failure);

/* Connects anew where the line is in doubt. Not to be called from nng's threads. */
void message_line_mend(struct line *line);

/* Sends the parcel, which must live until the line is done. */
void message_line_start(struct line *line, struct parcel *parcel);

/* The line's request is over: it takes the next post, or becomes idle. Frees the answer. */
void message_line_pass_on(struct line *line);

/* Takes the line's request out of nng and ends it; the client is closing. The socket stays open. Not to be called from nng's
 * threads. */
void message_line_stop(struct line *line);

#endif
