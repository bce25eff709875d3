/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Calls that wait for the next line of a job's log (`wait=SECONDS`). One thread with one connection to Redis waits for all of
 * them, instead of a thread per reader. A woken call runs its work function again (services/gateway/http/call.h), and comes
 * back here if there is no new line.
 */
#ifndef SERVICES_GATEWAY_STREAM_TAIL_H
#define SERVICES_GATEWAY_STREAM_TAIL_H

#include <stdbool.h>

#include "lib/base/error.h"

struct call;
struct tail;

/* Starts the thread. Free `*out` even after a failure. */
CHECK_RESULT enum status tail_create(struct tail **out, const char *redis_url, struct error *err);

/* Keeps `call`, which must be away (call_leave()), until the log of call->tail.job_id has a line later than
 * call->tail.after_ms, the job ends, call->tail.until_ms is reached, or the tail is stopped. Any thread. */
void tail_wait(struct tail *tail, struct call *call);

/* Removes a waiting call. False: it no longer waits, and is on its way to its loop. Any thread. */
bool tail_withdraw(struct tail *tail, struct call *call);

/* Wakes all waiting calls, and from then on every new one at once. */
void tail_stop(struct tail *tail);

void tail_free(struct tail *tail); /* stops it first; NULL is allowed */

#endif
