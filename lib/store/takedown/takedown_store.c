/* SPDX-License-Identifier: BSD-3-Clause */
#include "lib/store/takedown/takedown_store.h"

#include <stdlib.h>
#include <string.h>

#include "lib/base/json.h"
#include "lib/base/json_writer.h"
#include "lib/base/text.h"
#include "lib/store/job/job_steps.h"

enum { SAME_S = 24 * 3600 };

/* ---- Writing ---- */

static enum status put_case(struct job_store *store, const struct takedown *takedown, struct error *err) {
    struct redis_reply *reply;
    struct text json = {0};
    struct takedown received = *takedown;
    received.closed_ms = 0;
    received.decision = NULL;
    takedown_append_json(&json, &received);
    enum status status =
        redis_call(store->redis, &reply, err, "HSETNX dmca:cases %s %s", takedown->reference, text_view(&json));
    text_release(&json);
    return status;
}

/* *is_new false: there is one already, which stays. */
static enum status put_decision(struct job_store *store, const struct takedown *takedown, bool *is_new, struct error *err) {
    struct redis_reply *reply;
    struct text json = {0};
    struct json_writer writer = {.out = &json};
    json_writer_open(&writer, '{');
    json_writer_integer_field(&writer, "closedAt", takedown->closed_ms);
    json_writer_text_field(&writer, "decision", takedown->decision);
    json_writer_close(&writer, '}');
    enum status status =
        redis_call(store->redis, &reply, err, "HSETNX dmca:decisions %s %s", takedown->reference, text_view(&json));
    *is_new = !status && reply->integer == 1;
    text_release(&json);
    return status;
}

static enum status check_room(struct job_store *store, struct error *err) {
    struct redis_reply *replies;
    redis_add(store->redis, "HLEN dmca:cases");
    redis_add(store->redis, "HLEN dmca:decisions");
    enum status status = redis_run(store->redis, 0, &replies, err);
    for (size_t i = 0; i < 2 && !status; i++)
        status = redis_check_reply(&replies[i], err);
    if (status || replies[0].integer - replies[1].integer < TAKEDOWNS_OPEN_MAX) return status;
    return error_set(err, STATUS_BUSY, "There are %d open cases, which is the limit: the operators must close some first.",
                     TAKEDOWNS_OPEN_MAX);
}

/* Sets the reference to that of the same form, if it was sent within a day. */
static enum status find_same(struct job_store *store, struct takedown *takedown, struct error *err) {
    char hash[SHA256_HEX_MAX];
    struct redis_reply *reply;
    takedown_hash(takedown, hash);
    enum status status =
        redis_call(store->redis, &reply, err, "SET dmca:same:%s %s NX GET EX %d", hash, takedown->reference, SAME_S);
    if (!status && reply->type == REDIS_TEXT && takedown_reference_is_well_formed(reply->text))
        memcpy(takedown->reference, reply->text, sizeof takedown->reference);
    return status;
}

enum status takedown_store_keep(struct job_store *store, const char *folder, struct takedown *takedown, struct error *err) {
    struct redis_reply *reply;
    enum status status = job_store_check_keeping(store, err);
    if (!status) status = check_room(store, err);
    if (!status) status = find_same(store, takedown, err);
    if (!status) status = redis_call(store->redis, &reply, err, "HEXISTS dmca:cases %s", takedown->reference);
    if (status || reply->integer == 1) return status;
    status = takedown_folder_write(folder, takedown, err); /* first: a case in Redis counts as kept */
    return status ? status : put_case(store, takedown, err);
}

/* ---- Reading ---- */

static enum status read_decision(struct takedown *takedown, const char *bytes, size_t length, struct arena *arena,
                                 struct error *err) {
    json_t *json = NULL;
    const char *decision = NULL;
    enum status status = json_read(&json, bytes, length, "The decision", err);
    if (!status) status = json_need_integer(json, "closedAt", &takedown->closed_ms, err);
    if (!status) status = json_need_text(json, "decision", &decision, err);
    if (!status) takedown->decision = arena_copy(arena, decision);
    json_decref(json);
    return status;
}

