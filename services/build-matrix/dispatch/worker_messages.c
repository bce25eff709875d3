/* SPDX-License-Identifier: BSD-3-Clause */
#include "services/build-matrix/dispatch/worker_messages.h"

#include <string.h>

#include "lib/base/fault.h"
#include "lib/base/json.h"
#include "lib/base/json_writer.h"
#include "lib/base/text.h"
#include "lib/domain/matrix/work_order.h"
#include "lib/service/message/worker_identity.h"
#include "lib/store/job/log_stream.h"
#include "lib/store/redis/matrix_store.h"
#include "services/build-matrix/commit/committer.h"
#include "services/build-matrix/commit/matrix_end.h"
#include "services/build-matrix/connection_pool.h"
#include "services/build-matrix/dispatch/dispatcher.h"
#include "services/build-matrix/matrix_service.h"

_Static_assert((int)WORKER_NAME_MAX <= (int)LEASE_WORKER_MAX, "a lease has room for a worker's name");

enum { LEASES_MAX = 4096, LINES_MAX = 20000, LINES_EVER_MAX = 1000000000, KEEP_LEASES = 3 };

int64_t worker_keep_ms(const struct matrix_service *service) {
    return service->settings.lease_ms * KEEP_LEASES;
}

/* The lease that the worker, whose identity is proved, claims to hold. STATUS_INVALID: no valid job id. */
static enum status read_lease(struct lease *out, const char *worker, const char *job_id, int64_t fence, struct error *err) {
    if (!job_id || !job_id_is_well_formed(job_id))
        return error_set_at(err, STATUS_INVALID, "job_id", "The message names no job.");
    *out = (struct lease){.fence = fence};
    memcpy(out->job_id, job_id, strlen(job_id) + 1);
    memcpy(out->worker, worker, strlen(worker) + 1);
    return STATUS_OK;
}

/* The same, after checking the worker's identity. */
static enum status check_lease(struct lease *out, const char *worker, const char *secret, const char *job_id, int64_t fence,
                               struct error *err) {
    enum status status = worker_identity_check(worker, secret, err);
    return status ? status : read_lease(out, worker, job_id, fence, err);
}

/* Returns `status`. Counts and logs messages that were refused because of a stale fencing number. */
static enum status note_late(struct matrix_service *service, enum late_message kind, const struct lease *lease,
                             enum status status) {
    if (status != STATUS_STALE) return status;
    atomic_fetch_add(&service->late[kind], 1);
    log_line(LOG_INFO, kind == LATE_RESULT ? "late_result_rejected" : "late_message_rejected", log_field("job", lease->job_id),
             log_field("fence", lease->fence));
    return status;
}

/* ---- Joining and leaving ---- */

enum status take_worker_join(void *context, const struct message *request, struct arena *arena, struct message *answer,
                             struct error *err) {
    struct matrix_service *service = context;
    (void)arena;
    enum status status = worker_identity_check(request->worker_join.worker, request->worker_join.secret, err);
    if (status) return status;
    const struct worker_entry worker = {.id = request->worker_join.worker,
                                        .host = request->worker_join.host,
                                        .program = request->worker_join.program,
                                        .compilers = request->worker_join.compilers,
                                        .slots = request->worker_join.slots,
                                        .memory_bytes = request->worker_join.memory_bytes,
                                        .disk_bytes = request->worker_join.disk_bytes};
    struct job_store *store = connection_pool_take(service->stores);
    status = worker_list_add(store, &worker, worker_keep_ms(service), err);
    connection_pool_give_back(service->stores, store);
    if (status) return status;
    log_line(LOG_INFO, "worker_joined", log_field("worker", worker.id), log_field("host", worker.host),
             log_field("slots", worker.slots), log_field("compilers", worker.compilers));
    answer->tag = MESSAGE_worker_welcome;
    answer->worker_welcome.lease_ms = service->settings.lease_ms;
    return STATUS_OK;
}

