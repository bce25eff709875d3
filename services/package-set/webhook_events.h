/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Everything of the registry that is an event for webhooks (webhooks.h).
 */
#ifndef SERVICES_PACKAGE_SET_WEBHOOK_EVENTS_H
#define SERVICES_PACKAGE_SET_WEBHOOK_EVENTS_H

#include "lib/store/webhook/webhook_store.h"

struct registry_sets;
struct registry_view;

/* Where events come from. */
struct webhook_sources {
    struct registry_view *view;
    struct registry_sets *sets;
    void (*follow)(void *context); /* brings both up to date; any thread */
    void *context;
};

/* Lists all that there are now, oldest first, in the arena. Their ids are those of the entries in the feeds
 * (services/gateway/web/feeds.c). */
CHECK_RESULT enum status webhook_events_list(const struct webhook_sources *sources, struct job_store *store,
                                             struct arena *arena, struct webhook_event **out, size_t *count, struct error *err);

#endif