/* What was stored is well-formed: anything else is damage, which no sender of a request can mend. */
static enum status as_damage(enum status status, const char *reference, struct error *err) {
    if (status != STATUS_INVALID) return status;
    struct error cause = *err;
    return error_set(err, STATUS_INTERNAL, "The case %s in Redis is damaged: %s", reference, cause.message);
}

enum status takedown_store_find(struct job_store *store, const char *reference, struct arena *arena, struct takedown *out,
                                struct error *err) {
    struct redis_reply *replies;
    if (!takedown_reference_is_well_formed(reference))
        return error_set(err, STATUS_NOT_FOUND, "There is no such case: a reference looks like DMCA-7K3M9QWX.");
    redis_add(store->redis, "HGET dmca:cases %s", reference);
    redis_add(store->redis, "HGET dmca:decisions %s", reference);
    enum status status = redis_run(store->redis, 0, &replies, err);
    for (size_t i = 0; i < 2 && !status; i++)
        status = redis_check_reply(&replies[i], err);
    if (status) return status;
    if (replies[0].type != REDIS_TEXT)
        return error_set(err, STATUS_NOT_FOUND, "There is no case with the reference %s.", reference);
    status = takedown_read_json(out, replies[0].text, replies[0].length, arena, err);
    if (!status && replies[1].type == REDIS_TEXT) status = read_decision(out, replies[1].text, replies[1].length, arena, err);
    return as_damage(status, reference, err);
}

static struct takedown *find_in(const struct takedown_list *list, const char *reference) {
    for (size_t i = 0; i < list->count; i++)
        if (strcmp(list->items[i].reference, reference) == 0) return &list->items[i];
    return NULL;
}

static int64_t time_of(const struct takedown *takedown, bool is_closed) {
    return is_closed ? takedown->closed_ms : takedown->received_ms;
}

static int compare_times(int64_t one_ms, int64_t other_ms, const struct takedown *one, const struct takedown *other) {
    if (one_ms != other_ms) return one_ms < other_ms ? 1 : -1;
    return strcmp(one->reference, other->reference);
}

static int by_receipt(const void *a, const void *b) {
    return compare_times(time_of(a, false), time_of(b, false), a, b);
}

static int by_decision(const void *a, const void *b) {
    return compare_times(time_of(a, true), time_of(b, true), a, b);
}

static enum status read_all(struct job_store *store, struct arena *arena, struct takedown_list *out, struct error *err) {
    struct redis_reply *replies;
    *out = (struct takedown_list){0};
    redis_add(store->redis, "HGETALL dmca:cases");
    redis_add(store->redis, "HGETALL dmca:decisions");
    enum status status = redis_run(store->redis, 0, &replies, err);
    for (size_t i = 0; i < 2 && !status; i++)
        status = redis_check_reply(&replies[i], err);
    if (status) return status;
    out->items = arena_alloc(arena, (replies[0].count / 2 + 1) * sizeof *out->items);
    for (size_t i = 0; i + 1 < replies[0].count && !status; i += 2) {
        const struct redis_reply *json = &replies[0].items[i + 1];
        status = takedown_read_json(&out->items[out->count++], json->text, json->length, arena, err);
        status = as_damage(status, replies[0].items[i].text, err);
    }
    for (size_t i = 0; i + 1 < replies[1].count && !status; i += 2) {
        const struct redis_reply *json = &replies[1].items[i + 1];
        struct takedown *takedown = find_in(out, replies[1].items[i].text);
        if (takedown)
            status = as_damage(read_decision(takedown, json->text, json->length, arena, err), takedown->reference, err);
    }
    return status;
}

enum status takedown_store_list(struct job_store *store, bool only_closed, struct arena *arena, struct takedown_list *out,
                                struct error *err) {
    enum status status = read_all(store, arena, out, err);
    if (status) return status;
    size_t kept = 0;
    for (size_t i = 0; i < out->count; i++)
        if (!only_closed || out->items[i].decision) out->items[kept++] = out->items[i];
    out->count = kept;
    if (kept) qsort(out->items, kept, sizeof *out->items, only_closed ? by_decision : by_receipt);
    return STATUS_OK;
}

