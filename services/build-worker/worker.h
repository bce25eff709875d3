/* SPDX-License-Identifier: BSD-3-Clause
 *
 * A build worker: requests work from the build-matrix service, builds it and reports the outcomes (proto/messages.def). It is
 * bound to the service only by the leases that it renews, so it may vanish at any time.
 *
 *   slot threads   request ──► build ──► request …    one work order each
 *   renewer        all leases in one message, at least RENEWALS_PER_LEASE times per lease
 *   sender         log lines and outcomes, retried until the service accepts them
 *
 * Its only secret is BUILD_WORKER_KEY, which builds cannot read.
 */
#ifndef SERVICES_BUILD_WORKER_WORKER_H
#define SERVICES_BUILD_WORKER_WORKER_H

#include "services/build-worker/build_environment.h"

struct worker;

/* Creates the worker and starts its threads. `settings` and `environment` are borrowed. */
CHECK_RESULT enum status worker_start(struct worker **out, const struct settings *settings,
                                      struct build_environment *environment, struct error *err);

/* Stops taking work, lets running builds continue for up to `drain_ms`, then gives them back; delivers pending output and
 * joins the threads. */
void worker_drain(struct worker *worker, int64_t drain_ms);
void worker_free(struct worker *worker); /* after worker_drain() */

/* Makes a waiting worker_drain() give running builds back at once. Any thread. */
void worker_give_up(struct worker *worker);

#endif
