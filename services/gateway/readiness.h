/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Is the registry able to work? Redis, each service (which answers for its git remotes), storage, with the reason for each no.
 * A check takes as long as the slowest of those needs to answer, so it has a thread; requests that come while one is under way
 * share the next. The public port shows no folder and no address inside this machine: the name of the setting stands there, as
 * in jobs' logs (lib/base/inside.h).
 */
#ifndef SERVICES_GATEWAY_READINESS_H
#define SERVICES_GATEWAY_READINESS_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/base/error.h"

struct call;
struct gateway;
struct readiness;
struct text;

CHECK_RESULT enum status readiness_create(struct readiness **out, struct gateway *gateway, struct error *err);

/* Answers `call`, which is away, with what a check finds that begins after now: 200 or 503. */
void readiness_answer(struct readiness *readiness, struct call *call);

/* Checks on the caller's thread, and appends the findings: {"ready": BOOL, "checks": [{"check", "ok", "message"?}, …]}. */
bool readiness_check(struct readiness *readiness, struct text *findings);

/* How many jobs the services have raised an alarm for (third lost attempt, writes that do not come to an end) since this was
 * asked last, as far as the checks since then have seen. */
int64_t readiness_take_alarms(struct readiness *readiness);

/* Answers who waits, then ends. */
void readiness_free(struct readiness *readiness);

#endif
