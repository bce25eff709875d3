/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Limits of the gateway for one address, one connection and one request, set low: streams, connections and requests of an
 * address, requests that never arrive completely, answers that the client does not read. (Bodies: test_bodies.c.)
 */
#include "tests/flow/gateway/gateway_limits.h"

#include <fcntl.h>
#include <unistd.h>

enum { STREAMS = 8 };

static const char ended_by_address[] =
    "registry_http_connections_ended_total{reason=\"too many of one address\",program=\"gateway\"}";
static const char ended_idle[] =
    "registry_http_connections_ended_total{reason=\"idle where others need room\",program=\"gateway\"}";
static const char under_way[] = "registry_http_answers_under_way{program=\"gateway\"}";
static const char open_connections[] = "registry_http_connections{program=\"gateway\"}";
static const char status_request[] = "GET /api/v1/status HTTP/1.1\r\nHost: x\r\n\r\n";

static bool is_closed_by_gateway(struct http_connection *connection) {
    char byte;
    return recv(connection->socket, &byte, 1, 0) <= 0;
}

/* ---- Streams ---- */

static void more_streams_than_announced_are_refused(void **state) {
    (void)state;
    static const char *const settings[] = {"GATEWAY_STREAMS_PER_CONNECTION=8", NULL};
    struct gateway_process *small = start_with(settings);
    struct http_connection connection;
    struct text bytes = {0};
    open_as(&connection, small, 1);
    http2_append_preface(&bytes);
    for (uint32_t i = 0; i < 3 * STREAMS; i++)
        http2_append_request(&bytes, 2 * i + 1, "POST", "/api/v1/publish", -1, false);
    send_and_clear(&connection, &bytes);
    int64_t announced = 100;
    for (int refused = 0; refused < 2 * STREAMS || announced != STREAMS;) {
        struct http2_frame frame = http2_next_frame(&connection, &taken, true);
        if (http2_setting(&frame, 3) >= 0) announced = http2_setting(&frame, 3);
        if (http2_error(&frame) < 0) continue;
        assert_int_equal(http2_error(&frame), HTTP2_REFUSED_STREAM);
        assert_true(frame.stream > 2 * STREAMS - 1); /* the first streams go on */
        refused++;
    }
    http2_append_data(&bytes, 1, 2, true);
    send_and_clear(&connection, &bytes);
    struct http2_frame frame = http2_next_frame(&connection, &taken, false);
    assert_true(frame.stream == 1 && http2_status(&frame) == 400);
    http_connection_close(&connection);
    text_release(&bytes);
    gateway_process_wait_for(small, intake, 0);
    assert_int_equal(gateway_process_stop(small), 0);
}

static void too_many_headers_are_400(void **state) {
    (void)state;
    struct http_connection connection;
    struct text bytes = {0};
    open_as(&connection, gateway, 1);
    http2_append_preface(&bytes);
    http2_append_headers(&bytes, 1, "/api/v1/status", 1000);
    send_and_clear(&connection, &bytes);
    http2_expect_answer(&connection, &taken, 1, 400, "1000 headers");
    http2_append_headers(&bytes, 3, "/nowhere", 100);
    send_and_clear(&connection, &bytes);
    http2_expect_answer(&connection, &taken, 3, 404, "not_found");
    http_connection_close(&connection);
    text_release(&bytes);
}

/* ---- Time ---- */

static void requests_that_do_not_arrive_in_time_are_ended(void **state) {
    (void)state;
    static const char *const settings[] = {"GATEWAY_REQUEST_MS=400", NULL};
    struct gateway_process *small = start_with(settings);
    struct http_connection half, silent, http2;
    struct text bytes = {0};
    open_as(&half, small, 1);
    open_as(&silent, small, 1);
    open_as(&http2, small, 1);
    send_text(&half, "POST /api/v1/publish HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n{");
    http2_append_preface(&bytes);
    http2_append_request(&bytes, 1, "POST", "/api/v1/publish", -1, false);
    http2_append_request(&bytes, 3, "GET", "/api/v1/status", -1, true);
    send_and_clear(&http2, &bytes);
    for (struct http2_frame frame = http2_next_frame(&http2, &taken, false);; frame = http2_next_frame(&http2, &taken, false)) {
        if (frame.type == HTTP2_GOAWAY) break; /* the whole connection was idle for that long */
        if (frame.stream == 3) continue;
        assert_int_equal(http2_error(&frame), HTTP2_CANCEL);
        break;
    }
    assert_true(is_closed_by_gateway(&half) && is_closed_by_gateway(&silent));
    http_connection_close(&half);
    http_connection_close(&silent);
    http_connection_close(&http2);
    text_release(&bytes);
    gateway_process_wait_for(small, intake, 0);
    assert_int_equal(gateway_process_stop(small), 0);
}

