/* SPDX-License-Identifier: BSD-3-Clause
 *
 * A pool of Redis connections, for message handlers (which run on nng's threads) and other short uses.
 */
#ifndef LIB_STORE_JOB_CONNECTION_POOL_H
#define LIB_STORE_JOB_CONNECTION_POOL_H

#include "lib/store/job/job_store.h"

struct connection_pool;

CHECK_RESULT enum status connection_pool_create(struct connection_pool **out, const char *redis_url, struct error *err);
void connection_pool_free(struct connection_pool *pool); /* after all were given back; NULL is allowed */

/* Takes a connection for exclusive use until it is given back; makes a new one if the pool is empty. Any thread. */
struct job_store *connection_pool_take(struct connection_pool *pool);
void connection_pool_give_back(struct connection_pool *pool, struct job_store *store);

#endif
