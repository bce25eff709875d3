/* SPDX-License-Identifier: BSD-3-Clause */
#include "lib/base/thread.h"

#include <stdlib.h>
#include <string.h>

#include "lib/base/array.h"
#include "lib/base/clock.h"
#include "lib/base/condition.h"
#include "lib/base/memory.h"

struct start {
    void (*run)(void *context);
    void *context;
};

void thread_init(struct thread *out) {
    *out = (struct thread){.is_stopping = false};
    pthread_mutex_init(&out->mutex, NULL);
    condition_init(&out->changed);
}

static void *run_thread(void *argument) {
    struct start start = *(struct start *)argument;
    free(argument);
    start.run(start.context);
    return NULL;
}

enum status thread_start(struct thread *thread, const char *name, void (*run)(void *context), void *context,
                         struct error *err) {
    struct start *start = memory_alloc(sizeof *start);
    pthread_t id;
    *start = (struct start){.run = run, .context = context};
    int failure = pthread_create(&id, NULL, run_thread, start);
    if (failure) {
        free(start);
        return error_set(err, STATUS_INTERNAL, "The thread \"%s\" cannot be started: %s.", name, strerror(failure));
    }
    pthread_setname_np(id, name);
    *array_add(&thread->started) = id;
    return STATUS_OK;
}

void thread_request_stop(struct thread *thread) {
    thread_lock(thread);
    thread->is_stopping = true;
    thread_wake(thread);
    thread_unlock(thread);
}

void thread_join(struct thread *thread) {
    for (size_t i = 0; i < thread->started.count; i++)
        pthread_join(thread->started.items[i], NULL);
    thread->started.count = 0;
}

void thread_release(struct thread *thread) {
    thread_request_stop(thread);
    thread_join(thread);
    free(thread->started.items);
    pthread_cond_destroy(&thread->changed);
    pthread_mutex_destroy(&thread->mutex);
}

bool thread_pause(struct thread *thread, int64_t duration_ms) {
    int64_t until_ms = clock_monotonic_ms() + duration_ms;
    thread_lock(thread);
    while (!thread->is_stopping && clock_monotonic_ms() < until_ms)
        thread_wait(thread, until_ms);
    bool goes_on = !thread->is_stopping;
    thread_unlock(thread);
    return goes_on;
}

bool thread_goes_on(struct thread *thread) {
    thread_lock(thread);
    bool goes_on = !thread->is_stopping;
    thread_unlock(thread);
    return goes_on;
}

void thread_lock(struct thread *thread) {
    pthread_mutex_lock(&thread->mutex);
}

void thread_unlock(struct thread *thread) {
    pthread_mutex_unlock(&thread->mutex);
}

bool thread_wait(struct thread *thread, int64_t until_ms) {
    if (until_ms == THREAD_NO_LIMIT) return pthread_cond_wait(&thread->changed, &thread->mutex) == 0;
    return condition_wait_until(&thread->changed, &thread->mutex, until_ms);
}

void thread_wake(struct thread *thread) {
    pthread_cond_broadcast(&thread->changed);
}
