/* SPDX-License-Identifier: BSD-3-Clause */
#include "services/gateway/service_asker.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/clock.h"
#include "lib/base/log.h"
#include "lib/base/memory.h"
#include "lib/service/message_client.h"
#include "services/gateway/call.h"

enum {
    WAITING_MAX = 64,
    WAITING_PREFERRED = 16, /* of these, reserved for preferred queries */
    WAITING_PER_ADDRESS = 24,
};

struct service_asker {
    struct service_asker_options options;
    pthread_t *threads;
    int thread_count;
    pthread_mutex_t mutex; /* guards the fields below */
    pthread_cond_t changed;
    struct service_question *preferred, *others; /* queues, the oldest first */
    int waiting;
    int asking_others; /* threads that are busy with a query that is not preferred */
    bool is_stopping;
};

/* The queue from which the next query must be taken; NULL: none may be taken now. */
static struct service_question **next_list(struct service_asker *asker) {
    if (asker->preferred) return &asker->preferred;
    bool has_thread = asker->asking_others < asker->options.threads - asker->options.preferred_threads;
    return asker->others && has_thread ? &asker->others : NULL;
}

/* Waits for a query and dequeues it. NULL: the thread must end. */
static struct service_question *take_question(struct service_asker *asker) {
    struct service_question **list = NULL, *question = NULL;
    pthread_mutex_lock(&asker->mutex);
    while (!(list = next_list(asker)) && !asker->is_stopping)
        pthread_cond_wait(&asker->changed, &asker->mutex);
    if (list) {
        question = *list;
        *list = question->next;
        question->is_waiting = false;
        asker->waiting--;
        if (!question->is_preferred) asker->asking_others++;
    }
    pthread_mutex_unlock(&asker->mutex);
    return question;
}

static void end_question(struct service_asker *asker, bool was_preferred) {
    if (was_preferred) return;
    pthread_mutex_lock(&asker->mutex);
    asker->asking_others--;
    pthread_cond_signal(&asker->changed);
    pthread_mutex_unlock(&asker->mutex);
}

static void ask(struct service_asker *asker, struct service_question *question) {
    struct error err;
    struct arena *arena = &question->call->arena;
    int timeout_ms = asker->options.timeout_ms;
    if (clock_monotonic_ms() - question->asked_ms >= timeout_ms)
        question->status = error_set(&err, STATUS_BUSY, "%s", asker->options.busy);
    else
        question->status =
            message_client_call(asker->options.client, &question->request, timeout_ms, arena, &question->answer, &err);
    if (!question->status && question->answer.tag != question->expected)
        question->status = error_set(&err, STATUS_INTERNAL, "The service answers something else than was asked.");
    if (!question->status) return;
    question->failure_path = err.path[0] ? arena_copy(arena, err.path) : NULL;
    question->failure_message = arena_copy(arena, err.message);
}

static void *run(void *argument) {
    struct service_asker *asker = argument;
    for (struct service_question *question; (question = take_question(asker));) {
        bool is_preferred = question->is_preferred;
        ask(asker, question);
        call_return(question->call);
        end_question(asker, is_preferred);
    }
    return NULL;
}

enum status service_asker_create(struct service_asker **out, const struct service_asker_options *options, struct error *err) {
    struct service_asker *asker = memory_alloc(sizeof *asker);
    *out = asker;
    asker->options = *options;
    asker->threads = memory_alloc((size_t)options->threads * sizeof *asker->threads);
    pthread_mutex_init(&asker->mutex, NULL);
    pthread_cond_init(&asker->changed, NULL);
    for (; asker->thread_count < options->threads; asker->thread_count++) {
        int problem = pthread_create(&asker->threads[asker->thread_count], NULL, run, asker);
        if (problem)
            return error_set(err, STATUS_INTERNAL, "A thread that asks a service cannot be started: %s.", strerror(problem));
    }
    return STATUS_OK;
}

static bool has_room(const struct service_asker *asker, const struct service_question *question) {
    if (asker->is_stopping || asker->waiting >= WAITING_MAX) return false;
    if (question->is_preferred) return true;
    int same = 0, all = 0;
    for (const struct service_question *other = asker->others; other; other = other->next) {
        all++;
        same += strcmp(other->call->address, question->call->address) == 0;
    }
    return all < WAITING_MAX - WAITING_PREFERRED && same < WAITING_PER_ADDRESS;
}

/* Queues the query. False: the queue is full, or the asker is stopping. */
static bool enter(struct service_asker *asker, struct service_question *question) {
    pthread_mutex_lock(&asker->mutex);
    bool may_enter = has_room(asker, question);
    if (may_enter) {
        struct service_question **end = question->is_preferred ? &asker->preferred : &asker->others;
        while (*end)
            end = &(*end)->next;
        *end = question;
        question->is_waiting = true;
        asker->waiting++;
        pthread_cond_signal(&asker->changed);
    }
    pthread_mutex_unlock(&asker->mutex);
    return may_enter;
}

/* Removes the query of a client that disconnected from its queue. False: it is being asked, or on its way back. */
static bool withdraw_question(struct service_asker *asker, struct service_question *question) {
    pthread_mutex_lock(&asker->mutex);
    bool is_waiting = question->is_waiting;
    if (is_waiting) {
        struct service_question **link = question->is_preferred ? &asker->preferred : &asker->others;
        while (*link != question)
            link = &(*link)->next;
        *link = question->next;
        question->is_waiting = false;
        asker->waiting--;
    }
    pthread_mutex_unlock(&asker->mutex);
    return is_waiting;
}

static bool withdraw(struct call *call) {
    return withdraw_question(call->asker, call->question);
}

void service_asker_ask(struct service_asker *asker, struct call *call, struct service_question *question) {
    question->call = call;
    question->next = NULL;
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
    log_line(LOG_WARN, "a service was asked in vain", log_field("request", call->number), log_field("route", call->route->path),
             log_field("error", question->failure_message));
    call_fail(call, STATUS_UNAVAILABLE, NULL, unavailable);
}

void service_asker_free(struct service_asker *asker) {
    if (!asker) return;
    pthread_mutex_lock(&asker->mutex);
    asker->is_stopping = true;
    pthread_cond_broadcast(&asker->changed);
    pthread_mutex_unlock(&asker->mutex);
    for (int i = 0; i < asker->thread_count; i++)
        pthread_join(asker->threads[i], NULL);
    pthread_cond_destroy(&asker->changed);
    pthread_mutex_destroy(&asker->mutex);
    free(asker->threads);
    free(asker);
}
