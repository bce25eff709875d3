/* SPDX-License-Identifier: BSD-3-Clause */
#include "services/gateway/stream/hub.h"

#include <stdlib.h>
#include <string.h>

#include "lib/base/clock.h"
#include "lib/base/log.h"
#include "lib/base/map.h"
#include "lib/base/memory.h"
#include "lib/base/metrics.h"
#include "lib/base/thread.h"
#include "lib/store/job/job_watch.h"
#include "services/gateway/http/call.h"
#include "services/gateway/routes/job_json.h"
#include "services/gateway/stream/event_text.h"

enum {
    WAIT_MS = 200,    /* of one blocking call: a stop, and a feed that nobody announced, wait for it */
    TIMEOUT_MS = 700, /* of a call to Redis, in addition to its wait */
    PAUSE_MS = 100,   /* after a failure */
    LINGER_MS = 5000, /* a feed stays for so long after its last reader */
    SWEEP_MS = 1000,  /* between two looks at all feeds */
    READ_MAX = 128,   /* feeds read in one round trip */
};

/* A feed that is being read, with a reference. */
struct due {
    struct feed *feed;
    bool has_changed_state;
};

struct hub {
    struct job_store *store;
    struct thread thread;
    size_t loops;
    struct map feeds;     /* struct feed, by the job's id; guarded by the thread's mutex */
    struct queue changed; /* the feeds that must be read; guarded by it, too */

    /* For the thread alone. */
    struct job_watch watch;
    bool is_watching;        /* `watch` is set, and nothing was missed since */
    int64_t away_since_ms;   /* monotonic: the first failure of Redis since it last answered; 0: it answers */
    int64_t swept_ms;        /* monotonic */
    bool has_changed_states; /* some job has begun or ended: places in the queue have changed */
    struct due due[READ_MAX];
    size_t due_count;
};

/* ---- Which feeds must be read ---- */

/* With the mutex. */
static void mark(struct hub *hub, struct feed *feed, bool has_changed_state) {
    if (has_changed_state) feed->has_changed_state = true;
    if (!queue_has_link(&feed->changed)) queue_add(&hub->changed, &feed->changed);
}

static void mark_changes(struct hub *hub, const struct job_changes *changes) {
    thread_lock(&hub->thread);
    for (size_t i = 0; i < changes->count; i++) {
        const struct job_change *change = &changes->items[i];
        struct feed *feed = map_find(&hub->feeds, change->job_id);
        if (change->is_of_state) hub->has_changed_states = true;
        if (feed) mark(hub, feed, change->is_of_state);
    }
    thread_unlock(&hub->thread);
}

static void mark_all(struct hub *hub) {
    thread_lock(&hub->thread);
    for (const struct map_entry *at = map_first(&hub->feeds); at; at = map_next(at))
        mark(hub, map_value(at), true);
    thread_unlock(&hub->thread);
}

/* With the mutex. */
static void forget(struct hub *hub, struct feed *feed) {
    if (queue_has_link(&feed->changed)) queue_remove(&hub->changed, &feed->changed);
    map_remove(&hub->feeds, feed->job_id);
    feed_drop(feed);
}

/* Removes feeds that are lost, or that nobody has followed for a while, and marks pending jobs whose place may have changed. */
static void sweep(struct hub *hub) {
    int64_t now_ms = clock_monotonic_ms();
    if (now_ms - hub->swept_ms < SWEEP_MS) return;
    hub->swept_ms = now_ms;
    thread_lock(&hub->thread);
    for (const struct map_entry *at = map_first(&hub->feeds), *next; at; at = next) {
        struct feed *feed = map_value(at);
        next = map_next(at);
        if (atomic_load(&feed->reader_count) > 0 || feed->unread_since_ms == 0) feed->unread_since_ms = now_ms;
        if (feed->is_lost || now_ms - feed->unread_since_ms > LINGER_MS)
            forget(hub, feed);
        else if (feed->is_pending && hub->has_changed_states)
            mark(hub, feed, true);
    }
    hub->has_changed_states = false;
    thread_unlock(&hub->thread);
}

