/* SPDX-License-Identifier: BSD-3-Clause
 *
 * A job's log lines alone: GET /api/v1/jobs/ID/logs, by cursors, and GET /logs/ID, the short form for use at a terminal.
 */
#include <inttypes.h>
#include <string.h>

#include "lib/base/clock.h"
#include "lib/base/url.h"
#include "lib/store/job/job_retention.h"
#include "services/gateway/gateway.h"
#include "services/gateway/http/call.h"
#include "services/gateway/routes/finished_job.h"
#include "services/gateway/routes/job_json.h"
#include "services/gateway/stream/reader.h"

enum { LINES_MAX = 10000 };

/* The parts of the request that the work function needs. */
struct log_request {
    struct finished_request finished;
    bool has_cursors;
    struct log_query lines;
    bool waits;
};

/* The time of the log's newest line, of any level; 0: the log is empty. */
static enum status find_newest(struct call *call, struct job_store *store, const char *job_id, int64_t *newest_ms,
                               struct error *err) {
    const struct log_query query = {.level = LOG_DEBUG, .descending = true, .limit = 1};
    struct log_lines lines;
    enum status status = log_stream_read(store, job_id, &query, &call->arena, &lines, err);
    *newest_ms = !status && lines.count ? lines.lines[0].time_ms : 0;
    return status;
}

/* Adds a Link header to the lines that follow, or of a request for the last lines to those before: the same query from the last,
 * or first, line of this answer. */
static void add_link(struct call *call, const struct log_query *query, const struct log_line *line) {
    static const char *const places[] = {"after", "before", "tail", "limit", "wait"};
    struct text link = {0};
    char cursor[LOG_CURSOR_TEXT_MAX];
    log_cursor_print(cursor, &(struct log_cursor){line->time_ms, line->ordinal}, call->parameters[0]);
    text_append_format(&link, "</api/v1/jobs/%s/logs", call->parameters[0]);
    url_append_parameter(&link, query->takes_last ? "before" : "after", cursor);
    url_append_parameter(&link, "limit", arena_format(&call->arena, "%zu", query->limit));
    for (const struct query_parameter *row = call->route->parameters; row->name; row++) {
        bool is_place = false;
        for (size_t i = 0; i < sizeof places / sizeof places[0]; i++)
            is_place = is_place || strcmp(row->name, places[i]) == 0;
        const char *value = is_place ? NULL : query_value(&call->query, row->name);
        if (value) url_append_parameter(&link, row->name, value);
    }
    text_append_format(&link, ">; rel=\"%s\"", query->takes_last ? "prev" : "next");
    answer_header(&call->answer, "link", arena_copy(&call->arena, link.bytes));
    text_release(&link);
}

static void write_answer(struct call *call, const struct log_request *request, const struct log_lines *lines) {
    const struct log_query *query = &request->lines;
    if (request->finished.is_json)
        log_lines_append_json(&call->answer.body, call->parameters[0], lines, request->has_cursors);
    else
        log_lines_append_text(&call->answer.body, lines);
    answer_json_or_text(&call->answer, request->finished.is_json);
    if (request->has_cursors && lines->cut) add_link(call, query, &lines->lines[query->takes_last ? 0 : lines->count - 1]);
}

/* The newest line is looked up before the lines are read: so a line written in between is read, or ends the wait at once. */
static enum status read_logs(struct call *call, struct job_store *store, struct error *err) {
    const struct log_request *request = call->work_data;
    struct job job;
    struct log_lines lines;
    int64_t newest_ms = 0;
    bool is_answered = false;
    bool may_wait = request->waits && clock_monotonic_ms() < call->wait.until_ms && !atomic_load(&call->gateway->is_draining);
    enum status status = finished_job_compare(call, store, &request->finished, &is_answered, err);
    if (status || is_answered) return status;
    if (may_wait) status = find_newest(call, store, call->parameters[0], &newest_ms, err);
    if (!status)
        status = job_retention_read(store, call->gateway->settings->storage_dir, call->parameters[0], &request->lines,
                                    &call->arena, &job, &lines, err);
    if (status) return status;
    write_answer(call, request, &lines);
    if (may_wait && lines.count == 0 && !job_state_is_finished(job.state)) {
        call->wait.job_id = arena_copy(&call->arena, job.id);
        call->wait.after_ms = newest_ms;
        call->next = CALL_WAITS_FOR_LOG;
    }
    finished_job_keep(call, &request->finished, &job);
    return STATUS_OK;
}

