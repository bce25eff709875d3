/* SPDX-License-Identifier: BSD-3-Clause
 *
 * GET /api/v1/jobs and GET /api/v1/jobs/ID, as clients of before read them (spec/http-api.md).
 */
#include <inttypes.h>
#include <string.h>

#include "lib/base/clock.h"
#include "lib/store/job_keeping.h"
#include "services/gateway/call.h"
#include "services/gateway/gateway.h"
#include "services/gateway/job_json.h"

enum { JOBS_MAX = 100, LINES_MAX = 10000 };

/* ---- The list ---- */

static enum status read_kinds(const struct query *query, struct job_filter *out, struct error *err) {
    const char *kinds = query_text(query, "kinds");
    out->include_unknown_to_old_clients = kinds != NULL;
    if (!kinds || strcmp(kinds, "all") == 0) return STATUS_OK;
    out->has_kind = job_kind_parse(kinds, &out->kind);
    if (out->has_kind) return STATUS_OK;
    return error_set_at(err, STATUS_INVALID, "kinds",
                        "The parameter \"kinds\" must be all, or one of publish, unpublish, transfer, packageset, matrix, "
                        "revision, but it is \"%s\".",
                        kinds);
}

/* Who asks for a state that jobs end in wants finished ones. */
static enum status read_state(const struct query *query, struct job_filter *out, struct error *err) {
    const char *state = query_text(query, "state");
    if (!state) return STATUS_OK;
    out->has_state = job_state_parse(state, &out->state);
    if (!out->has_state)
        return error_set_at(err, STATUS_INVALID, "state",
                            "The parameter \"state\" must be pending, running, succeeded or failed, but it is \"%s\".", state);
    if (job_state_is_finished(out->state)) out->include_finished = true;
    return STATUS_OK;
}

static enum status read_filter(const struct query *query, struct job_filter *out, struct error *err) {
    *out = (struct job_filter){.limit = JOBS_MAX};
    out->package = query_text(query, "package");
    out->actor = query_text(query, "actor");
    out->after_id = query_text(query, "after");
    enum status status = query_time(query, "since", &out->since_ms, err);
    if (!status) status = query_time(query, "until", &out->until_ms, err);
    if (!status) status = query_order(query, &out->descending, err);
    if (!status) status = query_flag(query, "include_completed", &out->include_finished, err);
    if (!status) status = read_kinds(query, out, err);
    if (!status) status = read_state(query, out, err);
    return status;
}

static bool stays_in_link(const char *name, const struct job_filter *filter) {
    static const char *const kept[] = {"since", "until", "order", "include_completed", "package", "state", "actor", "kinds"};
    if (strcmp(name, filter->descending ? "until" : "since") == 0) return false;
    for (size_t i = 0; i < sizeof kept / sizeof kept[0]; i++)
        if (strcmp(name, kept[i]) == 0) return true;
    return false;
}

static void append_encoded(struct text *out, const char *value) {
    for (; *value; value++) {
        if (strchr("-._~", *value) || (*value >= '0' && *value <= '9') || (*value >= 'a' && *value <= 'z') ||
            (*value >= 'A' && *value <= 'Z'))
            text_append_character(out, *value);
        else
            text_append_format(out, "%%%02X", (unsigned char)*value);
    }
}

/* The same question, going on behind the last job of this answer. */
static void add_link_to_next(struct call *call, const struct job_filter *filter, const struct job *last) {
    struct text link = {0};
    char time[TIME_TEXT_MAX];
    time_print(last->created_ms, time);
    text_append_format(&link, "</api/v1/jobs?after=%s&%s=", last->id, filter->descending ? "until" : "since");
    append_encoded(&link, time);
    for (size_t i = 0; i < call->query.count; i++) {
        if (!stays_in_link(call->query.parameters[i].name, filter)) continue;
        text_append_format(&link, "&%s=", call->query.parameters[i].name);
        append_encoded(&link, call->query.parameters[i].value);
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
    struct text *out = &call->answer.body;
    text_append_character(out, '[');
    for (size_t i = 0; i < list.count; i++) {
        if (i) text_append_character(out, ',');
        job_append_json(out, &list.jobs[i], &no_lines, true);
    }
    text_append_character(out, ']');
    call->answer.content_type = "application/json";
    if (list.more && list.count) add_link_to_next(call, filter, &list.jobs[list.count - 1]);
    return STATUS_OK;
}

void get_jobs(struct call *call) {
    struct error err;
    struct job_filter *filter = arena_alloc(&call->arena, sizeof *filter);
    if (read_filter(&call->query, filter, &err)) {
        call_fail_with(call, &err);
        return;
    }
    call->work_data = filter;
    call_work(call, list_jobs);
}

/* ---- One job ---- */

static enum status read_log_query(const struct query *query, struct log_query *out, struct error *err) {
    int64_t limit = LINES_MAX;
    *out = (struct log_query){.level = LOG_INFO};
    enum status status = query_level(query, "verbosity", &out->level, err);
    if (!status) status = query_level(query, "level", &out->level, err);
    if (!status) status = query_time(query, "since", &out->since_ms, err);
    if (!status) status = query_time(query, "until", &out->until_ms, err);
    if (!status) status = query_order(query, &out->descending, err);
    if (!status) status = query_number(query, "limit", 1, LINES_MAX, &limit, err);
    out->limit = (size_t)limit;
    return status;
}

/* The job before its lines: a job that is finished has all its lines, so an answer with `finishedAt` has the last ones. Clients
 * that page by time stop at `finishedAt`, so an answer that was cut does not show it to them; others would ask for ever. */
static enum status read_job(struct call *call, struct job_store *store, struct error *err) {
    const struct log_query *query = call->work_data;
    struct job job;
    struct log_lines lines;
    enum status status = job_keeping_read(store, call->gateway->settings->storage_dir, call->parameters[0], query, &call->arena,
                                          &job, &lines, err);
    if (status) return status;
    bool pages_by_time = query_text(&call->query, "since") && !query->descending;
    job_append_json(&call->answer.body, &job, &lines, !(lines.cut && pages_by_time));
    call->answer.content_type = "application/json";
    return STATUS_OK;
}

void get_job(struct call *call) {
    struct error err;
    struct log_query *query = arena_alloc(&call->arena, sizeof *query);
    if (read_log_query(&call->query, query, &err)) {
        call_fail_with(call, &err);
        return;
    }
    call->work_data = query;
    call_work(call, read_job);
}
