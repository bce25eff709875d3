/* SPDX-License-Identifier: BSD-3-Clause
 *
 * One request being answered.
 *
 *   loop's thread          route->start ──► call_answer…() or call_fail()      at once, or
 *                               │
 *                          call_work(work) ─► store pool's thread: work() ─┐
 *   loop's thread          ◄───────────────────────────────────────────────┘  the answer that work() left is sent;
 *                               │                                             Redis away: again, for a second and a half;
 *                               └─► call_wait(): the tail's or readiness' thread, then work() again or the answer
 *
 * A call belongs to one thread at a time: its loop's, or the one that it was handed to (`is_away`). Only the loop's thread
 * touches `req`, and it is NULL once the client is gone: such a call is withdrawn from the queue that it waits in, or freed as
 * soon as it is back. What a work function needs of the request is copied into the call before.
 */
#ifndef SERVICES_GATEWAY_CALL_H
#define SERVICES_GATEWAY_CALL_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "lib/base/arena.h"
#include "lib/base/error.h"
#include "lib/base/text.h"
#include "services/gateway/clients.h"
#include "services/gateway/h2o_all.h"
#include "services/gateway/query.h"
#include "services/gateway/router.h"
#include "services/gateway/store_pool.h"

struct connection;
struct gateway;
struct loop;
struct service_asker;
struct service_question;

enum {
    ANSWER_HEADERS_MAX = 8,
    OUTAGE_WAIT_MS = 1500, /* an outage of Redis is waited out so long (services/gateway/README.md, Client requirements) */
};

/* What is going to be sent. Names, values and types are literals or in the call's arena. */
struct answer {
    int http_status; /* 0: 200 */
    const char *content_type;
    struct text body;
    int file; /* a file's descriptor, to be sent instead of the body; -1: none */
    int64_t file_offset, file_length;
    size_t header_count;
    struct {
        const char *name; /* lower case */
        const char *value;
    } headers[ANSWER_HEADERS_MAX];
};

/* What comes next for a call that is back without a failure. */
enum call_next {
    CALL_SENDS,         /* the answer */
    CALL_WAITS_FOR_LOG, /* nothing to say yet: to be woken when the log that `tail` names has changed. The answer says so,
                         * for the case that the wait is ended before */
    CALL_WORKS_AGAIN,   /* woken: work once more */
    CALL_GOES_ON,       /* call->go_on() is called, on the loop's thread */
};

struct call {
    h2o_multithread_message_t message; /* how it comes back to its loop */
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
    bool is_public;      /* it came by the public port */
    atomic_bool is_gone; /* the client is: whoever has the call sends it back without more work */
    /* Takes the call back from the queue that it was left in; false: it is not in there any more. NULL: cannot be done. */
    bool (*withdraw)(struct call *call);
    struct service_asker *asker; /* for `withdraw`, like the next */
    struct service_question *question;

    uint64_t number;    /* of this process, for the program's own log */
    int64_t started_ms; /* monotonic, like the next two */
    int64_t asked_ms;   /* when `work` was asked for, the first of its tries */
    int64_t tried_ms;   /* when the last try was queued, then when it began */
    const struct route *route;
    struct arena arena;
    const char *parameters[ROUTE_PARAMETERS_MAX];
    struct query query;
    struct client *client;
    const char *address; /* of the client, as limits count it */
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
        int64_t until_ms;     /* monotonic */
        struct call *next;    /* in other threads' lists */
        h2o_linklist_t place; /* in the tail's list */
    } tail;
    struct answer answer;
    int64_t answer_bytes; /* as counted in gateway->answer_bytes */
};

/* Makes the call for `req`, which answers it from here on. */
void call_start(struct loop *loop, struct gateway *gateway, enum port port, h2o_req_t *req);

/* A call that comes back to its loop; there alone. */
void call_resume(struct call *call);

/* Sends the call, which is away, back to its loop. */
void call_return(struct call *call);

/* Runs `work` on a thread that may block, then sends what it left in call->answer, or its failure. `work` may be called again:
 * for an outage that passes, and after a wait. */
void call_work(struct call *call, enum status (*work)(struct call *call, struct job_store *store, struct error *err));

/* Hands the call to another thread, which calls call_return() once. `withdraw` as in struct call, or NULL. */
void call_leave(struct call *call, bool (*withdraw)(struct call *call));

/* Ends a wait for the log, where the call is in one: answers that there is nothing new. An HTTP/1 connection is closed behind
 * the answer. On the loop's thread. */
void call_end_wait(struct call *call);

/* The answers: on the loop's thread, once. */
void call_send(struct call *call);      /* call->answer */
void call_send_made(struct call *call); /* the same where it may be large: as long as there is room for it */
void call_fail(struct call *call, enum status status, const char *path, const char *message);
void call_fail_with(struct call *call, const struct error *err);

/* For an answer that is being made, on whatever thread has the call. Values are borrowed. */
void answer_header(struct answer *answer, const char *name, const char *value);

/* What a client would rather read: JSON, or text (services/gateway/README.md, Status and short forms). */
bool call_wants_json(struct call *call);

/* The value of a request's header, several joined by commas, in the arena; NULL: none. On the loop's thread. */
const char *call_request_header(struct call *call, const char *name);

#endif
