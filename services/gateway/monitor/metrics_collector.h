/* SPDX-License-Identifier: BSD-3-Clause
 *
 * GET /metrics, in the Prometheus text format: the gateway's own metrics, the numbers of jobs, and the metrics of every
 * service. A program that does not answer within a second and a half is shown as `registry_up{program="…"} 0`.
 *
 * Collecting takes as long as the slowest answer, so a thread does it; requests that arrive meanwhile share the next result.
 */
#ifndef SERVICES_GATEWAY_MONITOR_METRICS_COLLECTOR_H
#define SERVICES_GATEWAY_MONITOR_METRICS_COLLECTOR_H

#include "lib/base/error.h"

struct call;
struct metrics_collector;
struct gateway;
struct route;

/* Starts the thread. `gateway` is borrowed. Free `*out` even after a failure. */
CHECK_RESULT enum status metrics_collector_create(struct metrics_collector **out, struct gateway *gateway, struct error *err);

/* Counts an answer; `route` NULL: no route matched. Any thread; never blocks. */
void metrics_collector_count(struct metrics_collector *collector, const struct route *route, int http_status);

/* Answers `call`, which must be away (call_leave()), on the thread. */
void metrics_collector_answer(struct metrics_collector *collector, struct call *call);

/* Answers the waiting calls, then stops the thread. NULL is allowed. */
void metrics_collector_free(struct metrics_collector *collector);

#endif
