/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Readers that wait for a job's next line (`wait=SECONDS`): one thread with one connection to Redis waits for all of them, so
 * that a thousand waiting readers cost no thread each. A call that was woken works again (call.h), and finds what is new or
 * comes back here.
 */
#ifndef SERVICES_GATEWAY_TAIL_H
#define SERVICES_GATEWAY_TAIL_H

#include <stdbool.h>

#include "lib/base/error.h"

struct call;
struct tail;

CHECK_RESULT enum status tail_create(struct tail **out, const char *redis_url, struct error *err);

/* Keeps `call`, which is away, until the log of call->tail.job_id has a line later than call->tail.after_ms, or the job ends,
 * or call->tail.until_ms is reached, or the tail is stopped. Any thread. */
void tail_wait(struct tail *tail, struct call *call);

/* Takes the call back. False: it does not wait any more, and is on its way to its loop. Any thread. */
bool tail_withdraw(struct tail *tail, struct call *call);

/* Wakes everybody, now and from now on. */
void tail_stop(struct tail *tail);

void tail_free(struct tail *tail);

#endif
