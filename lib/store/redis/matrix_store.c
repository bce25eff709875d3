/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Changes that need more than one command are steps of matrix.lua, which also explains the keys. Verdicts and counts are
 * written by jobs/, in the steps that change their jobs, and only read here.
 */
#include "lib/store/redis/matrix_store.h"

#include <assert.h>
#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/text.h"
#include "lib/store/job/job_steps.h"

/* ---- The supported compilers ---- */

enum status compiler_list_write(struct job_store *store, const struct version *compilers, size_t count, struct error *err) {
    struct text list = {0};
    for (size_t i = 0; i < count; i++) {
        char version[VERSION_TEXT_MAX];
        version_print(compilers[i], version);
        text_append_format(&list, "%s%s", i ? " " : "", version);
    }
    struct redis_reply *reply;
    enum status status = redis_call(store->redis, &reply, err, "SET compilers %s", text_view(&list));
    text_release(&list);
    return status;
}

static int compare_versions(const void *a, const void *b) {
    return version_compare(*(const struct version *)a, *(const struct version *)b);
}

enum status compiler_list_read(struct job_store *store, struct arena *arena, struct version **out, size_t *count,
                               struct error *err) {
    struct redis_reply *reply;
    *out = NULL;
    *count = 0;
    enum status status = redis_call(store->redis, &reply, err, "GET compilers");
    if (status != STATUS_OK || reply->length == 0) return status;
    *out = arena_alloc(arena, (reply->length / 2 + 1) * sizeof **out);
    char *list = arena_copy(arena, reply->text), *rest = NULL;
    for (char *word = strtok_r(list, " ", &rest); word; word = strtok_r(NULL, " ", &rest)) {
        status = version_parse(&(*out)[*count], word, err);
        if (status != STATUS_OK) return error_prefix(err, "The list of compilers in Redis");
        ++*count;
    }
    qsort(*out, *count, sizeof **out, compare_versions);
    return STATUS_OK;
}

/* ---- Workers ---- */

static const struct {
    const char *name;
    bool is_text; /* a const char *; else an int64_t */
    size_t offset;
} worker_fields[] = {
    {"host", true, offsetof(struct worker_entry, host)},
    {"program", true, offsetof(struct worker_entry, program)},
    {"compilers", true, offsetof(struct worker_entry, compilers)},
    {"slots", false, offsetof(struct worker_entry, slots)},
    {"busySlots", false, offsetof(struct worker_entry, busy_slots)},
    {"memoryBytes", false, offsetof(struct worker_entry, memory_bytes)},
    {"diskBytes", false, offsetof(struct worker_entry, disk_bytes)},
    {"metrics", true, offsetof(struct worker_entry, metrics)},
    /* set by the script alone: */
    {"hello", false, offsetof(struct worker_entry, hello_ms)},
    {"seen", false, offsetof(struct worker_entry, seen_ms)},
};

enum { WORKER_FIELDS = sizeof worker_fields / sizeof worker_fields[0], GIVEN_FIELDS = WORKER_FIELDS - 2 };

enum status worker_list_add(struct job_store *store, const struct worker_entry *worker, int64_t keep_ms, struct error *err) {
    enum { FIXED = 3, NUMBER_MAX = 24 };
    char numbers[GIVEN_FIELDS][NUMBER_MAX], keep[NUMBER_MAX];
    const char *arguments[FIXED + 2 * GIVEN_FIELDS] = {"add_worker", worker->id, keep};
    size_t count = FIXED;
    snprintf(keep, sizeof keep, "%" PRId64, keep_ms);
    for (size_t i = 0; i < GIVEN_FIELDS; i++) {
        const void *member = (const char *)worker + worker_fields[i].offset;
        const char *value = numbers[i];
        if (worker_fields[i].is_text)
            value = *(const char *const *)member;
        else
            snprintf(numbers[i], NUMBER_MAX, "%" PRId64, *(const int64_t *)member);
        if (!value) continue;
        arguments[count++] = worker_fields[i].name;
        arguments[count++] = value;
    }
    struct redis_reply *reply;
    return matrix_step_list(store, &reply, err, arguments, count);
}

enum status worker_list_see(struct job_store *store, const char *id, int64_t busy_slots, const char *metrics, int64_t keep_ms,
                            struct error *err) {
    struct redis_reply *reply;
    enum status status = matrix_step(store, &reply, err, "see_worker %s %" PRId64 " %" PRId64 " %s", id, keep_ms, busy_slots,
                                     job_step_text(metrics));
    if (status != STATUS_OK || reply->integer == 1) return status;
    return error_set(err, STATUS_NOT_FOUND, "The worker %.64s is not registered: it must register again.", id);
}