enum status take_worker_leave(void *context, const struct message *request, struct arena *arena, struct message *answer,
                              struct error *err) {
    struct matrix_service *service = context;
    (void)arena, (void)answer;
    const char *worker = request->worker_leave.worker;
    enum status status = worker_identity_check(worker, request->worker_leave.secret, err);
    if (status) return status;
    struct job_store *store = connection_pool_take(service->stores);
    status = worker_list_leave(store, worker, request->worker_leave.busy_slots, worker_keep_ms(service), err);
    connection_pool_give_back(service->stores, store);
    if (status) return status;
    log_line(LOG_INFO, "worker_left", log_field("worker", worker), log_field("busy_slots", request->worker_leave.busy_slots));
    if (service->dispatcher) dispatcher_forget(service->dispatcher, worker);
    return STATUS_OK;
}

/* ---- Renewing ---- */

/* Parses the array in the field `leases`: the leases that the worker claims to hold. */
static enum status read_leases(struct lease **out, size_t *count, const char *worker, const char *text, struct arena *arena,
                               struct error *err) {
    json_t *list = NULL, *item = NULL;
    size_t i;
    enum status status = json_read(&list, text, strlen(text), "leases", err);
    if (!status && (!json_is_array(list) || json_array_size(list) > LEASES_MAX))
        status = error_set(err, STATUS_INVALID, "leases must be an array of at most %d pairs.", LEASES_MAX);
    *count = 0;
    *out = arena_alloc(arena, (status ? 1 : json_array_size(list) + 1) * sizeof **out);
    if (!status) {
        json_array_foreach(list, i, item) {
            const json_t *fence = json_array_get(item, 1);
            if (!status && !json_is_integer(fence)) status = error_set(err, STATUS_INVALID, "Each lease is [JOB ID, FENCE].");
            if (!status)
                status = read_lease(&(*out)[(*count)++], worker, json_string_value(json_array_get(item, 0)),
                                    json_integer_value(fence), err);
        }
    }
    json_decref(list);
    return status ? error_set_at(err, STATUS_INVALID, "leases", "%s", err->message) : STATUS_OK;
}

static const char *list_lost(const struct lease *leases, const bool *is_held, size_t count, struct arena *arena) {
    struct text lost = {0};
    struct json_writer writer = {.out = &lost};
    json_writer_open(&writer, '[');
    for (size_t i = 0; i < count; i++) {
        if (is_held[i]) continue;
        json_writer_item(&writer);
        json_writer_text(&writer, leases[i].job_id);
    }
    json_writer_close(&writer, ']');
    const char *copy = arena_copy(arena, text_view(&lost));
    text_release(&lost);
    return copy;
}

enum status take_build_renew(void *context, const struct message *request, struct arena *arena, struct message *answer,
                             struct error *err) {
    struct matrix_service *service = context;
    struct lease *leases = NULL;
    size_t count = 0;
    const char *worker = request->build_renew.worker, *text = request->build_renew.leases;
    enum status status = worker_identity_check(worker, request->build_renew.secret, err);
    if (!status) status = read_leases(&leases, &count, worker, text ? text : "[]", arena, err);
    if (status) return status;
    bool *is_held = arena_alloc(arena, (count + 1) * sizeof *is_held);
    struct job_store *store = connection_pool_take(service->stores);
    if (count > 0) status = job_store_renew_some(store, leases, count, service->settings.lease_ms, is_held, err);
    if (!status)
        status = worker_list_see(store, worker, request->build_renew.busy_slots, request->build_renew.figures,
                                 worker_keep_ms(service), err);
    connection_pool_give_back(service->stores, store);
    if (status) return status;
    answer->tag = MESSAGE_work_renewed;
    answer->work_renewed.lost = list_lost(leases, is_held, count, arena);
    return STATUS_OK;
}

/* ---- Lines ---- */

