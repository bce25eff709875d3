/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Shared by the files of readers (reader.h), and private to them: reader.c sends, reader_source.c reads from the store.
 */
#ifndef SERVICES_GATEWAY_STREAM_READER_PARTS_H
#define SERVICES_GATEWAY_STREAM_READER_PARTS_H

#include "lib/base/arena.h"
#include "lib/base/error.h"
#include "services/gateway/stream/reader.h"

struct job_store;

enum { READER_ITEMS_MAX = 16 /* of a feed, sent at once */ };

struct reader {
    struct call *call;
    const char *job_id;               /* FEED_OF_ALL_JOBS: it reads their changes */
    h2o_linklist_t in_loop, in_place; /* in the list of the loop, and of its place in the feed */
    h2o_timeout_entry_t retry_timer;  /* a full queue of the store executor */
    struct feed_filter filter;
    struct feed *feed; /* NULL: it reads from the store only */
    struct feed_position position;
    struct feed_item *held[READER_ITEMS_MAX]; /* being sent */
    size_t held_count;
    int64_t seen_ms; /* the feed's last line before the store was read, which then has all up to there */
    int64_t sent_ms; /* monotonic: when something was last sent */
    int64_t took_ms; /* until the client, or the kernel, had taken the part before */
    bool is_begun;   /* the response has begun */
    bool is_sending; /* h2o has what was sent last */
    bool is_away;    /* a thread of the store executor reads for it */
    bool is_live;    /* it has got to the newest line */
    bool is_over;    /* the last part was sent */
    bool must_pause; /* its stream must end, for its client to come back */

    /* Of the last chunk from the store. */
    bool is_archived;   /* so are the next chunks: Redis need not be asked */
    bool has_all;       /* the client had the end already when it came */
    bool is_complete;   /* the chunk ends with the job's end */
    bool has_more;      /* lines were left out for its size */
    size_t chunk_lines; /* about as many fill the next one; 0: unknown */
};

/* Reads the next chunk from the store into call->answer.body, and moves the position. On a thread that may block; repeatable after
 * a failure. */
CHECK_RESULT enum status reader_read_chunk(struct reader *reader, struct job_store *store, struct arena *arena,
                                           struct error *err);

#endif
