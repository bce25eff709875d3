/* SPDX-License-Identifier: BSD-3-Clause */
#include "services/gateway/store_pool.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/memory.h"
#include "lib/store/job_store.h"

struct worker {
    struct store_pool *pool;
    struct job_store *store;
    pthread_t thread;
};

struct store_pool {
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    struct store_task *first, *last; /* under the mutex, like the next two */
    size_t queued;
    bool is_stopping;
    size_t worker_count;
    struct worker workers[];
};

static struct store_task *take_task(struct store_pool *pool) {
    pthread_mutex_lock(&pool->mutex);
    while (!pool->first && !pool->is_stopping)
        pthread_cond_wait(&pool->changed, &pool->mutex);
    struct store_task *task = pool->first;
    if (task) {
        pool->first = task->next;
        if (!pool->first) pool->last = NULL;
        pool->queued--;
    }
    pthread_mutex_unlock(&pool->mutex);
    return task;
}

static void *run_worker(void *argument) {
    struct worker *worker = argument;
    struct store_task *task;
    while ((task = take_task(worker->pool)) != NULL)
        task->run(task, worker->store);
    return NULL;
}

enum status store_pool_create(struct store_pool **out, const char *redis_url, size_t threads, struct error *err) {
    struct store_pool *pool = memory_alloc(sizeof *pool + threads * sizeof pool->workers[0]);
    *out = pool;
    pthread_mutex_init(&pool->mutex, NULL);
    pthread_cond_init(&pool->changed, NULL);
    for (size_t i = 0; i < threads; i++) {
        struct worker *worker = &pool->workers[i];
        worker->pool = pool;
        enum status status = job_store_create(&worker->store, redis_url, STORE_TIMEOUT_MS, err);
        if (status) return status;
        int problem = pthread_create(&worker->thread, NULL, run_worker, worker);
        if (problem) {
            job_store_free(worker->store);
            return error_set(err, STATUS_INTERNAL, "A thread for the store cannot be started: %s.", strerror(problem));
        }
        pool->worker_count++;
    }
    return STATUS_OK;
}

bool store_pool_submit(struct store_pool *pool, struct store_task *task) {
    pthread_mutex_lock(&pool->mutex);
    bool has_room = pool->queued < STORE_QUEUE_MAX;
    if (has_room) {
        task->next = NULL;
        if (pool->last)
            pool->last->next = task;
        else
            pool->first = task;
        pool->last = task;
        pool->queued++;
        pthread_cond_signal(&pool->changed);
    }
    pthread_mutex_unlock(&pool->mutex);
    return has_room;
}

void store_pool_free(struct store_pool *pool) {
    if (!pool) return;
    pthread_mutex_lock(&pool->mutex);
    pool->is_stopping = true;
    pthread_cond_broadcast(&pool->changed);
    pthread_mutex_unlock(&pool->mutex);
    for (size_t i = 0; i < pool->worker_count; i++) {
        pthread_join(pool->workers[i].thread, NULL);
        job_store_free(pool->workers[i].store);
    }
    pthread_cond_destroy(&pool->changed);
    pthread_mutex_destroy(&pool->mutex);
    free(pool);
}
