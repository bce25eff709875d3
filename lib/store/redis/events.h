/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The events that follow finished jobs: a Redis stream with a consumer group for each service that listens. An event is written
 * in the same step as the job's end (job_store_finish) and acknowledged only when all its consequences are in Redis; until then
 * it is delivered again, to any consumer (lib/store/README.md, Events).
 */
#ifndef LIB_STORE_REDIS_EVENTS_H
#define LIB_STORE_REDIS_EVENTS_H

#include "lib/store/job/job_store.h"

struct event {
    const char *id;      /* in the stream */
    const char *job_id;  /* the job that it follows */
    const char *payload; /* JSON: job_end.event */
};

/* One of a group of readers, which share the group's events. */
struct event_consumer {
    const char *group; /* made by the first read if missing, from the stream's beginning */
    const char *name;
    int64_t idle_ms; /* it takes over events that another has held this long without acknowledging them */
};

/* Reads up to `limit` events into the arena: first those that the consumer takes over from another; if there are none, new
 * ones, waiting up to `wait_ms`. */
CHECK_RESULT enum status events_read(struct job_store *store, const struct event_consumer *consumer, int wait_ms, size_t limit,
                                     struct arena *arena, struct event **out, size_t *count, struct error *err);
CHECK_RESULT enum status events_acknowledge(struct job_store *store, const char *group, const char *const *event_ids,
                                            size_t count, struct error *err);

/* Removes, up to some thousands a call, the oldest events that every group has acknowledged; *removed is their number. Without
 * a group nothing is removed. A group that is made later begins with the events that are left. */
CHECK_RESULT enum status events_trim(struct job_store *store, size_t *removed, struct error *err);

#endif
