/* SPDX-License-Identifier: BSD-3-Clause
 *
 * A build worker: asks the build-matrix service for work, builds it, and says what came of it (proto/messages.def). All that
 * the service knows of it are the leases that it renews, so it may vanish at any time.
 *
 *   slot threads   ask ──► build ──► ask …            one piece of work each
 *   renewer        all leases in one message, a few times within a lease's length
 *   sender         lines and results, again and again until the service has taken them
 *
 * It holds no secret but BUILD_WORKER_KEY, which no build can see.
 */
#ifndef SERVICES_BUILD_WORKER_WORKER_H
#define SERVICES_BUILD_WORKER_WORKER_H

#include "services/build-worker/builder.h"

struct worker;

/* Starts its threads. `settings` and `builder` are borrowed. */
CHECK_RESULT enum status worker_start(struct worker **out, const struct settings *settings, struct builder *builder,
                                      struct error *err);

/* Takes no more work, lets what it has go on for up to `drain_ms`, then hands it back; sends all that is to be sent, and ends
 * the threads. */
void worker_drain(struct worker *worker, int64_t drain_ms);
void worker_free(struct worker *worker); /* after worker_drain() */

/* Hands what it has back at once, while worker_drain() waits. Any thread. */
void worker_give_up(struct worker *worker);

#endif