/* Begins the feed of all jobs, which then gets their changes as they are announced. With the mutex. */
static void begin_changes(struct hub *hub, struct feed *feed) {
    if (feed->is_ready) return;
    feed_open(feed, change_place(hub->watch.states));
    feed_tell(feed);
}

/* After an outage of Redis the feed of all jobs may have missed changes: it is lost, and its readers come back. */
static void lose_changes(struct hub *hub) {
    thread_lock(&hub->thread);
    struct feed *feed = map_find(&hub->feeds, FEED_OF_ALL_JOBS);
    if (feed && feed->is_ready) {
        feed_lose(feed);
        feed_tell(feed);
        forget(hub, feed);
    }
    thread_unlock(&hub->thread);
}

/* Takes up to READ_MAX feeds to read; a change from now on marks them again. */
static void take_due(struct hub *hub) {
    thread_lock(&hub->thread);
    hub->due_count = 0;
    while (hub->due_count < READ_MAX && hub->changed.first) {
        struct due *due = &hub->due[hub->due_count++];
        due->feed = feed_keep(QUEUE_ITEM(queue_take(&hub->changed), struct feed, changed));
        due->has_changed_state = due->feed->has_changed_state;
        due->feed->has_changed_state = false;
        if (*due->feed->job_id) continue;
        begin_changes(hub, due->feed);
        hub->due_count--;
        feed_drop(due->feed);
    }
    thread_unlock(&hub->thread);
}

static void drop_due(struct hub *hub) {
    for (size_t i = 0; i < hub->due_count; i++)
        feed_drop(hub->due[i].feed);
}

/* ---- Reading ---- */

/* Adds a line. */
static void add_line(struct feed *feed, const struct log_line *line) {
    struct text event = {0}, plain = {0};
    event_append_line(&event, feed->job_id, line);
    log_line_append_text(&plain, line);
    feed_add(feed, feed_item_create(FEED_LINE, line->level, line->time_ms, line->ordinal, &event, &plain));
    text_release(&plain);
    text_release(&event);
}

static void add_state(struct feed *feed, const struct job *job, const struct job_queue_place *place) {
    struct text event = {0}, plain = {0};
    event_append_job(&event, job, place);
    feed_add(feed, feed_item_create(FEED_STATE, LOG_INFO, feed->last_ms, feed->last_ordinal, &event, &plain));
    text_release(&event);
}

static void add_end(struct feed *feed, const struct job *job) {
    struct text event = {0}, plain = {0};
    event_append_end(&event, job);
    feed_add(feed, feed_item_create(FEED_END, LOG_ERROR, job->finished_ms, job->log_lines, &event, &plain));
    text_release(&event);
}

/* Adds the job's state, with its place if it is pending. */
static enum status add_job(struct hub *hub, struct feed *feed, const struct job *job, struct arena *arena, struct error *err) {
    struct job_queue_place place;
    enum status status = STATUS_OK;
    bool is_pending = job->state == JOB_STATE_PENDING;
    if (is_pending) status = job_watch_queue_place(hub->store, job, arena, &place, err);
    if (status && status != STATUS_NOT_FOUND) return status;
    feed->is_pending = is_pending;
    feed->queue_read_ms = clock_monotonic_ms();
    add_state(feed, job, is_pending && !status ? &place : NULL);
    return STATUS_OK;
}

/* Adds what was read. Nothing is added to a feed that has ended. */
static enum status add_news(struct hub *hub, struct feed *feed, const struct job_news *news, struct arena *arena,
                            struct error *err) {
    if (feed->is_ended) return STATUS_OK;
    if (!feed->is_ready) feed_open(feed, news->before_ms);
    for (size_t i = 0; i < news->log.count; i++)
        add_line(feed, &news->log.lines[i]);
    if (!news->wants_job) return STATUS_OK;
    if (!news->has_job) {
        feed_lose(feed); /* it has moved to storage */
    } else if (!job_state_is_finished(news->job.state)) {
        return add_job(hub, feed, &news->job, arena, err);
    } else if (news->ended_ms) {
        add_state(feed, &news->job, NULL);
        add_end(feed, &news->job);
    }
    return STATUS_OK;
}

