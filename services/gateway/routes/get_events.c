/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Server-Sent Events (services/gateway/README.md, Live logs): GET /api/v1/jobs/ID/events, a job's log and state, and
 * GET /api/v1/jobs/events, the states of all jobs.
 */
#include <string.h>

#include "services/gateway/gateway.h"
#include "services/gateway/http/call.h"
#include "services/gateway/stream/event_text.h"
#include "services/gateway/stream/reader.h"

/* Where the client goes on: a browser that comes back sends the header, in place of the address that it had at first. An empty
 * one is none. NULL: at the beginning. */
static const char *find_cursor(struct call *call, const char **path) {
    const char *header = call_request_header(call, "last-event-id");
    *path = header && *header ? "Last-Event-ID" : "after";
    return header && *header ? header : query_value(&call->query, "after");
}

void get_job_events(struct call *call) {
    const struct feed_filter filter = {.form = FEED_EVENTS, .level = query_level(&call->query, "level")};
    struct log_cursor after = {0};
    struct error err;
    const char *path, *cursor = find_cursor(call, &path);
    if (cursor && log_cursor_parse(&after, cursor, call->parameters[0], path, &err))
        call_fail_with(call, &err);
    else
        reader_start(call, call->parameters[0], &filter, after);
}

/* MILLISECONDS-NUMBER. */
static bool is_place(const char *text) {
    enum { DIGITS_MAX = 15 };
    static const char digits[] = "0123456789";
    size_t first = strspn(text, digits);
    if (first == 0 || first > DIGITS_MAX || text[first] != '-') return false;
    size_t second = strspn(text + first + 1, digits);
    return second > 0 && second <= DIGITS_MAX && text[first + 1 + second] == '\0';
}

void get_jobs_events(struct call *call) {
    struct feed_filter filter = {.form = FEED_EVENTS, .package = query_text(&call->query, "package")};
    struct log_cursor after = {0};
    struct error err;
    enum job_kind kind;
    const char *path, *cursor = find_cursor(call, &path), *kinds = query_text(&call->query, "kinds");
    if (kinds && job_kind_parse(kinds, &kind)) filter.kinds = 1u << kind; /* `all` is not a kind */
    if (cursor && !is_place(cursor)) {
        error_set_at(&err, STATUS_INVALID, path, "This is not a cursor: it must be the id of an event of this stream.");
        call_fail_with(call, &err);
        return;
    }
    if (cursor) after.time_ms = change_place(cursor);
    reader_start(call, FEED_OF_ALL_JOBS, &filter, after);
}
