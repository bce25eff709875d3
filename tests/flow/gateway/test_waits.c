/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Clients that keep the gateway waiting: HTTP/2 windows that stay shut,
 * clients that leave while they wait for a log, and as many waiting clients as connections are allowed.
 */
#include "tests/flow/gateway/gateway_limits.h"

#include <errno.h>
#include <unistd.h>

#include "lib/base/clock.h"

enum { STREAMS = 8, LENGTH = 1 << 20, WINDOW_SETTING = 4, WINDOW_BYTES = 65535 };

static const char answers[] = "registry_http_answers_under_way{program=\"gateway\"}"; /* includes this request */
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

/* Asks for the large file in `streams` streams, each with that initial window. */
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
        struct http2_frame frame = http2_next_frame(&connection, &taken, false);
        if (frame.type == HTTP2_HEADERS) continue;
        assert_int_equal(http2_error(&frame), HTTP2_CANCEL);
        cancelled++;
    }
    gateway_process_wait_for(small, answers, 1);
    assert_int_equal(gateway_process_files(small, "/large/"), 0);
    http2_append_setting(&bytes, WINDOW_SETTING, WINDOW_BYTES); /* the connection is usable as before */
    http2_append_request(&bytes, 2 * STREAMS + 1, "GET", "/nowhere", -1, true);
    send_and_clear(&connection, &bytes);
    http2_expect_answer(&connection, &taken, 2 * STREAMS + 1, 404, "not_found");
    assert_int_equal((int)gateway_process_metric(small, ended_stalled), 0);
    http_connection_close(&connection);
    text_release(&bytes);
    assert_int_equal(gateway_process_stop(small), 0);
}

/* Here the windows of its streams are large. */
static void a_connection_whose_window_stays_shut_is_ended(void **state) {
    (void)state;
    static const char *const settings[] = {"GATEWAY_STALL_MS=500", NULL};
    struct gateway_process *small = start_with_large(settings);
    struct http_connection connection;
    char buffer[65536];
    double before = gateway_process_metric(small, open_connections);
    ask(&connection, small, STREAMS, 2 * LENGTH);
    int64_t until_ms = clock_monotonic_ms() + PATIENCE_MS;
    do
        ping(&connection);
    while (recv(connection.socket, buffer, sizeof buffer, 0) > 0 && gateway_process_metric(small, ended_stalled) < 1 &&
           clock_monotonic_ms() < until_ms);
    gateway_process_wait_for(small, open_connections, before);
    gateway_process_wait_for(small, answers, 1);
    assert_int_equal((int)gateway_process_metric(small, ended_stalled), 1);
    assert_int_equal(gateway_process_files(small, "/large/"), 0);
    http_connection_close(&connection);
    assert_int_equal(gateway_process_stop(small), 0);
}

static size_t expect_data(struct http_connection *connection) {
    struct http2_frame frame = http2_next_frame(connection, &taken, false);
    assert_int_equal(frame.type, HTTP2_DATA);
    return frame.length;
}

/* Opens one window, of the stream or (0) of the connection, by one byte from time to time; the other window is large. */
static void read_slowly(struct gateway_process *process, uint32_t slow, int64_t time_ms) {
    struct http_connection connection;
    struct text bytes = {0};
    size_t got = 0;
    ask(&connection, process, 1, slow ? 0 : LENGTH);
    assert_int_equal(http2_status((struct http2_frame[]){http2_next_frame(&connection, &taken, false)}), 200);
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
    read_slowly(small, 1, 3500);
    read_slowly(small, 0, 3500);
    assert_int_equal((int)gateway_process_metric(small, ended_stalled), 0);
    assert_int_equal(gateway_process_stop(small), 0);
}

/* ---- Clients that leave while they wait ---- */

/* A request that waits for a line that does not come. */
static const char *poll_request(struct arena *arena, struct gateway_process *process) {
    struct http_response response = http_ask("POST", gateway_process_url(process), "/api/v1/publish", NULL,
                                             "{\"name\":\"aff\",\"version\":\"7.6.0\",\"ref\":\"v7.6.0\"}");
    assert_int_equal(response.status, 200);
    json_t *job = http_json(&response);
    const char *request = arena_format(arena, "GET /logs/%s?wait=60 HTTP/1.1\r\nHost: x\r\n\r\n", http_json_text(job, "jobId"));
    json_decref(job);
    http_response_release(&response);
    return request;
}

static void start_polls(struct http_connection *connections, size_t count, struct gateway_process *process, unsigned client,
                        const char *request) {
    for (size_t i = 0; i < count; i++) {
        open_as(&connections[i], process, client);
        send_text(&connections[i], request);
    }
}

