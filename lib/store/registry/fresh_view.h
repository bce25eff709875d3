/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Keeps a service's in-memory view of the registry as recent as a query. The service refreshes the view now and then by itself,
 * but a commit may be that of another program or instance. So no job is ended or refused, and no query answered with "not
 * found", from the view unless it was read after the query arrived.
 */
#ifndef LIB_STORE_REGISTRY_FRESH_VIEW_H
#define LIB_STORE_REGISTRY_FRESH_VIEW_H

#include <stdatomic.h>
#include <stdint.h>

#include "lib/base/error.h"

struct connection_pool;
struct registry_access;

struct fresh_view {
    const struct registry_access *repositories; /* borrowed */
    struct connection_pool *stores;             /* borrowed */
    atomic_llong followed;                      /* job_heads.count when the view was last up to date */
    atomic_llong follow_again_us;               /* monotonic: no retry before, after a failure */
};

void fresh_view_init(struct fresh_view *out, const struct registry_access *repositories, struct connection_pool *stores);

/* Called at the start of a query: updates the view if it lacks commits of this server's jobs; otherwise costs one Redis call.
 * After a failure, which is only logged, the view stays as it was, and no query tries again for a second. Any thread. */
void fresh_view_follow(struct fresh_view *view);

/* Called before a negative answer: makes sure that the view was read from the repositories after `asked_us`
 * (clock_monotonic_us()). STATUS_UNAVAILABLE or another temporary failure: a negative answer is not possible now. Any
 * thread. */
CHECK_RESULT enum status fresh_view_look_again(struct fresh_view *view, int64_t asked_us, struct error *err);

#endif
