/* SPDX-License-Identifier: BSD-3-Clause
 *
 * GET /status/ID, the short form for use at a terminal; GET /status, the page; and GET /api/v1/status, /healthz, /readyz, /metrics.
 */
#include <string.h>

#include "lib/base/json_writer.h"
#include "lib/store/job/job_retention.h"
#include "services/gateway/gateway.h"
#include "services/gateway/http/call.h"
#include "services/gateway/monitor/status_board.h"
#include "services/gateway/routes/job_json.h"
#include "services/gateway/web/page.h"

static enum status read_status(struct call *call, struct job_store *store, struct error *err) {
    const bool *is_json = call->work_data;
    struct job job;
    enum status status = job_retention_read(store, call->gateway->settings->storage_dir, call->parameters[0], NULL,
                                            &call->arena, &job, NULL, err);
    if (status) return status;
    if (*is_json)
        job_append_status_json(&call->answer.body, &job);
    else
        job_append_status_text(&call->answer.body, &job);
    answer_json_or_text(&call->answer, *is_json);
    return STATUS_OK;
}

void get_status(struct call *call) {
    bool *is_json = arena_alloc(&call->arena, sizeof *is_json);
    *is_json = call_wants_json(call);
    call->work_data = is_json;
    call_work(call, read_status);
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

/* True if the client asks for JSON, and not for a page. */
static bool wants_json(struct call *call) {
    const char *accept = call_request_header(call, "accept");
    return accept && strstr(accept, "application/json") && !strstr(accept, "text/html");
}

void get_status_page(struct call *call) {
    struct page_request *request = arena_alloc(&call->arena, sizeof *request);
    if (wants_json(call)) {
        get_readyz(call);
        return;
    }
    *request = page_request_of(call);
    if (page_answer_kept(call, "", request)) return;
    call->work_data = request;
    call_leave(call, NULL);
    status_board_answer(call->gateway->status_board, call);
}
