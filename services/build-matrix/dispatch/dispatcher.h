/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Dispatches matrix jobs to the workers that ask for work. An ask that finds no job waits in a queue, so that a new job is
 * dispatched within milliseconds.
 */
#ifndef SERVICES_BUILD_MATRIX_DISPATCH_DISPATCHER_H
#define SERVICES_BUILD_MATRIX_DISPATCH_DISPATCHER_H

#include "lib/base/error.h"
#include "lib/base/metrics.h"

struct dispatcher;
struct matrix_service;

/* Listens for workers and starts the dispatcher's thread. `service` is borrowed; `out` must be &service->dispatcher. Free
 * `*out` even after a failure. */
CHECK_RESULT enum status dispatcher_create(struct dispatcher **out, struct matrix_service *service, struct error *err);
/* Answers the waiting asks with "no work" and stops listening. NULL is allowed. */
void dispatcher_free(struct dispatcher *dispatcher);

/* Makes the dispatcher look for ready jobs. Any thread; never blocks. */
void dispatcher_wake(struct dispatcher *dispatcher);

/* The worker takes no more work: its queued asks are answered with "no work", and its slots are no longer counted. Any thread.
 */
void dispatcher_forget(struct dispatcher *dispatcher, const char *worker);

void dispatcher_measure(struct dispatcher *dispatcher, struct metrics *metrics);

#endif