enum status takedown_store_count_closed(struct job_store *store, size_t *out, struct error *err) {
    struct redis_reply *reply;
    enum status status = redis_call(store->redis, &reply, err, "HLEN dmca:decisions");
    *out = status ? 0 : (size_t)reply->integer;
    return status;
}

/* ---- Closing ---- */

enum status takedown_store_close(struct job_store *store, const char *folder, const char *reference, const char *decision,
                                 int64_t now_ms, struct arena *arena, struct takedown *out, struct error *err) {
    bool is_new;
    enum status status = takedown_check_decision(decision, err);
    if (!status) status = takedown_store_find(store, reference, arena, out, err);
    if (status) return status;
    if (!out->decision) {
        struct takedown closed = *out;
        closed.closed_ms = now_ms;
        closed.decision = decision;
        status = put_decision(store, &closed, &is_new, err);
        if (!status) status = takedown_store_find(store, reference, arena, out, err); /* another one may have been faster */
        if (!status) status = takedown_folder_write(folder, out, err);
        if (status || is_new) return status;
    }
    return error_set(err, STATUS_REFUSED, "The case %s is closed already: %s", reference, out->decision);
}

/* ---- Two copies ---- */

static enum status mend_redis(struct job_store *store, const struct takedown_list *files, const struct takedown_list *kept,
                              size_t *mended, struct error *err) {
    enum status status = STATUS_OK;
    for (size_t i = 0; i < files->count && !status; i++) {
        const struct takedown *file = &files->items[i], *same = find_in(kept, file->reference);
        bool lacks_decision = file->decision && !(same && same->decision), is_new;
        if (!same) status = put_case(store, file, err);
        if (!status && lacks_decision) status = put_decision(store, file, &is_new, err);
        if (!same || lacks_decision) ++*mended;
    }
    return status;
}

static enum status mend_folder(const char *folder, const struct takedown_list *files, const struct takedown_list *kept,
                               size_t *mended, struct error *err) {
    enum status status = STATUS_OK;
    for (size_t i = 0; i < kept->count && !status; i++) {
        const struct takedown *takedown = &kept->items[i], *file = find_in(files, takedown->reference);
        if (file && (file->decision || !takedown->decision)) continue;
        status = takedown_folder_write(folder, takedown, err);
        ++*mended;
    }
    return status;
}

enum status takedown_store_mend(struct job_store *store, const char *folder, size_t *mended, struct error *err) {
    struct arena arena = {0};
    struct takedown_list files, kept;
    *mended = 0;
    enum status status = takedown_folder_read(folder, &arena, &files, err);
    if (!status) status = read_all(store, &arena, &kept, err);
    if (!status) status = mend_redis(store, &files, &kept, mended, err);
    if (!status) status = mend_folder(folder, &files, &kept, mended, err);
    arena_release(&arena);
    return status;
}

/* ---- Telling ---- */

enum status takedown_store_list_untold(struct job_store *store, struct arena *arena, struct takedown_list *out,
                                       struct error *err) {
    struct redis_reply *told;
    size_t kept = 0;
    enum status status = takedown_store_list(store, false, arena, out, err);
    if (!status) status = redis_call(store->redis, &told, err, "SMEMBERS dmca:told");
    for (size_t i = 0; !status && i < out->count; i++) {
        bool is_told = false;
        for (size_t k = 0; k < told->count && !is_told; k++)
            is_told = strcmp(told->items[k].text, out->items[i].reference) == 0;
        if (!is_told) out->items[kept++] = out->items[i];
    }
    out->count = kept;
    return status;
}

enum status takedown_store_note_told(struct job_store *store, const struct takedown_list *told, struct error *err) {
    enum status status = STATUS_OK;
    struct redis_reply *reply;
    for (size_t i = 0; i < told->count && !status; i++)
        status = redis_call(store->redis, &reply, err, "SADD dmca:told %s", told->items[i].reference);
    return status;
}