/* NULL: the call is answered. */
static struct log_request *begin(struct call *call) {
    struct log_request *request = arena_alloc(&call->arena, sizeof *request);
    if (finished_job_answer(call, call_wants_json(call), &request->finished)) return NULL;
    int64_t wait_s = query_number(&call->query, "wait");
    request->lines = (struct log_query){
        .level = query_level(&call->query, "level"), .since_ms = query_time(&call->query, "since"), .limit = LINES_MAX};
    request->waits = wait_s > 0;
    call->wait.until_ms = clock_monotonic_ms() + wait_s * 1000;
    call->work_data = request;
    return request;
}

/* Parameters that contradict each other: the first one is refused, for the reason. */
static const struct {
    const char *name, *other, *reason;
} contradictions[] = {
    {"before", "after", "a request reads on from one line, in one direction"},
    {"tail", "after", "it asks for the last lines of the log; use limit"},
    {"tail", "before", "it asks for the last lines of the log; use limit"},
    {"tail", "limit", "it is a limit itself"},
    {"wait", "before", "no line will come there any more"},
    {"since", "follow", "it begins with the first line, or after a cursor"},
    {"before", "follow", "no line will come there any more"},
    {"tail", "follow", "it begins with the first line, or after a cursor"},
    {"limit", "follow", "it ends with the job"},
    {"wait", "follow", "it waits for each line"},
    {"search", "follow", "it has every line"},
};

static bool is_set(const struct query *query, const char *name) {
    return strcmp(name, "follow") == 0 ? query_flag(query, name) : query_value(query, name) != NULL;
}

static enum status check_parameters(const struct query *query, struct error *err) {
    for (size_t i = 0; i < sizeof contradictions / sizeof contradictions[0]; i++)
        if (query_value(query, contradictions[i].name) && is_set(query, contradictions[i].other))
            return error_set_at(err, STATUS_INVALID, contradictions[i].name,
                                "The parameter \"%s\" must not be given together with \"%s\": %s.", contradictions[i].name,
                                contradictions[i].other, contradictions[i].reason);
    return STATUS_OK;
}

static enum status read_cursor(const struct call *call, const char *name, struct log_cursor *out, struct error *err) {
    const char *text = query_text(&call->query, name);
    return text ? log_cursor_parse(out, text, call->parameters[0], name, err) : STATUS_OK;
}

/* Refuses parameters that contradict each other; starts a stream if the request is for one. True: the call is answered, or will
 * be. */
static bool check_and_follow(struct call *call) {
    const struct feed_filter filter = {.form = FEED_TEXT, .level = query_level(&call->query, "level")};
    struct log_cursor after = {0};
    struct error err;
    enum status status = check_parameters(&call->query, &err);
    if (!status && !query_flag(&call->query, "follow")) return false;
    if (!status && call->route->start == get_job_logs) status = read_cursor(call, "after", &after, &err);
    if (status)
        call_fail_with(call, &err);
    else
        reader_start(call, call->parameters[0], &filter, after);
    return true;
}

/* Leads a browser to the job's page. */
static void lead_to_page(struct call *call) {
    struct answer *answer = &call->answer;
    answer->http_status = 303;
    answer_header(answer, "location", arena_format(&call->arena, "/jobs/%s", call->parameters[0]));
    answer_header(answer, "vary", "Origin, Accept, User-Agent");
    call_send(call);
}

void get_logs(struct call *call) {
    if (call_wants_page(call) && job_id_is_well_formed(call->parameters[0])) {
        lead_to_page(call);
        return;
    }
    if (!check_and_follow(call) && begin(call)) call_work(call, read_logs);
}

void get_job_logs(struct call *call) {
    const struct query *query = &call->query;
    struct log_request *request = check_and_follow(call) ? NULL : begin(call);
    struct error err;
    if (!request) return;
    int64_t last = query_number(query, "tail");
    request->has_cursors = true;
    request->lines.search = query_text(query, "search");
    enum status status = read_cursor(call, "after", &request->lines.after, &err);
    if (!status) status = read_cursor(call, "before", &request->lines.before, &err);
    if (status) {
        call_fail_with(call, &err);
        return;
    }
    request->lines.takes_last = last > 0 || request->lines.before.time_ms > 0;
    request->lines.limit = (size_t)(last > 0 ? last : query_number(query, "limit"));
    call_work(call, read_logs);
}
