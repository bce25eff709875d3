/* SPDX-License-Identifier: BSD-3-Clause */
#include "lib/store/redis/set_store.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "lib/base/json.h"
#include "lib/base/json_writer.h"
#include "lib/base/text.h"
#include "lib/domain/package/json_fields.h"
#include "lib/store/job/job_steps.h"

enum { OUTCOME_DAYS = 90, OUTCOME_DETAIL_MAX = 2000, DAY_S = 24 * 3600 };

/* ---- Outcomes of builds ---- */

/* `OUTCOME JOB TIME DETAIL`. False: it is none, so it counts as unknown, and the build is made again. */
static bool read_outcome(struct kept_outcome *out, const char *text, struct arena *arena) {
    int at = 0;
    char outcome[16];
    if (sscanf(text, "%15s %36s %" SCNd64 "%n", outcome, out->job_id, &out->time_ms, &at) != 3) return false;
    out->compiles = text_equal(outcome, "compiles");
    out->was_slow = text_equal(outcome, "slow");
    if (!out->compiles && !text_equal(outcome, "fails")) return false;
    if (text[at] == ' ') out->detail = arena_copy(arena, text + at + 1);
    return true;
}

enum status kept_outcomes_read(struct job_store *store, struct kept_outcome *outcomes, size_t count, struct arena *arena,
                               struct error *err) {
    struct redis_reply *replies;
    if (count == 0) return STATUS_OK;
    for (size_t i = 0; i < count; i++)
        redis_add(store->redis, "GETEX set:outcome:%s EX %d", outcomes[i].key, OUTCOME_DAYS * DAY_S);
    enum status status = redis_run(store->redis, 0, &replies, err);
    for (size_t i = 0; !status && i < count; i++) {
        outcomes[i] = (struct kept_outcome){.key = outcomes[i].key};
        status = redis_check_reply(&replies[i], err);
        if (!status && replies[i].type == REDIS_TEXT) outcomes[i].is_known = read_outcome(&outcomes[i], replies[i].text, arena);
    }
    return status;
}

enum status kept_outcome_write(struct job_store *store, const struct kept_outcome *outcome, struct error *err) {
    struct redis_reply *reply;
    struct text value = {0};
    const char *word = outcome->compiles ? "compiles" : outcome->was_slow ? "slow" : "fails";
    text_append_format(&value, "%s %s %" PRId64, word, outcome->job_id, outcome->time_ms);
    if (outcome->detail) text_append_format(&value, " %.*s", OUTCOME_DETAIL_MAX, outcome->detail);
    enum status status = redis_call(store->redis, &reply, err, "SET set:outcome:%s %s EX %d", outcome->key, text_view(&value),
                                    OUTCOME_DAYS * DAY_S);
    text_release(&value);
    return status;
}

/* ---- What the last update found out ---- */

static void write_finding(struct json_writer *writer, const struct set_finding *finding) {
    char version[VERSION_TEXT_MAX], compiler[VERSION_TEXT_MAX];
    version_print(finding->version, version);
    version_print(finding->compiler, compiler);
    json_writer_open(writer, '{');
    json_writer_text_field(writer, "package", finding->package);
    json_writer_text_field(writer, "version", version);
    json_writer_text_field(writer, "compiler", compiler);
    json_writer_boolean_field(writer, "breaksOthers", finding->breaks_others);
    json_writer_text_field(writer, "job", finding->job);
    json_writer_text_field(writer, "detail", finding->detail);
    json_writer_integer_field(writer, "since", finding->since_ms);
    json_writer_boolean_field(writer, "hasNoResult", finding->has_no_result);
    json_writer_close(writer, '}');
}

enum status set_findings_write(struct job_store *store, const struct set_findings *findings,
                               const struct set_update_state *state, struct error *err) {
    struct redis_reply *replies;
    struct text json = {0};
    struct json_writer writer = {.out = &json};
    json_writer_open(&writer, '[');
    for (size_t i = 0; i < findings->count; i++) {
        json_writer_item(&writer);
        write_finding(&writer, &findings->items[i]);
    }
    json_writer_close(&writer, ']');
    redis_add(store->redis, "MULTI");
    redis_add(store->redis, "SET set:trials %s", text_view(&json));
    redis_add(store->redis, "HSET set:update job %s time %lld candidates %s checkedJob %s checked %lld", state->job_id,
              (long long)state->time_ms, job_step_text(state->candidates), job_step_text(state->checked_job_id),
              (long long)state->checked_ms);
    redis_add(store->redis, "EXEC");
    enum status status = redis_run(store->redis, 0, &replies, err);
    for (size_t i = 0; !status && i < 4; i++)
        status = redis_check_reply(&replies[i], err);
    text_release(&json);
    return status;
}

