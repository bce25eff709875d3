/* SPDX-License-Identifier: BSD-3-Clause */
#include "services/gateway/stream/feed.h"

#include <assert.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/memory.h"

/* ---- Items ---- */

/* FNV-1a: it only tells equal texts of one server from others. */
uint64_t feed_state_hash(const char *bytes, size_t length) {
    uint64_t hash = UINT64_C(14695981039346656037);
    for (size_t i = 0; i < length; i++)
        hash = (hash ^ (unsigned char)bytes[i]) * UINT64_C(1099511628211);
    return hash;
}

struct feed_item *feed_item_create(enum feed_item_kind kind, enum log_level level, int64_t time_ms, int64_t ordinal,
                                   const struct text *event, const struct text *text) {
    struct feed_item *item = memory_alloc(sizeof *item + event->length + text->length);
    atomic_init(&item->references, 1);
    item->kind = kind;
    item->level = level;
    if (kind == FEED_STATE) item->state_hash = feed_state_hash(event->bytes, event->length);
    item->time_ms = time_ms;
    item->ordinal = ordinal;
    item->length[FEED_EVENTS] = event->length;
    item->length[FEED_TEXT] = text->length;
    memcpy(item->bytes, text_view(event), event->length);
    memcpy(item->bytes + event->length, text_view(text), text->length);
    return item;
}

struct feed_item *feed_item_create_change(int64_t place, const struct job *job, const struct text *event) {
    const struct text package = {.bytes = (char *)(job->package ? job->package : ""),
                                 .length = (job->package ? strlen(job->package) : 0) + 1};
    struct feed_item *item = feed_item_create(FEED_LINE, LOG_INFO, place, 0, event, &package);
    item->length[FEED_TEXT] = 0;
    item->job_kind = job->kind;
    item->package = item->bytes + event->length;
    return item;
}

const char *feed_item_bytes(const struct feed_item *item, enum feed_form form) {
    return item->bytes + (form == FEED_TEXT ? item->length[FEED_EVENTS] : 0);
}

static struct feed_item *keep_item(struct feed_item *item) {
    atomic_fetch_add(&item->references, 1);
    return item;
}

void feed_item_drop(struct feed_item *item) {
    if (item && atomic_fetch_sub(&item->references, 1) == 1) free(item);
}

static size_t item_bytes(const struct feed_item *item) {
    return sizeof *item + item->length[FEED_EVENTS] + item->length[FEED_TEXT];
}

/* ---- The feed ---- */

struct feed *feed_create(const char *job_id, size_t loops) {
    struct feed *feed = memory_alloc(sizeof *feed + loops * sizeof feed->places[0]);
    snprintf(feed->job_id, sizeof feed->job_id, "%s", job_id);
    atomic_init(&feed->references, 1);
    pthread_mutex_init(&feed->mutex, NULL);
    feed->first = feed->next = 1;
    feed->place_count = loops;
    for (size_t i = 0; i < loops; i++) {
        feed->places[i].feed = feed;
        h2o_linklist_init_anchor(&feed->places[i].readers);
        h2o_linklist_init_anchor(&feed->places[i].waits);
    }
    return feed;
}

struct feed *feed_keep(struct feed *feed) {
    atomic_fetch_add(&feed->references, 1);
    return feed;
}

static struct feed_item **slot_of(struct feed *feed, uint64_t number) {
    return &feed->items[number % FEED_ITEMS_MAX];
}

static void remove_oldest(struct feed *feed) {
    struct feed_item **slot = slot_of(feed, feed->first++);
    if ((*slot)->kind == FEED_LINE) feed->base_ms = (*slot)->time_ms;
    feed->bytes -= item_bytes(*slot);
    feed_item_drop(*slot);
    *slot = NULL;
}

void feed_drop(struct feed *feed) {
    if (!feed || atomic_fetch_sub(&feed->references, 1) != 1) return;
    while (feed->first < feed->next)
        remove_oldest(feed);
    feed_item_drop(feed->state);
    pthread_mutex_destroy(&feed->mutex);
    free(feed);
}

void feed_open(struct feed *feed, int64_t base_ms) {
    pthread_mutex_lock(&feed->mutex);
    feed->base_ms = feed->last_ms = base_ms;
    feed->is_ready = true;
    pthread_mutex_unlock(&feed->mutex);
}

static void keep_state(struct feed *feed, struct feed_item *item) {
    feed_item_drop(feed->state);
    feed->state = keep_item(item);
}

void feed_add(struct feed *feed, struct feed_item *item) {
    pthread_mutex_lock(&feed->mutex);
    assert(feed->is_ready && !feed->is_ended);
    while (feed->first < feed->next &&
           (feed->next - feed->first == FEED_ITEMS_MAX || feed->bytes + item_bytes(item) > FEED_BYTES_MAX))
        remove_oldest(feed);
    *slot_of(feed, feed->next++) = item;
    feed->bytes += item_bytes(item);
    if (item->kind == FEED_STATE) keep_state(feed, item);
    if (item->kind == FEED_LINE) {
        feed->last_ms = item->time_ms;
        feed->last_ordinal = item->ordinal;
    }
    feed->is_ended = item->kind == FEED_END;
    pthread_mutex_unlock(&feed->mutex);
}

