/* SPDX-License-Identifier: BSD-3-Clause */
#include "services/build-matrix/dispatch/worker_messages.h"

#include <stdio.h>
#include <string.h>

#include "lib/base/fault.h"
#include "lib/base/json_writer.h"
#include "lib/base/text.h"
#include "lib/domain/matrix/work_order.h"
#include "lib/service/message/message_metrics.h"
#include "lib/service/message/message_work.h"
#include "lib/service/message/worker_identity.h"
#include "lib/store/job/connection_pool.h"
#include "lib/store/job/log_stream.h"
#include "lib/store/redis/matrix_store.h"
#include "services/build-matrix/commit/committer.h"
#include "services/build-matrix/commit/matrix_end.h"
#include "services/build-matrix/dispatch/dispatcher.h"
#include "services/build-matrix/matrix_service.h"

_Static_assert((int)WORKER_NAME_MAX <= (int)LEASE_WORKER_MAX, "a lease has room for a worker's name");

enum {
    LINES_EVER_MAX = 1000000000,
    KEEP_LEASES = 3,
    METRICS_BYTES_MAX = 16384, /* of a worker's metrics, as they are kept */
};

int64_t worker_keep_ms(const struct matrix_service *service) {
    return service->settings.lease_ms * KEEP_LEASES;
}

/* Puts `LIST[POSITION].` before the path of `err`. Returns its status. */
static enum status at_item(struct error *err, const char *list, size_t position) {
    char path[32];
    snprintf(path, sizeof path, "%s[%zu]", list, position);
    return error_under(err, path);
}

