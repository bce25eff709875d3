/* SPDX-License-Identifier: BSD-3-Clause */
#include "lib/store/job/connection_pool.h"

#include <pthread.h>
#include <stdlib.h>

#include "lib/base/memory.h"

enum { STORE_TIMEOUT_MS = 5000, SPARE_MAX = 16 };

struct connection_pool {
    char *redis_url;
    pthread_mutex_t mutex;
    struct job_store *spare[SPARE_MAX];
    size_t spare_count;
};

enum status connection_pool_create(struct connection_pool **out, const char *redis_url, struct error *err) {
    struct job_store *first = NULL;
    enum status status = job_store_create(&first, redis_url, STORE_TIMEOUT_MS, err); /* checks the URL */
    if (status) return status;
    struct connection_pool *pool = memory_alloc(sizeof *pool);
    pool->redis_url = memory_copy_text(redis_url);
    pthread_mutex_init(&pool->mutex, NULL);
    pool->spare[pool->spare_count++] = first;
    *out = pool;
    return STATUS_OK;
}

void connection_pool_free(struct connection_pool *pool) {
    if (!pool) return;
    for (size_t i = 0; i < pool->spare_count; i++)
        job_store_free(pool->spare[i]);
    pthread_mutex_destroy(&pool->mutex);
    free(pool->redis_url);
    free(pool);
}

struct job_store *connection_pool_take(struct connection_pool *pool) {
    struct job_store *store = NULL;
    pthread_mutex_lock(&pool->mutex);
    if (pool->spare_count > 0) store = pool->spare[--pool->spare_count];
    pthread_mutex_unlock(&pool->mutex);
    if (!store && job_store_create(&store, pool->redis_url, STORE_TIMEOUT_MS, NULL))
        abort(); /* cannot happen: the URL was valid at start */
    return store;
}

void connection_pool_give_back(struct connection_pool *pool, struct job_store *store) {
    pthread_mutex_lock(&pool->mutex);
    bool is_kept = pool->spare_count < SPARE_MAX;
    if (is_kept) pool->spare[pool->spare_count++] = store;
    pthread_mutex_unlock(&pool->mutex);
    if (!is_kept) job_store_free(store);
}
