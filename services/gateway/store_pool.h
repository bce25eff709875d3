/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Threads that may block, for the loops that may not: each has its own connection to Redis. A task waits in a bounded queue for
 * the next free thread. What a task does with its result is its own affair (a call goes back to its loop, call.h).
 *
 * Clients do not wait for each other's floods: every address has a lane, the lanes take turns, and no lane has all threads or
 * the whole queue. A task whose client left is withdrawn.
 */
#ifndef SERVICES_GATEWAY_STORE_POOL_H
#define SERVICES_GATEWAY_STORE_POOL_H

#include <stdbool.h>
#include <stddef.h>

#include "lib/base/error.h"

struct job_store;
struct store_pool;

enum {
    STORE_QUEUE_MAX = 4096,
    STORE_LANE_QUEUE_MAX = 1024, /* of these in one lane */
    STORE_TIMEOUT_MS = 700, /* of one call to Redis: two fit into the time that a client is kept waiting while it is away */
};

/* Part of whatever is to be done; belongs to the pool from store_pool_submit() until `run` is called. */
struct store_task {
    void (*run)(struct store_task *task, struct job_store *store);
    unsigned lane;  /* store_pool_lane() */
    bool is_queued; /* this and the next two are the pool's own */
    struct store_task *next, *previous;
};

CHECK_RESULT enum status store_pool_create(struct store_pool **out, const char *redis_url, size_t threads, struct error *err);

/* The lane of an address. A few addresses share one, and nobody can tell which. */
unsigned store_pool_lane(const struct store_pool *pool, const char *address);

/* False when the queue, or its lane, is full. Any thread. */
bool store_pool_submit(struct store_pool *pool, struct store_task *task);

/* Takes a task back that was submitted. False: it has begun, or is about to. Any thread. */
bool store_pool_withdraw(struct store_pool *pool, struct store_task *task);

/* Does what is queued, then ends the threads. */
void store_pool_free(struct store_pool *pool);

#endif
