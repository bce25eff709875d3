/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The writing half of job_store.h: each function is one step of jobs/, which has the rules. The reading half is job_read.c.
 */
#include "lib/store/job/job_store.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/clock.h"
#include "lib/base/memory.h"
#include "lib/base/text.h"
#include "lib/domain/matrix/verdict.h"
#include "lib/store/job/job_script.h"
#include "lib/store/job/job_steps.h"
#include "lib/store/redis/matrix.lua.h"

enum status job_store_create(struct job_store **out, const char *redis_url, int timeout_ms, struct error *err) {
    struct job_store *store = memory_alloc(sizeof *store);
    store->script.source = job_script_text();
    store->matrix_script.source = matrix_script;
    enum status status = redis_create(&store->redis, redis_url, timeout_ms, err);
    if (status == STATUS_OK)
        *out = store;
    else
        job_store_free(store);
    return status;
}

void job_store_free(struct job_store *store) {
    if (!store) return;
    redis_free(store->redis);
    free(store);
}

/* ---- Accepting ---- */

/* Name and value of a job's field. */
struct field {
    const char *name;
    const char *value;
};

static void check_request(const struct job_request *request) {
    assert(job_id_is_well_formed(request->id) && request->payload);
    assert(request->kind == JOB_KIND_PACKAGE_SET || request->package);
    assert(request->kind != JOB_KIND_MATRIX || (request->version && request->compiler && request->purpose));
}

/* Prints a matrix job's priority; "" for other kinds. */
static void print_priority(const struct job_request *request, char priority[8]) {
    priority[0] = '\0';
    if (request->kind == JOB_KIND_MATRIX) snprintf(priority, 8, "%d", matrix_purpose_priority(request->purpose));
}

static void add_accept(struct job_store *store, const struct job_request *request, const struct job_limits *limits) {
    check_request(request);
    char pending[24] = "", per_address[24] = "", retry_of_created[24] = "", priority[8];
    print_priority(request, priority);
    if (request->retry_of) snprintf(retry_of_created, sizeof retry_of_created, "%" PRId64, request->retry_of_created_ms);
    if (limits) {
        snprintf(pending, sizeof pending, "%" PRId64, limits->pending);
        snprintf(per_address, sizeof per_address, "%" PRId64, limits->pending_per_address);
    }
    const struct field fields[] = {
        {"kind", job_kind_text(request->kind)},
        {"payload", request->payload},
        {"package", request->package},
        {"version", request->version},
        {"compiler", request->compiler},
        {"purpose", matrix_purpose_text(request->purpose)},
        {"priority", priority},
        {"actor", request->actor},
        {"issue", request->issue},
        {"reason", request->reason},
        {"authority", request->authority},
        {"credential", request->credential},
        {"retryOf", request->retry_of},
        {"retryOfCreatedAt", retry_of_created},
        {"address", request->address},
        {"duplicate", request->duplicate_key},
        {"replay", request->replay_key},
    };
    enum { FIELDS = sizeof fields / sizeof fields[0], FIXED = 5 };
    const char *arguments[FIXED + 2 * FIELDS] = {"accept", request->id, pending, per_address, request->again ? "1" : ""};
    for (size_t i = 0; i < FIELDS; i++) {
        arguments[FIXED + 2 * i] = fields[i].name;
        arguments[FIXED + 2 * i + 1] = job_step_text(fields[i].value);
    }
    job_step_add_list(store, arguments, FIXED + 2 * FIELDS);
}

static enum status take_accepted(struct job_accepted *out, const struct redis_reply *reply, struct error *err) {
    enum status status = job_step_check(reply, err);
    if (status != STATUS_OK) return status;
    snprintf(out->id, sizeof out->id, "%s", reply->items[0].text);
    out->created = reply->items[1].integer == 1;
    out->has_succeeded = !out->created && text_equal(reply->items[2].text, job_state_text(JOB_STATE_SUCCEEDED));
    snprintf(out->superseded_by, sizeof out->superseded_by, "%s", out->created ? "" : reply->items[3].text);
    return STATUS_OK;
}

