/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The newest part of a job's log, or of the changes of all jobs, as bytes to send: made once, and shared by all readers. The hub
 * (hub.h) adds to it; a reader (reader.h) takes from it at its own pace. It is bounded, so the oldest items leave; a reader whose
 * next item has left reads from the store instead.
 *
 *                 base_ms                                   last_ms
 *   … in the store ──┤ item ─ item ─ item ─ item ─ … ─ item ──┤ not written yet
 *                      first                                next
 *
 * Items are numbered from 1 as they come, lines and changes of the job's state alike. An item is immutable and counted: it lives
 * while it is in a feed or being sent. Functions may be called from several threads, unless stated otherwise.
 */
#ifndef SERVICES_GATEWAY_STREAM_FEED_H
#define SERVICES_GATEWAY_STREAM_FEED_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <pthread.h>

#include "lib/base/log.h"
#include "lib/base/queue.h"
#include "lib/base/text.h"
#include "lib/domain/job/job.h"
#include "services/gateway/http/h2o_all.h"

#define FEED_OF_ALL_JOBS ""

enum {
    FEED_ITEMS_MAX = 1024,
    FEED_BYTES_MAX = 256 * 1024, /* of the items of one feed, unless it has one item only */
};

enum feed_item_kind {
    FEED_LINE,
    FEED_STATE, /* the job as it is now */
    FEED_END,   /* nothing comes after it */
};

/* The forms in which readers take items. */
enum feed_form {
    FEED_EVENTS, /* Server-Sent Events */
    FEED_TEXT,   /* lines of plain text; a change of state has none */
    FEED_FORMS
};

struct feed_item {
    atomic_size_t references;
    enum feed_item_kind kind;
    enum log_level level;      /* of a line */
    int64_t time_ms, ordinal;  /* of a line or of the end: its cursor; of a state: those of the line before it; of a change: its
                                * place (change_place()) */
    uint64_t state_hash;       /* of a state */
    enum job_kind job_kind;    /* of a change of any job, like the next */
    const char *package;       /* in `bytes`, after the forms; "": none */
    size_t length[FEED_FORMS]; /* of each form; they follow each other in `bytes` */
    char bytes[];
};

/* An item with these bytes and one reference, which is the caller's. */
struct feed_item *feed_item_create(enum feed_item_kind kind, enum log_level level, int64_t time_ms, int64_t ordinal,
                                   const struct text *event, const struct text *text) __attribute__((returns_nonnull));

/* A FEED_LINE of the feed of all jobs: a change of one. */
struct feed_item *feed_item_create_change(int64_t place, const struct job *job, const struct text *event)
    __attribute__((returns_nonnull));

const char *feed_item_bytes(const struct feed_item *item, enum feed_form form);
void feed_item_drop(struct feed_item *item); /* NULL is allowed */

/* The readers of a feed in one loop. */
struct feed_place {
    h2o_multithread_message_t message; /* tells the loop that there is something new */
    atomic_bool is_told;               /* the message is on its way */
    atomic_size_t reader_count;
    struct feed *feed;
    h2o_multithread_receiver_t *receiver; /* of the loop; set by the first reader */
    h2o_linklist_t readers, waits;        /* for the loop's thread only */
};

struct feed {
    char job_id[UUID_TEXT_MAX]; /* FEED_OF_ALL_JOBS: of their changes */
    atomic_size_t references;
    atomic_size_t reader_count;

    /* For the hub, guarded by its mutex. */
    struct queue_link changed; /* in the queue of feeds that must be read from Redis */
    bool has_changed_state;    /* then the job, too */
    /* For the hub's thread. */
    int64_t unread_since_ms; /* monotonic: when the last reader left */
    int64_t queue_read_ms;   /* monotonic: when the job's place in the queue was last read */
    bool is_pending;

    pthread_mutex_t mutex; /* guards all that follows, up to `places` */
    struct feed_item *items[FEED_ITEMS_MAX];
    uint64_t first, next; /* numbers of the oldest item, and of the one to come */
    size_t bytes;
    bool is_ready;            /* base_ms and the rest are known */
    bool is_ended;            /* the last item is FEED_END */
    bool is_lost;             /* Redis was away for too long: nothing comes any more */
    int64_t base_ms, last_ms; /* times of the last line before the first item, and of the last line; 0: there is none */
    int64_t last_ordinal;
    struct feed_item *state; /* the last FEED_STATE; NULL: none yet */
    size_t place_count;
    struct feed_place places[];
};

struct feed *feed_create(const char *job_id, size_t loops) __attribute__((returns_nonnull));
struct feed *feed_keep(struct feed *feed) __attribute__((returns_nonnull));
void feed_drop(struct feed *feed); /* NULL is allowed */

/* ---- For the hub ---- */

/* Says that the log begins after `base_ms`, as far as this feed knows it. Before the first feed_add(). */
void feed_open(struct feed *feed, int64_t base_ms);

/* Adds the item, whose reference it takes over. */
void feed_add(struct feed *feed, struct feed_item *item);

void feed_lose(struct feed *feed);

/* Tells the loops that have readers. */
void feed_tell(struct feed *feed);

/* ---- For readers ---- */

/* A reader's place in a feed. */
struct feed_position {
    int64_t time_ms;     /* of the last line that was sent, 0: none */
    int64_t ordinal;     /* of the same */
    uint64_t number;     /* of the next item; 0: the reader does not read from the feed yet */
    bool needs_state;    /* the newest state comes first: those before the position were passed over */
    uint64_t state_hash; /* of the last state that was sent, which is not sent twice in a row; 0: none */
};

/* Of a state as an event. */
uint64_t feed_state_hash(const char *bytes, size_t length);

enum feed_answer {
    FEED_HAS_ITEMS,
    FEED_HAS_NONE, /* for now */
    FEED_IS_PAST,  /* the items after the position are not here: the reader must read from the store */
    FEED_IS_LOST,
};

/* True if a line later than `after_ms` has come, or the end, or if none can come any more. */
bool feed_has_news(struct feed *feed, int64_t after_ms);

/* The time of the newest line; 0: none, or it is not known yet. */
int64_t feed_last_ms(struct feed *feed);

/* What a reader wants. */
struct feed_filter {
    enum feed_form form;
    enum log_level level; /* minimum, of lines */
    unsigned kinds;       /* of changes: a set of 1 << enum job_kind; 0: all */
    const char *package;  /* of changes; NULL: any */
};

/* Takes up to `limit` items after the position, at least one and then as long as they have at most `most_bytes`; the caller drops
 * each. Others are passed over. The position is moved past them. */
enum feed_answer feed_take(struct feed *feed, struct feed_position *position, const struct feed_filter *filter,
                           size_t most_bytes, struct feed_item **items, size_t limit, size_t *count);

#endif