static void expect_still_waiting(struct http_connection *connection) {
    char byte;
    assert_true(recv(connection->socket, &byte, 1, MSG_DONTWAIT) < 0 && errno == EAGAIN);
}

/* Closes the connection so that the kernel sends a reset. */
static void cut(struct http_connection *connection) {
    const struct linger now = {.l_onoff = 1};
    assert_int_equal(setsockopt(connection->socket, SOL_SOCKET, SO_LINGER, &now, sizeof now), 0);
    http_connection_close(connection);
}

/* The first client came before them, and stays. */
static void clients_that_leave_while_they_wait_leave_nothing(void **state) {
    (void)state;
    enum { POLLS = 8 };
    struct arena arena = {0};
    struct http_connection stays, leaving[POLLS];
    double before = gateway_process_metric(gateway, open_connections);
    const char *request = poll_request(&arena, gateway);
    start_polls(&stays, 1, gateway, 1, request);
    gateway_process_wait_for(gateway, answers, 2);
    start_polls(leaving, POLLS, gateway, 1, request);
    gateway_process_wait_for(gateway, answers, 2 + POLLS);
    for (size_t i = 0; i < POLLS; i++)
        if (i % 2)
            cut(&leaving[i]);
        else
            http_connection_close(&leaving[i]);
    gateway_process_wait_for(gateway, answers, 2);
    gateway_process_wait_for(gateway, open_connections, before + 1);
    expect_still_waiting(&stays);
    http_connection_close(&stays);
    gateway_process_wait_for(gateway, answers, 1);
    arena_release(&arena);
}

/* It cannot be distinguished from a client that has left, and is answered early. */
static void a_client_that_only_sends_no_more_is_answered(void **state) {
    (void)state;
    struct arena arena = {0};
    struct http_connection stays, half;
    const char *request = poll_request(&arena, gateway);
    start_polls(&stays, 1, gateway, 1, request);
    gateway_process_wait_for(gateway, answers, 2);
    start_polls(&half, 1, gateway, 1, request);
    assert_int_equal(shutdown(half.socket, SHUT_WR), 0);
    expect_status(&half, 200);
    assert_string_equal(text_view(&half.answer), "[]");
    expect_still_waiting(&stays);
    http_connection_close(&half);
    http_connection_close(&stays);
    gateway_process_wait_for(gateway, answers, 1);
    arena_release(&arena);
}

/* ---- The largest number of connections ---- */

static const char ended_busy[] =
    "registry_http_connections_ended_total{reason=\"busy where others need room\",program=\"gateway\"}";
static const char ended_idle[] =
    "registry_http_connections_ended_total{reason=\"idle where others need room\",program=\"gateway\"}";
static const char status_request[] = "GET /api/v1/status HTTP/1.1\r\nHost: x\r\n\r\n";

static bool is_closed_by_gateway(struct http_connection *connection) {
    char byte;
    return recv(connection->socket, &byte, 1, 0) <= 0;
}

static void expect_end_of_wait(struct http_connection *connection) {
    expect_status(connection, 200);
    assert_string_equal(text_view(&connection->answer), "[]");
    assert_true(is_closed_by_gateway(connection));
}

/* Each is a separate client, and keeps its connection. */
static void start_newcomers(struct http_connection *connections, size_t count, struct gateway_process *process) {
    for (size_t i = 0; i < count; i++) {
        open_as(&connections[i], process, 200 + (unsigned)i);
        send_text(&connections[i], status_request);
        expect_status(&connections[i], 200);
    }
}

static void close_all(struct http_connection *connections, size_t count) {
    for (size_t i = 0; i < count; i++)
        http_connection_close(&connections[i]);
}

/* One event loop, so that it is certain which connection is closed. */
static void newcomers_take_the_place_of_the_address_with_most(void **state) {
    (void)state;
    enum { MOST = 64, LARGE = 24, MIDDLE = 20, SMALL = 19, NEWCOMERS = LARGE - MIDDLE };
    static const char *const settings[] = {"GATEWAY_CONNECTIONS=64", "GATEWAY_THREADS=1", NULL};
    struct gateway_process *small = start_with(settings);
    struct arena arena = {0};
    struct http_connection one, middle[MIDDLE], large[LARGE], others[SMALL], newcomers[NEWCOMERS];
    const char *request = poll_request(&arena, small);
    gateway_process_wait_for(small, open_connections, 0);
    start_polls(&one, 1, small, 100, request);
    start_polls(middle, MIDDLE, small, 101, request);
    start_polls(large, LARGE, small, 102, request);
    start_polls(others, SMALL, small, 103, request);
    gateway_process_wait_for(small, answers, MOST + 1);
    start_newcomers(newcomers, NEWCOMERS, small);
    for (size_t i = 0; i < NEWCOMERS; i++)
        expect_end_of_wait(&large[i]);
    for (size_t i = NEWCOMERS; i < LARGE; i++)
        expect_still_waiting(&large[i]);
    for (size_t i = 0; i < MIDDLE; i++)
        expect_still_waiting(&middle[i]);
    expect_still_waiting(&one);
    assert_int_equal((int)gateway_process_metric(small, ended_busy), NEWCOMERS);
    assert_int_equal((int)gateway_process_metric(small, open_connections), MOST);
    http_connection_close(&one);
    close_all(middle, MIDDLE);
    close_all(large, LARGE);
    close_all(others, SMALL);
    close_all(newcomers, NEWCOMERS);
    arena_release(&arena);
    assert_int_equal(gateway_process_stop(small), 0);
}