enum status job_store_accept(struct job_store *store, const struct job_request *request, const struct job_limits *limits,
                             struct job_accepted *out, struct error *err) {
    struct redis_reply *reply;
    add_accept(store, request, limits);
    enum status status = job_steps_run(store, &reply, err);
    return status ? status : take_accepted(out, reply, err);
}

void job_store_accept_some(struct job_store *store, struct job_acceptance *acceptances, size_t count) {
    assert(count <= JOB_ACCEPT_MAX);
    struct redis_reply *replies;
    struct error err;
    if (count == 0) return;
    for (size_t i = 0; i < count; i++)
        add_accept(store, acceptances[i].request, NULL);
    enum status status = job_steps_run(store, &replies, &err);
    for (size_t i = 0; i < count; i++) {
        struct job_acceptance *acceptance = &acceptances[i];
        acceptance->status = status ? status : take_accepted(&acceptance->accepted, &replies[i], &acceptance->err);
        if (status) acceptance->err = err;
    }
}

/* ---- Running ---- */

static enum status damaged_job(const char *id, struct error *err) {
    return error_set(err, STATUS_INTERNAL, "The job %s in Redis has no kind or state.", id);
}

/* `reply`: id, fence, the job's fields. */
static enum status take_claim(const struct redis_reply *reply, struct arena *arena, struct lease *lease, struct job *job,
                              struct error *err) {
    *lease = (struct lease){.fence = reply->items[1].integer};
    snprintf(lease->job_id, sizeof lease->job_id, "%s", reply->items[0].text);
    return job_from_reply(&reply->items[2], lease->job_id, arena, job) ? STATUS_OK : damaged_job(lease->job_id, err);
}

/* The token of a call. One that Redis did not answer passes its token on to the next: it may have been carried out. */
static const char *begin_with(char token[UUID_TEXT_MAX]) {
    if (!*token) hash_random_uuid(token);
    return token;
}

static const char *begin_claim(struct job_store *store) {
    return begin_with(store->claim_token);
}

static enum status end_claim(struct job_store *store, const struct redis_reply *reply, enum status status, struct arena *arena,
                             struct lease *lease, struct job *job, struct error *err) {
    if (!job_store_is_away(status)) *store->claim_token = '\0';
    return status == STATUS_OK ? take_claim(reply, arena, lease, job, err) : status;
}

enum status job_store_claim(struct job_store *store, const char *id, const char *runner, int64_t lease_ms, struct arena *arena,
                            struct lease *lease, struct job *job, struct error *err) {
    if (!job_id_is_well_formed(id)) return error_set(err, STATUS_NOT_FOUND, "There is no job %.64s.", id);
    struct redis_reply *reply = NULL;
    enum status status = job_step(store, &reply, err, "claim %s %s %" PRId64 " %s", id, runner, lease_ms, begin_claim(store));
    return end_claim(store, reply, status, arena, lease, job, err);
}

enum status job_store_claim_next(struct job_store *store, unsigned kinds, const char *runner, int64_t lease_ms,
                                 struct arena *arena, struct lease *lease, struct job *job, struct error *err) {
    assert(!(kinds & 1U << JOB_KIND_MATRIX));
    char lease_text[24];
    snprintf(lease_text, sizeof lease_text, "%" PRId64, lease_ms);
    const char *arguments[4 + JOB_KIND_COUNT] = {"claim_next", runner, lease_text, begin_claim(store)};
    size_t count = 4;
    for (int kind = 0; kind < JOB_KIND_COUNT; kind++)
        if (kinds & 1U << kind) arguments[count++] = job_kind_text((enum job_kind)kind);
    struct redis_reply *reply = NULL;
    enum status status = job_step_list(store, &reply, err, arguments, count);
    return end_claim(store, reply, status, arena, lease, job, err);
}

/* ---- Running: matrix jobs ---- */

