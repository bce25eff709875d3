/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Reading jobs: one, or a page of a list. A list is read from the sorted set that narrows the filter down best (the keys are in
 * jobs/begin.lua); the rest of the filter is applied to the jobs themselves, which are read in chunks, one round trip each.
 */
#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "lib/base/array.h"
#include "lib/base/text.h"
#include "lib/store/job/job_fields.h"
#include "lib/store/job/job_steps.h"

enum {
    CHUNK_MAX = 128, /* jobs read in one round trip */
    KEY_MAX = 300,
    INDEXES_MAX = 5,
};

/* ---- One job ---- */

/* Sets one field of the job; a text is borrowed from the reply. (The hash has more fields, which only jobs/ uses.) False: an
 * unknown kind, state or purpose. */
static bool set_field(struct job *job, const struct redis_reply *name, const struct redis_reply *value) {
    size_t i = 0;
    while (i < JOB_FIELDS && (job_fields[i].length != name->length || strcmp(job_fields[i].name, name->text) != 0))
        i++;
    if (i == JOB_FIELDS) return true;
    void *member = job_field_of(job, &job_fields[i]);
    switch (job_fields[i].type) {
    case FIELD_TEXT: *(const char **)member = value->text; return true;
    case FIELD_TIME: *(int64_t *)member = redis_reply_number(value, 0); return true;
    case FIELD_COUNT: *(int *)member = (int)redis_reply_number(value, 0); return true;
    case FIELD_FLAG: *(bool *)member = redis_reply_number(value, 0) != 0; return true;
    case FIELD_KIND: return job_kind_parse(value->text, member);
    case FIELD_STATE: return job_state_parse(value->text, member);
    case FIELD_PURPOSE: return matrix_purpose_parse(value->text, member);
    }
    return true;
}

/* As job_from_reply(), but the texts are borrowed from the reply. */
static bool view_reply(const struct redis_reply *fields, const char *id, struct job *out) {
    bool is_job = fields->count > 0;
    *out = (struct job){0};
    snprintf(out->id, sizeof out->id, "%s", id);
    for (size_t i = 0; i + 1 < fields->count; i += 2)
        is_job = set_field(out, &fields->items[i], &fields->items[i + 1]) && is_job;
    return is_job;
}

static void copy_texts(struct job *job, struct arena *arena) {
    for (size_t i = 0; i < JOB_FIELDS; i++) {
        if (job_fields[i].type != FIELD_TEXT) continue;
        const char **text = job_field_of(job, &job_fields[i]);
        if (*text) *text = arena_copy(arena, *text);
    }
}

bool job_from_reply(const struct redis_reply *fields, const char *id, struct arena *arena, struct job *out) {
    bool is_job = view_reply(fields, id, out);
    copy_texts(out, arena);
    return is_job;
}

static enum status no_such_job(const char *id, struct error *err) {
    return error_set(err, STATUS_NOT_FOUND, "There is no job %.64s.", id);
}

enum status job_store_get(struct job_store *store, const char *id, struct arena *arena, struct job *out, struct error *err) {
    if (!job_id_is_well_formed(id)) return no_such_job(id, err);
    struct redis_reply *fields;
    enum status status = redis_call(store->redis, &fields, err, "HGETALL job:%s", id);
    if (status != STATUS_OK) return status;
    return job_from_reply(fields, id, arena, out) ? STATUS_OK : no_such_job(id, err);
}

/* ---- Lists ---- */

/* The sets that contain all jobs that the filter wants: one at least. */
struct indexes {
    char keys[INDEXES_MAX][KEY_MAX];
    size_t count;
};

static void add_index(struct indexes *indexes, const char *name, const char *part) {
    snprintf(indexes->keys[indexes->count++], KEY_MAX, "%s%s", name, part);
}

static void list_indexes(const struct job_filter *filter, struct indexes *out) {
    bool only_unfinished = filter->has_state ? !job_state_is_finished(filter->state) : !filter->include_finished;
    out->count = 0;
    if (filter->has_kind && filter->has_state && only_unfinished)
        add_index(out, filter->state == JOB_STATE_PENDING ? "pending:" : "running:", job_kind_text(filter->kind));
    else if (filter->has_kind)
        add_index(out, "jobs:kind:", job_kind_text(filter->kind));
    if (filter->package) add_index(out, "jobs:package:", filter->package);
    if (filter->actor && strcmp(filter->actor, "anonymous") != 0) add_index(out, "jobs:actor:", filter->actor);
    if (filter->has_state && filter->state == JOB_STATE_FAILED) add_index(out, "jobs:failed", "");
    if (only_unfinished) add_index(out, "jobs:unfinished", "");
    if (out->count == 0) add_index(out, "jobs", "");
}

/* Chooses the smallest of them, since the rest of the filter is applied to each of its jobs: during a wave of builds there are
 * ten thousand unfinished ones, but few of one package; at other times it is the other way round. */
static enum status choose_index(struct job_store *store, const struct job_filter *filter, char key[KEY_MAX],
                                struct error *err) {
    struct indexes indexes;
    list_indexes(filter, &indexes);
    for (size_t i = 0; i < indexes.count; i++)
        redis_add(store->redis, "ZCARD %s", indexes.keys[i]);
    struct redis_reply *sizes;
    enum status status = redis_run(store->redis, 0, &sizes, err);
    size_t best = 0;
    for (size_t i = 0; i < indexes.count && status == STATUS_OK; i++) {
        status = redis_check_reply(&sizes[i], err);
        if (sizes[i].integer < sizes[best].integer) best = i;
    }
    snprintf(key, KEY_MAX, "%s", indexes.keys[best]);
    return status;
}