static enum status read_line(struct log_line *out, const json_t *item, struct error *err) {
    const json_t *number = json_array_get(item, 0), *time = json_array_get(item, 1);
    const char *level = json_string_value(json_array_get(item, 2)), *text = json_string_value(json_array_get(item, 3));
    if (!json_is_integer(number) || !json_is_integer(time) || !level || !text || !log_level_parse(level, &out->level))
        return error_set(err, STATUS_INVALID, "Each line is [NUMBER, TIME, LEVEL, TEXT].");
    int64_t at = json_integer_value(number);
    if (at < 1 || at > LINES_EVER_MAX)
        return error_set(err, STATUS_INVALID, "Lines are numbered from 1 to %d.", LINES_EVER_MAX);
    out->number = (int)at;
    out->time_ms = json_integer_value(time);
    out->message = text;
    return STATUS_OK;
}

/* Parses the array in the field `lines`; NULL is an empty one. Texts are borrowed from `list`, which the caller releases, also
 * after a failure. */
static enum status read_lines(struct log_line **out, size_t *count, json_t **list, const char *text, struct arena *arena,
                              struct error *err) {
    const json_t *item = NULL;
    size_t i;
    *list = NULL;
    *count = 0;
    if (!text) text = "[]";
    enum status status = json_read(list, text, strlen(text), "lines", err);
    if (!status && (!json_is_array(*list) || json_array_size(*list) > LINES_MAX))
        status = error_set(err, STATUS_INVALID, "lines must be an array of at most %d.", LINES_MAX);
    if (!status) *count = json_array_size(*list);
    *out = arena_alloc(arena, (*count + 1) * sizeof **out);
    json_array_foreach(*list, i, item) {
        if (!status) status = read_line(&(*out)[i], item, err);
    }
    return status ? error_set_at(err, STATUS_INVALID, "lines", "%s", err->message) : STATUS_OK;
}

enum status take_build_lines(void *context, const struct message *request, struct arena *arena, struct message *answer,
                             struct error *err) {
    struct matrix_service *service = context;
    const struct settings *settings = &service->settings;
    struct lease lease;
    struct log_line *lines;
    size_t count;
    json_t *list;
    (void)answer;
    enum status status = check_lease(&lease, request->build_lines.worker, request->build_lines.secret,
                                     request->build_lines.job_id, request->build_lines.fence, err);
    if (status) return status;
    status = read_lines(&lines, &count, &list, request->build_lines.lines, arena, err);
    if (!status && count > 0) {
        struct job_store *store = connection_pool_take(service->stores);
        status = log_stream_append(store, &lease, lines, count, settings->log_limit_lines, settings->log_limit_bytes, err);
        connection_pool_give_back(service->stores, store);
    }
    json_decref(list);
    return note_late(service, LATE_LINES, &lease, status);
}

/* ---- Results ---- */

/* Validates the result and drops errors until it fits into JOB_RESULT_MAX_BYTES. */
static enum status read_result(const char **out, const char *text, struct arena *arena, struct error *err) {
    struct build_result result;
    *out = NULL;
    if (!text) return STATUS_OK;
    enum status status = build_result_parse(&result, text, strlen(text), arena, err);
    if (status) return error_under(err, "result");
    struct text printed = {0};
    build_result_append_json(&printed, &result);
    while (printed.length > JOB_RESULT_MAX_BYTES && result.error_count > 0) {
        size_t fewer = result.error_count / 2;
        result.errors_left_out += result.error_count - fewer;
        result.error_count = fewer;
        text_clear(&printed);
        build_result_append_json(&printed, &result);
    }
    *out = arena_copy(arena, text_view(&printed));
    text_release(&printed);
    return STATUS_OK;
}

static bool writes_metadata(const struct job *job) {
    return !matrix_purpose_is_trial(job->purpose);
}