enum status job_store_list_ready(struct job_store *store, const struct job_ready_filter *filter, struct arena *arena,
                                 struct job **jobs, size_t *count, struct error *err) {
    enum { FIXED = 3 };
    assert(filter->limit > 0);
    const char **arguments = arena_alloc(arena, (FIXED + filter->compiler_count) * sizeof *arguments);
    arguments[0] = "list_ready";
    arguments[1] = arena_format(arena, "%zu", filter->limit);
    arguments[2] = arena_format(arena, "%d", filter->is_urgent ? 1 : MATRIX_PRIORITIES);
    for (size_t i = 0; i < filter->compiler_count; i++)
        arguments[FIXED + i] = filter->compilers[i];
    struct redis_reply *reply;
    *count = 0;
    enum status status = job_step_list(store, &reply, err, arguments, FIXED + filter->compiler_count);
    if (status != STATUS_OK) return status;
    *jobs = arena_alloc(arena, reply->count * sizeof **jobs);
    for (size_t i = 0; i < reply->count; i++) {
        const char *id = reply->items[i].items[0].text;
        if (!job_from_reply(&reply->items[i].items[1], id, arena, &(*jobs)[(*count)++])) return damaged_job(id, err);
    }
    return STATUS_OK;
}

enum status job_store_count_urgent(struct job_store *store, size_t *count, struct error *err) {
    struct redis_reply *reply;
    *count = 0;
    enum status status = redis_call(store->redis, &reply, err, "ZCARD urgent");
    if (!status) *count = (size_t)reply->integer;
    return status;
}

/* Formats a line as jobs/log.lua stores the lines that it writes itself (log_stream.c). */
static void print_line(struct text *out, enum log_level level, const char *message) {
    text_append_format(out, "%s 0 0 %s", log_level_name(level), message);
    job_step_clean(out);
}

enum status job_store_claim_some(struct job_store *store, const struct job_claim *claim, struct arena *arena,
                                 struct lease *leases, struct job *jobs, size_t *claimed, struct error *err) {
    enum { FIXED = 5 };
    char token[UUID_TEXT_MAX], lease_text[24];
    struct text line_text = {0};
    hash_random_uuid(token);
    snprintf(lease_text, sizeof lease_text, "%" PRId64, claim->lease_ms);
    const char **arguments = arena_alloc(arena, (FIXED + claim->count) * sizeof *arguments);
    arguments[0] = "claim_some", arguments[1] = claim->runner, arguments[2] = lease_text, arguments[3] = token;
    if (claim->line) print_line(&line_text, LOG_INFO, claim->line);
    arguments[4] = text_view(&line_text);
    for (size_t i = 0; i < claim->count; i++)
        arguments[FIXED + i] = claim->ids[i];
    struct redis_reply *reply;
    *claimed = 0;
    enum status status = job_step_list(store, &reply, err, arguments, FIXED + claim->count);
    text_release(&line_text);
    if (status == STATUS_OK) assert(reply->count <= claim->count);
    for (size_t i = 0; status == STATUS_OK && i < reply->count; i++) {
        status = take_claim(&reply->items[i], arena, &leases[i], &jobs[i], err);
        if (status == STATUS_OK) ++*claimed;
    }
    return status;
}

/* ---- Running: a lease ---- */

enum status job_store_renew_some(struct job_store *store, const struct lease *leases, size_t count, int64_t lease_ms,
                                 bool *is_held, struct error *err) {
    enum { FIXED = 2 };
    struct arena arena = {0};
    const char **arguments = arena_alloc(&arena, (FIXED + 2 * count) * sizeof *arguments);
    arguments[0] = "renew", arguments[1] = arena_format(&arena, "%" PRId64, lease_ms);
    for (size_t i = 0; i < count; i++) {
        assert(text_equal(leases[i].worker, leases[0].worker));
        arguments[FIXED + 2 * i] = leases[i].job_id;
        arguments[FIXED + 2 * i + 1] = arena_format(&arena, "%" PRId64, leases[i].fence);
    }
    struct redis_reply *reply;
    enum status status = job_step_under(store, &reply, err, &leases[0], arguments, FIXED + 2 * count);
    if (status == STATUS_OK) assert(reply->count == count);
    for (size_t i = 0; status == STATUS_OK && i < count; i++)
        is_held[i] = reply->items[i].integer == 1;
    arena_release(&arena);
    return status;
}

