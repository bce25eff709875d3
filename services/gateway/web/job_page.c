/* SPDX-License-Identifier: BSD-3-Clause
 *
 * GET /jobs/ID: all about one job, with a part of its log. The page's script (assets/job.js) follows the job by asking for the same
 * page again, after the last line that it has, whenever the job's events say that there is something new.
 */
#include <inttypes.h>
#include <jansson.h>
#include <string.h>

#include "lib/base/json.h"
#include "lib/base/text.h"
#include "lib/domain/matrix/verdict.h"
#include "lib/domain/matrix/work_order.h"
#include "lib/store/job/job_retention.h"
#include "lib/store/job/job_watch.h"
#include "services/gateway/gateway.h"
#include "services/gateway/http/call.h"
#include "services/gateway/web/ansi.h"
#include "services/gateway/web/job_parts.h"
#include "services/gateway/web/log_part.h"
#include "services/gateway/web/page.h"
#include "services/gateway/web/parts.h"

enum {
    RELATED_JOBS = 20,         /* looked at; those of another version are left out */
    TIMINGS_BYTES = 10000,     /* of the line that has them */
    ERROR_LINES = 5,           /* of the log of a failed job, shown above it */
    ERRORS_WITHIN_MS = 600000, /* of its end */
    ERRORS_SHOWN = 20,         /* of the compiler */
    REQUEST_BYTES = 100000,    /* of the job's request */
};

/* What the page shows. */
struct job_page {
    struct page_request headers;
    struct log_query query;
    struct log_cursor at; /* the line that a link leads to */
    struct job job;
    struct log_lines lines;
    bool has_earlier, has_later;
    struct job_queue_place place; /* of a pending job */
    const char *timings;          /* the line of the log that has them; NULL: none */
    struct log_lines errors;      /* of a failed job, the last ones */
    struct job_list related;
};

/* ---- Reading ---- */

static enum status read_lines(struct call *call, struct job_store *store, const struct log_query *query, struct job_page *page,
                              struct log_lines *lines, struct error *err) {
    return job_retention_read(store, call->gateway->settings->storage_dir, call->parameters[0], query, &call->arena, &page->job,
                              lines, err);
}

/* Reads the line that a link leads to, with those around it. */
static enum status read_around(struct call *call, struct job_store *store, struct job_page *page, struct error *err) {
    struct log_lines before, after;
    struct log_query query = page->query;
    query.before = page->at;
    query.takes_last = true;
    query.limit = LOG_PART_CONTEXT_LINES;
    enum status status = read_lines(call, store, &query, page, &before, err);
    if (status) return status;
    query = page->query;
    query.since_ms = page->at.time_ms;
    query.limit = LOG_PART_LINES - LOG_PART_CONTEXT_LINES;
    if ((status = read_lines(call, store, &query, page, &after, err))) return status;
    size_t count = before.count + after.count;
    page->lines.lines = arena_alloc(&call->arena, (count + 1) * sizeof *page->lines.lines);
    page->lines.count = count;
    if (before.count) memcpy(page->lines.lines, before.lines, before.count * sizeof *before.lines);
    if (after.count) memcpy(page->lines.lines + before.count, after.lines, after.count * sizeof *after.lines);
    page->has_earlier = before.cut;
    page->has_later = after.cut;
    return STATUS_OK;
}

static enum status read_part(struct call *call, struct job_store *store, struct job_page *page, struct error *err) {
    if (page->at.time_ms) return read_around(call, store, page, err);
    enum status status = read_lines(call, store, &page->query, page, &page->lines, err);
    page->has_earlier = page->query.takes_last ? page->lines.cut : page->query.after.time_ms > 0;
    page->has_later = page->query.takes_last ? page->query.before.time_ms > 0 : page->lines.cut;
    return status;
}

/* The line that the job's steps wrote at its end (lib/service/job/job_steps.c); a build's is written by its worker. */
static enum status read_timings(struct call *call, struct job_store *store, struct job_page *page, struct error *err) {
    const struct log_query query = {
        .level = LOG_INFO, .search = "Timings: ", .since_ms = page->job.finished_ms - 60000, .takes_last = true, .limit = 1};
    struct log_lines lines;
    enum status status = read_lines(call, store, &query, page, &lines, err);
    if (!status && lines.count && text_starts_with(lines.lines[0].message, "Timings: ") &&
        strlen(lines.lines[0].message) < TIMINGS_BYTES)
        page->timings = lines.lines[0].message;
    return status;
}

