/* SPDX-License-Identifier: BSD-3-Clause
 *
 * A call that gets a job's log as it is written (services/gateway/README.md, Live logs).
 *
 *   reader_start() ─► reads from the store, chunk by chunk, as fast as the client takes it ─┬─► the job has ended: the end
 *                                                                                           └─► follows the job's feed (hub.h)
 *
 * A reader holds a chunk of READER_CHUNK_BYTES or a few items of a feed, and the kernel about as much, however slow the client
 * is. One whose next items have left the feed goes on from the store; if that is because its client takes READER_SLOW_MS for a part,
 * events end with `slow`, and the client comes back with its cursor. For the loop's thread only, unless stated otherwise.
 */
#ifndef SERVICES_GATEWAY_STREAM_READER_H
#define SERVICES_GATEWAY_STREAM_READER_H

#include <stdbool.h>

#include "lib/base/log.h"
#include "lib/store/job/log_cursor.h"
#include "services/gateway/stream/feed.h"

struct call;
struct loop;

enum {
    READER_CHUNK_BYTES = 32 * 1024,
    READER_HEARTBEAT_MS = 15000,
    READER_SLOW_MS = 1000,
    READER_RETRY_MS = 1000, /* after which a client comes back */
};

/* Starts to answer the call with the log of the job, as the filter has it; or with FEED_OF_ALL_JOBS with the changes of their
 * states. `after`: the cursor of the last line that the client has; a time of 0: from the first line, or changes from now on.
 * Texts are borrowed until the end of the call. */
void reader_start(struct call *call, const char *job_id, const struct feed_filter *filter, struct log_cursor after);

/* Ends the call's stream, if it is one, so that its client comes back. */
void reader_end(struct call *call);

/* Ends a stream of events before its first part, for a cause that passes. Its client comes back: after any answer but 200, an
 * EventSource stays away for good. False: the call is no such stream. */
bool reader_put_off(struct call *call);

/* Called by the call when its request is gone. */
void reader_release(struct call *call);

/* ---- For the loop ---- */

void readers_open(struct loop *loop);
void readers_close(struct loop *loop);
void readers_end(struct loop *loop);         /* ends all streams */
void readers_pass_second(struct loop *loop); /* every second: heartbeats */

#endif
