/* SPDX-License-Identifier: BSD-3-Clause */
#include "services/gateway/backend/store_executor.h"

#include <stdlib.h>

#include "lib/base/hash.h"
#include "lib/base/memory.h"
#include "lib/base/thread.h"
#include "lib/store/job/job_store.h"

struct worker {
    struct store_executor *pool;
    struct job_store *store;
    pthread_cond_t woken;
    struct worker *next_idle; /* guarded by the pool's mutex, like `task` */
    struct store_task *task;  /* assigned to it while it was idle */
};

enum { LANES = 4096 };

struct lane {
    struct queue tasks; /* struct store_task */
    size_t running;
    struct lane *next, *previous; /* in the ring of runnable lanes; NULL: not in the ring */
};

/* Idle workers are a stack: the most recently used one, whose memory is still cached, is woken first. */
struct store_executor {
    uint64_t key;          /* random, so that clients cannot choose addresses that share a lane */
    struct thread threads; /* whose mutex guards the fields below; no runnable task stays queued while a worker is idle */
    struct lane lanes[LANES];
    struct lane *turn; /* the next lane in the ring; NULL: no lane is runnable */
    size_t queued;
    struct worker *idle;
    size_t running_per_lane; /* maximum; the other threads are left to other lanes */
    size_t worker_count;
    struct worker workers[];
};

/* ---- Lanes: the mutex must be held ---- */

/* Adds the lane at the end of the ring if it is runnable (it has a task and may use another thread), else removes it. */
static void place_lane(struct store_executor *pool, struct lane *lane) {
    bool may_run = lane->tasks.first && lane->running < pool->running_per_lane;
    if (may_run == (lane->next != NULL)) return;
    if (may_run) {
        struct lane *turn = pool->turn ? pool->turn : lane;
        lane->next = turn;
        lane->previous = turn == lane ? lane : turn->previous;
        lane->previous->next = lane;
        turn->previous = lane;
        pool->turn = turn;
        return;
    }
    if (pool->turn == lane) pool->turn = lane->next == lane ? NULL : lane->next;
    lane->next->previous = lane->previous;
    lane->previous->next = lane->next;
    lane->next = lane->previous = NULL;
}

static void append_to_queue(struct store_executor *pool, struct store_task *task) {
    struct lane *lane = &pool->lanes[task->lane];
    queue_add(&lane->tasks, &task->link);
    pool->queued++;
    place_lane(pool, lane);
}

static void take_from_queue(struct store_executor *pool, struct store_task *task) {
    struct lane *lane = &pool->lanes[task->lane];
    queue_remove(&lane->tasks, &task->link);
    pool->queued--;
    place_lane(pool, lane);
}

static struct store_task *take_queued(struct store_executor *pool) {
    struct lane *lane = pool->turn;
    if (!lane) return NULL;
    struct store_task *task = QUEUE_ITEM(lane->tasks.first, struct store_task, link);
    pool->turn = lane->next;
    lane->running++;
    take_from_queue(pool, task);
    return task;
}

unsigned store_executor_lane(const struct store_executor *pool, const char *address) {
    uint64_t hash = pool->key;
    for (const char *at = address; *at; at++)
        hash = (hash ^ (unsigned char)*at) * 0x100000001B3u;
    return (unsigned)((hash ^ hash >> 32) % LANES);
}

/* ---- Workers ---- */

/* Takes the next task, waiting for one. NULL: the worker must end. */
static struct store_task *take_task(struct worker *worker) {
    struct store_executor *pool = worker->pool;
    thread_lock(&pool->threads);
    struct store_task *task = take_queued(pool);
    if (!task && !pool->threads.is_stopping) {
        worker->task = NULL;
        worker->next_idle = pool->idle;
        pool->idle = worker;
        while (!worker->task && !pool->threads.is_stopping)
            pthread_cond_wait(&worker->woken, &pool->threads.mutex);
        task = worker->task;
    }
    thread_unlock(&pool->threads);
    return task;
}

static void end_task(struct store_executor *pool, struct lane *lane) {
    thread_lock(&pool->threads);
    lane->running--;
    place_lane(pool, lane);
    thread_unlock(&pool->threads);
}

static void run_worker(void *context) {
    struct worker *worker = context;
    struct store_task *task;
    while ((task = take_task(worker)) != NULL) {
        struct lane *lane = &worker->pool->lanes[task->lane]; /* run() may free the task */
        task->run(task, worker->store);
        end_task(worker->pool, lane);
    }
}

enum status store_executor_create(struct store_executor **out, const char *redis_url, size_t threads, struct error *err) {
    struct store_executor *pool = memory_alloc(sizeof *pool + threads * sizeof pool->workers[0]);
    *out = pool;
    thread_init(&pool->threads);
    hash_random_bytes(&pool->key, sizeof pool->key);
    pool->running_per_lane = threads - threads / 4;
    enum status status = STATUS_OK;
    while (pool->worker_count < threads && !status) {
        struct worker *worker = &pool->workers[pool->worker_count++];
        worker->pool = pool;
        pthread_cond_init(&worker->woken, NULL);
        status = job_store_create(&worker->store, redis_url, STORE_TIMEOUT_MS, err);
        if (!status) status = thread_start(&pool->threads, "store", run_worker, worker, err);
    }
    return status;
}

bool store_executor_submit(struct store_executor *pool, struct store_task *task) {
    thread_lock(&pool->threads);
    struct lane *lane = &pool->lanes[task->lane];
    struct worker *worker = lane->running < pool->running_per_lane ? pool->idle : NULL;
    bool is_taken = worker || (pool->queued < STORE_QUEUE_MAX && lane->tasks.count < STORE_LANE_QUEUE_MAX);
    task->link = (struct queue_link){0};
    if (worker) {
        lane->running++;
        pool->idle = worker->next_idle;
        worker->task = task;
        pthread_cond_signal(&worker->woken);
    } else if (is_taken) {
        append_to_queue(pool, task);
    }
    thread_unlock(&pool->threads);
    return is_taken;
}

bool store_executor_withdraw(struct store_executor *pool, struct store_task *task) {
    thread_lock(&pool->threads);
    bool is_queued = queue_has_link(&task->link);
    if (is_queued) take_from_queue(pool, task);
    thread_unlock(&pool->threads);
    return is_queued;
}

void store_executor_free(struct store_executor *pool) {
    if (!pool) return;
    thread_request_stop(&pool->threads);
    thread_lock(&pool->threads);
    for (struct worker *worker = pool->idle; worker; worker = worker->next_idle)
        pthread_cond_signal(&worker->woken);
    thread_unlock(&pool->threads);
    thread_release(&pool->threads);
    for (size_t i = 0; i < pool->worker_count; i++) {
        pthread_cond_destroy(&pool->workers[i].woken);
        job_store_free(pool->workers[i].store);
    }
    free(pool);
}
