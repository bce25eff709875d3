/* SPDX-License-Identifier: BSD-3-Clause
 *
 * What follows a finished job: a Redis stream with a consumer group per service that listens. An event is written in the same
 * step as the job's end (job_store_finish) and acknowledged only when all that comes of it is in Redis; until then it is
 * delivered again, to whoever asks (lib/store/README.md, Events).
 */
#ifndef LIB_STORE_EVENTS_H
#define LIB_STORE_EVENTS_H

#include "lib/store/job_store.h"

struct event {
    const char *id;      /* of the stream */
    const char *job_id;  /* the job that it follows */
    const char *payload; /* JSON: job_end.event */
};

/* Reads up to `limit` events for `group` (made here if need be, from the stream's beginning): first those that another consumer
 * took and did not acknowledge within `idle_ms`, then new ones, waiting up to `wait_ms` for one. */
CHECK_RESULT enum status events_read(struct job_store *store, const char *group, const char *consumer, int64_t idle_ms,
                                     int wait_ms, size_t limit, struct arena *arena, struct event **out, size_t *count,
                                     struct error *err);
CHECK_RESULT enum status events_acknowledge(struct job_store *store, const char *group, const char *event_id,
                                            struct error *err);
CHECK_RESULT enum status events_acknowledge_some(struct job_store *store, const char *group, const char *const *event_ids,
                                                 size_t count, struct error *err);

/* Removes, up to some thousands a call, the oldest events that every group has acknowledged; what a group has not read or not
 * acknowledged stays, and without a group everything does. A group that is made later begins with what is left. */
CHECK_RESULT enum status events_trim(struct job_store *store, size_t *removed, struct error *err);

#endif