enum status worker_list_leave(struct job_store *store, const char *id, int64_t busy_slots, int64_t keep_ms, struct error *err) {
    struct redis_reply *reply;
    return matrix_step(store, &reply, err, "leave_worker %s %" PRId64 " %" PRId64, id, keep_ms, busy_slots);
}

/* `fields`: name, value, … */
static void take_worker(struct worker_entry *worker, const struct redis_reply *fields, struct arena *arena) {
    for (size_t i = 0; i + 1 < fields->count; i += 2) {
        size_t field = 0;
        while (field < WORKER_FIELDS && !text_equal(worker_fields[field].name, fields->items[i].text))
            field++;
        if (field == WORKER_FIELDS) continue;
        void *member = (char *)worker + worker_fields[field].offset;
        if (worker_fields[field].is_text)
            *(const char **)member = arena_copy(arena, fields->items[i + 1].text);
        else
            *(int64_t *)member = redis_reply_number(&fields->items[i + 1], 0);
    }
}

enum status worker_list_read(struct job_store *store, struct arena *arena, struct worker_entry **out, size_t *count,
                             struct error *err) {
    struct redis_reply *reply;
    *count = 0;
    enum status status = matrix_step(store, &reply, err, "list_workers");
    if (status != STATUS_OK) return status;
    *out = arena_alloc(arena, reply->count * sizeof **out);
    for (size_t i = 0; i < reply->count; i++) {
        (*out)[i] = (struct worker_entry){
            .id = arena_copy(arena, reply->items[i].items[0].text), .host = "", .program = "", .compilers = ""};
        take_worker(&(*out)[i], &reply->items[i].items[1], arena);
    }
    *count = reply->count;
    return STATUS_OK;
}

/* ---- Verdicts ---- */

/* "VERDICT JOB TIME PLAN". False: malformed. */
static bool read_verdict(const char *compiler, const char *value, struct arena *arena, struct matrix_verdict *out) {
    char verdict[32], plan[64];
    *out = (struct matrix_verdict){0};
    int found = sscanf(value, "%31s %36s %" SCNd64 " %63s", verdict, out->job_id, &out->time_ms, plan);
    if (found != 4 || !verdict_parse(verdict, &out->verdict)) return false;
    out->plan = arena_copy(arena, plan);
    return version_parse(&out->compiler, compiler, NULL) == STATUS_OK;
}

static enum status refuse_verdict(const char *package, const char *version, const char *compiler, const char *value,
                                  struct error *err) {
    return error_set(err, STATUS_INTERNAL, "The verdict on %s@%s with %s in Redis is malformed: %s.", package, version,
                     compiler, value);
}

static int compare_verdicts(const void *a, const void *b) {
    const struct matrix_verdict *left = a, *right = b;
    return version_compare(left->compiler, right->compiler);
}

static enum status take_verdicts(struct version_verdicts *item, const struct redis_reply *fields, struct arena *arena,
                                 struct error *err) {
    item->count = 0;
    item->verdicts = arena_alloc(arena, fields->count / 2 * sizeof *item->verdicts);
    for (size_t i = 0; i + 1 < fields->count; i += 2) {
        const char *name = fields->items[i].text, *value = fields->items[i + 1].text;
        if (strchr(name, ' ')) continue; /* for jobs/ alone: verdicts that stand */
        if (!read_verdict(name, value, arena, &item->verdicts[item->count]))
            return refuse_verdict(item->package, item->version, name, value, err);
        item->count++;
    }
    if (item->count > 0) qsort(item->verdicts, item->count, sizeof *item->verdicts, compare_verdicts);
    return STATUS_OK;
}

enum status verdicts_read_some(struct job_store *store, struct version_verdicts *items, size_t count, struct arena *arena,
                               struct error *err) {
    struct redis_reply *replies;
    if (count == 0) return STATUS_OK;
    for (size_t i = 0; i < count; i++)
        redis_add(store->redis, "HGETALL verdicts:%s@%s", items[i].package, items[i].version);
    enum status status = redis_run(store->redis, 0, &replies, err);
    for (size_t i = 0; i < count && !status; i++) {
        status = redis_check_reply(&replies[i], err);
        if (!status) status = take_verdicts(&items[i], &replies[i], arena, err);
    }
    return status;
}

