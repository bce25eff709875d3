/* SPDX-License-Identifier: BSD-3-Clause */
#include "lib/store/job/job_watch.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/text.h"
#include "lib/store/job/job_steps.h"
#include "lib/store/job/log_selection.h"

enum { CHANGES_MAX = 1000 /* read at once, of each stream; Redis keeps at least as many */ };

static const char logs_key[] = "changes:logs", states_key[] = "changes:states";

/* ---- Announcements ---- */

static void set_position(char out[JOB_WATCH_POSITION_MAX], const char *id) {
    snprintf(out, JOB_WATCH_POSITION_MAX, "%s", id);
}

enum status job_watch_begin(struct job_store *store, struct job_watch *out, struct error *err) {
    struct redis_reply *replies;
    redis_add(store->redis, "XREVRANGE %s + - COUNT 1", logs_key);
    redis_add(store->redis, "XREVRANGE %s + - COUNT 1", states_key);
    enum status status = redis_run(store->redis, 0, &replies, err);
    for (size_t i = 0; i < 2 && !status; i++) {
        status = redis_check_reply(&replies[i], err);
        set_position(i == 0 ? out->logs : out->states, replies[i].count ? replies[i].items[0].items[0].text : "0");
    }
    return status;
}

/* Adds the jobs of the entries, each once if `out` has none of them yet. */
static void add_changes(const struct redis_reply *entries, bool is_of_state, struct arena *arena, struct job_changes *out) {
    for (size_t i = 0; i < entries->count; i++) {
        const struct redis_reply *entry = &entries->items[i], *fields = &entry->items[1];
        if (fields->count != 2) continue;
        struct job_change *change = &out->items[out->count++];
        *change = (struct job_change){.job_id = arena_copy(arena, fields->items[1].text), .is_of_state = is_of_state};
        set_position(change->position, entry->items[0].text);
    }
}

enum status job_watch_wait(struct job_store *store, struct job_watch *watch, int wait_ms, struct arena *arena,
                           struct job_changes *out, struct error *err) {
    assert(wait_ms > 0);
    *out = (struct job_changes){0};
    struct redis_reply *streams;
    redis_add(store->redis, "XREAD COUNT %d BLOCK %d STREAMS %s %s %s %s", CHANGES_MAX, wait_ms, logs_key, states_key,
              watch->logs, watch->states);
    enum status status = redis_run(store->redis, wait_ms, &streams, err);
    if (!status) status = redis_check_reply(streams, err);
    if (status) return status;
    size_t count = 0;
    for (size_t i = 0; i < streams->count; i++)
        count += streams->items[i].items[1].count;
    out->items = arena_alloc(arena, (count + 1) * sizeof *out->items);
    for (size_t i = 0; i < streams->count; i++) {
        const struct redis_reply *stream = &streams->items[i], *entries = &stream->items[1];
        bool is_of_state = strcmp(stream->items[0].text, states_key) == 0;
        add_changes(entries, is_of_state, arena, out);
        if (entries->count == CHANGES_MAX) out->may_lack_some = true;
        if (entries->count)
            set_position(is_of_state ? watch->states : watch->logs, entries->items[entries->count - 1].items[0].text);
    }
    return STATUS_OK;
}

enum status job_watch_announce(struct job_store *store, const char *job_id, struct error *err) {
    struct redis_reply *reply;
    return redis_call(store->redis, &reply, err, "XADD %s MAXLEN ~ %d * job %s", logs_key, CHANGES_MAX, job_id);
}

/* Was the entry after `position` removed? The first entry that is kept must not be later than that one. */
static bool is_stale(const struct redis_reply *first, const struct redis_reply *found) {
    return first->count > 0 && found->count == 0;
}

enum status job_watch_list(struct job_store *store, const char *position, size_t limit, struct arena *arena,
                           struct job_changes *out, struct error *err) {
    *out = (struct job_changes){0};
    struct redis_reply *replies;
    redis_add(store->redis, "XRANGE %s %s %s", states_key, position, position);
    redis_add(store->redis, "XRANGE %s (%s + COUNT %d", states_key, position, (int)limit);
    enum status status = redis_run(store->redis, 0, &replies, err);
    for (size_t i = 0; i < 2 && !status; i++)
        status = redis_check_reply(&replies[i], err);
    if (status) return status;
    if (is_stale(&replies[1], &replies[0]))
        return error_set(err, STATUS_STALE, "Changes of jobs after %s are no longer kept.", position);
    out->items = arena_alloc(arena, (replies[1].count + 1) * sizeof *out->items);
    add_changes(&replies[1], true, arena, out);
    return STATUS_OK;
}

/* ---- News ---- */

static void add_read(struct job_store *store, const struct job_news *news) {
    if (news->from_end)
        redis_add(store->redis, "XREVRANGE job:%s:log + - COUNT %d", news->job_id, JOB_NEWS_LINES_MAX + 1);
    else
        redis_add(store->redis, "XRANGE job:%s:log (%" PRId64 "-%" PRIu64 " + COUNT %d", news->job_id, news->after.time_ms,
                  UINT64_MAX, JOB_NEWS_LINES_MAX + 1);
    if (news->wants_job) redis_add(store->redis, "HGETALL job:%s", news->job_id);
}

