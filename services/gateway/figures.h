/* SPDX-License-Identifier: BSD-3-Clause
 *
 * GET /metrics, in the Prometheus text format: the gateway's own figures, how many jobs there are, and what every service tells
 * of itself. Whoever does not answer within a second and a half is shown as `registry_up{program="…"} 0`, beside all the rest.
 *
 * To ask takes as long as the slowest needs, so it has a thread; requests that come while it asks share the next answer.
 */
#ifndef SERVICES_GATEWAY_FIGURES_H
#define SERVICES_GATEWAY_FIGURES_H

#include "lib/base/error.h"

struct call;
struct figures;
struct gateway;
struct route;

CHECK_RESULT enum status figures_create(struct figures **out, struct gateway *gateway, struct error *err);

/* Counts an answer; `route` is NULL where there was none. Any thread; never blocks. */
void figures_count(struct figures *figures, const struct route *route, int http_status);

/* Answers `call`, which is away. */
void figures_answer(struct figures *figures, struct call *call);

/* Answers who waits, then ends. NULL is fine. */
void figures_free(struct figures *figures);

#endif
