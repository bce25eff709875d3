/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Finds events and sends them to webhooks. This program does it, since it has the registry and the package sets in memory, may
 * reach other hosts, and holds up neither requests nor publications; of several instances, the one that has the lock `webhooks`.
 *
 *   finder       each second: publications, unpublishings, package sets and closed takedown cases that were never events become
 *                events, oldest first (lib/store/webhook/webhook_store.h)
 *   senders      each has the hooks with its share of the ids. A hook gets one event after the other, so in their order, also where it
 *                fails: then it is tried again after 1 s, 2 s, 4 s, … up to an hour; after a day it is paused, which is an alarm
 *
 * A kill at any moment loses nothing: that file says why. The lock is held for LOCK_HOLD_MS, and nothing is sent that would take
 * longer than the rest, so no two instances send to one hook.
 */
#ifndef SERVICES_PACKAGE_SET_WEBHOOKS_H
#define SERVICES_PACKAGE_SET_WEBHOOKS_H

#include <stdint.h>

#include "lib/base/error.h"
#include "lib/base/metrics.h"

struct settings;
struct webhook_sources;
struct webhooks;

/* Starts the threads. `settings` and what `sources` names are borrowed. Sets *out to NULL after a failure. */
CHECK_RESULT enum status webhooks_create(struct webhooks **out, const struct webhook_sources *sources,
                                         const struct settings *settings, struct error *err);
void webhooks_free(struct webhooks *webhooks); /* stops and joins the threads; NULL is allowed */

/* Any thread; NULL, before the start, has none. */
void webhooks_measure(struct webhooks *webhooks, struct metrics *metrics);
int64_t webhooks_alarms(struct webhooks *webhooks); /* hooks that were paused */

#endif