static enum status read_finding(struct set_finding *out, const json_t *json, struct arena *arena, struct error *err) {
    const char *job = json_string_value(json_object_get(json, "job"));
    const char *detail = json_string_value(json_object_get(json, "detail"));
    enum status status = json_need_package_name(json, "package", &out->package, arena, err);
    if (!status) status = json_need_version(json, "version", &out->version, err);
    if (!status) status = json_need_version(json, "compiler", &out->compiler, err);
    out->breaks_others = json_is_true(json_object_get(json, "breaksOthers"));
    out->job = job ? arena_copy(arena, job) : NULL;
    out->detail = detail ? arena_copy(arena, detail) : NULL;
    out->since_ms = json_integer_value(json_object_get(json, "since"));
    out->has_no_result = json_is_true(json_object_get(json, "hasNoResult")); /* not written by earlier releases */
    return status;
}

static enum status read_findings(struct set_findings *out, const char *text, size_t length, struct arena *arena,
                                 struct error *err) {
    json_t *json = NULL;
    enum status status = json_read(&json, text, length, "set:trials in Redis", err);
    out->items = arena_alloc(arena, json_array_size(json) * sizeof *out->items);
    for (size_t i = 0; !status && i < json_array_size(json); i++)
        status = read_finding(&out->items[out->count++], json_array_get(json, i), arena, err);
    json_decref(json);
    return status;
}

enum status set_findings_read(struct job_store *store, struct set_findings *findings, struct set_update_state *state,
                              struct arena *arena, struct error *err) {
    struct redis_reply *replies;
    *findings = (struct set_findings){0};
    *state = (struct set_update_state){0};
    redis_add(store->redis, "GET set:trials");
    redis_add(store->redis, "HMGET set:update job time candidates checkedJob checked");
    enum status status = redis_run(store->redis, 0, &replies, err);
    for (size_t i = 0; !status && i < 2; i++)
        status = redis_check_reply(&replies[i], err);
    if (status) return status;
    if (replies[1].count == 5) {
        const struct redis_reply *fields = replies[1].items;
        snprintf(state->job_id, sizeof state->job_id, "%s", fields[0].text);
        state->time_ms = redis_reply_number(&fields[1], 0);
        snprintf(state->candidates, sizeof state->candidates, "%s", fields[2].text);
        snprintf(state->checked_job_id, sizeof state->checked_job_id, "%s", fields[3].text);
        state->checked_ms = redis_reply_number(&fields[4], 0);
    }
    return replies[0].type == REDIS_TEXT ? read_findings(findings, replies[0].text, replies[0].length, arena, err) : STATUS_OK;
}

/* ---- The schedule ---- */

enum status daily_work_last(struct job_store *store, const char *work, int64_t *time_ms, struct error *err) {
    struct redis_reply *reply;
    enum status status = redis_call(store->redis, &reply, err, "HGET daily %s", work);
    *time_ms = status ? 0 : redis_reply_number(reply, 0);
    return status;
}

enum status daily_work_done(struct job_store *store, const char *work, int64_t time_ms, struct error *err) {
    struct redis_reply *reply;
    return redis_call(store->redis, &reply, err, "HSET daily %s %lld", work, (long long)time_ms);
}

enum status set_updates_count(struct job_store *store, int64_t day, int64_t *count, struct error *err) {
    struct redis_reply *reply;
    enum status status = redis_call(store->redis, &reply, err, "GET set:updates:%lld", (long long)day);
    *count = status ? 0 : redis_reply_number(reply, 0);
    return status;
}

enum status set_updates_note(struct job_store *store, int64_t day, int64_t count, struct error *err) {
    struct redis_reply *reply;
    return redis_call(store->redis, &reply, err, "SET set:updates:%lld %lld EX %d", (long long)day, (long long)count,
                      2 * DAY_S);
}