/* The lease that the worker, whose identity is proved, claims to hold. STATUS_INVALID: no valid job id. */
static enum status read_lease(struct lease *out, const char *worker, const char *job_id, int64_t fence, struct error *err) {
    if (!job_id || !job_id_is_well_formed(job_id))
        return error_set_at(err, STATUS_INVALID, "job_id", "The field \"job_id\" must be the id of a job.");
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

/* The leases that the worker claims to hold. */
static enum status read_leases(struct lease **out, const char *worker, struct record_lease_list list, struct arena *arena,
                               struct error *err) {
    *out = arena_alloc(arena, (list.count + 1) * sizeof **out);
    for (size_t i = 0; i < list.count; i++)
        if (read_lease(&(*out)[i], worker, list.items[i].job_id, list.items[i].fence, err)) return at_item(err, "leases", i);
    return STATUS_OK;
}

static struct record_lease_list list_lost(const struct record_lease_list *leases, const bool *is_held, struct arena *arena) {
    struct record_lease *lost = arena_alloc(arena, (leases->count + 1) * sizeof *lost);
    size_t count = 0;
    for (size_t i = 0; i < leases->count; i++)
        if (!is_held[i]) lost[count++] = leases->items[i];
    return (struct record_lease_list){lost, count};
}

/* The worker's metrics as JSON, in which they are kept until they are asked for. */
static enum status read_metrics(const char **out, struct record_metric_list list, struct arena *arena, struct error *err) {
    struct metrics *metrics = metrics_create();
    struct text json = {0};
    enum status status = message_add_metrics(metrics, list, NULL, NULL, err);
    if (!status) metrics_append_json(&json, metrics);
    if (json.length > METRICS_BYTES_MAX)
        status = error_set(err, STATUS_TOO_LARGE, "The worker's metrics have %zu bytes as JSON, more than %d.", json.length,
                           METRICS_BYTES_MAX);
    *out = status ? NULL : arena_copy(arena, text_view(&json));
    text_release(&json);
    metrics_free(metrics);
    return status ? error_under(err, "metrics") : STATUS_OK;
}

enum status take_leases_renew(void *context, const struct message *request, struct arena *arena, struct message *answer,
                              struct error *err) {
    struct matrix_service *service = context;
    const struct message_leases_renew *renew = &request->leases_renew;
    struct lease *leases = NULL;
    size_t count = renew->leases.count;
    const char *metrics = NULL;
    enum status status = worker_identity_check(renew->worker, renew->secret, err);
    if (!status) status = read_leases(&leases, renew->worker, renew->leases, arena, err);
    if (!status) status = read_metrics(&metrics, renew->metrics, arena, err);
    if (status) return status;
    bool *is_held = arena_alloc(arena, (count + 1) * sizeof *is_held);
    struct job_store *store = connection_pool_take(service->stores);
    if (count > 0) status = job_store_renew_some(store, leases, count, service->settings.lease_ms, is_held, err);
    if (!status) status = worker_list_see(store, renew->worker, renew->busy_slots, metrics, worker_keep_ms(service), err);
    connection_pool_give_back(service->stores, store);
    if (status) return status;
    *answer = (struct message){.tag = MESSAGE_leases_renewed, .leases_renewed.lost = list_lost(&renew->leases, is_held, arena)};
    return STATUS_OK;
}

/* ---- Lines ---- */

static enum status read_line(struct log_line *out, const struct record_log_line *line, struct error *err) {
    if (line->number < 1 || line->number > LINES_EVER_MAX)
        return error_set_at(err, STATUS_INVALID, "number", "Log lines must be numbered from 1 to %d.", LINES_EVER_MAX);
    if (!line->level || !log_level_parse(line->level, &out->level))
        return error_set_at(err, STATUS_INVALID, "level", "A log line's level must be one of DEBUG, INFO, WARN and ERROR.");
    if (!line->text) return error_set_at(err, STATUS_INVALID, "text", "A log line must have a text.");
    out->number = (int)line->number;
    out->time_ms = line->time_ms;
    out->message = line->text;
    return STATUS_OK;
}

/* Texts are borrowed from the message. */
static enum status read_lines(struct log_line **out, struct record_log_line_list list, struct arena *arena, struct error *err) {
    *out = arena_alloc(arena, (list.count + 1) * sizeof **out);
    for (size_t i = 0; i < list.count; i++)
        if (read_line(&(*out)[i], &list.items[i], err)) return at_item(err, "lines", i);
    return STATUS_OK;
}

enum status take_build_log(void *context, const struct message *request, struct arena *arena, struct message *answer,
                           struct error *err) {
    struct matrix_service *service = context;
    const struct settings *settings = &service->settings;
    const struct message_build_log *log = &request->build_log;
    struct lease lease;
    struct log_line *lines;
    (void)answer;
    enum status status = check_lease(&lease, log->worker, log->secret, log->job_id, log->fence, err);
    if (status) return status;
    status = read_lines(&lines, log->lines, arena, err);
    if (!status && log->lines.count > 0) {
        struct job_store *store = connection_pool_take(service->stores);
        status = log_stream_append(store, &lease, lines, log->lines.count, settings->log_limit_lines, settings->log_limit_bytes,
                                   err);
        connection_pool_give_back(service->stores, store);
    }
    return note_late(service, LATE_LINES, &lease, status);
}

/* ---- Results ---- */

/* The result as JSON, in which it is kept, without as many errors as do not fit into JOB_RESULT_MAX_BYTES. */
static enum status read_result(const char **out, const struct record_build_result *record, struct arena *arena,
                               struct error *err) {
    struct build_result result;
    *out = NULL;
    if (!record) return STATUS_OK;
    enum status status = message_read_result(&result, record, arena, err);
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
    struct job_result result = {.line_count = request->build_outcome.lines.count,
                                .lease_ms = service->settings.lease_ms,
                                .limit_lines = service->settings.log_limit_lines,
                                .limit_bytes = service->settings.log_limit_bytes};
    if (outcome->verdict == VERDICT_SUCCEEDED) result.record = make_record(outcome->result, arena);
    struct log_line *lines;
    enum status status = read_lines(&lines, request->build_outcome.lines, arena, err);
    result.lines = lines;
    if (!status) status = job_store_take_result(store, lease, &result, arena, job, err);
    if (status == STATUS_REFUSED)
        return error_set_at(err, STATUS_INVALID, "job_id", "The job %s is not a build.", lease->job_id);
    return status;
}

/* True if this lease already ended the job, with success or failure as `verdict` says: the worker repeats a message whose reply
 * was lost. */
static bool has_ended_so(struct job_store *store, const struct lease *lease, enum verdict verdict) {
    bool has_ended;
    return job_store_has_ended(store, lease, verdict == VERDICT_SUCCEEDED, &has_ended, NULL) == STATUS_OK && has_ended;
}

enum status take_build_outcome(void *context, const struct message *request, struct arena *arena, struct message *answer,
                               struct error *err) {
    struct matrix_service *service = context;
    struct lease lease;
    struct job job;
    struct matrix_outcome outcome = {.is_of_build = true, .reason = request->build_outcome.reason};
    (void)answer;
    enum status status = check_lease(&lease, request->build_outcome.worker, request->build_outcome.secret,
                                     request->build_outcome.job_id, request->build_outcome.fence, err);
    if (!status && !verdict_parse(request->build_outcome.verdict, &outcome.verdict))
        status = error_set_at(err, STATUS_INVALID, "verdict", "There is no verdict \"%s\".",
                              request->build_outcome.verdict ? request->build_outcome.verdict : "");
    if (!status) status = read_result(&outcome.result, request->build_outcome.result, arena, err);
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
