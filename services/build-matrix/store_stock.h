/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Connections to Redis for whoever needs one for a moment: handlers of messages, which run on nng's threads.
 */
#ifndef SERVICES_BUILD_MATRIX_STORE_STOCK_H
#define SERVICES_BUILD_MATRIX_STORE_STOCK_H

#include "lib/store/job_store.h"

struct store_stock;

CHECK_RESULT enum status store_stock_create(struct store_stock **out, const char *redis_url, struct error *err);
void store_stock_free(struct store_stock *stock); /* when all are back; NULL is fine */

/* One that nobody else has until it is given back; a new one where all are out. Any thread. */
struct job_store *store_stock_take(struct store_stock *stock);
void store_stock_give_back(struct store_stock *stock, struct job_store *store);

#endif
