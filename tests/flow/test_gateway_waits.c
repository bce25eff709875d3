/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Clients that keep the gateway waiting: HTTP/2 windows that stay shut.
 */
#include "tests/flow/gateway_limits.h"

#include <unistd.h>

#include "lib/base/clock.h"

enum { STREAMS = 8, LENGTH = 1 << 20, WINDOW_SETTING = 4, WINDOW_BYTES = 65535 };

static const char answers[] = "registry_http_answers_under_way{program=\"gateway\"}"; /* the question itself is one */
static const char open_connections[] = "registry_http_connections{program=\"gateway\"}";
static const char ended_stalled[] = "registry_http_connections_ended_total{reason=\"answers not taken\",program=\"gateway\"}";

/* ---- HTTP/2 windows ---- */

static struct gateway_process *start_with_large(const char *const *settings) {
    struct gateway_process *process = start_with(settings);
    struct arena arena = {0};
    char *bytes = memory_alloc(LENGTH + 1);
    memset(bytes, 'a', LENGTH);
    write_file(arena_format(&arena, "%s/storage/large/1.0.0.tar.gz", gateway_process_folder(process)), bytes);
    free(bytes);
    arena_release(&arena);
    return process;
}

static void ping(struct http_connection *connection) {
    struct text bytes = {0};
    http2_append_frame(&bytes, HTTP2_PING, 0, 0, "pingpong", 8);
    send_and_clear(connection, &bytes);
    text_release(&bytes);
}

/* Asks for the large file in `streams` streams, which may begin with so many bytes each. */
static void ask(struct http_connection *connection, struct gateway_process *process, uint32_t streams, uint32_t window) {
    struct text bytes = {0};
    open_as(connection, process, 1);
    http2_append_preface(&bytes);
    http2_append_setting(&bytes, WINDOW_SETTING, window);
    for (uint32_t i = 0; i < streams; i++)
        http2_append_request(&bytes, 2 * i + 1, "GET", "/large/1.0.0.tar.gz", -1, true);
    send_and_clear(connection, &bytes);
    text_release(&bytes);
}

static void answers_behind_shut_windows_are_cancelled(void **state) {
    (void)state;
    static const char *const settings[] = {"GATEWAY_STALL_MS=500", NULL};
    struct gateway_process *small = start_with_large(settings);
    struct http_connection connection;
    struct text bytes = {0};
    ask(&connection, small, STREAMS, 0);
    for (int cancelled = 0; cancelled < STREAMS;) {
        ping(&connection);
        struct http2_frame frame = next_frame(&connection, false);
        if (frame.type == HTTP2_HEADERS) continue;
        assert_int_equal(http2_error(&frame), HTTP2_CANCEL);
        cancelled++;
    }
    gateway_process_wait_for(small, answers, 1);
    assert_int_equal(gateway_process_files(small, "/large/"), 0);
    http2_append_setting(&bytes, WINDOW_SETTING, WINDOW_BYTES); /* the connection can be used as before */
    http2_append_request(&bytes, 2 * STREAMS + 1, "GET", "/nowhere", -1, true);
    send_and_clear(&connection, &bytes);
    expect_answer(&connection, 2 * STREAMS + 1, 404, "not_found");
    assert_int_equal((int)gateway_process_figure(small, ended_stalled), 0);
    http_connection_close(&connection);
    text_release(&bytes);
    assert_int_equal(gateway_process_stop(small), 0);
}

/* The windows of its streams are wide open. */
static void a_connection_whose_window_stays_shut_is_ended(void **state) {
    (void)state;
    static const char *const settings[] = {"GATEWAY_STALL_MS=500", NULL};
    struct gateway_process *small = start_with_large(settings);
    struct http_connection connection;
    char buffer[65536];
    double before = gateway_process_figure(small, open_connections);
    ask(&connection, small, STREAMS, 2 * LENGTH);
    int64_t until_ms = clock_monotonic_ms() + PATIENCE_MS;
    do
        ping(&connection);
    while (recv(connection.socket, buffer, sizeof buffer, 0) > 0 && gateway_process_figure(small, ended_stalled) < 1 &&
           clock_monotonic_ms() < until_ms);
    gateway_process_wait_for(small, open_connections, before);
    gateway_process_wait_for(small, answers, 1);
    assert_int_equal((int)gateway_process_figure(small, ended_stalled), 1);
    assert_int_equal(gateway_process_files(small, "/large/"), 0);
    http_connection_close(&connection);
    assert_int_equal(gateway_process_stop(small), 0);
}

static size_t expect_data(struct http_connection *connection) {
    struct http2_frame frame = next_frame(connection, false);
    assert_int_equal(frame.type, HTTP2_DATA);
    return frame.length;
}

/* Opens one window, of the stream or (0) of the connection, by a byte every now and then; the other is wide open. */
static void read_slowly(struct gateway_process *process, uint32_t slow, int64_t time_ms) {
    struct http_connection connection;
    struct text bytes = {0};
    size_t got = 0;
    ask(&connection, process, 1, slow ? 0 : LENGTH);
    assert_int_equal(http2_status((struct http2_frame[]){next_frame(&connection, false)}), 200);
    http2_append_window(&bytes, 0, slow ? LENGTH : 1);
    send_and_clear(&connection, &bytes);
    while (!slow && got < WINDOW_BYTES + 1)
        got += expect_data(&connection);
    for (int64_t until_ms = clock_monotonic_ms() + time_ms; clock_monotonic_ms() < until_ms; usleep(10000)) {
        http2_append_window(&bytes, slow, 1);
        send_and_clear(&connection, &bytes);
        size_t length = expect_data(&connection);
        assert_int_equal(length, 1);
        got += length;
    }
    http2_append_window(&bytes, slow, LENGTH);
    send_and_clear(&connection, &bytes);
    while (got < LENGTH)
        got += expect_data(&connection);
    assert_int_equal(got, LENGTH);
    http_connection_close(&connection);
    text_release(&bytes);
}

static void slow_readers_are_not_ended(void **state) {
    (void)state;
    static const char *const settings[] = {"GATEWAY_STALL_MS=2000", NULL};
    struct gateway_process *small = start_with_large(settings);
    read_slowly(small, 1, 5000);
    read_slowly(small, 0, 5000);
    assert_int_equal((int)gateway_process_figure(small, ended_stalled), 0);
    assert_int_equal(gateway_process_stop(small), 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(answers_behind_shut_windows_are_cancelled),
        cmocka_unit_test(a_connection_whose_window_stays_shut_is_ended),
        cmocka_unit_test(slow_readers_are_not_ended),
    };
    log_configure("test", LOG_ERROR);
    return cmocka_run_group_tests(tests, start_gateway, stop_gateway);
}
