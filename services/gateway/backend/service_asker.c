/* SPDX-License-Identifier: BSD-3-Clause */
#include "services/gateway/backend/service_asker.h"

#include <stdlib.h>
#include <string.h>

#include "lib/base/clock.h"
#include "lib/base/log.h"
#include "lib/base/memory.h"
#include "lib/base/thread.h"
#include "lib/service/message/message_client.h"
#include "services/gateway/http/call.h"

enum {
    WAITING_MAX = 64,
    WAITING_PREFERRED = 16, /* of these, reserved for preferred queries */
    WAITING_PER_ADDRESS = 24,
};

struct service_asker {
    struct service_asker_options options;
    struct thread threads;          /* whose mutex guards the fields below */
    struct queue preferred, others; /* struct service_question */
    int asking_others;              /* threads that are busy with a query that is not preferred */
};

/* The queue from which the next query must be taken; NULL: none may be taken now. */
static struct queue *next_queue(struct service_asker *asker) {
    if (asker->preferred.first) return &asker->preferred;
    bool has_thread = asker->asking_others < asker->options.threads - asker->options.preferred_threads;
    return asker->others.first && has_thread ? &asker->others : NULL;
}

/* Waits for a query and dequeues it. NULL: the thread must end. */
static struct service_question *take_question(struct service_asker *asker) {
    struct queue *queue = NULL;
    struct service_question *question = NULL;
    thread_lock(&asker->threads);
    while (!(queue = next_queue(asker)) && !asker->threads.is_stopping)
        thread_wait(&asker->threads, THREAD_NO_LIMIT);
    if (queue) {
        question = QUEUE_ITEM(queue_take(queue), struct service_question, link);
        if (!question->is_preferred) asker->asking_others++;
    }
    thread_unlock(&asker->threads);
    return question;
}

static void end_question(struct service_asker *asker, bool was_preferred) {
    if (was_preferred) return;
    thread_lock(&asker->threads);
    asker->asking_others--;
    thread_wake(&asker->threads);
    thread_unlock(&asker->threads);
}

static void ask(struct service_asker *asker, struct service_question *question) {
    struct error err;
    struct arena *arena = &question->call->arena;
    int timeout_ms = asker->options.timeout_ms;
    if (clock_monotonic_ms() - question->asked_ms >= timeout_ms)
        question->status = error_set(&err, STATUS_BUSY, "%s", asker->options.busy);
    else
        question->status = message_client_ask(asker->options.client, &question->request, question->expected, timeout_ms, arena,
                                              &question->answer, &err);
    if (!question->status && question->prepare) question->prepare(question->call);
    if (!question->status) return;
    question->failure_path = err.path[0] ? arena_copy(arena, err.path) : NULL;
    question->failure_message = arena_copy(arena, err.message);
}

static void run(void *context) {
    struct service_asker *asker = context;
    for (struct service_question *question; (question = take_question(asker));) {
        bool is_preferred = question->is_preferred;
        ask(asker, question);
        call_return(question->call);
        end_question(asker, is_preferred);
    }
}

enum status service_asker_create(struct service_asker **out, const struct service_asker_options *options, struct error *err) {
    struct service_asker *asker = memory_alloc(sizeof *asker);
    *out = asker;
    asker->options = *options;
    thread_init(&asker->threads);
    enum status status = STATUS_OK;
    for (int i = 0; i < options->threads && !status; i++)
        status = thread_start(&asker->threads, "asks-a-service", run, asker, err);
    return status;
}

static bool has_room(const struct service_asker *asker, const struct service_question *question) {
    if (asker->threads.is_stopping || asker->preferred.count + asker->others.count >= WAITING_MAX) return false;
    if (question->is_preferred) return true;
    int same = 0;
    for (struct queue_link *at = asker->others.first; at; at = at->next)
        same += strcmp(QUEUE_ITEM(at, struct service_question, link)->call->address, question->call->address) == 0;
    return asker->others.count < WAITING_MAX - WAITING_PREFERRED && same < WAITING_PER_ADDRESS;
}

/* Queues the query. False: the queue is full, or the asker is stopping. */
static bool enter(struct service_asker *asker, struct service_question *question) {
    thread_lock(&asker->threads);
    bool may_enter = has_room(asker, question);
    if (may_enter) {
        queue_add(question->is_preferred ? &asker->preferred : &asker->others, &question->link);
        thread_wake(&asker->threads);
    }
    thread_unlock(&asker->threads);
    return may_enter;
}

/* Removes the query of a client that disconnected from its queue. False: it is being asked, or on its way back. */
static bool withdraw_question(struct service_asker *asker, struct service_question *question) {
    thread_lock(&asker->threads);
    bool is_waiting = queue_has_link(&question->link);
    if (is_waiting) queue_remove(question->is_preferred ? &asker->preferred : &asker->others, &question->link);
    thread_unlock(&asker->threads);
    return is_waiting;
}

static bool withdraw(struct call *call) {
    return withdraw_question(call->asker, call->question);
}

void service_asker_ask(struct service_asker *asker, struct call *call, struct service_question *question) {
    question->call = call;
    question->link = (struct queue_link){0};
    question->asked_ms = clock_monotonic_ms();
    call->go_on = question->go_on;
    call->next = CALL_GOES_ON;
    call->asker = asker;
    call->question = question;
    call_leave(call, withdraw);
    if (enter(asker, question)) return;
    call->is_away = false;
    call_fail(call, STATUS_BUSY, NULL, asker->options.busy);
}

void call_fail_with_question(struct call *call, const struct service_question *question, const char *unavailable) {
    enum status status = question->status;
    if (status == STATUS_INVALID || status == STATUS_REFUSED || status == STATUS_NOT_FOUND || status == STATUS_BUSY) {
        call_fail(call, status, question->failure_path, question->failure_message);
        return;
    }
    log_line(LOG_WARN, "service_call_failed", log_field("request", call->number), log_field("route", call->route->path),
             log_field("error", question->failure_message));
    call_fail(call, STATUS_UNAVAILABLE, NULL, unavailable);
}

void service_asker_free(struct service_asker *asker) {
    if (!asker) return;
    thread_release(&asker->threads);
    free(asker);
}
