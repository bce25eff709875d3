/* SPDX-License-Identifier: BSD-3-Clause
 *
 * How many POSTs one address may send in a minute: a bucket of tokens per address, refilled evenly. The table has a fixed size;
 * when too many addresses are active at once, the one with the most tokens left is forgotten, so a flood of addresses makes the
 * limit lenient, and never makes it hit somebody who did nothing. One table for all loops; any thread may ask.
 */
#ifndef SERVICES_GATEWAY_RATE_LIMIT_H
#define SERVICES_GATEWAY_RATE_LIMIT_H

#include <stdbool.h>
#include <stdint.h>

struct rate_limit;

struct rate_limit *rate_limit_create(int64_t per_minute) __attribute__((returns_nonnull)); /* 0: no limit */
void rate_limit_free(struct rate_limit *limit);

/* Takes one token for `address` at `now_ms` (monotonic). Where there is none, *retry_after_s says in how many seconds there
 * will be. */
bool rate_limit_take(struct rate_limit *limit, const char *address, int64_t now_ms, int64_t *retry_after_s);

/* Gives a token back that rate_limit_take() took. */
void rate_limit_give_back(struct rate_limit *limit, const char *address, int64_t now_ms);

/* Would rate_limit_take() answer true? Takes nothing. */
bool rate_limit_has_room(struct rate_limit *limit, const char *address, int64_t now_ms);

#endif