static bool filter_wants(const struct job_filter *filter, const struct job *job) {
    if (filter->has_state ? job->state != filter->state : !filter->include_finished && job_state_is_finished(job->state))
        return false;
    if (filter->has_kind && job->kind != filter->kind) return false;
    if (!filter->include_unknown_to_old_clients && !job_kind_is_known_to_old_clients(job->kind)) return false;
    if (filter->package && !text_equal(job->package, filter->package)) return false;
    return !filter->actor || text_equal(job->actor, filter->actor);
}

/* Where reading continues. */
struct cursor {
    char index[KEY_MAX];
    char from[32], to[32]; /* both ends as ZRANGE BYSCORE takes them */
    bool descending;
};

/* Reading continues after the job with that place. */
static void move_cursor(struct cursor *cursor, const char *place) {
    snprintf(cursor->descending ? cursor->to : cursor->from, sizeof cursor->from, "(%s", place);
}

static enum status begin_cursor(struct job_store *store, const struct job_filter *filter, struct cursor *cursor,
                                struct error *err) {
    *cursor = (struct cursor){.descending = filter->descending};
    enum status status = choose_index(store, filter, cursor->index, err);
    snprintf(cursor->from, sizeof cursor->from, "%" PRId64, filter->since_ms * JOB_PLACES_PER_MS);
    snprintf(cursor->to, sizeof cursor->to, "+inf");
    if (filter->until_ms) snprintf(cursor->to, sizeof cursor->to, "(%" PRId64, filter->until_ms * JOB_PLACES_PER_MS);
    if (status || !filter->after_id || !job_id_is_well_formed(filter->after_id)) return status;
    struct redis_reply *place;
    status = redis_call(store->redis, &place, err, "ZSCORE jobs %s", filter->after_id);
    if (status == STATUS_OK && place->type == REDIS_TEXT) move_cursor(cursor, place->text);
    return status;
}

/* Reads one round trip's ids into *ids, in the arena; the cursor is after them then. */
static enum status read_ids(struct job_store *store, struct cursor *cursor, size_t wanted, struct arena *arena,
                            const char ***ids, size_t *count, struct error *err) {
    int most = wanted < CHUNK_MAX ? (int)wanted : CHUNK_MAX;
    struct redis_reply *reply;
    enum status status = cursor->descending
                             ? redis_call(store->redis, &reply, err, "ZRANGE %s %s %s BYSCORE REV LIMIT 0 %d WITHSCORES",
                                          cursor->index, cursor->to, cursor->from, most)
                             : redis_call(store->redis, &reply, err, "ZRANGE %s %s %s BYSCORE LIMIT 0 %d WITHSCORES",
                                          cursor->index, cursor->from, cursor->to, most);
    if (status != STATUS_OK) return status;
    *count = reply->count / 2;
    *ids = arena_alloc(arena, *count * sizeof **ids);
    for (size_t i = 0; i < *count; i++)
        (*ids)[i] = arena_copy(arena, reply->items[2 * i].text);
    if (*count) move_cursor(cursor, reply->items[reply->count - 1].text);
    return STATUS_OK;
}

/* A list that is being read. */
struct page {
    const struct job_filter *filter;
    struct arena *arena; /* of the jobs */
    struct job_list *list;
    size_t capacity;
};

static void append_job(struct page *page, const struct job *job) {
    struct job_list *list = page->list;
    list->jobs = array_grow_in(page->arena, list->jobs, list->count, &page->capacity, sizeof *list->jobs);
    list->jobs[list->count] = *job;
    copy_texts(&list->jobs[list->count++], page->arena);
}

/* Clients page by `createdAt`, which several jobs can share: a page never ends between two jobs of one millisecond. */
static bool page_ends_before(const struct page *page, const struct job *job) {
    const struct job_list *list = page->list;
    return list->count >= page->filter->limit && job->created_ms != list->jobs[list->count - 1].created_ms;
}

/* Reads these jobs and adds those that the filter wants, until the page is full; a further one only sets `more`. */
static enum status take_jobs(struct job_store *store, struct page *page, const char *const *ids, size_t count,
                             struct error *err) {
    struct redis_reply *replies;
    for (size_t i = 0; i < count; i++)
        redis_add(store->redis, "HGETALL job:%s", ids[i]);
    enum status status = redis_run(store->redis, 0, &replies, err);
    for (size_t i = 0; i < count && status == STATUS_OK && !page->list->more; i++) {
        struct job job;
        status = redis_check_reply(&replies[i], err);
        if (status != STATUS_OK || !view_reply(&replies[i], ids[i], &job) || !filter_wants(page->filter, &job)) continue;
        page->list->more = page_ends_before(page, &job);
        if (!page->list->more) append_job(page, &job);
    }
    return status;
}

enum status job_store_list(struct job_store *store, const struct job_filter *filter, struct arena *arena, struct job_list *out,
                           struct error *err) {
    assert(filter->limit > 0);
    struct page page = {.filter = filter, .arena = arena, .list = out, .capacity = filter->limit};
    *out = (struct job_list){.jobs = arena_alloc(arena, page.capacity * sizeof *out->jobs)};
    struct cursor cursor;
    enum status status = begin_cursor(store, filter, &cursor, err);
    size_t count = 1;
    while (status == STATUS_OK && count > 0 && !out->more) {
        struct arena scratch = {0};
        const char **ids;
        size_t wanted = out->count < filter->limit ? filter->limit - out->count + 1 : CHUNK_MAX; /* one more, to set `more` */
        status = read_ids(store, &cursor, wanted, &scratch, &ids, &count, err);
        if (status == STATUS_OK && count > 0) status = take_jobs(store, &page, ids, count, err);
        arena_release(&scratch);
    }
    return status;
}