/* What the log says before the sentence of the failure, which may refer to it. */
static enum status read_errors(struct call *call, struct job_store *store, struct job_page *page, struct error *err) {
    const struct log_query query = {
        .level = LOG_ERROR, .since_ms = page->job.finished_ms - ERRORS_WITHIN_MS, .takes_last = true, .limit = ERROR_LINES + 1};
    enum status status = read_lines(call, store, &query, page, &page->errors, err);
    struct log_lines *errors = &page->errors;
    if (!status && errors->count && text_equal(errors->lines[errors->count - 1].message, page->job.error)) errors->count--;
    return status;
}

/* Other jobs about the same version; of a package alone, about it. */
static enum status read_related(struct call *call, struct job_store *store, struct job_page *page, struct error *err) {
    const struct job_filter filter = {.descending = true,
                                      .include_finished = true,
                                      .include_unknown_to_old_clients = true,
                                      .package = page->job.package,
                                      .limit = RELATED_JOBS};
    enum status status = job_store_list(store, &filter, &call->arena, &page->related, err);
    size_t kept = 0;
    for (size_t i = 0; i < page->related.count && !status; i++) {
        const struct job *job = &page->related.jobs[i];
        bool is_same_version = !page->job.version || !job->version || strcmp(job->version, page->job.version) == 0;
        if (is_same_version && strcmp(job->id, page->job.id) != 0) page->related.jobs[kept++] = *job;
    }
    page->related.count = kept;
    return status;
}

/* ---- What it is about ---- */

static void begin_fact(struct html *html, const char *name) {
    html_element(html, "dt", NULL, name);
    html_begin(html, "dd");
}

static void write_time(struct html *html, const char *name, int64_t time_ms) {
    if (!time_ms) return;
    begin_fact(html, name);
    job_part_time(html, time_ms);
    html_end(html);
}

static void write_subject(struct html *html, const struct job *job) {
    if (!job->package) return;
    begin_fact(html, "Package");
    part_link(html, job->package, "/packages/%s", job->package);
    if (job->version) html_format(html, " %s", job->version);
    html_end(html);
    part_fact(html, "Compiler", job->compiler ? job->compiler : "");
}

static void write_request(struct html *html, const struct job *job) {
    bool is_anonymous = !job->actor || strcmp(job->actor, "anonymous") == 0;
    part_fact(html, "Requested by", is_anonymous ? "" : job->actor);
    part_fact(html, "Proved by", job->credential ? job->credential : "");
    part_fact(html, "Purpose", job->purpose ? matrix_purpose_text(job->purpose) : "");
    part_fact(html, "Reason", job->reason ? job->reason : "");
    part_fact(html, "Issue", job->issue ? job->issue : "");
    if (!job->retry_of) return;
    begin_fact(html, "Repeats");
    part_link(html, job->retry_of, "/jobs/%s", job->retry_of);
    html_end(html);
}

static void write_times(struct html *html, const struct job *job, struct arena *arena) {
    write_time(html, "Created", job->created_ms);
    write_time(html, "Started", job->started_ms);
    write_time(html, "Finished", job->finished_ms);
    if (job->started_ms && job->finished_ms > job->started_ms)
        part_fact(html, "Duration", job_part_duration(job->finished_ms - job->started_ms, arena));
    if (job->attempts > 1) part_fact(html, "Attempts", arena_format(arena, "%d", job->attempts));
}

static void write_outcome(struct html *html, const struct job *job) {
    enum verdict verdict;
    if (job->verdict && verdict_parse(job->verdict, &verdict)) part_fact(html, "Verdict", verdict_meaning(verdict));
    part_fact(html, "Documentation on Pursuit", job->documentation ? job->documentation : "");
    part_fact(html, "Commits", job->commits ? job->commits : "");
    part_fact(html, "Build worker", job->kind == JOB_KIND_MATRIX && job->runner ? job->runner : "");
}

/* ---- Its state ---- */

static const char *say_state(const struct job *job) {
    if (job->state == JOB_STATE_SUCCEEDED && job->is_readonly) return "succeeded, but this server is read-only";
    if (text_equal(job->ending, JOB_ENDING_ALREADY_PUBLISHED)) return "succeeded: an earlier publication was completed";
    return job_state_text(job->state);
}

