/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Checks whether the registry can work: Redis, each service (which checks its git remotes, too) and storage, with a reason for
 * each failure. A check takes as long as the slowest answer, so a thread does it; requests that arrive during a check share the
 * next one. On the public port, folders and internal addresses are replaced by the names of their settings, as in jobs' logs
 * (lib/base/inside.h).
 */
#ifndef SERVICES_GATEWAY_MONITOR_READINESS_H
#define SERVICES_GATEWAY_MONITOR_READINESS_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/base/error.h"

struct call;
struct gateway;
struct readiness;
struct text;

/* Starts the thread. `gateway` is borrowed. Free `*out` even after a failure. */
CHECK_RESULT enum status readiness_create(struct readiness **out, struct gateway *gateway, struct error *err);

/* Answers `call`, which must be away (call_leave()), with the result of a check that begins after now: 200 or 503. */
void readiness_answer(struct readiness *readiness, struct call *call);

/* Checks on the caller's thread and appends {"ready": BOOL, "checks": [{"check", "ok", "message"?}, …]}. True: ready. */
bool readiness_check(struct readiness *readiness, struct text *findings);

/* The same as the public port shows it. */
bool readiness_check_public(struct readiness *readiness, struct text *findings);

/* The number of alarms (third lost attempt, writes that cannot be completed) that checks have seen since the last call. */
int64_t readiness_take_alarms(struct readiness *readiness);

/* Answers the waiting calls, then stops the thread. NULL is allowed. */
void readiness_free(struct readiness *readiness);

#endif