/* Adds changes of states to the feed of all jobs, if there is one. */
static enum status add_changes(struct hub *hub, const struct job_changes *changes, struct arena *arena, struct error *err) {
    thread_lock(&hub->thread);
    struct feed *feed = map_find(&hub->feeds, FEED_OF_ALL_JOBS);
    if (feed) feed_keep(feed);
    thread_unlock(&hub->thread);
    enum status status = STATUS_OK;
    for (size_t i = 0; feed && i < changes->count && !status; i += READ_MAX) {
        struct job jobs[READ_MAX];
        size_t count = changes->count - i < READ_MAX ? changes->count - i : READ_MAX;
        status = job_watch_read_jobs(hub->store, changes->items + i, count, arena, jobs, err);
        for (size_t n = 0; n < count && !status; n++) {
            struct text event = {0};
            int64_t place = change_place(changes->items[i + n].position);
            if (!changes->items[i + n].is_of_state || !jobs[n].id[0] || !feed->is_ready || place <= feed->last_ms) continue;
            event_append_change(&event, place, &jobs[n]);
            feed_add(feed, feed_item_create_change(place, &jobs[n], &event));
            text_release(&event);
        }
    }
    if (feed) feed_tell(feed);
    feed_drop(feed);
    return status;
}

static void mark_rest(struct hub *hub, const struct due *due) {
    thread_lock(&hub->thread);
    if (map_find(&hub->feeds, due->feed->job_id) == due->feed) mark(hub, due->feed, due->has_changed_state);
    thread_unlock(&hub->thread);
}

static enum status read_due(struct hub *hub, struct error *err) {
    struct arena arena = {0};
    struct job_news *news = arena_alloc(&arena, hub->due_count * sizeof *news);
    for (size_t i = 0; i < hub->due_count; i++) {
        const struct feed *feed = hub->due[i].feed;
        news[i] = (struct job_news){.job_id = feed->job_id,
                                    .from_end = !feed->is_ready,
                                    .after = {feed->last_ms, feed->last_ordinal},
                                    .wants_job = !feed->is_ready || hub->due[i].has_changed_state};
    }
    enum status status = job_watch_read(hub->store, news, hub->due_count, &arena, err);
    for (size_t i = 0; i < hub->due_count && !status; i++) {
        status = add_news(hub, hub->due[i].feed, &news[i], &arena, err);
        if (news[i].has_more && !news[i].from_end) mark_rest(hub, &hub->due[i]);
        feed_tell(hub->due[i].feed);
    }
    arena_release(&arena);
    return status;
}

/* ---- The thread ---- */

/* Waits for changes. Whatever was announced while nobody listened is made up for by reading all feeds. */
static enum status listen_for_changes(struct hub *hub, int wait_ms, struct error *err) {
    struct arena arena = {0};
    struct job_changes changes = {0};
    enum status status = STATUS_OK;
    if (!hub->is_watching) {
        status = job_watch_begin(hub->store, &hub->watch, err);
        hub->is_watching = !status;
        if (!status) lose_changes(hub);
        if (!status) mark_all(hub);
    } else {
        status = job_watch_wait(hub->store, &hub->watch, wait_ms, &arena, &changes, err);
        if (!status) mark_changes(hub, &changes);
        if (!status && changes.may_lack_some) mark_all(hub);
        if (!status) status = add_changes(hub, &changes, &arena, err);
    }
    arena_release(&arena);
    return status;
}

