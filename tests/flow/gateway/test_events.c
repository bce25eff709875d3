/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Live logs (services/gateway/README.md): jobs' logs as Server-Sent Events. The test itself runs the jobs in place of a
 * service, through lib/store.
 */
#include "tests/support/cmocka_all.h"

#include <string.h>
#include <sys/socket.h>

#include "tests/flow/gateway/event_scene.h"
#include "tests/support/http/http_connection.h"

static void a_finished_job_streams_its_log_and_ends(void **state) {
    (void)state;
    struct work work;
    begin_job(&work, "finished");
    write_lines_up_to(&work, 3, 0);
    end_job(&work, "It did not work.");
    struct event_reader *reader = start_reader(&work, "");
    assert_int_equal(event_reader_wait_for_end(reader), 200);
    expect_lines(reader, 1, 3);
    expect_end(reader, "failed", 3);
    json_t *job = data_of(reader, "job", 0);
    assert_string_equal(http_json_text(job, "jobId"), work.id);
    assert_string_equal(http_json_text(job, "state"), "failed");
    assert_string_equal(http_json_text(job, "error"), "It did not work.");
    json_decref(job);

    /* a client that has the end need not come back */
    struct event_reader_options options = {.last_event_id = event_reader_event(reader, "end", 0)->id};
    struct event_reader *again = event_reader_start(url, events_path(&work, ""), &options);
    assert_int_equal(event_reader_wait_for_end(again), 204);
    event_reader_free(again);

    /* a client that has the last line, but not the end, gets that */
    options.last_event_id = event_reader_event(reader, "log", 2)->id;
    again = event_reader_start(url, events_path(&work, ""), &options);
    assert_int_equal(event_reader_wait_for_end(again), 200);
    assert_int_equal(event_reader_count(again, "log"), 0);
    expect_end(again, "failed", 3);
    event_reader_free(again);
    event_reader_free(reader);
}

static void states_and_lines_arrive_as_they_come(void **state) {
    (void)state;
    struct work first, work;
    begin_job(&first, "queued"); /* the same package: the other job waits for it */
    accept_job(&work, "queued");
    struct event_reader *reader = start_reader(&work, "");
    event_reader_wait_for(reader, "job", 1);
    json_t *job = data_of(reader, "job", 0);
    assert_string_equal(http_json_text(job, "state"), "pending");
    json_t *queue = json_object_get(job, "queue");
    assert_int_equal(json_integer_value(json_object_get(queue, "ahead")), 0);
    assert_true(json_is_array(json_object_get(queue, "waitsFor")));
    json_decref(job);
    end_job(&first, NULL);
    claim_job(&work);
    event_reader_wait_for(reader, "job", 2);
    job = data_of(reader, "job", 1);
    assert_string_equal(http_json_text(job, "state"), "running");
    assert_null(json_object_get(job, "queue"));
    json_decref(job);
    for (int i = 1; i <= 5; i++) {
        write_lines_up_to(&work, i, 0);
        event_reader_wait_for(reader, "log", (size_t)i);
    }
    end_job(&work, NULL);
    assert_int_equal(event_reader_wait_for_end(reader), 200);
    expect_lines(reader, 1, 5);
    expect_end(reader, "succeeded", 5);
    event_reader_free(reader);
}

static void any_number_of_readers_get_every_line_once(void **state) {
    (void)state;
    enum { READERS = 24, LINES = 3000 };
    struct work work;
    struct event_reader *readers[READERS];
    begin_job(&work, "many");
    for (int i = 0; i < READERS; i++) { /* they come in the middle of it, over both versions of HTTP */
        const struct event_reader_options options = {.uses_http2 = i % 3 == 0};
        write_lines_up_to(&work, LINES / READERS * i, 100);
        readers[i] = event_reader_start(url, events_path(&work, ""), &options);
    }
    write_lines_up_to(&work, LINES, 100);
    end_job(&work, NULL);
    for (int i = 0; i < READERS; i++) {
        assert_int_equal(event_reader_wait_for_end(readers[i]), 200);
        expect_lines(readers[i], 1, LINES);
        expect_end(readers[i], "succeeded", LINES);
        event_reader_free(readers[i]);
    }
}

