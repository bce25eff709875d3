/* SPDX-License-Identifier: BSD-3-Clause
 *
 * GET /status/ID and GET /logs/ID, the short forms for use at a terminal; and GET /api/v1/status, /healthz, /readyz, /metrics.
 */
#include <string.h>

#include "lib/base/clock.h"
#include "lib/base/json_writer.h"
#include "lib/store/job/job_retention.h"
#include "services/gateway/gateway.h"
#include "services/gateway/http/call.h"
#include "services/gateway/routes/job_json.h"

enum { LINES_MAX = 10000 };

static const char text_type[] = "text/plain; charset=utf-8";

/* The parts of the request that the work functions of the short forms need. */
struct short_form {
    bool is_json;
    struct log_query lines; /* of GET /logs/ID */
    bool waits;
};

static struct short_form *begin(struct call *call) {
    struct short_form *form = arena_alloc(&call->arena, sizeof *form);
    form->is_json = call_wants_json(call);
    call->work_data = form;
    return form;
}

static void set_type(struct call *call) {
    const struct short_form *form = call->work_data;
    call->answer.content_type = form->is_json ? "application/json" : text_type;
    answer_header(&call->answer, "vary", "Origin, Accept, User-Agent");
}

static enum status read_status(struct call *call, struct job_store *store, struct error *err) {
    const struct short_form *form = call->work_data;
    struct job job;
    enum status status = job_retention_read(store, call->gateway->settings->storage_dir, call->parameters[0], NULL,
                                            &call->arena, &job, NULL, err);
    if (status) return status;
    if (form->is_json)
        job_append_status_json(&call->answer.body, &job);
    else
        job_append_status_text(&call->answer.body, &job);
    set_type(call);
    return STATUS_OK;
}

void get_status(struct call *call) {
    begin(call);
    call_work(call, read_status);
}

/* The time of the log's newest line, of any level; 0: the log is empty. */
static enum status find_newest(struct call *call, struct job_store *store, const char *job_id, int64_t *newest_ms,
                               struct error *err) {
    const struct log_query query = {.level = LOG_DEBUG, .descending = true, .limit = 1};
    struct log_lines lines;
    enum status status = log_stream_read(store, job_id, &query, &call->arena, &lines, err);
    *newest_ms = !status && lines.count ? lines.lines[0].time_ms : 0;
    return status;
}

/* The newest line is looked up before the lines are read: so a line written in between is read, or ends the wait at once. */
static enum status read_logs(struct call *call, struct job_store *store, struct error *err) {
    const struct short_form *form = call->work_data;
    struct job job;
    struct log_lines lines;
    int64_t newest_ms = 0;
    bool may_wait = form->waits && clock_monotonic_ms() < call->tail.until_ms && !atomic_load(&call->gateway->is_draining);
    enum status status = STATUS_OK;
    if (may_wait) status = find_newest(call, store, call->parameters[0], &newest_ms, err);
    if (!status)
        status = job_retention_read(store, call->gateway->settings->storage_dir, call->parameters[0], &form->lines,
                                    &call->arena, &job, &lines, err);
    if (status) return status;
    if (form->is_json)
        log_lines_append_json(&call->answer.body, job.id, &lines);
    else
        log_lines_append_text(&call->answer.body, &lines);
    set_type(call);
    if (may_wait && lines.count == 0 && !job_state_is_finished(job.state)) {
        call->tail.job_id = arena_copy(&call->arena, job.id);
        call->tail.after_ms = newest_ms;
        call->next = CALL_WAITS_FOR_LOG;
    }
    return STATUS_OK;
}

void get_logs(struct call *call) {
    struct short_form *form = begin(call);
    int64_t wait_s = query_number(&call->query, "wait");
    form->lines = (struct log_query){
        .level = query_level(&call->query, "level"), .since_ms = query_time(&call->query, "since"), .limit = LINES_MAX};
    form->waits = wait_s > 0;
    call->tail.until_ms = clock_monotonic_ms() + wait_s * 1000;
    call_work(call, read_logs);
}

void get_api_status(struct call *call) {
    call_send(call);
}

void get_healthz(struct call *call) {
    struct json_writer writer = {.out = &call->answer.body};
    json_writer_open(&writer, '{');
    json_writer_boolean_field(&writer, "alive", true);
    json_writer_close(&writer, '}');
    call->answer.content_type = "application/json";
    call_send(call);
}

void get_readyz(struct call *call) {
    call_leave(call, NULL);
    readiness_answer(call->gateway->readiness, call);
}

void get_metrics(struct call *call) {
    call_leave(call, NULL);
    metrics_collector_answer(call->gateway->metrics, call);
}
