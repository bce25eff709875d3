/* SPDX-License-Identifier: BSD-3-Clause
 *
 * A call: one HTTP request while it is being answered.
 *
 *   loop's thread          route->start ──► call_send() or call_fail()         at once, or
 *                               │
 *                          call_work(work) ─► store pool's thread: work() ─┐
 *   loop's thread          ◄───────────────────────────────────────────────┘  sends the answer that work() made;
 *                               │                                             Redis away: retries for OUTAGE_WAIT_MS;
 *                               └─► call_leave(): another thread, e.g. a service's answer; then work() again, or the answer
 *
 * A call belongs to one thread at a time: its loop's, or the one that it was handed to (`is_away`). Only the loop's thread
 * uses `req`, which is NULL after the client has disconnected: such a call is withdrawn from the queue that it waits in, or
 * freed when it comes back. Everything that a work function needs from the request is copied into the call before.
 */
#ifndef SERVICES_GATEWAY_HTTP_CALL_H
#define SERVICES_GATEWAY_HTTP_CALL_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "lib/base/arena.h"
#include "lib/base/error.h"
#include "lib/base/queue.h"
#include "lib/base/text.h"
#include "services/gateway/backend/kept_answers.h"
#include "services/gateway/backend/store_executor.h"
#include "services/gateway/http/clients.h"
#include "services/gateway/http/h2o_all.h"
#include "services/gateway/http/query.h"
#include "services/gateway/http/router.h"

struct connection;
struct feed;
struct gateway;
struct loop;
struct reader;
struct service_asker;
struct service_question;

enum {
    ANSWER_HEADERS_MAX = 8,
    OUTAGE_WAIT_MS = 1500, /* how long outages of Redis are waited out (services/gateway/README.md, Client requirements) */
};

/* The answer to send. Names, values and types are literals or in the call's arena. */
struct answer {
    int http_status; /* 0: 200 */
    const char *content_type;
    struct text body;
    int file;                 /* descriptor of a file to send instead of the body; -1: none */
    struct kept_answer *kept; /* sent instead of the body, released with the call; NULL: none */
    int64_t file_offset, file_length;
    ssize_t chunk_bytes; /* of the file that were read into `body` last; respond.c's */
    size_t header_count;
    struct {
        const char *name; /* lower case */
        const char *value;
    } headers[ANSWER_HEADERS_MAX];
};

/* What happens to a call that comes back without a failure. */
enum call_next {
    CALL_SENDS,         /* sends call->answer */
    CALL_WAITS_FOR_LOG, /* waits until the log of call->wait.job_id changes. call->answer is the (empty) answer if the wait is
                         * ended early */
    CALL_WORKS_AGAIN,   /* runs call->work again, after a wait */
    CALL_GOES_ON,       /* call->go_on() is called, on the loop's thread */
};

struct call {
    h2o_multithread_message_t message; /* sends the call back to its loop */
    h2o_generator_t generator;
    struct store_task task;
    h2o_timeout_entry_t retry_timer;
    struct gateway *gateway;
    struct loop *loop;
    h2o_req_t *req;
    struct connection *connection; /* valid as long as `req` is */
    bool is_answered;
    bool is_away;
    bool is_head;
    bool is_public;      /* received on the public port */
    atomic_bool is_gone; /* the client disconnected: the thread that has the call returns it without further work */
    /* Removes the call from the queue in which it waits. False: it is no longer queued. NULL: cannot be withdrawn. */
    bool (*withdraw)(struct call *call);
    struct service_asker *asker; /* for `withdraw`, like the next */
    struct service_question *question;

    uint64_t number;    /* unique in this process; for the log */
    int64_t started_ms; /* monotonic, like the next two */
    int64_t asked_ms;   /* when call_work() was called */
    int64_t tried_ms;   /* when the last try was queued; once it runs, when it began */
    const struct route *route;
    struct arena arena;
    const char *parameters[ROUTE_PARAMETERS_MAX];
    struct query query;
    struct client *client;
    const char *address; /* of the client, in the form that limits count */
    const char *body;
    size_t body_length;

