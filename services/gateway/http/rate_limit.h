/* SPDX-License-Identifier: BSD-3-Clause
 *
 * A limit per minute and address (of POSTs, of failed trustee requests, …): a token bucket per address, refilled evenly. The
 * table has a fixed size; when too many addresses are active at once, the one with the most tokens left is forgotten, so a
 * flood of addresses makes the limit more lenient, never stricter for others. Thread-safe; all loops share a table.
 */
#ifndef SERVICES_GATEWAY_HTTP_RATE_LIMIT_H
#define SERVICES_GATEWAY_HTTP_RATE_LIMIT_H

#include <stdbool.h>
#include <stdint.h>

struct rate_limit;

struct rate_limit *rate_limit_create(int64_t per_minute) __attribute__((returns_nonnull)); /* 0: no limit */
void rate_limit_free(struct rate_limit *limit);

/* Takes a token for `address` at `now_ms` (monotonic). False: there is none, and *retry_after_s is the number of seconds until
 * there will be. */
bool rate_limit_take(struct rate_limit *limit, const char *address, int64_t now_ms, int64_t *retry_after_s);

/* Returns a token that rate_limit_take() took. */
void rate_limit_give_back(struct rate_limit *limit, const char *address, int64_t now_ms);

/* True if rate_limit_take() would succeed; takes no token. */
bool rate_limit_has_room(struct rate_limit *limit, const char *address, int64_t now_ms);

#endif