/* Ends all feeds: their readers end, and the next ones get new feeds. */
static void lose_all(struct hub *hub) {
    thread_lock(&hub->thread);
    for (const struct map_entry *at = map_first(&hub->feeds), *next; at; at = next) {
        struct feed *feed = map_value(at);
        next = map_next(at);
        feed_lose(feed);
        feed_tell(feed);
        forget(hub, feed);
    }
    thread_unlock(&hub->thread);
}

static void note_outage(struct hub *hub, const struct error *err) {
    int64_t now_ms = clock_monotonic_ms();
    hub->is_watching = false;
    if (hub->away_since_ms == 0) {
        hub->away_since_ms = now_ms;
        log_line(LOG_WARN, "log_wait_failed", log_field("error", err->message));
    }
    if (now_ms - hub->away_since_ms >= OUTAGE_WAIT_MS) lose_all(hub);
    thread_pause(&hub->thread, PAUSE_MS);
}

static bool has_changed(struct hub *hub) {
    thread_lock(&hub->thread);
    bool answer = hub->changed.first != NULL;
    thread_unlock(&hub->thread);
    return answer;
}

static void go_round(struct hub *hub) {
    struct error err;
    enum status status = listen_for_changes(hub, has_changed(hub) ? 1 : WAIT_MS, &err);
    sweep(hub);
    take_due(hub);
    if (!status && hub->due_count) status = read_due(hub, &err);
    drop_due(hub);
    if (status)
        note_outage(hub, &err);
    else
        hub->away_since_ms = 0;
}

static void run(void *context) {
    struct hub *hub = context;
    while (thread_goes_on(&hub->thread))
        go_round(hub);
}

enum status hub_create(struct hub **out, const char *redis_url, size_t loops, struct error *err) {
    struct hub *hub = memory_alloc(sizeof *hub);
    *out = hub;
    hub->loops = loops;
    thread_init(&hub->thread);
    enum status status = job_store_create(&hub->store, redis_url, TIMEOUT_MS, err);
    if (!status) status = thread_start(&hub->thread, "hub", run, hub, err);
    return status;
}

void hub_stop(struct hub *hub) {
    thread_request_stop(&hub->thread);
    thread_join(&hub->thread);
}

static void drop_feed(void *feed) {
    feed_drop(feed);
}

void hub_free(struct hub *hub) {
    if (!hub) return;
    thread_release(&hub->thread);
    map_release(&hub->feeds, drop_feed);
    job_store_free(hub->store);
    free(hub);
}

/* ---- Readers ---- */

struct feed *hub_follow(struct hub *hub, const char *job_id, bool *is_new) {
    thread_lock(&hub->thread);
    struct feed *feed = map_find(&hub->feeds, job_id);
    *is_new = !feed;
    if (!feed) {
        feed = feed_create(job_id, hub->loops);
        map_put(&hub->feeds, job_id, feed);
        mark(hub, feed, true);
    }
    atomic_fetch_add(&feed->reader_count, 1);
    feed_keep(feed);
    thread_unlock(&hub->thread);
    return feed;
}

enum status hub_wake(struct job_store *store, const char *job_id, struct error *err) {
    return job_watch_announce(store, job_id, err);
}

void hub_leave(struct feed *feed) {
    atomic_fetch_sub(&feed->reader_count, 1);
    feed_drop(feed);
}

void hub_measure(struct hub *hub, struct metrics *metrics) {
    size_t readers = 0;
    thread_lock(&hub->thread);
    size_t feeds = map_count(&hub->feeds);
    for (const struct map_entry *at = map_first(&hub->feeds); at; at = map_next(at))
        readers += atomic_load(&((const struct feed *)map_value(at))->reader_count);
    thread_unlock(&hub->thread);
    metrics_add(metrics, METRIC_GAUGE, "registry_log_feeds", "Jobs whose logs are followed.", NULL, (double)feeds);
    metrics_add(metrics, METRIC_GAUGE, "registry_log_readers", "Clients that follow a job's log.", NULL, (double)readers);
}