void feed_lose(struct feed *feed) {
    pthread_mutex_lock(&feed->mutex);
    feed->is_lost = true;
    pthread_mutex_unlock(&feed->mutex);
}

void feed_tell(struct feed *feed) {
    for (size_t i = 0; i < feed->place_count; i++) {
        struct feed_place *place = &feed->places[i];
        if (atomic_load(&place->reader_count) == 0 || atomic_exchange(&place->is_told, true)) continue;
        feed_keep(feed);
        h2o_multithread_send_message(place->receiver, &place->message);
    }
}

/* ---- Readers ---- */

bool feed_has_news(struct feed *feed, int64_t after_ms) {
    pthread_mutex_lock(&feed->mutex);
    bool has_news = (feed->is_ready && feed->last_ms > after_ms) || feed->is_ended || feed->is_lost;
    pthread_mutex_unlock(&feed->mutex);
    return has_news;
}

int64_t feed_last_ms(struct feed *feed) {
    pthread_mutex_lock(&feed->mutex);
    int64_t last_ms = feed->last_ms;
    pthread_mutex_unlock(&feed->mutex);
    return last_ms;
}

/* Finds the first item after the line at `time_ms`. States before it are left out: the newest one is sent anyway. */
static uint64_t find_after(struct feed *feed, int64_t time_ms) {
    uint64_t low = feed->first, high = feed->next;
    while (low < high) {
        uint64_t middle = low + (high - low) / 2;
        if ((*slot_of(feed, middle))->time_ms > time_ms)
            high = middle;
        else
            low = middle + 1;
    }
    return low;
}

/* Moves a position that is not in the feed yet to its number there. False: the feed has not got all that comes after it. */
static bool enter(struct feed *feed, struct feed_position *position) {
    if (position->time_ms < feed->base_ms) return false;
    position->number = find_after(feed, position->time_ms);
    position->needs_state = true;
    return true;
}

/* The item with this number, or the newest state if that comes first. */
static struct feed_item *next_item(struct feed *feed, struct feed_position *position, bool *is_extra) {
    *is_extra = position->needs_state && feed->state;
    if (*is_extra) return feed->state;
    return position->number < feed->next ? *slot_of(feed, position->number) : NULL;
}

/* A reader that comes from the store may have lines already that the hub adds later. */
static bool is_wanted(const struct feed_item *item, const struct feed_position *position, const struct feed_filter *filter) {
    bool is_of_kind = !item->package || ((filter->kinds == 0 || filter->kinds >> item->job_kind & 1) &&
                                         (!filter->package || strcmp(filter->package, item->package) == 0));
    switch (item->kind) {
    case FEED_LINE: return item->level >= filter->level && is_of_kind && item->time_ms > position->time_ms;
    case FEED_STATE: return item->length[filter->form] > 0 && item->state_hash != position->state_hash;
    case FEED_END: return true;
    }
    return false;
}

static void pass(struct feed_position *position, const struct feed_item *item, bool is_extra) {
    position->needs_state = false;
    if (!is_extra) position->number++;
    if (item->kind == FEED_STATE) {
        position->state_hash = item->state_hash;
    } else if (item->time_ms > position->time_ms) {
        position->time_ms = item->time_ms;
        position->ordinal = item->ordinal;
    }
}

static enum feed_answer take(struct feed *feed, struct feed_position *position, const struct feed_filter *filter,
                             size_t most_bytes, struct feed_item **items, size_t limit, size_t *count) {
    if (position->number == 0 && !enter(feed, position)) return FEED_IS_PAST;
    if (position->number < feed->first) return FEED_IS_PAST;
    bool is_extra;
    size_t bytes = 0;
    for (struct feed_item *item; *count < limit && (item = next_item(feed, position, &is_extra));) {
        bool is_taken = is_wanted(item, position, filter);
        if (is_taken && *count > 0 && bytes + item->length[filter->form] > most_bytes) break;
        pass(position, item, is_extra);
        if (!is_taken) continue;
        bytes += item->length[filter->form];
        items[(*count)++] = keep_item(item);
    }
    return *count ? FEED_HAS_ITEMS : FEED_HAS_NONE;
}

enum feed_answer feed_take(struct feed *feed, struct feed_position *position, const struct feed_filter *filter,
                           size_t most_bytes, struct feed_item **items, size_t limit, size_t *count) {
    *count = 0;
    pthread_mutex_lock(&feed->mutex);
    enum feed_answer answer = FEED_HAS_NONE;
    if (feed->is_ready) answer = take(feed, position, filter, most_bytes, items, limit, count);
    if (answer == FEED_HAS_NONE && feed->is_lost) answer = FEED_IS_LOST;
    pthread_mutex_unlock(&feed->mutex);
    return answer;
}
