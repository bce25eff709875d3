/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Hands matrix jobs to the workers that ask for them. An ask that finds nothing waits here, so that a job is on its way within
 * milliseconds of being made.
 */
#ifndef SERVICES_BUILD_MATRIX_DISPATCHER_H
#define SERVICES_BUILD_MATRIX_DISPATCHER_H

#include "lib/base/error.h"
#include "lib/base/metrics.h"

struct dispatcher;
struct matrix_service;

/* Listens for workers; starts its thread. `service` is borrowed. */
CHECK_RESULT enum status dispatcher_create(struct dispatcher **out, struct matrix_service *service, struct error *err);
/* Answers the asks that wait (there is nothing), and takes no more messages. NULL is fine. */
void dispatcher_free(struct dispatcher *dispatcher);

/* There may be jobs that can be handed out now: it looks. Any thread; never blocks. */
void dispatcher_wake(struct dispatcher *dispatcher);

/* The worker takes no more work: its asks that wait are answered, and its slots no longer counted. Any thread. */
void dispatcher_forget(struct dispatcher *dispatcher, const char *worker);

void dispatcher_measure(struct dispatcher *dispatcher, struct metrics *metrics);

#endif