static void the_idle_connection_of_an_address_goes_first(void **state) {
    (void)state;
    enum { MOST = 32, POLLS = MOST - 2 };
    static const char *const settings[] = {"GATEWAY_CONNECTIONS=32", "GATEWAY_THREADS=1", NULL};
    struct gateway_process *small = start_with(settings);
    struct arena arena = {0};
    struct http_connection polls[POLLS], idle, other, newcomer;
    const char *request = poll_request(&arena, small);
    gateway_process_wait_for(small, open_connections, 0);
    start_newcomers(&other, 1, small); /* idles for longer, but is alone */
    start_polls(polls, POLLS, small, 101, request);
    start_polls(&idle, 1, small, 101, status_request);
    expect_status(&idle, 200);
    gateway_process_wait_for(small, answers, POLLS + 1);
    usleep(300000); /* idle long enough to be replaced */
    start_newcomers(&newcomer, 1, small);
    assert_true(is_closed_by_gateway(&idle));
    for (size_t i = 0; i < POLLS; i++)
        expect_still_waiting(&polls[i]);
    expect_still_waiting(&other);
    assert_int_equal((int)gateway_process_metric(small, ended_idle), 1);
    close_all(polls, POLLS);
    http_connection_close(&idle);
    http_connection_close(&other);
    http_connection_close(&newcomer);
    arena_release(&arena);
    assert_int_equal(gateway_process_stop(small), 0);
}

/* All addresses have equally many. Over HTTP/2 the connection is closed. */
static void polls_of_many_addresses_shut_nobody_out(void **state) {
    (void)state;
    enum { MOST = 32, NEWCOMERS = 8 };
    static const char *const settings[] = {"GATEWAY_CONNECTIONS=32", "GATEWAY_THREADS=1", NULL};
    struct gateway_process *small = start_with(settings);
    struct arena arena = {0};
    struct http_connection polls[MOST], newcomers[NEWCOMERS];
    struct text bytes = {0};
    const char *request = poll_request(&arena, small);
    gateway_process_wait_for(small, open_connections, 0);
    http2_append_preface(&bytes);
    http2_append_request(&bytes, 1, "GET", arena_format(&arena, "%.*s", (int)strcspn(request + 4, " "), request + 4), -1, true);
    for (unsigned i = 0; i < MOST; i++) {
        if (i == NEWCOMERS) gateway_process_wait_for(small, answers, NEWCOMERS + 1); /* they come before the others */
        open_as(&polls[i], small, 100 + i);
        assert_true(
            http_connection_send_bytes(&polls[i], i % 2 ? request : bytes.bytes, i % 2 ? strlen(request) : bytes.length));
    }
    gateway_process_wait_for(small, answers, MOST + 1);
    start_newcomers(newcomers, NEWCOMERS, small);
    assert_int_equal((int)gateway_process_metric(small, ended_busy), NEWCOMERS);
    for (unsigned i = 1; i < MOST; i += 2)
        if (i < NEWCOMERS)
            expect_end_of_wait(&polls[i]);
        else
            expect_still_waiting(&polls[i]);
    gateway_process_wait_for(small, open_connections, MOST);
    close_all(polls, MOST);
    close_all(newcomers, NEWCOMERS);
    text_release(&bytes);
    arena_release(&arena);
    assert_int_equal(gateway_process_stop(small), 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(answers_behind_shut_windows_are_cancelled),
        cmocka_unit_test(a_connection_whose_window_stays_shut_is_ended),
        cmocka_unit_test(slow_readers_are_not_ended),
        cmocka_unit_test(clients_that_leave_while_they_wait_leave_nothing),
        cmocka_unit_test(a_client_that_only_sends_no_more_is_answered),
        cmocka_unit_test(newcomers_take_the_place_of_the_address_with_most),
        cmocka_unit_test(the_idle_connection_of_an_address_goes_first),
        cmocka_unit_test(polls_of_many_addresses_shut_nobody_out),
    };
    log_configure("test", LOG_ERROR);
    return cmocka_run_group_tests(tests, start_gateway, stop_gateway);
}