/* The job's record, stored before the metadata is written; the committer reads it. */
static const char *make_record(const char *result, struct arena *arena) {
    struct text text = {0};
    struct json_writer writer = {.out = &text};
    json_writer_open(&writer, '{');
    json_writer_text_field(&writer, "verdict", verdict_text(VERDICT_SUCCEEDED));
    json_writer_raw_field(&writer, "result", result);
    json_writer_close(&writer, '}');
    const char *copy = arena_copy(arena, text_view(&text));
    text_release(&text);
    return copy;
}

/* Stores the result and its last log lines; sets `job` to the job as it is in Redis then. */
static enum status take_in(struct matrix_service *service, struct job_store *store, const struct message *request,
                           const struct lease *lease, const struct matrix_outcome *outcome, struct arena *arena,
                           struct job *job, struct error *err) {
    struct job_result result = {.lease_ms = service->settings.lease_ms,
                                .limit_lines = service->settings.log_limit_lines,
                                .limit_bytes = service->settings.log_limit_bytes};
    if (outcome->verdict == VERDICT_SUCCEEDED) result.record = make_record(outcome->result, arena);
    struct log_line *lines;
    json_t *list;
    enum status status = read_lines(&lines, &result.line_count, &list, request->build_end.lines, arena, err);
    result.lines = lines;
    if (!status) status = job_store_take_result(store, lease, &result, arena, job, err);
    json_decref(list);
    if (status == STATUS_REFUSED) return error_set_at(err, STATUS_INVALID, "job_id", "The job %s is no build.", lease->job_id);
    return status;
}

/* True if this lease already ended the job, with success or failure as `verdict` says: the worker repeats a message whose reply
 * was lost. */
static bool has_ended_so(struct job_store *store, const struct lease *lease, enum verdict verdict) {
    bool has_ended;
    return job_store_has_ended(store, lease, verdict == VERDICT_SUCCEEDED, &has_ended, NULL) == STATUS_OK && has_ended;
}

enum status take_build_end(void *context, const struct message *request, struct arena *arena, struct message *answer,
                           struct error *err) {
    struct matrix_service *service = context;
    struct lease lease;
    struct job job;
    struct matrix_outcome outcome = {.is_of_build = true, .reason = request->build_end.reason};
    (void)answer;
    enum status status = check_lease(&lease, request->build_end.worker, request->build_end.secret, request->build_end.job_id,
                                     request->build_end.fence, err);
    if (!status && !verdict_parse(request->build_end.verdict, &outcome.verdict))
        status = error_set_at(err, STATUS_INVALID, "verdict", "There is no verdict \"%s\".",
                              request->build_end.verdict ? request->build_end.verdict : "");
    if (!status) status = read_result(&outcome.result, request->build_end.result, arena, err);
    if (status) return status;
    struct job_store *store = connection_pool_take(service->stores);
    status = take_in(service, store, request, &lease, &outcome, arena, &job, err);
    *lease.worker = '\0'; /* from here on this service holds the lease */
    if (!status && outcome.verdict == VERDICT_SUCCEEDED && writes_metadata(&job)) {
        fault_point("matrix-recorded");
        committer_add(service->committer, &job, &lease);
    } else if (!status) {
        status = matrix_job_end(service, store, &job, &lease, &outcome, err);
    }
    if (status == STATUS_STALE && has_ended_so(store, &lease, outcome.verdict)) status = STATUS_OK;
    connection_pool_give_back(service->stores, store);
    return note_late(service, LATE_RESULT, &lease, status);
}

enum status take_build_return(void *context, const struct message *request, struct arena *arena, struct message *answer,
                              struct error *err) {
    struct matrix_service *service = context;
    struct lease lease;
    (void)arena, (void)answer;
    enum status status = check_lease(&lease, request->build_return.worker, request->build_return.secret,
                                     request->build_return.job_id, request->build_return.fence, err);
    if (status) return status;
    struct job_store *store = connection_pool_take(service->stores);
    status = job_store_release(store, &lease, err);
    connection_pool_give_back(service->stores, store);
    if (!status && service->dispatcher) dispatcher_wake(service->dispatcher);
    return note_late(service, LATE_RETURN, &lease, status);
}