/* A byte from time to time keeps the connection from being idle, but the request does not arrive in time. */
static void an_http_2_request_in_drops_is_cancelled(void **state) {
    (void)state;
    static const char *const settings[] = {"GATEWAY_REQUEST_MS=400", NULL};
    struct gateway_process *small = start_with(settings);
    struct http_connection http2;
    struct text bytes = {0};
    struct http2_frame frame = {0};
    open_as(&http2, small, 1);
    http2_append_preface(&bytes);
    http2_append_request(&bytes, 1, "POST", "/api/v1/publish", -1, false);
    send_and_clear(&http2, &bytes);
    while (http2_error(&frame) < 0) {
        http2_append_data(&bytes, 1, 1, false);
        http2_append_frame(&bytes, HTTP2_PING, 0, 0, "pingpong", 8); /* is answered at once */
        send_and_clear(&http2, &bytes);
        char buffer[4096];
        ssize_t count = recv(http2.socket, buffer, sizeof buffer, 0);
        assert_true(count > 0);
        text_append_bytes(&http2.input, buffer, (size_t)count);
        while (http2_error(&frame) < 0 && http2_take_frame(&http2.input, &taken, &frame)) {
        }
    }
    assert_true(frame.stream == 1 && http2_error(&frame) == HTTP2_CANCEL);
    http_connection_close(&http2);
    text_release(&bytes);
    assert_int_equal(gateway_process_stop(small), 0);
}

static void an_answer_that_nobody_takes_ends_its_connection(void **state) {
    (void)state;
    static const char *const settings[] = {"GATEWAY_STALL_MS=500", NULL};
    enum { LENGTH = 16 << 20 };
    struct gateway_process *small = start_with(settings);
    struct arena arena = {0};
    char *bytes = memory_alloc(LENGTH + 1);
    memset(bytes, 'a', LENGTH);
    write_file(arena_format(&arena, "%s/storage/large/1.0.0.tar.gz", gateway_process_folder(small)), bytes);
    double before = gateway_process_metric(small, open_connections);
    struct http_connection connections[4];
    for (size_t i = 0; i < 4; i++) {
        open_as(&connections[i], small, 1);
        send_text(&connections[i], "GET /large/1.0.0.tar.gz HTTP/1.1\r\nHost: x\r\n\r\n");
    }
    gateway_process_wait_for(small, open_connections, before + 4);
    gateway_process_wait_for(small, open_connections, before);
    for (size_t i = 0; i < 4; i++)
        http_connection_close(&connections[i]);
    free(bytes);
    arena_release(&arena);
    assert_int_equal(gateway_process_stop(small), 0);
}

/* ---- Connections and requests of an address ---- */

static void one_address_has_only_its_share_of_connections(void **state) {
    (void)state;
    enum { SHARE = 16 };
    static const char *const settings[] = {"GATEWAY_CONNECTIONS_PER_ADDRESS=16", NULL};
    struct gateway_process *small = start_with(settings);
    struct http_connection connections[SHARE], extra[SHARE], other;
    for (size_t i = 0; i < SHARE; i++) {
        open_as(&connections[i], small, 7);
        send_text(&connections[i], status_request);
        expect_status(&connections[i], 200);
    }
    for (size_t i = 0; i < SHARE; i++) {
        open_as(&extra[i], small, 7);
        assert_true(is_closed_by_gateway(&extra[i]));
        http_connection_close(&extra[i]);
    }
    assert_int_equal((int)gateway_process_metric(small, ended_by_address), SHARE);
    open_as(&other, small, 8);
    send_text(&other, status_request);
    expect_status(&other, 200);
    http_connection_close(&other);
    http_connection_close(&connections[0]);
    gateway_process_wait_for(small, open_connections, SHARE - 1);
    open_as(&connections[0], small, 7);
    for (size_t i = 0; i < SHARE; i++) {
        send_text(&connections[i], status_request);
        expect_status(&connections[i], 200);
        http_connection_close(&connections[i]);
    }
    assert_int_equal(gateway_process_stop(small), 0);
}

/* From many addresses, so that limits for each address do not help. */
static void slow_connections_in_bulk_shut_nobody_out(void **state) {
    (void)state;
    enum { SLOW = 200, MOST = 32 };
    static const char *const settings[] = {"GATEWAY_CONNECTIONS=32", NULL};
    struct gateway_process *small = start_with(settings);
    struct http_connection *slow = memory_alloc(SLOW * sizeof *slow), other;
    for (unsigned i = 0; i < SLOW; i++) {
        open_as(&slow[i], small, 100 + i);
        send_text(&slow[i], "POST /api/v1/publish HTTP/1.1\r\nHost: x\r\nContent-Le");
        if (i % 20 != 0) continue;
        open_as(&other, small, 2);
        char request[256], body[128];
        snprintf(body, sizeof body, "{\"name\":\"aff\",\"version\":\"7.3.%u\",\"ref\":\"v7.3.%u\"}", i, i);
        snprintf(request, sizeof request, "POST /api/v1/publish HTTP/1.1\r\nHost: x\r\nContent-Length: %zu\r\n\r\n%s",
                 strlen(body), body);
        send_text(&other, request);
        expect_status(&other, 200);
        http_connection_close(&other);
    }
    assert_true(gateway_process_metric(small, open_connections) <= MOST + 2);
    assert_true(gateway_process_metric(small, ended_idle) >= SLOW - MOST - 2);
    for (unsigned i = 0; i < SLOW; i++)
        http_connection_close(&slow[i]);
    free(slow);
    assert_int_equal(gateway_process_stop(small), 0);
}

