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

enum { WAITING_MAX = 64 };

struct service_asker {
    struct service_asker_options options;
    pthread_t *threads;
    int thread_count;
    pthread_mutex_t mutex; /* of what follows */
    pthread_cond_t changed;
    struct service_question *first, **end;
    int waiting;
    bool is_stopping;
};

static struct service_question *take_question(struct service_asker *asker) {
    pthread_mutex_lock(&asker->mutex);
    while (!asker->first && !asker->is_stopping)
        pthread_cond_wait(&asker->changed, &asker->mutex);
    struct service_question *question = asker->first;
    if (question) {
        asker->first = question->next;
        if (!asker->first) asker->end = &asker->first;
        asker->waiting--;
    }
    pthread_mutex_unlock(&asker->mutex);
    return question;
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
        ask(asker, question);
        call_return(question->call);
    }
    return NULL;
}

enum status service_asker_create(struct service_asker **out, const struct service_asker_options *options, struct error *err) {
    struct service_asker *asker = memory_alloc(sizeof *asker);
    *out = asker;
    asker->options = *options;
    asker->end = &asker->first;
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

/* False: too many wait already, and nothing happens. */
static bool enter(struct service_asker *asker, struct service_question *question) {
    pthread_mutex_lock(&asker->mutex);
    bool has_room = asker->waiting < WAITING_MAX && !asker->is_stopping;
    if (has_room) {
        *asker->end = question;
        asker->end = &question->next;
        asker->waiting++;
        pthread_cond_signal(&asker->changed);
    }
    pthread_mutex_unlock(&asker->mutex);
    return has_room;
}

void service_asker_ask(struct service_asker *asker, struct call *call, struct service_question *question) {
    question->call = call;
    question->next = NULL;
    question->asked_ms = clock_monotonic_ms();
    call->go_on = question->go_on;
    call->next = CALL_GOES_ON;
    call_leave(call);
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
