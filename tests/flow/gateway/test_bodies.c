/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Bodies over their route's limit: each is refused as soon as its size is known, and takes no memory.
 */
#include "tests/flow/gateway/gateway_limits.h"

enum { PUBLISH_LIMIT = 65536 };

static const char ended_by_intake[] =
    "registry_http_connections_ended_total{reason=\"requests hold too much memory\",program=\"gateway\"}";

static void a_length_over_the_routes_limit_is_413_at_the_head(void **state) {
    (void)state;
    static const struct {
        const char *head;
        const char *words;
    } rows[] = {
        {"POST /api/v1/publish HTTP/1.1\r\nHost: x\r\nContent-Length: 100000\r\n\r\n", "65536 bytes"},
        {"POST http://x/api/v1/transfer?a=b HTTP/1.1\r\nHost: x\r\nContent-Length: 65538\r\n\r\n", "65536 bytes"},
        {"POST /nowhere HTTP/1.1\r\nHost: x\r\nContent-Length: 65536\r\n\r\n", "4096 bytes"},
        {"GET /api/v1/status HTTP/1.1\r\nHost: x\r\nContent-Length: 5000\r\n\r\n", "4096 bytes"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct http_connection connection;
        open_as(&connection, gateway, 1);
        send_text(&connection, rows[i].head); /* and nothing of the body */
        expect_status(&connection, 413);
        assert_non_null(strstr(text_view(&connection.answer), "\"error\":\"too_large\""));
        if (!strstr(text_view(&connection.answer), rows[i].words)) fail_msg("%s", text_view(&connection.answer));
        http_connection_close(&connection);
    }
}

static void a_body_of_just_the_limit_is_read(void **state) {
    (void)state;
    struct text request = {0};
    char *blanks = memory_alloc(PUBLISH_LIMIT);
    memset(blanks, ' ', PUBLISH_LIMIT);
    for (int chunked = 0; chunked < 2; chunked++) {
        struct http_connection connection;
        text_append(&request, "POST /api/v1/publish HTTP/1.1\r\nHost: x\r\n");
        text_append(&request, chunked ? "Transfer-Encoding: chunked\r\n\r\n10000\r\n" : "Content-Length: 65536\r\n\r\n");
        text_append_bytes(&request, blanks, PUBLISH_LIMIT);
        if (chunked) text_append(&request, "\r\n0\r\n\r\n");
        open_as(&connection, gateway, 1);
        send_and_clear(&connection, &request);
        expect_status(&connection, 400); /* not JSON */
        http_connection_close(&connection);
    }
    text_release(&request);
    free(blanks);
}

static void chunks_over_the_routes_limit_are_413_before_they_end(void **state) {
    (void)state;
    struct http_connection connection;
    struct text request = {0};
    char *blanks = memory_alloc(PUBLISH_LIMIT + 2);
    memset(blanks, ' ', PUBLISH_LIMIT + 1);
    text_append(&request, "POST /api/v1/publish HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n10001\r\n");
    text_append_bytes(&request, blanks, PUBLISH_LIMIT + 1);
    open_as(&connection, gateway, 1);
    send_and_clear(&connection, &request);
    expect_status(&connection, 413);
    http_connection_close(&connection);
    text_release(&request);
    free(blanks);
}

static double largest_intake(void) {
    double most = 0;
    for (int i = 0; i < 5; i++) {
        double now = gateway_process_metric(gateway, intake);
        if (now > most) most = now;
    }
    return most;
}

static void an_http_2_body_over_the_limit_is_dropped_and_answered_413(void **state) {
    (void)state;
    struct http_connection connection;
    struct text bytes = {0};
    open_as(&connection, gateway, 1);
    http2_append_preface(&bytes);
    http2_append_request(&bytes, 1, "POST", "/api/v1/publish", -1, false);
    http2_append_request(&bytes, 3, "POST", "/api/v1/publish", 500000, false);
    for (int i = 0; i < 10; i++) {
        http2_append_data(&bytes, 1, 50000, false);
        http2_append_data(&bytes, 3, 50000, i == 9);
        send_and_clear(&connection, &bytes);
    }
    http2_expect_answer(&connection, &taken, 3, 413, "has 500000 bytes"); /* everything before it has been read now */
    assert_in_range((size_t)largest_intake(), 1, PUBLISH_LIMIT);
    http2_append_data(&bytes, 1, 1, true);
    send_and_clear(&connection, &bytes);
    http2_expect_answer(&connection, &taken, 1, 413, "has 500001 bytes");

    http2_append_request(&bytes, 5, "POST", "/api/v1/publish", PUBLISH_LIMIT, false); /* the connection goes on */
    http2_append_data(&bytes, 5, PUBLISH_LIMIT, true);
    send_and_clear(&connection, &bytes);
    http2_expect_answer(&connection, &taken, 5, 400, "\"error\"");
    http_connection_close(&connection);
    text_release(&bytes);
}

static void an_http_2_body_far_over_the_limit_is_answered_before_it_ends(void **state) {
    (void)state;
    struct http_connection connection;
    struct text bytes = {0};
    open_as(&connection, gateway, 1);
    http2_append_preface(&bytes);
    http2_append_request(&bytes, 1, "POST", "/api/v1/publish", 2000000, false); /* none of the body */
    send_and_clear(&connection, &bytes);
    http2_expect_answer(&connection, &taken, 1, 413, "has 2000000 bytes");
    http2_append_request(&bytes, 3, "POST", "/api/v1/publish", -1, false);
    send_and_clear(&connection, &bytes);
    for (int i = 0; i < 24; i++) {
        http2_append_data(&bytes, 3, 50000, false);
        http_connection_send_bytes(&connection, bytes.bytes, bytes.length);
        text_clear(&bytes);
    }
    struct http2_frame frame = http2_next_frame(&connection, &taken, false);
    assert_true(frame.stream == 3 && (http2_status(&frame) == 413 || http2_error(&frame) >= 0));
    http_connection_close(&connection);
    text_release(&bytes);
}

/* Sends the bytes, and waits until the gateway has read them. False: the connection was closed. */
static bool send_and_await(struct http_connection *connection, struct text *bytes) {
    struct http2_frame frame;
    char buffer[4096];
    http2_append_frame(bytes, HTTP2_PING, 0, 0, "pingpong", 8);
    bool is_sent = http_connection_send_bytes(connection, bytes->bytes, bytes->length);
    text_clear(bytes);
    while (is_sent) {
        while (http2_take_frame(&connection->input, &taken, &frame))
            if (frame.type == HTTP2_PING && (frame.flags & HTTP2_ACK)) return true;
        ssize_t count = recv(connection->socket, buffer, sizeof buffer, 0);
        if (count <= 0) return false;
        text_append_bytes(&connection->input, buffer, (size_t)count);
    }
    return false;
}

/* Each request is complete, and so is answered; but the client does not read the answers, and h2o keeps the body until it does.
 * The first of them are being answered, the rest wait for their turn. */
static void bodies_of_requests_whose_answers_are_not_taken_are_limited(void **state) {
    (void)state;
    enum { REQUESTS = 90, LENGTH = 4000 };
    static const unsigned char no_window[] = {0, 4, 0, 0, 0, 0}; /* SETTINGS_INITIAL_WINDOW_SIZE */
    static const char *const streams[] = {"GATEWAY_STREAMS_PER_CONNECTION=2", "GATEWAY_STREAMS_PER_CONNECTION=100"};
    for (size_t i = 0; i < sizeof streams / sizeof streams[0]; i++) {
        struct gateway_process *small = start_with(
            (const char *const[]){"GATEWAY_INTAKE_BYTES_PER_ADDRESS=262144", "POST_LIMIT_PER_MINUTE=0", streams[i], NULL});
        struct http_connection connection;
        struct text bytes = {0};
        uint32_t sent = 0;
        open_as(&connection, small, 1);
        http2_append_preface(&bytes);
        http2_append_frame(&bytes, HTTP2_SETTINGS, 0, 0, no_window, sizeof no_window);
        do {
            http2_append_request(&bytes, 2 * sent + 1, "POST", "/api/v1/publish", LENGTH, false);
            http2_append_data(&bytes, 2 * sent + 1, LENGTH, true);
        } while (send_and_await(&connection, &bytes) && ++sent < REQUESTS);
        assert_in_range(sent, 10, REQUESTS - 1);
        assert_int_equal((int)gateway_process_metric(small, ended_by_intake), 1);
        http_connection_close(&connection);
        text_release(&bytes);
        gateway_process_wait_for(small, intake, 0);
        assert_int_equal(gateway_process_stop(small), 0);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_length_over_the_routes_limit_is_413_at_the_head),
        cmocka_unit_test(a_body_of_just_the_limit_is_read),
        cmocka_unit_test(chunks_over_the_routes_limit_are_413_before_they_end),
        cmocka_unit_test(an_http_2_body_over_the_limit_is_dropped_and_answered_413),
        cmocka_unit_test(an_http_2_body_far_over_the_limit_is_answered_before_it_ends),
        cmocka_unit_test(bodies_of_requests_whose_answers_are_not_taken_are_limited),
    };
    log_configure("test", LOG_ERROR);
    return cmocka_run_group_tests(tests, start_gateway, stop_gateway);
}
