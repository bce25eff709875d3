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
    pthread_cond_t woken;
    struct worker *next_idle; /* under the pool's mutex, like `task` */
    struct store_task *task;  /* handed to it while it was idle */
};

/* Idle workers are a stack: the one that worked last, whose memory is still near, is woken first. */
struct store_pool {
    pthread_mutex_t mutex;
    struct store_task *first, *last; /* under the mutex, like what follows; nothing is queued while a worker is idle */
    size_t queued;
    struct worker *idle;
    bool is_stopping;
    size_t worker_count;
    struct worker workers[];
};

static struct store_task *take_queued(struct store_pool *pool) {
    struct store_task *task = pool->first;
    if (!task) return NULL;
    pool->first = task->next;
    if (!pool->first) pool->last = NULL;
    pool->queued--;
    return task;
}

/* NULL: the worker is to end. */
static struct store_task *take_task(struct worker *worker) {
    struct store_pool *pool = worker->pool;
    pthread_mutex_lock(&pool->mutex);
    struct store_task *task = take_queued(pool);
    if (!task && !pool->is_stopping) {
        worker->task = NULL;
        worker->next_idle = pool->idle;
        pool->idle = worker;
        while (!worker->task && !pool->is_stopping)
            pthread_cond_wait(&worker->woken, &pool->mutex);
        task = worker->task;
    }
    pthread_mutex_unlock(&pool->mutex);
    return task;
}

static void *run_worker(void *argument) {
    struct worker *worker = argument;
    struct store_task *task;
    while ((task = take_task(worker)) != NULL)
        task->run(task, worker->store);
    return NULL;
}

enum status store_pool_create(struct store_pool **out, const char *redis_url, size_t threads, struct error *err) {
    struct store_pool *pool = memory_alloc(sizeof *pool + threads * sizeof pool->workers[0]);
    *out = pool;
    pthread_mutex_init(&pool->mutex, NULL);
    for (size_t i = 0; i < threads; i++) {
        struct worker *worker = &pool->workers[i];
        worker->pool = pool;
        pthread_cond_init(&worker->woken, NULL);
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

static void append_to_queue(struct store_pool *pool, struct store_task *task) {
    task->next = NULL;
    if (pool->last)
        pool->last->next = task;
    else
        pool->first = task;
    pool->last = task;
    pool->queued++;
}

bool store_pool_submit(struct store_pool *pool, struct store_task *task) {
    pthread_mutex_lock(&pool->mutex);
    struct worker *worker = pool->idle;
    bool is_taken = worker || pool->queued < STORE_QUEUE_MAX;
    if (worker) {
        pool->idle = worker->next_idle;
        worker->task = task;
        pthread_cond_signal(&worker->woken);
    } else if (is_taken) {
        append_to_queue(pool, task);
    }
    pthread_mutex_unlock(&pool->mutex);
    return is_taken;
}

void store_pool_free(struct store_pool *pool) {
    if (!pool) return;
    pthread_mutex_lock(&pool->mutex);
    pool->is_stopping = true;
    for (struct worker *worker = pool->idle; worker; worker = worker->next_idle)
        pthread_cond_signal(&worker->woken);
    pthread_mutex_unlock(&pool->mutex);
    for (size_t i = 0; i < pool->worker_count; i++) {
        pthread_join(pool->workers[i].thread, NULL);
        pthread_cond_destroy(&pool->workers[i].woken);
        job_store_free(pool->workers[i].store);
    }
    pthread_mutex_destroy(&pool->mutex);
    free(pool);
}