static void a_reader_goes_on_after_its_cursor(void **state) {
    (void)state;
    struct work work;
    begin_job(&work, "resumed");
    write_lines_up_to(&work, 10, 0);
    struct event_reader *reader = start_reader(&work, "");
    event_reader_wait_for(reader, "log", 10);
    const char *cursor = arena_copy(&arena, event_reader_event(reader, "log", 6)->id);
    event_reader_free(reader);

    struct event_reader *by_query = start_reader(&work, arena_format(&arena, "?after=%s", cursor));
    const struct event_reader_options options = {.last_event_id = cursor}; /* goes before the address's */
    struct event_reader *by_header = event_reader_start(url, events_path(&work, "?after=0-0-00000000"), &options);
    write_lines_up_to(&work, 12, 0);
    end_job(&work, NULL);
    event_reader_wait_for_end(by_query);
    event_reader_wait_for_end(by_header);
    expect_lines(by_query, 8, 12);
    expect_lines(by_header, 8, 12);
    event_reader_free(by_query);
    event_reader_free(by_header);
}

static void a_level_leaves_lower_lines_out(void **state) {
    (void)state;
    struct work work;
    struct error err;
    begin_job(&work, "levels");
    struct event_reader *reader = start_reader(&work, "?level=NOTICE");
    event_reader_wait_for(reader, "job", 1);
    static const enum log_level levels[] = {LOG_INFO, LOG_NOTICE, LOG_DEBUG, LOG_ERROR};
    for (int i = 0; i < 4; i++) {
        const struct log_line line = {.level = levels[i],
                                      .message = arena_format(&arena, "line %d", i + 1),
                                      .time_ms = clock_now_ms(),
                                      .attempt = 1,
                                      .number = ++work.number};
        must(log_stream_append(store, &work.lease, &line, 1, LINES_LIMIT, BYTES_LIMIT, &err), &err);
    }
    end_job(&work, NULL);
    event_reader_wait_for_end(reader);
    assert_int_equal(event_reader_count(reader, "log"), 2);
    assert_int_equal(line_number(event_reader_event(reader, "log", 0)), 2);
    assert_int_equal(line_number(event_reader_event(reader, "log", 1)), 4);
    expect_end(reader, "succeeded", 4);
    event_reader_free(reader);
}

/* The lines that it passes over are more than a feed has. */
static void a_reader_of_few_lines_gets_to_the_newest_one(void **state) {
    (void)state;
    struct work work;
    struct error err;
    begin_job(&work, "few");
    write_lines_up_to(&work, 3000, 100);
    struct event_reader *all = start_reader(&work, ""), *few = start_reader(&work, "?level=ERROR");
    event_reader_wait_for(all, "log", 3000);
    event_reader_wait_for(few, "job", 1);
    const struct log_line line = {
        .level = LOG_ERROR, .message = "line 3001", .time_ms = clock_now_ms(), .attempt = 1, .number = ++work.number};
    must(log_stream_append(store, &work.lease, &line, 1, LINES_LIMIT, BYTES_LIMIT, &err), &err);
    event_reader_wait_for(few, "log", 1);
    end_job(&work, NULL);
    event_reader_wait_for_end(few);
    expect_lines(few, 3001, 3001);
    event_reader_free(all);
    event_reader_free(few);
}

static void expect_refused(const char *path, const char *header, int status, const char *code, const char *field) {
    const char *const headers[] = {header, NULL};
    struct http_response response = http_ask(NULL, url, path, header ? headers : NULL, NULL);
    http_expect_error(&response, status, code, field);
    http_response_release(&response);
}

static void a_bad_cursor_or_job_is_refused(void **state) {
    (void)state;
    struct work work;
    begin_job(&work, "refused");
    expect_refused(events_path(&work, "?after=yesterday"), NULL, 400, "invalid_request", "after");
    expect_refused(events_path(&work, ""), "Last-Event-ID: 17", 400, "invalid_request", "Last-Event-ID");
    const char *other = work.id[0] == 'a' ? "?after=1-1-bbbbbbbb" : "?after=1-1-aaaaaaaa";
    expect_refused(events_path(&work, other), NULL, 400, "invalid_request", "after");
    expect_refused(events_path(&work, "?level=LOUD"), NULL, 400, "invalid_request", "level");
    expect_refused("/api/v1/jobs/nothing/events", NULL, 404, "not_found", NULL);
    expect_refused("/api/v1/jobs/3f2c0d4e-0000-4000-8000-000000000000/events", NULL, 404, "not_found", NULL);
    end_job(&work, NULL);
}

