/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Calls that wait for the next line of a job's log (`wait=SECONDS`). They follow the job's feed (hub.h), so that any number of
 * them cost one reader of Redis. A woken call runs its work function again (services/gateway/http/call.h), and waits again if there is no new line.
 * For the loop's thread only.
 */
#ifndef SERVICES_GATEWAY_STREAM_LOG_WAIT_H
#define SERVICES_GATEWAY_STREAM_LOG_WAIT_H

#include <stdbool.h>

struct call;
struct feed_place;
struct loop;

/* Keeps the call until the log of call->wait.job_id has a line later than call->wait.after_ms, the job ends, or
 * call->wait.until_ms is reached. */
void log_wait_start(struct call *call);

/* Ends a wait without running the work function. False: the call does not wait. */
bool log_wait_stop(struct call *call);

/* ---- For the loop ---- */

void log_waits_check(struct feed_place *place); /* there is news in this feed */
void log_waits_end(struct loop *loop);          /* wakes all, as at their time */

#endif