enum status job_store_renew(struct job_store *store, const struct lease *lease, int64_t lease_ms, struct error *err) {
    bool is_held;
    enum status status = job_store_renew_some(store, lease, 1, lease_ms, &is_held, err);
    if (status != STATUS_OK || is_held) return status;
    return error_set(err, STATUS_STALE, "The job %s is no longer held by this runner.", lease->job_id);
}

enum status job_store_lease_left(struct job_store *store, const struct lease *lease, int64_t *left_ms, struct error *err) {
    struct redis_reply *reply;
    enum status status = job_step(store, &reply, err, "lease_left %s %" PRId64, lease->job_id, lease->fence);
    if (status == STATUS_OK) *left_ms = reply->integer;
    return status;
}

enum status job_store_release(struct job_store *store, const struct lease *lease, struct error *err) {
    char fence[24];
    snprintf(fence, sizeof fence, "%" PRId64, lease->fence);
    const char *const arguments[] = {"release", lease->job_id, fence};
    struct redis_reply *reply;
    return job_step_under(store, &reply, err, lease, arguments, sizeof arguments / sizeof arguments[0]);
}

enum status job_store_retry_later(struct job_store *store, const struct lease *lease, int64_t delay_ms, struct error *err) {
    struct redis_reply *reply;
    return job_step(store, &reply, err, "release %s %" PRId64 " %" PRId64, lease->job_id, lease->fence, delay_ms);
}

enum status job_store_put_back(struct job_store *store, const struct lease *lease, int64_t delay_ms, struct error *err) {
    struct redis_reply *reply;
    return job_step(store, &reply, err, "release %s %" PRId64 " %" PRId64 " waits", lease->job_id, lease->fence, delay_ms);
}

enum status job_store_record(struct job_store *store, const struct lease *lease, const char *record, struct error *err) {
    struct redis_reply *reply;
    return job_step(store, &reply, err, "keep %s %" PRId64 " record %s", lease->job_id, lease->fence, record);
}

enum status job_store_keep_commit(struct job_store *store, const struct lease *lease, const char *commit, struct error *err) {
    struct redis_reply *reply;
    return job_step(store, &reply, err, "keep %s %" PRId64 " commit %s", lease->job_id, lease->fence, commit);
}

enum status job_store_add_commit(struct job_store *store, const struct lease *lease, const char *commit, struct error *err) {
    struct redis_reply *reply;
    return job_step(store, &reply, err, "add_commit %s %" PRId64 " %s", lease->job_id, lease->fence, commit);
}

enum status job_store_heads(struct job_store *store, struct job_heads *out, struct error *err) {
    struct redis_reply *reply;
    *out = (struct job_heads){0};
    enum status status = redis_call(store->redis, &reply, err, "HMGET heads count registry index at");
    if (status != STATUS_OK) return status;
    out->count = redis_reply_number(&reply->items[0], 0);
    snprintf(out->registry, sizeof out->registry, "%s", reply->items[1].text ? reply->items[1].text : "");
    snprintf(out->index, sizeof out->index, "%s", reply->items[2].text ? reply->items[2].text : "");
    out->at_ms = redis_reply_number(&reply->items[3], 0);
    return STATUS_OK;
}

enum status job_store_identify(struct job_store *store, const struct lease *lease, const struct job_identity *identity,
                               char done_by[UUID_TEXT_MAX], struct error *err) {
    struct redis_reply *reply;
    enum status status = job_step(store, &reply, err, "identify %s %" PRId64 " %s %s %s", lease->job_id, lease->fence,
                                  identity->actor, identity->replay_key, job_step_text(identity->credential));
    if (status == STATUS_OK) snprintf(done_by, UUID_TEXT_MAX, "%s", reply->text);
    return status;
}