static void the_answer_may_not_be_kept_or_changed_on_the_way(void **state) {
    (void)state;
    struct work work;
    begin_job(&work, "headers");
    end_job(&work, NULL);
    struct http_response response = http_ask(NULL, url, events_path(&work, ""), NULL, NULL);
    assert_string_equal(http_header(&response, "content-type"), "text/event-stream");
    assert_string_equal(http_header(&response, "cache-control"), "no-store, no-transform");
    assert_string_equal(http_header(&response, "x-accel-buffering"), "no");
    assert_string_equal(http_header(&response, "access-control-allow-origin"), "*");
    http_response_release(&response);
    response = http_ask("HEAD", url, events_path(&work, ""), NULL, NULL);
    assert_int_equal(response.status, 200);
    http_response_release(&response);
}

/* Reads what a connection has got until the text occurs in it. */
static void read_until(int socket, struct text *input, const char *text) {
    char bytes[65536];
    for (size_t from = 0; !strstr(text_view(input) + from, text);) {
        ssize_t length = recv(socket, bytes, sizeof bytes, 0);
        if (length <= 0) fail_msg("the stream ended without %s", text);
        from = input->length > strlen(text) ? input->length - strlen(text) : 0;
        text_append_bytes(input, bytes, (size_t)length);
    }
}

/* It takes nothing while far more is written than the kernel and the feed keep for it. */
static void a_reader_slower_than_the_log_is_told_to_come_back(void **state) {
    (void)state;
    enum { LINES = 4000, PADDING = 8000 }; /* 32 MB */
    struct work work;
    struct text input = {0};
    struct http_connection slow;
    begin_job(&work, "slow");
    write_lines_up_to(&work, 1, PADDING);
    assert_true(http_connection_open(&slow, gateway_process_port(gateway), 60000));
    const char *request = arena_format(&arena, "GET %s HTTP/1.1\r\nHost: x\r\n\r\n", events_path(&work, ""));
    assert_true(http_connection_send_bytes(&slow, request, strlen(request)));
    read_until(slow.socket, &input, "\"line 1 ");
    write_lines_up_to(&work, LINES, PADDING);
    read_until(slow.socket, &input, "event: slow\n");
    assert_non_null(strstr(input.bytes, "retry: 1000\nevent: slow\n"));
    http_connection_close(&slow);

    const char *last = NULL;
    int lines = 0;
    for (const char *at = input.bytes; (at = strstr(at, "id: ")); at++, lines++)
        last = at + strlen("id: ");
    const char *cursor = arena_copy_bytes(&arena, last, strcspn(last, "\n"));
    assert_true(lines < LINES);
    struct event_reader *reader = start_reader(&work, arena_format(&arena, "?after=%s", cursor));
    end_job(&work, NULL);
    assert_int_equal(event_reader_wait_for_end(reader), 200);
    expect_lines(reader, lines + 1, LINES);
    event_reader_free(reader);
    text_release(&input);
}

static void expect_change(struct event_reader *reader, size_t index, const struct work *work, const char *state) {
    event_reader_wait_for(reader, "job", index + 1);
    json_t *job = data_of(reader, "job", index);
    assert_string_equal(http_json_text(job, "jobId"), work->id);
    assert_string_equal(http_json_text(job, "state"), state);
    json_decref(job);
}

