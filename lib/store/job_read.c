/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Jobs as they are read: one, or a page of a list. A list is read from the sorted set that narrows the filter down best (the
 * keys are in jobs.lua); what that set cannot tell is looked up in the jobs themselves, some at a time in one round trip.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/text.h"
#include "lib/store/job_fields.h"
#include "lib/store/job_steps.h"

enum {
    PLACES_PER_MS = 1024, /* as in jobs.lua */
    CHUNK_MAX = 128,      /* jobs read in one round trip */
    KEY_MAX = 300,
};

/* ---- One job ---- */

/* Sets what the field is in the job; a text is borrowed from the reply. (The hash has more fields, which are jobs.lua's own.)
 * False: a kind or state that there is not. */
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
    case FIELD_KIND: return job_kind_parse(value->text, member);
    case FIELD_STATE: return job_state_parse(value->text, member);
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
    return error_set(err, STATUS_NOT_FOUND, "There is no job %.64s", id);
}

enum status job_store_get(struct job_store *store, const char *id, struct arena *arena, struct job *out, struct error *err) {
    if (!job_id_is_well_formed(id)) return no_such_job(id, err);
    struct redis_reply *fields;
    enum status status = redis_call(store->redis, &fields, err, "HGETALL job:%s", id);
    if (status != STATUS_OK) return status;
    return job_from_reply(fields, id, arena, out) ? STATUS_OK : no_such_job(id, err);
}

/* ---- Lists ---- */

/* The set of ids to read from. */
static void choose_index(const struct job_filter *filter, char key[KEY_MAX]) {
    bool only_unfinished = filter->has_state ? !job_state_is_finished(filter->state) : !filter->include_finished;
    if (only_unfinished)
        snprintf(key, KEY_MAX, "jobs:unfinished");
    else if (filter->package)
        snprintf(key, KEY_MAX, "jobs:package:%s", filter->package);
    else if (filter->actor && strcmp(filter->actor, "anonymous") != 0)
        snprintf(key, KEY_MAX, "jobs:actor:%s", filter->actor);
    else if (filter->has_state && filter->state == JOB_STATE_FAILED)
        snprintf(key, KEY_MAX, "jobs:failed");
    else if (filter->has_kind)
        snprintf(key, KEY_MAX, "jobs:kind:%s", job_kind_text(filter->kind));
    else
        snprintf(key, KEY_MAX, "jobs");
}

static bool filter_wants(const struct job_filter *filter, const struct job *job) {
    if (filter->has_state ? job->state != filter->state : !filter->include_finished && job_state_is_finished(job->state))
        return false;
    if (filter->has_kind && job->kind != filter->kind) return false;
    if (!filter->include_unknown_to_old_clients && !job_kind_is_known_to_old_clients(job->kind)) return false;
    if (filter->package && !text_equal(job->package, filter->package)) return false;
    return !filter->actor || text_equal(job->actor, filter->actor);
}

/* Where reading goes on: both ends as ZRANGE BYSCORE takes them. */
struct place_range {
    char from[32];
    char to[32];
};

static enum status find_range(struct job_store *store, const struct job_filter *filter, struct place_range *range,
                              struct error *err) {
    snprintf(range->from, sizeof range->from, "%" PRId64, filter->since_ms * PLACES_PER_MS);
    snprintf(range->to, sizeof range->to, "+inf");
    if (filter->until_ms) snprintf(range->to, sizeof range->to, "(%" PRId64, filter->until_ms * PLACES_PER_MS);
    if (!filter->after_id || !job_id_is_well_formed(filter->after_id)) return STATUS_OK;
    struct redis_reply *place;
    enum status status = redis_call(store->redis, &place, err, "ZSCORE jobs %s", filter->after_id);
    if (status == STATUS_OK && place->type == REDIS_TEXT)
        snprintf(filter->descending ? range->to : range->from, sizeof range->from, "(%s", place->text);
    return status;
}

/* One round trip's worth of ids, in *ids (of the arena); *range then begins behind them. */
static enum status read_ids(struct job_store *store, const char *index, bool descending, struct place_range *range, int wanted,
                            struct arena *arena, const char ***ids, size_t *count, struct error *err) {
    struct redis_reply *reply;
    enum status status = descending ? redis_call(store->redis, &reply, err, "ZRANGE %s %s %s BYSCORE REV LIMIT 0 %d WITHSCORES",
                                                 index, range->to, range->from, wanted)
                                    : redis_call(store->redis, &reply, err, "ZRANGE %s %s %s BYSCORE LIMIT 0 %d WITHSCORES",
                                                 index, range->from, range->to, wanted);
    if (status != STATUS_OK) return status;
    *count = reply->count / 2;
    *ids = arena_alloc(arena, *count * sizeof **ids);
    for (size_t i = 0; i < *count; i++)
        (*ids)[i] = arena_copy(arena, reply->items[2 * i].text);
    if (*count) snprintf(descending ? range->to : range->from, sizeof range->from, "(%s", reply->items[reply->count - 1].text);
    return STATUS_OK;
}

/* Reads those jobs and takes the ones that the filter wants, up to the limit and one more, which only shows that it is there.
 */
static enum status take_jobs(struct job_store *store, const struct job_filter *filter, const char *const *ids, size_t count,
                             struct arena *arena, struct job_list *out, struct error *err) {
    struct redis_reply *replies;
    for (size_t i = 0; i < count; i++)
        redis_add(store->redis, "HGETALL job:%s", ids[i]);
    enum status status = redis_run(store->redis, 0, &replies, err);
    for (size_t i = 0; i < count && status == STATUS_OK && !out->more; i++) {
        struct job *job = &out->jobs[out->count]; /* there is room for one more than the limit */
        status = redis_check_reply(&replies[i], err);
        if (status != STATUS_OK || !view_reply(&replies[i], ids[i], job) || !filter_wants(filter, job)) continue;
        out->more = out->count == filter->limit;
        if (out->more) break;
        copy_texts(job, arena);
        out->count++;
    }
    return status;
}

enum status job_store_list(struct job_store *store, const struct job_filter *filter, struct arena *arena, struct job_list *out,
                           struct error *err) {
    *out = (struct job_list){.jobs = arena_alloc(arena, (filter->limit + 1) * sizeof *out->jobs)};
    char index[KEY_MAX];
    choose_index(filter, index);
    struct place_range range;
    enum status status = find_range(store, filter, &range, err);
    size_t count = 1;
    while (status == STATUS_OK && count > 0 && !out->more) {
        struct arena scratch = {0};
        const char **ids;
        size_t wanted = filter->limit - out->count + 1; /* one more, to see that it is there */
        status = read_ids(store, index, filter->descending, &range, wanted < CHUNK_MAX ? (int)wanted : CHUNK_MAX, &scratch,
                          &ids, &count, err);
        if (status == STATUS_OK && count > 0) status = take_jobs(store, filter, ids, count, arena, out, err);
        arena_release(&scratch);
    }
    return status;
}