static void write_state(struct html *html, const struct job *job, struct arena *arena) {
    html_begin(html, "p");
    html_attribute(html, "class", arena_format(arena, "banner state %s", job_state_text(job->state)));
    html_element(html, "strong", NULL, say_state(job));
    if (job->error) html_format(html, ": %s", job->error);
    html_end(html);
}

static void write_waits(struct html *html, const char *ids, struct arena *arena) {
    for (const char *at = ids; at && *at;) {
        size_t length = strcspn(at, " ");
        const char *id = arena_copy_bytes(arena, at, length);
        html_text(html, at == ids ? " It waits for the job " : ", ");
        part_link(html, id, "/jobs/%s", id);
        at += length + strspn(at + length, " ");
    }
    if (ids && *ids) html_text(html, ".");
}

static void write_place(struct html *html, const struct job_queue_place *place, struct arena *arena) {
    html_begin(html, "p");
    html_format(html, "%" PRId64 " job%s of its kind %s ahead of it.", place->ahead, place->ahead == 1 ? "" : "s",
                place->ahead == 1 ? "is" : "are");
    write_waits(html, place->waits_for, arena);
    if (place->starts_in_ms >= 0) html_format(html, " It starts in about %s.", job_part_duration(place->starts_in_ms, arena));
    if (place->usual_ms > 0) html_format(html, " Such a job usually takes %s.", job_part_duration(place->usual_ms, arena));
    if (place->not_before_ms) {
        html_text(html, " It is tried again at ");
        job_part_time(html, place->not_before_ms);
        html_text(html, ".");
    }
    html_end(html);
}

/* ---- Its parts ---- */

/* Of `Timings: fetch=12.3ms check=4.5ms …` each that is a duration. */
static void write_steps(struct html *html, const char *timings, struct arena *arena) {
    static const char *const headings[] = {"Step", "#Duration", NULL};
    char *rest = NULL, *words = arena_copy(arena, timings + strlen("Timings: "));
    html_element(html, "h2", NULL, "Steps");
    part_table_begin(html, headings);
    for (char *word = strtok_r(words, " ", &rest); word; word = strtok_r(NULL, " ", &rest)) {
        char *value = strchr(word, '='), *unit;
        if (!value) continue;
        *value++ = '\0';
        double duration_ms = strtod(value, &unit);
        if (unit == value || !text_starts_with(unit, "ms")) continue;
        html_begin(html, "tr");
        part_cell(html, word);
        html_element(html, "td", "number", arena_format(arena, "%.1f ms", duration_ms));
        html_end(html);
    }
    part_table_end(html);
}

static void write_error(struct html *html, const struct build_error *error) {
    html_begin(html, "h3");
    html_text(html, error->code);
    if (error->module) html_format(html, " in %s", error->module);
    if (error->filename) html_format(html, ", %s", error->filename);
    if (error->has_position) html_format(html, ":%d:%d", error->position.start_line, error->position.start_column);
    html_end(html);
    html_begin(html, "pre");
    html_attribute(html, "tabindex", "0");
    html_text(html, error->message);
    html_end(html);
}

static void write_errors(struct html *html, const struct job *job, struct arena *arena) {
    struct build_result result;
    struct error err;
    if (!job->result || build_result_parse(&result, job->result, strlen(job->result), arena, &err)) return;
    if (result.error_count) html_element(html, "h2", NULL, "Errors of the compiler");
    for (size_t i = 0; i < result.error_count && i < ERRORS_SHOWN; i++)
        write_error(html, &result.errors[i]);
    size_t left_out = result.errors_left_out + (result.error_count > ERRORS_SHOWN ? result.error_count - ERRORS_SHOWN : 0);
    if (left_out) html_element(html, "p", NULL, arena_format(arena, "%zu more are in the log.", left_out));
}

static void write_error_lines(struct html *html, const struct log_lines *lines) {
    for (size_t i = 0; i < lines->count; i++) {
        size_t length = strlen(lines->lines[i].message);
        html_begin(html, "pre");
        html_attribute(html, "tabindex", "0");
        ansi_write(html, lines->lines[i].message, length < LOG_PART_MESSAGE_BYTES ? length : LOG_PART_MESSAGE_BYTES);
        html_end(html);
    }
}

