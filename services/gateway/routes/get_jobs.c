/* SPDX-License-Identifier: BSD-3-Clause
 *
 * GET /api/v1/jobs and GET /api/v1/jobs/ID, in the form that existing clients read (services/gateway/README.md).
 */
#include <inttypes.h>
#include <string.h>

#include "lib/base/clock.h"
#include "lib/base/json_writer.h"
#include "lib/base/url.h"
#include "lib/store/job/job_retention.h"
#include "services/gateway/gateway.h"
#include "services/gateway/http/call.h"
#include "services/gateway/routes/finished_job.h"
#include "services/gateway/routes/job_json.h"

enum { JOBS_MAX = 100 };

/* ---- The list ---- */

/* A filter for a final state implies include_completed. */
static void read_filter(const struct query *query, struct job_filter *out) {
    const char *kind = query_text(query, "kinds"), *state = query_text(query, "state");
    *out = (struct job_filter){.limit = JOBS_MAX,
                               .package = query_text(query, "package"),
                               .actor = query_text(query, "actor"),
                               .after_id = query_text(query, "after"),
                               .since_ms = query_time(query, "since"),
                               .until_ms = query_time(query, "until"),
                               .descending = query_is_descending(query),
                               .include_finished = query_flag(query, "include_completed"),
                               .include_unknown_to_old_clients = kind != NULL};
    out->has_kind = kind && job_kind_parse(kind, &out->kind); /* `all` is not a kind */
    out->has_state = state && job_state_parse(state, &out->state);
    if (out->has_state && job_state_is_finished(out->state)) out->include_finished = true;
}

/* Adds a Link header to the next page: the same query, continued after the last job of this answer. */
static void add_link_to_next(struct call *call, const struct job_filter *filter, const struct job *last) {
    struct text link = {0};
    char time[TIME_TEXT_MAX];
    time_print(last->created_ms, time);
    text_append(&link, "</api/v1/jobs");
    url_append_parameter(&link, "after", last->id);
    url_append_parameter(&link, filter->descending ? "until" : "since", time);
    for (const struct query_parameter *row = call->route->parameters; row->name; row++) {
        bool is_place = strcmp(row->name, "after") == 0 || strcmp(row->name, filter->descending ? "until" : "since") == 0;
        const char *value = is_place ? NULL : query_value(&call->query, row->name);
        if (value) url_append_parameter(&link, row->name, value);
    }
    text_append(&link, ">; rel=\"next\"");
    answer_header(&call->answer, "link", arena_copy(&call->arena, link.bytes));
    text_release(&link);
}

static enum status list_jobs(struct call *call, struct job_store *store, struct error *err) {
    const struct job_filter *filter = call->work_data;
    struct job_list list;
    enum status status = job_store_list(store, filter, &call->arena, &list, err);
    if (status) return status;
    static const struct log_lines no_lines = {0};
    struct json_writer writer = {.out = &call->answer.body};
    json_writer_open(&writer, '[');
    for (size_t i = 0; i < list.count; i++) {
        json_writer_item(&writer);
        job_append_json(writer.out, &list.jobs[i], &no_lines, true);
    }
    json_writer_close(&writer, ']');
    call->answer.content_type = "application/json";
    if (list.more && list.count) add_link_to_next(call, filter, &list.jobs[list.count - 1]);
    return STATUS_OK;
}

void get_jobs(struct call *call) {
    struct job_filter *filter = arena_alloc(&call->arena, sizeof *filter);
    read_filter(&call->query, filter);
    call->work_data = filter;
    call_work(call, list_jobs);
}

/* ---- One job ---- */

struct read_request {
    struct finished_request finished;
    struct log_query lines;
};

/* Reads the job before its lines: a finished job has all its lines, so an answer with `finishedAt` includes the last ones.
 * Clients that page by time stop at `finishedAt`, so a truncated answer to them leaves it out. For other clients it is always
 * shown, because they would poll for ever. */
static enum status read_job(struct call *call, struct job_store *store, struct error *err) {
    const struct read_request *request = call->work_data;
    struct job job;
    struct log_lines lines;
    bool is_answered;
    enum status status = finished_job_compare(call, store, &request->finished, &is_answered, err);
    if (status || is_answered) return status;
    status = job_retention_read(store, call->gateway->settings->storage_dir, call->parameters[0], &request->lines, &call->arena,
                                &job, &lines, err);
    if (status) return status;
    bool pages_by_time = query_value(&call->query, "since") && !request->lines.descending;
    job_append_json(&call->answer.body, &job, &lines, !(lines.cut && pages_by_time));
    call->answer.content_type = "application/json";
    finished_job_keep(call, &request->finished, &job);
    return STATUS_OK;
}

void get_job(struct call *call) {
    const struct query *query = &call->query;
    struct read_request *request = arena_alloc(&call->arena, sizeof *request);
    if (finished_job_answer(call, true, &request->finished)) return;
    request->lines = (struct log_query){.level = query_level(query, query_value(query, "level") ? "level" : "verbosity"),
                                        .since_ms = query_time(query, "since"),
                                        .until_ms = query_time(query, "until"),
                                        .descending = query_is_descending(query),
                                        .limit = (size_t)query_number(query, "limit")};
    call->work_data = request;
    call_work(call, read_job);
}
