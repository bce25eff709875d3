/* SPDX-License-Identifier: BSD-3-Clause */
#include "lib/store/webhook/webhook_store.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/store/job/job_steps.h"

const char *const webhook_event_names[] = {"published", "unpublished", "package-set", "takedown", NULL};

static const char add_source[] = "if redis.call('SADD', 'webhook:known', ARGV[1]) == 0 then return 0 end\n"
                                 "redis.call('XADD', 'webhook:events', 'MAXLEN', '~', ARGV[5], '*', 'id', ARGV[1], 'event', "
                                 "ARGV[2], 'package', ARGV[3], 'body', ARGV[4])\n"
                                 "return 1\n";
static const char note_source[] = "local key = 'webhook:hook:' .. ARGV[1]\n"
                                  "if redis.call('EXISTS', key) == 0 then return 0 end\n"
                                  "redis.call('HSET', key, 'cursor', ARGV[2], 'failures', ARGV[3], 'since', ARGV[4], 'next', "
                                  "ARGV[5], 'paused', ARGV[6], 'problem', ARGV[7])\n"
                                  "return 1\n";

/* ---- Hooks ---- */

static bool has_name(const char *names, const char *name, size_t length) {
    for (const char *at = names; *at;) {
        size_t part = strcspn(at, ",");
        if (part == length && strncmp(at, name, length) == 0) return true;
        at += part + (at[part] == ',');
    }
    return false;
}

enum status webhook_check_events(const char *events, struct error *err) {
    for (const char *at = events; *at;) {
        size_t length = strcspn(at, ",");
        bool is_known = false;
        for (const char *const *name = webhook_event_names; *name && !is_known; name++)
            is_known = strlen(*name) == length && strncmp(*name, at, length) == 0;
        if (!is_known)
            return error_set_at(err, STATUS_INVALID, "events",
                                "\"%.*s\" is no event; there are published, unpublished, package-set and takedown.",
                                (int)length, at);
        at += length + (at[length] == ',');
    }
    return STATUS_OK;
}

bool webhook_wants(const struct webhook *hook, const char *event, const char *package) {
    if (*hook->events && !has_name(hook->events, event, strlen(event))) return false;
    return !*hook->package || strcmp(hook->package, package) == 0;
}

static bool id_is_well_formed(const char *id) {
    return strlen(id) == WEBHOOK_ID_MAX - 1 && strspn(id, "0123456789abcdef") == WEBHOOK_ID_MAX - 1;
}

/* The place of the newest event. */
static enum status read_end(struct job_store *store, const char **out, struct arena *arena, struct error *err) {
    struct redis_reply *reply;
    enum status status = redis_call(store->redis, &reply, err, "XREVRANGE webhook:events + - COUNT 1");
    if (status) return status;
    bool is_any = reply->count > 0 && reply->items[0].count > 0;
    *out = arena_copy(arena, is_any ? reply->items[0].items[0].text : "0-0");
    return STATUS_OK;
}

enum status webhook_store_add(struct job_store *store, struct webhook *hook, struct arena *arena, struct error *err) {
    struct redis_reply *reply;
    char uuid[UUID_TEXT_MAX];
    hash_random_uuid(uuid);
    memcpy(hook->id, uuid, WEBHOOK_ID_MAX - 1);
    hook->id[WEBHOOK_ID_MAX - 1] = '\0';
    enum status status = job_store_check_keeping(store, err);
    if (!status) status = redis_call(store->redis, &reply, err, "SCARD webhook:hooks");
    if (!status && reply->integer >= WEBHOOKS_MAX)
        status = error_set(err, STATUS_REFUSED, "There are %d webhooks already, which is the limit.", WEBHOOKS_MAX);
    if (!status) status = read_end(store, &hook->cursor, arena, err);
    if (!status)
        status = redis_call(store->redis, &reply, err, "HSET webhook:hook:%s url %s secret %s events %s package %s cursor %s",
                            hook->id, hook->url, hook->secret, hook->events, hook->package, hook->cursor);
    if (!status) status = redis_call(store->redis, &reply, err, "SADD webhook:hooks %s", hook->id);
    return status;
}

