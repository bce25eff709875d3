/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Common to the tests of live logs: jobs that the test itself runs, through lib/store, and what their readers must have.
 */
#ifndef TESTS_FLOW_GATEWAY_EVENT_SCENE_H
#define TESTS_FLOW_GATEWAY_EVENT_SCENE_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/clock.h"
#include "lib/store/job/job_store.h"
#include "lib/store/job/log_stream.h"
#include "tests/flow/gateway/gateway_fixture.h"
#include "tests/support/http/event_reader.h"
#include "tests/support/http/http.h"

enum { LEASE_MS = 600000, LINES_LIMIT = 100000, BYTES_LIMIT = 64 << 20 };

static struct job_store *store;
static struct arena arena;

/* A job that the test runs. */
struct work {
    char id[UUID_TEXT_MAX];
    struct lease lease;
    int number; /* of the last line */
};

static inline void must(enum status status, const struct error *err) {
    if (status) fail_msg("%s", err->message);
}

static inline void accept_job(struct work *work, const char *package) {
    struct error err;
    struct job_accepted accepted;
    struct job_request request = {
        .kind = JOB_KIND_PUBLISH, .payload = "{}", .package = package, .version = "1.0.0", .actor = "anonymous"};
    *work = (struct work){0};
    hash_random_uuid(request.id);
    must(job_store_accept(store, &request, NULL, &accepted, &err), &err);
    memcpy(work->id, accepted.id, sizeof work->id);
}

static inline void claim_job(struct work *work) {
    struct error err;
    struct job job;
    must(job_store_claim(store, work->id, "test", LEASE_MS, &arena, &work->lease, &job, &err), &err);
}

static inline void begin_job(struct work *work, const char *package) {
    accept_job(work, package);
    claim_job(work);
}

/* Writes lines "line N" followed by `padding` characters, up to the N-th line of the job. */
static inline void write_lines_up_to(struct work *work, int last, size_t padding) {
    enum { AT_ONCE = 100 };
    struct log_line lines[AT_ONCE];
    struct error err;
    while (work->number < last) {
        struct arena texts = {0};
        size_t count = 0;
        for (; count < AT_ONCE && work->number < last; count++) {
            char *text = arena_format(&texts, "line %d %*s", ++work->number, (int)padding, "");
            lines[count] = (struct log_line){
                .level = LOG_INFO, .message = text, .time_ms = clock_now_ms(), .attempt = 1, .number = work->number};
        }
        must(log_stream_append(store, &work->lease, lines, count, LINES_LIMIT, BYTES_LIMIT, &err), &err);
        arena_release(&texts);
    }
}

static inline void end_job(struct work *work, const char *sentence) {
    struct error err;
    const struct job_end end = {.success = !sentence, .error = sentence};
    must(job_store_finish(store, &work->lease, &end, &err), &err);
}

static inline const char *events_path(const struct work *work, const char *query) {
    return arena_format(&arena, "/api/v1/jobs/%s/events%s", work->id, query);
}

static inline struct event_reader *start_reader(const struct work *work, const char *query) {
    return event_reader_start(url, events_path(work, query), NULL);
}

static inline int line_number(const struct event *event) {
    json_t *line = json_loads(event->data, 0, NULL);
    const char *message = http_json_text(line, "message");
    assert_true(text_starts_with(message, "line "));
    int number = atoi(message + strlen("line "));
    json_decref(line);
    return number;
}

/* The reader must have exactly the lines `from` to `to`, in order. */
static inline void expect_lines(struct event_reader *reader, int from, int to) {
    size_t count = event_reader_count(reader, "log");
    for (size_t i = 0; i < count; i++)
        assert_int_equal(line_number(event_reader_event(reader, "log", i)), from + (int)i);
    assert_int_equal(count, to - from + 1);
}

static inline json_t *data_of(struct event_reader *reader, const char *name, size_t index) {
    json_t *data = json_loads(event_reader_event(reader, name, index)->data, 0, NULL);
    assert_non_null(data);
    return data;
}

static inline void expect_end(struct event_reader *reader, const char *state, int lines) {
    assert_int_equal(event_reader_count(reader, "end"), 1);
    json_t *end = data_of(reader, "end", 0);
    assert_string_equal(http_json_text(end, "state"), state);
    assert_int_equal(json_integer_value(json_object_get(end, "lines")), lines);
    json_decref(end);
}

static inline int start_scene(void **state) {
    struct error err;
    start_gateway(state);
    must(job_store_create(&store, redis_server_url(redis), 5000, &err), &err);
    return 0;
}

static inline int stop_scene(void **state) {
    int status = stop_gateway(state);
    job_store_free(store);
    arena_release(&arena);
    return status;
}

#endif