enum status job_store_take_result(struct job_store *store, const struct lease *lease, const struct job_result *result,
                                  struct arena *arena, struct job *out, struct error *err) {
    enum { FIXED = 7 };
    struct arena scratch = {0};
    const char **arguments = arena_alloc(&scratch, (FIXED + LOG_LINE_ARGUMENTS * result->line_count) * sizeof *arguments);
    arguments[0] = "take_result", arguments[1] = lease->job_id;
    arguments[2] = arena_format(&scratch, "%" PRId64, lease->fence);
    arguments[3] = job_step_text(result->record);
    arguments[4] = arena_format(&scratch, "%" PRId64, result->lease_ms);
    arguments[5] = arena_format(&scratch, "%" PRId64, result->limit_lines);
    arguments[6] = arena_format(&scratch, "%" PRId64, result->limit_bytes);
    size_t count = FIXED + log_lines_to_arguments(arguments + FIXED, result->lines, result->line_count, &scratch);
    struct redis_reply *fields;
    enum status status = job_step_under(store, &fields, err, lease, arguments, count);
    arena_release(&scratch);
    if (status != STATUS_OK) return status;
    job_from_reply(fields, lease->job_id, arena, out);
    return STATUS_OK;
}

/* True if the verdict is final (`stands` in lib/domain/matrix/verdict.h). */
static bool check_verdict(const struct job_end *end) {
    enum verdict verdict;
    if (!end->verdict) return false;
    bool is_verdict = verdict_parse(end->verdict, &verdict);
    assert(is_verdict && (end->success || verdict != VERDICT_SUCCEEDED));
    return verdict_stands(verdict);
}

enum status job_store_has_ended(struct job_store *store, const struct lease *lease, bool success, bool *has_ended,
                                struct error *err) {
    struct redis_reply *reply;
    enum status status = job_step(store, &reply, err, "has_ended %s %" PRId64 " %d", lease->job_id, lease->fence, success);
    *has_ended = status == STATUS_OK && reply->integer == 1;
    return status;
}

/* Adds the step. STATUS_TOO_LARGE: the result is too long, and no step was added. */
static enum status add_finish(struct job_store *store, const struct lease *lease, const struct job_end *end,
                              struct error *err) {
    bool stands = check_verdict(end);
    if (end->result && strlen(end->result) > JOB_RESULT_MAX_BYTES)
        return error_set(err, STATUS_TOO_LARGE, "The result of the job %s has %zu bytes; at most %d are kept.", lease->job_id,
                         strlen(end->result), JOB_RESULT_MAX_BYTES);
    struct text sentence = {0}, line = {0};
    if (end->error) text_append(&sentence, end->error);
    job_step_clean(&sentence);
    if (end->line) print_line(&line, end->line_level, end->line);
    job_step_add(store, "finish %s %" PRId64 " %d %d %s %s %s %s %s %d %s %s %s %s", lease->job_id, lease->fence, end->success,
                 end->readonly, text_view(&sentence), job_step_text(end->documentation), job_step_text(end->event),
                 job_step_text(end->payload), job_step_text(end->verdict), stands, job_step_text(end->result),
                 job_step_text(end->commit), text_view(&line), job_step_text(end->ending));
    text_release(&line);
    text_release(&sentence);
    return STATUS_OK;
}

void job_store_finish_some(struct job_store *store, struct job_finish *finishes, size_t count) {
    assert(count <= JOB_FINISH_MAX);
    struct job_finish *added[JOB_FINISH_MAX];
    size_t added_count = 0;
    for (size_t i = 0; i < count; i++) {
        finishes[i].status = add_finish(store, finishes[i].lease, finishes[i].end, &finishes[i].err);
        if (finishes[i].status == STATUS_OK) added[added_count++] = &finishes[i];
    }
    if (added_count == 0) return;
    struct redis_reply *replies;
    struct error err;
    enum status status = job_steps_run(store, &replies, &err);
    for (size_t i = 0; i < added_count; i++) {
        added[i]->status = status ? status : job_step_check(&replies[i], &added[i]->err);
        if (status) added[i]->err = err;
    }
}