static void changes_of_all_jobs_arrive_as_they_come(void **state) {
    (void)state;
    struct work one, other;
    struct event_reader *all = event_reader_start(url, "/api/v1/jobs/events", NULL);
    struct event_reader *some = event_reader_start(url, "/api/v1/jobs/events?package=chosen&kinds=publish", NULL);
    struct event_reader *none = event_reader_start(url, "/api/v1/jobs/events?kinds=transfer", NULL);
    event_reader_wait_for(all, "begin", 1);
    event_reader_wait_for(some, "begin", 1);
    event_reader_wait_for(none, "begin", 1);
    accept_job(&one, "chosen");
    expect_change(all, 0, &one, "pending");
    accept_job(&other, "passed");
    expect_change(all, 1, &other, "pending");
    claim_job(&one);
    expect_change(all, 2, &one, "running");
    end_job(&one, "It did not work.");
    expect_change(all, 3, &one, "failed");
    claim_job(&other);
    expect_change(all, 4, &other, "running");
    expect_change(some, 2, &one, "failed");
    assert_int_equal(event_reader_count(some, "job"), 3);
    json_t *job = data_of(some, "job", 0);
    assert_string_equal(http_json_text(job, "packageName"), "chosen");
    assert_string_equal(http_json_text(job, "packageVersion"), "1.0.0");
    json_decref(job);
    assert_int_equal(event_reader_count(none, "job"), 0);

    /* one that comes back gets what it has missed; the jobs are as they are now */
    const struct event_reader_options options = {.last_event_id = event_reader_event(all, "job", 1)->id};
    struct event_reader *again = event_reader_start(url, "/api/v1/jobs/events", &options);
    expect_change(again, 0, &one, "failed");
    expect_change(again, 1, &one, "failed");
    expect_change(again, 2, &other, "running");
    end_job(&other, NULL);
    expect_change(again, 3, &other, "succeeded");
    event_reader_free(again);

    struct event_reader *stale = event_reader_start(url, "/api/v1/jobs/events?after=17-0", NULL);
    event_reader_wait_for(stale, "reset", 1);
    event_reader_free(stale);
    expect_refused("/api/v1/jobs/events?after=yesterday", NULL, 400, "invalid_request", "after");
    event_reader_free(all);
    event_reader_free(some);
    event_reader_free(none);
}

static void plain_text_follows_until_the_end(void **state) {
    (void)state;
    struct work work;
    begin_job(&work, "plain");
    write_lines_up_to(&work, 2, 0);
    struct event_reader *reader = event_reader_start(url, arena_format(&arena, "/logs/%s?follow=true", work.id), NULL);
    struct event_reader *other =
        event_reader_start(url, arena_format(&arena, "/api/v1/jobs/%s/logs?follow=true", work.id), NULL);
    write_lines_up_to(&work, 4, 0);
    end_job(&work, NULL);
    for (int i = 0; i < 2; i++) {
        struct event_reader *either = i == 0 ? reader : other;
        assert_int_equal(event_reader_wait_for_end(either), 200);
        const char *text = event_reader_rest(either);
        for (int line = 1; line <= 4; line++) {
            text = strstr(text, arena_format(&arena, " INFO   line %d ", line));
            assert_non_null(text);
        }
        assert_null(strstr(text + 1, " INFO "));
    }
    event_reader_free(reader);
    event_reader_free(other);
    expect_refused(arena_format(&arena, "/logs/%s?follow=true&wait=3", work.id), NULL, 400, "invalid_request", "wait");
    expect_refused(arena_format(&arena, "/api/v1/jobs/%s/logs?follow=true&tail=3", work.id), NULL, 400, "invalid_request",
                   "tail");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_finished_job_streams_its_log_and_ends),
        cmocka_unit_test(states_and_lines_arrive_as_they_come),
        cmocka_unit_test(any_number_of_readers_get_every_line_once),
        cmocka_unit_test(a_reader_goes_on_after_its_cursor),
        cmocka_unit_test(a_level_leaves_lower_lines_out),
        cmocka_unit_test(a_reader_of_few_lines_gets_to_the_newest_one),
        cmocka_unit_test(a_bad_cursor_or_job_is_refused),
        cmocka_unit_test(the_answer_may_not_be_kept_or_changed_on_the_way),
        cmocka_unit_test(a_reader_slower_than_the_log_is_told_to_come_back),
        cmocka_unit_test(changes_of_all_jobs_arrive_as_they_come),
        cmocka_unit_test(plain_text_follows_until_the_end),
    };
    log_configure("test", LOG_ERROR);
    return cmocka_run_group_tests(tests, start_scene, stop_scene);
}
