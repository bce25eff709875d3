/* SPDX-License-Identifier: BSD-3-Clause */
#include "services/gateway/trustee_check.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/memory.h"
#include "services/gateway/call.h"
#include "services/gateway/gateway.h"

enum {
    THREADS = 2, /* of the service's message threads no more may wait for GitHub */
    WAITING_MAX = 64,
    TIMEOUT_MS = 8000, /* more than the service allows itself */
};

struct trustee_check {
    struct gateway *gateway;
    pthread_t threads[THREADS];
    int thread_count;
    pthread_mutex_t mutex; /* of what follows */
    pthread_cond_t changed;
    struct trustee_question *first, **end;
    int waiting;
    bool is_stopping;
};

static struct trustee_question *take_question(struct trustee_check *check) {
    pthread_mutex_lock(&check->mutex);
    while (!check->first && !check->is_stopping)
        pthread_cond_wait(&check->changed, &check->mutex);
    struct trustee_question *question = check->first;
    if (question) {
        check->first = question->next;
        if (!check->first) check->end = &check->first;
        check->waiting--;
    }
    pthread_mutex_unlock(&check->mutex);
    return question;
}

static void ask(struct trustee_check *check, struct trustee_question *question) {
    struct error err;
    struct message answer, request = {.tag = MESSAGE_trustee_query, .trustee_query = question->query};
    question->status = message_client_call(check->gateway->services[SERVICE_PUBLISH], &request, TIMEOUT_MS,
                                           &question->call->arena, &answer, &err);
    if (!question->status && answer.tag != MESSAGE_trustee_answer) question->status = STATUS_INTERNAL;
    if (!question->status) question->answer = answer.trustee_answer;
}

static void *run(void *argument) {
    struct trustee_check *check = argument;
    for (struct trustee_question *question; (question = take_question(check));) {
        ask(check, question);
        call_return(question->call);
    }
    return NULL;
}

enum status trustee_check_create(struct trustee_check **out, struct gateway *gateway, struct error *err) {
    struct trustee_check *check = memory_alloc(sizeof *check);
    *out = check;
    check->gateway = gateway;
    check->end = &check->first;
    pthread_mutex_init(&check->mutex, NULL);
    pthread_cond_init(&check->changed, NULL);
    for (; check->thread_count < THREADS; check->thread_count++) {
        int problem = pthread_create(&check->threads[check->thread_count], NULL, run, check);
        if (problem)
            return error_set(err, STATUS_INTERNAL, "A thread that checks trustees cannot be started: %s.", strerror(problem));
    }
    return STATUS_OK;
}

bool trustee_check_ask(struct trustee_check *check, struct call *call, struct trustee_question *question) {
    question->call = call;
    question->next = NULL;
    pthread_mutex_lock(&check->mutex);
    bool has_room = check->waiting < WAITING_MAX && !check->is_stopping;
    if (has_room) {
        *check->end = question;
        check->end = &question->next;
        check->waiting++;
        pthread_cond_signal(&check->changed);
    }
    pthread_mutex_unlock(&check->mutex);
    return has_room;
}

void trustee_check_free(struct trustee_check *check) {
    if (!check) return;
    pthread_mutex_lock(&check->mutex);
    check->is_stopping = true;
    pthread_cond_broadcast(&check->changed);
    pthread_mutex_unlock(&check->mutex);
    for (int i = 0; i < check->thread_count; i++)
        pthread_join(check->threads[i], NULL);
    pthread_cond_destroy(&check->changed);
    pthread_mutex_destroy(&check->mutex);
    free(check);
}