enum status verdicts_read(struct job_store *store, const char *package, const char *version, struct arena *arena,
                          struct matrix_verdict **out, size_t *count, struct error *err) {
    struct version_verdicts item = {.package = package, .version = version};
    enum status status = verdicts_read_some(store, &item, 1, arena, err);
    *out = item.verdicts;
    *count = item.count;
    return status;
}

enum status verdicts_read_for_compiler(struct job_store *store, struct version compiler, struct version_verdict *items,
                                       size_t count, struct arena *arena, struct error *err) {
    struct redis_reply *replies;
    char compiler_text[VERSION_TEXT_MAX], version[VERSION_TEXT_MAX];
    if (count == 0) return STATUS_OK;
    version_print(compiler, compiler_text);
    for (size_t i = 0; i < count; i++) {
        version_print(items[i].version, version);
        redis_add(store->redis, "HGET verdicts:%s@%s %s", items[i].package, version, compiler_text);
    }
    enum status status = redis_run(store->redis, 0, &replies, err);
    for (size_t i = 0; !status && i < count; i++) {
        items[i].is_known = false;
        status = redis_check_reply(&replies[i], err);
        if (status || replies[i].type != REDIS_TEXT) continue;
        version_print(items[i].version, version);
        items[i].is_known = read_verdict(compiler_text, replies[i].text, arena, &items[i].verdict);
        if (!items[i].is_known) status = refuse_verdict(items[i].package, version, compiler_text, replies[i].text, err);
    }
    return status;
}

/* ---- Progress of a compiler ---- */

static const struct {
    const char *name;
    size_t offset;
} progress_fields[] = {
    {"pending", offsetof(struct matrix_progress, pending)},
    {"running", offsetof(struct matrix_progress, running)},
    {"first", offsetof(struct matrix_progress, first_ms)},
    {"last", offsetof(struct matrix_progress, last_ms)},
    {"endedSinceFirst", offsetof(struct matrix_progress, ended_since_first)},
};

static void take_count(struct matrix_progress *progress, const char *name, int64_t value) {
    static const char ended[] = "ended:";
    enum verdict verdict;
    for (size_t i = 0; i < sizeof progress_fields / sizeof progress_fields[0]; i++)
        if (text_equal(progress_fields[i].name, name)) *(int64_t *)((char *)progress + progress_fields[i].offset) = value;
    if (text_starts_with(name, ended) && verdict_parse(name + sizeof ended - 1, &verdict)) progress->ended[verdict] = value;
}

enum status matrix_progress_read(struct job_store *store, const char *compiler, const char *group, struct matrix_progress *out,
                                 struct error *err) {
    struct redis_reply *reply;
    *out = (struct matrix_progress){0};
    enum status status = matrix_step(store, &reply, err, "progress %s %s", compiler, group);
    if (status != STATUS_OK) return status;
    const struct redis_reply *fields = &reply->items[0];
    out->is_being_planned = reply->items[1].integer == 1;
    for (size_t i = 0; i + 1 < fields->count; i += 2)
        take_count(out, fields->items[i].text, redis_reply_number(&fields->items[i + 1], 0));
    return STATUS_OK;
}

/* ---- Waves and sweeps ---- */

enum status matrix_wave_claim(struct job_store *store, const char *compiler, int64_t claim_ms, bool *is_ours,
                              struct error *err) {
    char token[UUID_TEXT_MAX];
    hash_random_uuid(token);
    struct redis_reply *before;
    *is_ours = false;
    enum status status = redis_call(store->redis, &before, err, "SET wave:%s %s NX GET PX %" PRId64, compiler, token, claim_ms);
    if (status == STATUS_OK) *is_ours = before->type == REDIS_NIL || text_equal(before->text, token); /* ours: a repetition */
    return status;
}

enum status matrix_wave_begun(struct job_store *store, const char *compiler, struct error *err) {
    struct redis_reply *reply;
    return redis_call(store->redis, &reply, err, "SET wave:%s begun", compiler);
}

enum status matrix_sweep_claim(struct job_store *store, int64_t interval_ms, bool *is_ours, struct error *err) {
    char token[UUID_TEXT_MAX];
    hash_random_uuid(token);
    struct redis_reply *reply;
    *is_ours = false;
    enum status status = matrix_step(store, &reply, err, "claim_sweep %s %" PRId64, token, interval_ms);
    if (status == STATUS_OK) *is_ours = reply->integer == 1;
    return status;
}