enum status job_store_finish(struct job_store *store, const struct lease *lease, const struct job_end *end, struct error *err) {
    struct job_finish finish = {.lease = lease, .end = end};
    job_store_finish_some(store, &finish, 1);
    if (finish.status && err) *err = finish.err;
    return finish.status;
}

/* ---- Housekeeping ---- */

static void note_job(char ids[JOB_REAP_MAX][UUID_TEXT_MAX], size_t *count, const char *id) {
    snprintf(ids[(*count)++], UUID_TEXT_MAX, "%s", id);
}

enum status job_store_reap(struct job_store *store, int64_t lease_ms, struct job_reaped *out, struct error *err) {
    memset(out, 0, sizeof *out);
    struct redis_reply *reply;
    enum status status =
        job_step(store, &reply, err, "reap %" PRId64 " %d %s", lease_ms, JOB_REAP_MAX, begin_with(store->reap_token));
    if (!job_store_is_away(status)) *store->reap_token = '\0';
    if (status != STATUS_OK) return status;
    assert(reply->count <= 1 + 2 * JOB_REAP_MAX);
    out->logs_removed = (size_t)reply->items[0].integer;
    for (size_t i = 1; i + 1 < reply->count; i += 2) {
        const char *fate = reply->items[i].text, *id = reply->items[i + 1].text;
        if (strcmp(fate, "failed") == 0)
            note_job(out->failed_ids, &out->failed, id);
        else if (strcmp(fate, "alarming") == 0)
            note_job(out->alarming_ids, &out->alarming, id);
        else
            out->returned++;
    }
    return STATUS_OK;
}

enum status job_store_list_aged(struct job_store *store, const struct job_periods *periods, size_t limit, struct arena *arena,
                                const char ***ids, size_t *count, struct error *err) {
    struct redis_reply *reply;
    enum status status = job_step(store, &reply, err, "list_aged %d %" PRId64 " %" PRId64 " %" PRId64, (int)limit,
                                  periods->matrix_ms, periods->other_ms, periods->least_ms);
    if (status != STATUS_OK) return status;
    *count = reply->count;
    *ids = arena_alloc(arena, reply->count * sizeof **ids);
    for (size_t i = 0; i < reply->count; i++)
        (*ids)[i] = arena_copy(arena, reply->items[i].text);
    return STATUS_OK;
}

enum status job_store_forget(struct job_store *store, const char *id, struct error *err) {
    assert(job_id_is_well_formed(id));
    struct redis_reply *reply;
    return job_step(store, &reply, err, "forget %s", id);
}

enum status job_store_count(struct job_store *store, struct job_counts *out, struct error *err) {
    enum { COMMANDS = 4, LATELY_MS = 60000 }; /* commands for a kind */
    int64_t since_ms = clock_now_ms() - LATELY_MS;
    for (int kind = 0; kind < JOB_KIND_COUNT; kind++) {
        const char *name = job_kind_text((enum job_kind)kind);
        redis_add(store->redis, "ZCARD pending:%s", name);
        redis_add(store->redis, "ZCARD running:%s", name);
        redis_add(store->redis, "ZRANGE pending:%s 0 0 WITHSCORES", name);
        redis_add(store->redis, "ZCOUNT finished:%s %" PRId64 " +inf", name, since_ms);
    }
    struct redis_reply *replies;
    enum status status = redis_run(store->redis, 0, &replies, err);
    for (int i = 0; i < COMMANDS * JOB_KIND_COUNT && status == STATUS_OK; i++)
        status = redis_check_reply(&replies[i], err);
    if (status != STATUS_OK) return status;
    for (int kind = 0; kind < JOB_KIND_COUNT; kind++) {
        const struct redis_reply *pending = &replies[kind * COMMANDS], *oldest = pending + 2;
        out->pending[kind] = pending[0].integer;
        out->running[kind] = pending[1].integer;
        out->oldest_pending_ms[kind] = oldest->count ? redis_reply_number(&oldest->items[1], 0) / JOB_PLACES_PER_MS : 0;
        out->ended_lately[kind] = pending[3].integer;
    }
    return STATUS_OK;
}
