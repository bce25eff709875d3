/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Live logs (services/gateway/README.md) when Redis is away, or the gateway behind it. tests/chaos/streams has the same at random.
 */
#include "tests/support/cmocka_all.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/clock.h"
#include "lib/store/job/job_store.h"
#include "lib/store/job/log_stream.h"
#include "lib/store/redis/redis.h"
#include "tests/flow/gateway/gateway_fixture.h"
#include "tests/support/http/event_reader.h"
#include "tests/support/http/http.h"

enum { LEASE_MS = 600000, LINES_LIMIT = 1000, BYTES_LIMIT = 1 << 20 };

static struct job_store *store;
static struct redis *connection;
static struct arena arena;

static void must(enum status status, const struct error *err) {
    if (status) fail_msg("%s", err->message);
}

static struct lease begin_job(const char *package) {
    struct error err;
    struct job job;
    struct lease lease;
    struct job_accepted accepted;
    struct job_request request = {
        .kind = JOB_KIND_PUBLISH, .payload = "{}", .package = package, .version = "1.0.0", .actor = "anonymous"};
    hash_random_uuid(request.id);
    must(job_store_accept(store, &request, NULL, &accepted, &err), &err);
    must(job_store_claim(store, accepted.id, "test", LEASE_MS, &arena, &lease, &job, &err), &err);
    return lease;
}

static void write_line(const struct lease *lease, const char *text) {
    struct error err;
    const struct log_line line = {.level = LOG_INFO, .message = text, .time_ms = clock_now_ms(), .attempt = 1, .number = 1};
    must(log_stream_append(store, lease, &line, 1, LINES_LIMIT, BYTES_LIMIT, &err), &err);
}

static void end_job(const struct lease *lease) {
    struct error err;
    const struct job_end end = {.success = true};
    must(job_store_finish(store, lease, &end, &err), &err);
}

static struct event_reader *start_reader(const struct lease *lease) {
    return event_reader_start(url, arena_format(&arena, "/api/v1/jobs/%s/events", lease->job_id), NULL);
}

static void expect_line_and_end(struct event_reader *reader, const char *text) {
    assert_int_equal(event_reader_wait_for_end(reader), 200);
    assert_int_equal(event_reader_count(reader, "log"), 1);
    json_t *line = json_loads(event_reader_event(reader, "log", 0)->data, 0, NULL);
    assert_string_equal(http_json_text(line, "message"), text);
    json_decref(line);
    assert_int_equal(event_reader_count(reader, "end"), 1);
}

/* Any other answer than 200 ends an EventSource for good. */
static void a_reader_that_comes_during_an_outage_is_told_to_come_back(void **state) {
    (void)state;
    struct lease lease = begin_job("outage");
    write_line(&lease, "before");
    redis_server_kill(redis);
    struct event_reader *reader = start_reader(&lease);
    int status = event_reader_wait_for_end(reader);
    struct http_response text = http_ask(NULL, url, arena_format(&arena, "/logs/%s?follow=true", lease.job_id), NULL, NULL);
    redis_server_restart(redis);
    assert_int_equal(text.status, 503);
    http_response_release(&text);
    assert_int_equal(status, 200);
    assert_int_equal(event_reader_count(reader, NULL), 1);
    assert_string_equal(event_reader_event(reader, NULL, 0)->retry, "1000");
    event_reader_free(reader);
    end_job(&lease);
    reader = start_reader(&lease);
    expect_line_and_end(reader, "before");
    event_reader_free(reader);
}

/* Many announcements at once: the gateway is asleep for less time than it waits for Redis. */
static void announce(const struct lease *lease, int count) {
    struct error err;
    struct redis_reply *replies;
    for (int i = 0; i < count; i++)
        redis_add(connection, "XADD changes:logs MAXLEN ~ 1000 * job %s", lease->job_id);
    must(redis_run(connection, 0, &replies, &err), &err);
}

/* Redis keeps about a thousand of them. */
static void a_gateway_behind_many_announcements_misses_no_line(void **state) {
    (void)state;
    struct lease lease = begin_job("behind"), other = begin_job("before");
    struct event_reader *reader = start_reader(&lease);
    event_reader_wait_for(reader, "job", 1);
    announce(&other, 1); /* connects */
    kill(gateway_process_id(gateway), SIGSTOP);
    announce(&other, 1); /* ends a wait for announcements */
    write_line(&lease, "missed");
    announce(&other, 1500);
    kill(gateway_process_id(gateway), SIGCONT);
    event_reader_wait_for(reader, "log", 1);
    end_job(&lease);
    expect_line_and_end(reader, "missed");
    event_reader_free(reader);
}

static int start(void **state) {
    struct error err;
    start_gateway(state);
    must(job_store_create(&store, redis_server_url(redis), 5000, &err), &err);
    must(redis_create(&connection, redis_server_url(redis), 5000, &err), &err);
    return 0;
}

static int stop(void **state) {
    int status = stop_gateway(state);
    redis_free(connection);
    job_store_free(store);
    arena_release(&arena);
    return status;
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_reader_that_comes_during_an_outage_is_told_to_come_back),
        cmocka_unit_test(a_gateway_behind_many_announcements_misses_no_line),
    };
    log_configure("test", LOG_ERROR);
    return cmocka_run_group_tests(tests, start, stop);
}
