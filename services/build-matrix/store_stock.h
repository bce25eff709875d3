/* SPDX-License-Identifier: BSD-3-Clause
 *
 * A pool of Redis connections, for message handlers (which run on nng's threads) and other short uses.
 */
#ifndef SERVICES_BUILD_MATRIX_STORE_STOCK_H
#define SERVICES_BUILD_MATRIX_STORE_STOCK_H

#include "lib/store/job_store.h"

struct store_stock;

CHECK_RESULT enum status store_stock_create(struct store_stock **out, const char *redis_url, struct error *err);
void store_stock_free(struct store_stock *stock); /* after all were given back; NULL is allowed */

/* Takes a connection for exclusive use until it is given back; makes a new one if the pool is empty. Any thread. */
struct job_store *store_stock_take(struct store_stock *stock);
void store_stock_give_back(struct store_stock *stock, struct job_store *store);

#endif
