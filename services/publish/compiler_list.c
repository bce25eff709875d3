/* SPDX-License-Identifier: BSD-3-Clause */
#include "services/publish/compiler_list.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "lib/base/clock.h"
#include "lib/base/condition.h"
#include "lib/base/log.h"
#include "lib/base/memory.h"
#include "lib/store/matrix_store.h"

enum { TIMEOUT_MS = 5000, PAUSE_MS = 1000 };

struct compiler_list {
    struct job_store *store;
    const struct version *compilers;
    size_t count;
    pthread_t thread;
    pthread_mutex_t mutex;
    pthread_cond_t stopped;
    bool is_stopping; /* guarded by the mutex */
};

/* Waits PAUSE_MS. Returns false once compiler_list_stop() was called. */
static bool pause_writing(struct compiler_list *list) {
    int64_t until_ms = clock_monotonic_ms() + PAUSE_MS;
    pthread_mutex_lock(&list->mutex);
    while (!list->is_stopping && condition_wait_until(&list->stopped, &list->mutex, until_ms))
        continue;
    bool goes_on = !list->is_stopping;
    pthread_mutex_unlock(&list->mutex);
    return goes_on;
}

static void *write_list(void *argument) {
    struct compiler_list *list = argument;
    struct error err;
    bool was_said = false;
    while (compiler_list_write(list->store, list->compilers, list->count, &err) != STATUS_OK) {
        if (!was_said) log_line(LOG_WARN, "compilers not listed yet", log_field("error", err.message));
        was_said = true;
        if (!pause_writing(list)) return NULL;
    }
    log_line(LOG_DEBUG, "compilers listed", log_field("count", list->count));
    return NULL;
}

static void free_list(struct compiler_list *list) {
    job_store_free(list->store);
    pthread_cond_destroy(&list->stopped);
    pthread_mutex_destroy(&list->mutex);
    free(list);
}

enum status compiler_list_start(struct compiler_list **out, const char *redis_url, const struct version *compilers,
                                size_t count, struct error *err) {
    struct compiler_list *list = memory_alloc(sizeof *list);
    *list = (struct compiler_list){.compilers = compilers, .count = count};
    pthread_mutex_init(&list->mutex, NULL);
    condition_init(&list->stopped);
    enum status status = job_store_create(&list->store, redis_url, TIMEOUT_MS, err);
    if (!status) {
        int failure = pthread_create(&list->thread, NULL, write_list, list);
        if (failure) status = error_set(err, STATUS_INTERNAL, "A thread could not be started: %s", strerror(failure));
    }
    if (status)
        free_list(list);
    else
        *out = list;
    return status;
}

void compiler_list_stop(struct compiler_list *list) {
    if (!list) return;
    pthread_mutex_lock(&list->mutex);
    list->is_stopping = true;
    pthread_cond_signal(&list->stopped);
    pthread_mutex_unlock(&list->mutex);
    pthread_join(list->thread, NULL);
    free_list(list);
}