static void write_payload(struct html *html, const struct job *job) {
    struct text text = {0};
    json_t *payload = NULL;
    if (!job->payload || json_read(&payload, job->payload, strlen(job->payload), "The request", NULL)) return;
    json_append_value(&text, payload, 2);
    json_decref(payload);
    html_begin(html, "details");
    html_element(html, "summary", NULL, "The request");
    html_begin(html, "pre");
    html_attribute(html, "tabindex", "0");
    html_bytes(html, text_view(&text), text.length < REQUEST_BYTES ? text.length : REQUEST_BYTES);
    html_end(html);
    html_end(html);
    text_release(&text);
}

static void write_related(struct html *html, const struct job_page *page, struct arena *arena) {
    if (page->related.count) {
        html_element(html, "h2", NULL, "Other jobs");
        job_part_table(html, page->related.jobs, page->related.count, arena);
    }
    if (!page->job.package) return;
    html_begin(html, "p");
    part_link(html, arena_format(arena, "All jobs of %s", page->job.package), "/jobs?package=%s", page->job.package);
    html_end(html);
}

/* ---- The page ---- */

static void write_job(struct html *html, const struct job_page *page, struct arena *arena) {
    const struct job *job = &page->job;
    html_begin(html, "section");
    html_attribute(html, "id", "job");
    html_attribute(html, "data-state", job_state_text(job->state));
    html_attribute(html, "aria-live", "polite");
    write_state(html, job, arena);
    write_error_lines(html, &page->errors);
    write_errors(html, job, arena);
    if (job->state == JOB_STATE_PENDING) write_place(html, &page->place, arena);
    html_begin(html, "dl");
    write_subject(html, job);
    write_request(html, job);
    write_times(html, job, arena);
    write_outcome(html, job);
    html_end(html);
    write_payload(html, job);
    html_end(html);
}

static void write_page(struct call *call, const struct job_page *page) {
    struct text text = {0};
    struct html html = {.out = &text};
    struct arena *arena = &call->arena;
    const struct log_part part = {.job = &page->job,
                                  .lines = page->lines.lines,
                                  .count = page->lines.count,
                                  .has_earlier = page->has_earlier,
                                  .has_later = page->has_later,
                                  .level = page->query.level,
                                  .search = page->query.search};
    page_begin(&html, job_part_title(&page->job, arena), "/jobs");
    write_job(&html, page, arena);
    log_part_write(&html, &part, arena);
    html_begin(&html, "section");
    html_attribute(&html, "id", "about");
    if (page->timings) write_steps(&html, page->timings, arena);
    write_related(&html, page, arena);
    html_end(&html);
    page_load_script(&html, "job.js");
    page_end(&html);
    page_answer(call, &text, &page->headers);
    text_release(&text);
}

static enum status read_page(struct call *call, struct job_store *store, struct error *err) {
    struct job_page *page = call->work_data;
    enum status status = read_part(call, store, page, err);
    if (!status && page->job.state == JOB_STATE_PENDING) {
        status = job_watch_queue_place(store, &page->job, &call->arena, &page->place, err);
        if (status == STATUS_NOT_FOUND) { /* it has begun meanwhile */
            page->job.state = JOB_STATE_RUNNING;
            status = STATUS_OK;
        }
    }
    if (!status && page->job.finished_ms) status = read_timings(call, store, page, err);
    if (!status && page->job.state == JOB_STATE_FAILED && !page->job.result) status = read_errors(call, store, page, err);
    if (!status && page->job.package) status = read_related(call, store, page, err);
    if (!status) write_page(call, page);
    return status;
}

static enum status read_cursor(struct call *call, const char *name, struct log_cursor *out, struct error *err) {
    const char *text = query_text(&call->query, name);
    return text ? log_cursor_parse(out, text, call->parameters[0], name, err) : STATUS_OK;
}

void get_job_page(struct call *call) {
    struct job_page *page = arena_alloc(&call->arena, sizeof *page);
    struct error err;
    *page = (struct job_page){
        .headers = page_request_of(call),
        .query = {.level = query_level(&call->query, "level"),
                  .search = query_text(&call->query, "search"),
                  .limit = LOG_PART_LINES},
    };
    enum status status = read_cursor(call, "at", &page->at, &err);
    if (!status) status = read_cursor(call, "before", &page->query.before, &err);
    if (!status && !page->query.before.time_ms) status = read_cursor(call, "after", &page->query.after, &err);
    if (status) {
        call_fail_with(call, &err);
        return;
    }
    if (page->at.time_ms) page->query.after = page->query.before = (struct log_cursor){0};
    page->query.takes_last = page->query.after.time_ms == 0 && page->at.time_ms == 0;
    call->work_data = page;
    call_work(call, read_page);
}
