/* SPDX-License-Identifier: BSD-3-Clause
 *
 * A pool of threads that may block, for the event loops, which must not; each thread has its own connection to Redis. Tasks
 * wait in a bounded queue. A task delivers its own result (a call goes back to its loop, services/gateway/http/call.h).
 *
 * A flood from one client does not delay others: every address has a lane, lanes are served round-robin, and no lane may use
 * all threads or the whole queue. The task of a client that has disconnected is withdrawn.
 */
#ifndef SERVICES_GATEWAY_BACKEND_STORE_EXECUTOR_H
#define SERVICES_GATEWAY_BACKEND_STORE_EXECUTOR_H

#include <stdbool.h>
#include <stddef.h>

#include "lib/base/error.h"
#include "lib/base/queue.h"

struct job_store;
struct store_executor;

enum {
    STORE_QUEUE_MAX = 4096,
    STORE_LANE_QUEUE_MAX = 1024, /* of these, per lane */
    STORE_TIMEOUT_MS =
        700, /* of one call to Redis: two of them are shorter than OUTAGE_WAIT_MS (services/gateway/http/call.h) */
};

/* Embedded in the caller's struct; owned by the pool from store_executor_submit() until `run` is called. */
struct store_task {
    void (*run)(struct store_task *task, struct job_store *store);
    unsigned lane;          /* store_executor_lane() */
    struct queue_link link; /* used by the pool only */
};

/* Starts the threads. Free `*out` even after a failure. */
CHECK_RESULT enum status store_executor_create(struct store_executor **out, const char *redis_url, size_t threads,
                                               struct error *err);

/* The lane of an address. Several addresses may share a lane; which ones is not predictable. */
unsigned store_executor_lane(const struct store_executor *pool, const char *address);

/* Queues the task. False: the queue or the lane is full. Any thread. */
bool store_executor_submit(struct store_executor *pool, struct store_task *task);

/* Removes a submitted task from the queue. False: it is running, or about to run. Any thread. */
bool store_executor_withdraw(struct store_executor *pool, struct store_task *task);

/* Runs the queued tasks, then stops the threads. NULL is allowed. */
void store_executor_free(struct store_executor *pool);

#endif