static bool is_end(const struct redis_reply *entry) {
    const struct redis_reply *fields = &entry->items[1];
    return fields->count == 2 && strcmp(fields->items[0].text, "end") == 0;
}

/* Takes the lines of the entries; the one too many is the oldest of the newest lines, and shows what is left out after it. */
static void take_entries(struct job_news *news, const struct redis_reply *entries, struct arena *arena) {
    struct log_selection selection;
    const struct log_query query = {
        .level = LOG_DEBUG, .after = news->after, .takes_last = news->from_end, .limit = 2 * JOB_NEWS_LINES_MAX + 2};
    size_t count = entries->count;
    news->has_more = count > JOB_NEWS_LINES_MAX;
    if (news->has_more && !news->from_end) count--;
    log_selection_begin(&selection, &query, arena, &news->log);
    for (size_t i = 0; i < count; i++) {
        if (is_end(&entries->items[i])) news->ended_ms = strtoll(entries->items[i].items[0].text, NULL, 10);
        log_entry_take(&selection, &entries->items[i]);
    }
    log_selection_end(&selection);
    if (!news->has_more || !news->from_end) return;
    news->before_ms = strtoll(entries->items[count - 1].items[0].text, NULL, 10);
    while (news->log.count > 0 && news->log.lines[0].time_ms <= news->before_ms)
        news->log.lines++, news->log.count--;
}

enum status job_watch_read(struct job_store *store, struct job_news *news, size_t count, struct arena *arena,
                           struct error *err) {
    if (count == 0) return STATUS_OK;
    for (size_t i = 0; i < count; i++)
        add_read(store, &news[i]);
    struct redis_reply *replies;
    enum status status = redis_run(store->redis, 0, &replies, err);
    for (size_t i = 0; i < count && !status; i++) {
        struct job_news *one = &news[i];
        status = redis_check_reply(replies, err);
        if (!status) take_entries(one, replies++, arena);
        if (status || !one->wants_job) continue;
        status = redis_check_reply(replies, err);
        if (!status) one->has_job = job_from_reply(replies++, one->job_id, arena, &one->job);
    }
    return status;
}

enum status job_watch_read_jobs(struct job_store *store, const struct job_change *changes, size_t count, struct arena *arena,
                                struct job *jobs, struct error *err) {
    if (count == 0) return STATUS_OK;
    for (size_t i = 0; i < count; i++)
        redis_add(store->redis, "HGETALL job:%s", changes[i].job_id);
    struct redis_reply *replies;
    enum status status = redis_run(store->redis, 0, &replies, err);
    for (size_t i = 0; i < count && !status; i++) {
        status = redis_check_reply(&replies[i], err);
        if (!status && !job_from_reply(&replies[i], changes[i].job_id, arena, &jobs[i])) jobs[i].id[0] = '\0';
    }
    return status;
}

/* ---- The queue ---- */

static int compare_durations(const void *a, const void *b) {
    int64_t left = *(const int64_t *)a, right = *(const int64_t *)b;
    return (left > right) - (left < right);
}

static int64_t median_of(const struct redis_reply *durations, struct arena *arena) {
    if (durations->count == 0) return 0;
    int64_t *values = arena_alloc(arena, durations->count * sizeof *values);
    for (size_t i = 0; i < durations->count; i++)
        values[i] = redis_reply_number(&durations->items[i], 0);
    qsort(values, durations->count, sizeof *values, compare_durations);
    return values[durations->count / 2];
}

enum status job_watch_queue_place(struct job_store *store, const struct job *job, struct arena *arena,
                                  struct job_queue_place *out, struct error *err) {
    enum { RANK, RUNNING, DURATIONS, FIELDS, COUNT };
    const char *kind = job_kind_text(job->kind);
    *out = (struct job_queue_place){.starts_in_ms = -1};
    redis_add(store->redis, "ZRANK pending:%s %s", kind, job->id);
    redis_add(store->redis, "ZCARD running:%s", kind);
    redis_add(store->redis, "LRANGE durations:%s 0 -1", kind);
    redis_add(store->redis, "HMGET job:%s waitsFor notBefore", job->id);
    struct redis_reply *replies;
    enum status status = redis_run(store->redis, 0, &replies, err);
    for (size_t i = 0; i < COUNT && !status; i++)
        status = redis_check_reply(&replies[i], err);
    if (status) return status;
    if (replies[RANK].type != REDIS_INTEGER) return error_set(err, STATUS_NOT_FOUND, "The job %s is not pending.", job->id);
    out->ahead = replies[RANK].integer;
    const struct redis_reply *fields = &replies[FIELDS];
    if (fields->items[0].type == REDIS_TEXT) out->waits_for = arena_copy(arena, fields->items[0].text);
    out->not_before_ms = redis_reply_number(&fields->items[1], 0);
    out->usual_ms = median_of(&replies[DURATIONS], arena);
    int64_t running = replies[RUNNING].integer > 0 ? replies[RUNNING].integer : 1;
    if (out->usual_ms > 0 && !out->waits_for) out->starts_in_ms = out->ahead * out->usual_ms / running;
    return STATUS_OK;
}