    enum status (*work)(struct call *call, struct job_store *store, struct error *err);
    void (*go_on)(struct call *call);
    void *work_data; /* of the route, in the arena */
    enum status status;
    const char *failure_path;
    const char *failure_message;
    enum call_next next;
    struct {
        const char *job_id;
        int64_t after_ms;
        int64_t until_ms;  /* monotonic */
        struct feed *feed; /* while it waits for the log; services/gateway/stream/log_wait.c's, like the next three */
        h2o_linklist_t in_loop, in_place;
        h2o_timeout_entry_t timer;
        struct queue_link link; /* in the queue of a shared answer */
    } wait;
    struct answer answer;
    struct reader *reader; /* of a stream (services/gateway/stream/reader.h), in the arena; NULL: none */
    int64_t answer_bytes;  /* its share of gateway->answer_bytes and client->answer_bytes */
};

/* Makes a call for `req` and starts to answer it. On the loop's thread. */
void call_start(struct loop *loop, struct gateway *gateway, enum port port, h2o_req_t *req);

/* Continues a call that came back to its loop. On the loop's thread. */
void call_resume(struct call *call);

/* Sends the call, which is away, back to its loop. */
void call_return(struct call *call);

/* Runs `work` on a thread that may block, then sends call->answer, or its failure. `work` may be called several times: after an
 * outage of Redis, and after a wait. */
void call_work(struct call *call, enum status (*work)(struct call *call, struct job_store *store, struct error *err));

/* Runs `run` on a thread that may block, and after its call_return() `go_on` on the loop's thread, unless the client has
 * disconnected; for a call that was answered by call_work(). False: the pool's queue is full. */
bool call_run(struct call *call, void (*run)(struct store_task *task, struct job_store *store),
              void (*go_on)(struct call *call));

/* Hands the call to another thread, which calls call_return() once. `withdraw` as in struct call, or NULL. */
void call_leave(struct call *call, bool (*withdraw)(struct call *call));

/* Ends the call's wait for a log, if it is in one: sends call->answer, which has no lines. An HTTP/1 connection is closed after
 * the answer. On the loop's thread. */
void call_end_wait(struct call *call);

/* Each of these sends the answer: on the loop's thread, once per call. */
void call_send(struct call *call);      /* call->answer */
void call_send_made(struct call *call); /* the same, or STATUS_BUSY if unread answers take too much memory */
/* A kept answer, which the call takes over; a 304 if the client, with its header `if_none_match` or NULL, has it by its ETag. */
void call_send_kept(struct call *call, struct kept_answer *kept, const char *if_none_match);

/* Keeps call->answer, which is whole, under the key for other calls. On the thread that has the call. */
void call_keep_answer(struct call *call, const char *key);
void call_fail(struct call *call, enum status status, const char *path, const char *message);
void call_fail_with(struct call *call, const struct error *err);

/* Sends the head of the answer: the caller sends the body with h2o_send(), and `proceed` is called when each part is sent. */
void call_begin_stream(struct call *call, void (*proceed)(h2o_generator_t *generator, h2o_req_t *req));

/* Adds a header to an answer, on the thread that has the call. Strings are borrowed. */
void answer_header(struct answer *answer, const char *name, const char *value);

/* Gives the answer an ETag made from its content, so that clients keep it and ask about it each time. True: the client, with
 * its header `if_none_match` or NULL, has it; the answer becomes a 304. On the thread that has the call. */
bool answer_has_tag(struct call *call, const char *bytes, size_t length, const char *if_none_match);

/* The text to send. */
static inline const struct text *answer_view(const struct answer *answer) {
    return answer->kept ? &answer->kept->body : &answer->body;
}

/* Sets the content type of an answer whose format the client chose by Accept. */
void answer_json_or_text(struct answer *answer, bool is_json);

/* True if the client prefers JSON to text (services/gateway/README.md, Status and short forms). On the loop's thread. */
bool call_wants_json(struct call *call);

/* True if the client is a browser that shows a page: it asks for HTML before anything else. On the loop's thread. */
bool call_wants_page(struct call *call);

/* The value of a request header, several joined by commas, in the arena; NULL: none. On the loop's thread. */
const char *call_request_header(struct call *call, const char *name);

#endif