static const char *field_of(const struct redis_reply *fields, const char *name) {
    for (size_t i = 0; i + 1 < fields->count; i += 2)
        if (strcmp(fields->items[i].text, name) == 0) return fields->items[i + 1].text;
    return "";
}

static int64_t number_of(const struct redis_reply *fields, const char *name) {
    int64_t number = 0;
    return sscanf(field_of(fields, name), "%" SCNd64, &number) == 1 ? number : 0;
}

static bool read_hook(struct webhook *out, const char *id, const struct redis_reply *fields, struct arena *arena) {
    *out = (struct webhook){.url = arena_copy(arena, field_of(fields, "url")),
                            .secret = arena_copy(arena, field_of(fields, "secret")),
                            .events = arena_copy(arena, field_of(fields, "events")),
                            .package = arena_copy(arena, field_of(fields, "package")),
                            .cursor = arena_copy(arena, field_of(fields, "cursor")),
                            .failures = number_of(fields, "failures"),
                            .since_ms = number_of(fields, "since"),
                            .next_ms = number_of(fields, "next"),
                            .is_paused = number_of(fields, "paused") != 0,
                            .problem = arena_copy(arena, field_of(fields, "problem"))};
    snprintf(out->id, sizeof out->id, "%s", id);
    return *out->url && *out->secret && *out->cursor;
}

enum status webhook_store_find(struct job_store *store, const char *id, struct arena *arena, struct webhook *out,
                               struct error *err) {
    struct redis_reply *fields;
    enum status status = STATUS_OK;
    bool is_there = id_is_well_formed(id);
    if (is_there) status = redis_call(store->redis, &fields, err, "HGETALL webhook:hook:%s", id);
    if (is_there && !status) is_there = read_hook(out, id, fields, arena);
    return status || is_there ? status : error_set(err, STATUS_NOT_FOUND, "There is no webhook with the id \"%s\".", id);
}