static void one_address_has_only_its_share_of_requests(void **state) {
    (void)state;
    enum { SHARE = 8 };
    static const char *const settings[] = {"GATEWAY_REQUESTS_PER_ADDRESS=8", "POST_LIMIT_PER_MINUTE=0", NULL};
    struct gateway_process *small = start_with(settings);
    struct http_connection waiting[SHARE], other;
    struct http_response response = http_ask("POST", gateway_process_url(small), "/api/v1/publish", NULL,
                                             "{\"name\":\"aff\",\"version\":\"7.4.0\",\"ref\":\"v7.4.0\"}");
    assert_int_equal(response.status, 200);
    json_t *job = http_json(&response);
    char request[256];
    snprintf(request, sizeof request, "GET /logs/%s?wait=60 HTTP/1.1\r\nHost: x\r\n\r\n", http_json_text(job, "jobId"));
    json_decref(job);
    http_response_release(&response);
    for (size_t i = 0; i < SHARE; i++) {
        open_as(&waiting[i], small, 9);
        send_text(&waiting[i], request);
    }
    do { /* until all of them have arrived */
        open_as(&other, small, 9);
        send_text(&other, status_request);
        assert_true(http_connection_receive(&other));
        http_connection_close(&other);
    } while (other.status == 200);
    assert_int_equal(other.status, 503);
    open_as(&other, small, 10);
    send_text(&other, status_request);
    expect_status(&other, 200);
    http_connection_close(&other);
    for (size_t i = 0; i < SHARE; i++)
        http_connection_close(&waiting[i]);
    assert_int_equal(gateway_process_stop(small), 0);
}

/* A proxy's connections serve many clients, which it names in a header. */
static void behind_a_proxy_each_client_is_counted(void **state) {
    (void)state;
    enum { CONNECTIONS = 12, SHARE = 2 };
    static const char *const settings[] = {"TRUSTED_PROXIES=127.0.0.1", "GATEWAY_CONNECTIONS_PER_ADDRESS=4",
                                           "GATEWAY_REQUESTS_PER_ADDRESS=2", NULL};
    struct gateway_process *small = start_with(settings);
    struct http_connection connections[CONNECTIONS], other;
    struct arena arena = {0};
    struct http_response response = http_ask("POST", gateway_process_url(small), "/api/v1/publish", NULL,
                                             "{\"name\":\"aff\",\"version\":\"7.5.0\",\"ref\":\"v7.5.0\"}");
    assert_int_equal(response.status, 200);
    json_t *job = http_json(&response);
    for (size_t i = 0; i < CONNECTIONS; i++) { /* two requests of each of six clients */
        open_as(&connections[i], small, 1);
        send_text(&connections[i],
                  arena_format(&arena, "GET /logs/%s?wait=60 HTTP/1.1\r\nHost: x\r\nX-Forwarded-For: 192.0.2.%zu\r\n\r\n",
                               http_json_text(job, "jobId"), i / SHARE));
    }
    gateway_process_wait_for(small, under_way, CONNECTIONS + 1);
    open_as(&other, small, 1);
    send_text(&other, "GET /api/v1/status HTTP/1.1\r\nHost: x\r\nX-Forwarded-For: 192.0.2.0\r\n\r\n");
    expect_status(&other, 503);
    send_text(&other, "GET /api/v1/status HTTP/1.1\r\nHost: x\r\nX-Forwarded-For: 192.0.2.200\r\n\r\n");
    expect_status(&other, 200);
    http_connection_close(&other);
    for (size_t i = 0; i < CONNECTIONS; i++)
        http_connection_close(&connections[i]);
    json_decref(job);
    http_response_release(&response);
    arena_release(&arena);
    assert_int_equal(gateway_process_stop(small), 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(more_streams_than_announced_are_refused),
        cmocka_unit_test(too_many_headers_are_400),
        cmocka_unit_test(requests_that_do_not_arrive_in_time_are_ended),
        cmocka_unit_test(an_http_2_request_in_drops_is_cancelled),
        cmocka_unit_test(an_answer_that_nobody_takes_ends_its_connection),
        cmocka_unit_test(one_address_has_only_its_share_of_connections),
        cmocka_unit_test(slow_connections_in_bulk_shut_nobody_out),
        cmocka_unit_test(one_address_has_only_its_share_of_requests),
        cmocka_unit_test(behind_a_proxy_each_client_is_counted),
    };
    log_configure("test", LOG_ERROR);
    return cmocka_run_group_tests(tests, start_gateway, stop_gateway);
}
