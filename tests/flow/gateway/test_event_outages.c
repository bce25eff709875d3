/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Live logs (services/gateway/README.md) when Redis is away, or the gateway behind it. tests/chaos/streams has the same at random.
 */
#include "tests/support/cmocka_all.h"

#include <signal.h>
#include <string.h>

#include "lib/store/redis/redis.h"
#include "tests/flow/gateway/event_scene.h"

static struct redis *connection;

/* Any other answer than 200 ends an EventSource for good. */
static void a_reader_that_comes_during_an_outage_is_told_to_come_back(void **state) {
    (void)state;
    struct work work;
    begin_job(&work, "coming_in_an_outage");
    write_lines_up_to(&work, 1, 0);
    redis_server_kill(redis);
    struct event_reader *reader = start_reader(&work, "");
    int status = event_reader_wait_for_end(reader);
    struct http_response text = http_ask(NULL, url, arena_format(&arena, "/logs/%s?follow=true", work.id), NULL, NULL);
    redis_server_restart(redis);
    assert_int_equal(text.status, 503);
    http_response_release(&text);
    assert_int_equal(status, 200);
    assert_int_equal(event_reader_count(reader, NULL), 1);
    assert_string_equal(event_reader_event(reader, NULL, 0)->retry, "1000");
    event_reader_free(reader);
    end_job(&work, NULL);
    reader = start_reader(&work, "");
    assert_int_equal(event_reader_wait_for_end(reader), 200);
    expect_lines(reader, 1, 1);
    expect_end(reader, "succeeded", 1);
    event_reader_free(reader);
}

/* Many announcements at once: the gateway is asleep for less time than it waits for Redis. */
static void announce(const char *job_id, int count) {
    struct error err;
    struct redis_reply *replies;
    for (int i = 0; i < count; i++)
        redis_add(connection, "XADD changes:logs MAXLEN ~ 1000 * job %s", job_id);
    must(redis_run(connection, 0, &replies, &err), &err);
}

/* Redis keeps about a thousand of them. */
static void a_gateway_behind_many_announcements_misses_no_line(void **state) {
    (void)state;
    struct work work, other;
    begin_job(&work, "behind");
    begin_job(&other, "before");
    struct event_reader *reader = start_reader(&work, "");
    event_reader_wait_for(reader, "job", 1);
    announce(other.id, 1); /* connects */
    kill(gateway_process_id(gateway), SIGSTOP);
    announce(other.id, 1); /* ends a wait for announcements */
    write_lines_up_to(&work, 1, 0);
    announce(other.id, 1500);
    kill(gateway_process_id(gateway), SIGCONT);
    event_reader_wait_for(reader, "log", 1);
    end_job(&work, NULL);
    assert_int_equal(event_reader_wait_for_end(reader), 200);
    expect_lines(reader, 1, 1);
    expect_end(reader, "succeeded", 1);
    event_reader_free(reader);
}

/* The id of the last line that the reader has. */
static const char *last_cursor(struct event_reader *reader) {
    return arena_copy(&arena, event_reader_event(reader, "log", event_reader_count(reader, "log") - 1)->id);
}

static void an_outage_of_redis_loses_nothing(void **state) {
    (void)state;
    struct work work;
    begin_job(&work, "outage");
    write_lines_up_to(&work, 5, 0);
    struct event_reader *reader = start_reader(&work, "");
    event_reader_wait_for(reader, "log", 5);
    redis_server_kill(redis);
    assert_int_equal(event_reader_wait_for_end(reader), 200); /* after a while, not at once */
    assert_string_equal(event_reader_event(reader, NULL, event_reader_count(reader, NULL) - 1)->retry, "1000");
    expect_lines(reader, 1, 5);
    redis_server_restart(redis);
    write_lines_up_to(&work, 7, 0);
    struct event_reader *again = start_reader(&work, arena_format(&arena, "?after=%s", last_cursor(reader)));
    event_reader_wait_for(again, "log", 2);
    end_job(&work, NULL);
    event_reader_wait_for_end(again);
    expect_lines(again, 6, 7);
    event_reader_free(again);
    event_reader_free(reader);
}

/* It waits without an end for as long as OUTAGE_WAIT_MS allows; on a machine so busy that this is over, the client comes back. */
static void a_stream_goes_on_after_a_short_outage(void **state) {
    (void)state;
    struct work work;
    begin_job(&work, "short_outage");
    write_lines_up_to(&work, 5, 0);
    struct event_reader *reader = start_reader(&work, ""), *again = NULL;
    event_reader_wait_for(reader, "log", 5);
    redis_server_pause(redis);
    clock_sleep_ms(300);
    redis_server_resume(redis);
    write_lines_up_to(&work, 8, 0);
    end_job(&work, NULL);
    event_reader_wait_for_end(reader);
    int lines = (int)event_reader_count(reader, "log");
    expect_lines(reader, 1, lines);
    if (event_reader_count(reader, "end") == 0) {
        again = start_reader(&work, arena_format(&arena, "?after=%s", last_cursor(reader)));
        event_reader_wait_for_end(again);
        expect_lines(again, lines + 1, 8);
    }
    expect_end(again ? again : reader, "succeeded", 8);
    if (again) event_reader_free(again);
    event_reader_free(reader);
}

static int start(void **state) {
    struct error err;
    start_scene(state);
    must(redis_create(&connection, redis_server_url(redis), 5000, &err), &err);
    return 0;
}

static int stop(void **state) {
    redis_free(connection);
    return stop_scene(state);
}

/* The announcement that wakes the gateway for a new feed may come when the feed has begun already. */
static void a_stream_of_all_jobs_is_not_cut_by_announcements(void **state) {
    (void)state;
    struct work work;
    struct event_reader *reader = event_reader_start(url, "/api/v1/jobs/events", NULL);
    event_reader_wait_for(reader, "begin", 1);
    accept_job(&work, "first");
    event_reader_wait_for(reader, "job", 1); /* it is live */
    announce("", 1);
    announce(work.id, 1500);
    claim_job(&work);
    event_reader_wait_for(reader, "job", 2);
    end_job(&work, NULL);
    event_reader_wait_for(reader, "job", 3);
    event_reader_free(reader);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_reader_that_comes_during_an_outage_is_told_to_come_back),
        cmocka_unit_test(a_gateway_behind_many_announcements_misses_no_line),
        cmocka_unit_test(a_stream_of_all_jobs_is_not_cut_by_announcements),
        cmocka_unit_test(an_outage_of_redis_loses_nothing),
        cmocka_unit_test(a_stream_goes_on_after_a_short_outage),
    };
    log_configure("test", LOG_ERROR);
    return cmocka_run_group_tests(tests, start, stop);
}