static int compare_ids(const void *a, const void *b) {
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

enum status webhook_store_list(struct job_store *store, struct arena *arena, struct webhook_list *out, struct error *err) {
    struct redis_reply *reply;
    *out = (struct webhook_list){0};
    enum status status = redis_call(store->redis, &reply, err, "SMEMBERS webhook:hooks");
    if (status) return status;
    size_t count = reply->count;
    const char **ids = arena_alloc(arena, (count + 1) * sizeof *ids);
    for (size_t i = 0; i < count; i++)
        ids[i] = arena_copy(arena, reply->items[i].text);
    qsort(ids, count, sizeof *ids, compare_ids);
    out->items = arena_alloc(arena, (count + 1) * sizeof *out->items);
    for (size_t i = 0; i < count && !status; i++) {
        status = webhook_store_find(store, ids[i], arena, &out->items[out->count], err);
        if (!status) out->count++;
        if (status == STATUS_NOT_FOUND) status = STATUS_OK; /* removed meanwhile */
    }
    return status;
}

enum status webhook_store_remove(struct job_store *store, const char *id, struct error *err) {
    struct redis_reply *reply;
    if (!id_is_well_formed(id)) return error_set(err, STATUS_NOT_FOUND, "There is no webhook with the id \"%s\".", id);
    enum status status = redis_call(store->redis, &reply, err, "DEL webhook:hook:%s", id);
    if (!status) status = redis_call(store->redis, &reply, err, "SREM webhook:hooks %s", id);
    if (!status && reply->integer == 0)
        status = error_set(err, STATUS_NOT_FOUND, "There is no webhook with the id \"%s\".", id);
    return status;
}

static enum status run_script(struct job_store *store, const char *source, const char *const *arguments, size_t count,
                              struct error *err) {
    struct redis_script script = {.source = source};
    struct redis_reply *reply;
    redis_add_script_list(store->redis, &script, arguments, count);
    enum status status = redis_run_scripts(store->redis, &script, &reply, err);
    return status ? status : redis_check_reply(reply, err);
}

enum status webhook_store_note(struct job_store *store, const struct webhook *hook, struct error *err) {
    char failures[24], since[24], next[24];
    snprintf(failures, sizeof failures, "%" PRId64, hook->failures);
    snprintf(since, sizeof since, "%" PRId64, hook->since_ms);
    snprintf(next, sizeof next, "%" PRId64, hook->next_ms);
    const char *const arguments[] = {hook->id, hook->cursor, failures, since, next, hook->is_paused ? "1" : "0", hook->problem};
    return run_script(store, note_source, arguments, sizeof arguments / sizeof *arguments, err);
}

enum status webhook_store_resume(struct job_store *store, const char *id, struct error *err) {
    struct redis_reply *reply;
    return redis_call(store->redis, &reply, err, "HSET webhook:hook:%s failures 0 since 0 next 0 paused 0", id);
}

/* ---- Events ---- */

enum status webhook_events_begun(struct job_store *store, bool *out, struct error *err) {
    struct redis_reply *reply;
    enum status status = redis_call(store->redis, &reply, err, "EXISTS webhook:begun");
    *out = !status && reply->integer == 1;
    return status;
}

enum status webhook_events_begin(struct job_store *store, struct error *err) {
    struct redis_reply *reply;
    return redis_call(store->redis, &reply, err, "SET webhook:begun 1");
}

enum status webhook_events_add(struct job_store *store, const struct webhook_event *events, size_t count, bool has_begun,
                               struct error *err) {
    char limit[16];
    struct redis_reply *replies;
    enum status status = STATUS_OK;
    snprintf(limit, sizeof limit, "%d", WEBHOOK_EVENTS_MAX);
    for (size_t i = 0; i < count && has_begun && !status; i++) {
        const char *const arguments[] = {events[i].id, events[i].event, events[i].package, events[i].body, limit};
        status = run_script(store, add_source, arguments, sizeof arguments / sizeof *arguments, err);
    }
    if (has_begun || count == 0) return status;
    for (size_t i = 0; i < count; i++)
        redis_add(store->redis, "SADD webhook:known %s", events[i].id);
    status = redis_run(store->redis, 0, &replies, err);
    for (size_t i = 0; i < count && !status; i++)
        status = redis_check_reply(&replies[i], err);
    return status;
}

enum status webhook_events_know(struct job_store *store, const char *const *ids, size_t count, bool *is_known,
                                struct error *err) {
    struct redis_reply *replies;
    if (count == 0) return STATUS_OK;
    for (size_t i = 0; i < count; i++)
        redis_add(store->redis, "SISMEMBER webhook:known %s", ids[i]);
    enum status status = redis_run(store->redis, 0, &replies, err);
    for (size_t i = 0; i < count && !status; i++) {
        status = redis_check_reply(&replies[i], err);
        is_known[i] = replies[i].integer == 1;
    }
    return status;
}

static struct webhook_event read_event(const struct redis_reply *entry, struct arena *arena) {
    const struct redis_reply *fields = &entry->items[1];
    return (struct webhook_event){.id = arena_copy(arena, field_of(fields, "id")),
                                  .event = arena_copy(arena, field_of(fields, "event")),
                                  .package = arena_copy(arena, field_of(fields, "package")),
                                  .body = arena_copy(arena, field_of(fields, "body")),
                                  .place = arena_copy(arena, entry->items[0].text)};
}

enum status webhook_events_read(struct job_store *store, const char *after, size_t limit, struct arena *arena,
                                struct webhook_event **out, size_t *count, struct error *err) {
    struct redis_reply *reply;
    *count = 0;
    enum status status =
        redis_call(store->redis, &reply, err, "XRANGE webhook:events (%s + COUNT %lld", after, (long long)limit);
    if (status) return status;
    *out = arena_alloc(arena, (reply->count + 1) * sizeof **out);
    for (size_t i = 0; i < reply->count; i++)
        if (reply->items[i].count == 2) (*out)[(*count)++] = read_event(&reply->items[i], arena);
    return STATUS_OK;
}
