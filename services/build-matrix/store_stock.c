/* SPDX-License-Identifier: BSD-3-Clause */
#include "services/build-matrix/store_stock.h"

#include <pthread.h>
#include <stdlib.h>

#include "lib/base/memory.h"

enum { STORE_TIMEOUT_MS = 5000, SPARE_MAX = 16 };

struct store_stock {
    char *redis_url;
    pthread_mutex_t mutex;
    struct job_store *spare[SPARE_MAX];
    size_t spare_count;
};

enum status store_stock_create(struct store_stock **out, const char *redis_url, struct error *err) {
    struct job_store *first = NULL;
    enum status status = job_store_create(&first, redis_url, STORE_TIMEOUT_MS, err); /* checks the URL */
    if (status) return status;
    struct store_stock *stock = memory_alloc(sizeof *stock);
    stock->redis_url = memory_copy_text(redis_url);
    pthread_mutex_init(&stock->mutex, NULL);
    stock->spare[stock->spare_count++] = first;
    *out = stock;
    return STATUS_OK;
}

void store_stock_free(struct store_stock *stock) {
    if (!stock) return;
    for (size_t i = 0; i < stock->spare_count; i++)
        job_store_free(stock->spare[i]);
    pthread_mutex_destroy(&stock->mutex);
    free(stock->redis_url);
    free(stock);
}

struct job_store *store_stock_take(struct store_stock *stock) {
    struct job_store *store = NULL;
    pthread_mutex_lock(&stock->mutex);
    if (stock->spare_count > 0) store = stock->spare[--stock->spare_count];
    pthread_mutex_unlock(&stock->mutex);
    if (!store && job_store_create(&store, stock->redis_url, STORE_TIMEOUT_MS, NULL))
        abort(); /* cannot happen: the URL was valid at start */
    return store;
}

void store_stock_give_back(struct store_stock *stock, struct job_store *store) {
    pthread_mutex_lock(&stock->mutex);
    bool is_kept = stock->spare_count < SPARE_MAX;
    if (is_kept) stock->spare[stock->spare_count++] = store;
    pthread_mutex_unlock(&stock->mutex);
    if (!is_kept) job_store_free(store);
}
