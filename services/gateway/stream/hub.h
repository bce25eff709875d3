/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The gateway's one reader of logs in Redis, for any number of jobs and clients: a thread that waits for changes of any jobs
 * (lib/store/job/job_watch.h), reads those that somebody follows, and adds them to their feeds (feed.h).
 *
 *   reader (loop's thread) ── hub_follow() ──► feed ◄── the hub's thread ◄── Redis
 *                          ◄── feed_tell() ────┘
 *
 * After an outage of Redis all feeds are read again, so nothing is missed. One that lasts longer than OUTAGE_WAIT_MS ends all
 * feeds (FEED_IS_LOST); their readers' clients come back.
 */
#ifndef SERVICES_GATEWAY_STREAM_HUB_H
#define SERVICES_GATEWAY_STREAM_HUB_H

#include <stdbool.h>
#include <stddef.h>

#include "lib/base/error.h"
#include "services/gateway/stream/feed.h"

struct hub;
struct job_store;
struct metrics;

/* Starts the thread, for this number of event loops. Free `*out` even after a failure. */
CHECK_RESULT enum status hub_create(struct hub **out, const char *redis_url, size_t loops, struct error *err);

/* The feed of the job, with a reader more and a reference; *is_new: hub_wake() makes it ready soon, else it takes up to a
 * fraction of a second. Any thread. */
struct feed *hub_follow(struct hub *hub, const char *job_id, bool *is_new) __attribute__((returns_nonnull));

/* Wakes the hub, through `store`, for a feed that is new. Blocks; any thread. */
CHECK_RESULT enum status hub_wake(struct job_store *store, const char *job_id, struct error *err);

/* Takes back the reader and the reference of hub_follow(). Any thread. */
void hub_leave(struct feed *feed);

/* Stops the thread: feeds get nothing new any more. Before the loops end. */
void hub_stop(struct hub *hub);

void hub_measure(struct hub *hub, struct metrics *metrics);

void hub_free(struct hub *hub); /* stops it first; NULL is allowed */

#endif
