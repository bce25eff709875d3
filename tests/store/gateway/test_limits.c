/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Limits for one client over HTTP/1 (services/gateway/README.md, What one client may take), and requests that can be read in
 * two ways.
 */
#include "tests/store/gateway/raw_client.h"

/* ---- The form of a request ---- */

static void ambiguous_requests_are_400_and_end_the_connection(void **state) {
    struct gateway_scene *s = *state;
    static const char *const requests[] = {
        "POST /api/v1/publish HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n{}x",
        "POST /api/v1/publish HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "POST /api/v1/publish HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "GET /healthz HTTP/1.1\r\n\r\n",
        "GET /healthz HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n",
        "GET http:///healthz HTTP/1.1\r\nHost: a\r\n\r\n",
        "GET http://user@a/healthz HTTP/1.1\r\nHost: a\r\n\r\n",
    };
    serve(s);
    for (size_t i = 0; i < sizeof requests / sizeof *requests; i++) {
        struct http_connection connection;
        open_as(s, &connection, 1);
        send_text(&connection, requests[i]);
        expect_answer(&connection, 400);
        expect_within(text_view(&connection.answer), "\"invalid_request\"");
        expect_closed(&connection);
        http_connection_close(&connection);
    }
}

static void requests_of_a_good_form_pass(void **state) {
    struct gateway_scene *s = *state;
    static const char *const requests[] = {
        "GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n",
        "GET http://b/healthz HTTP/1.1\r\nHost: a\r\n\r\n",
        "GET HTTPS://b/healthz?x HTTP/1.1\r\nHost: a\r\n\r\n",
        "GET /api/../healthz HTTP/1.1\r\nHost: a\r\n\r\n",
        "\r\nGET /healthz HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n",
        "OPTIONS http://b?x HTTP/1.1\r\nHost: a\r\n\r\n",
    };
    struct http_connection connection;
    serve(s);
    open_as(s, &connection, 1);
    for (size_t i = 0; i < sizeof requests / sizeof *requests; i++) { /* all on one connection */
        send_text(&connection, requests[i]);
        expect_answer(&connection, strncmp(requests[i], "OPT", 3) == 0 ? 204 : 200);
    }
    http_connection_close(&connection);
}

static void requests_in_one_go_are_answered_in_order(void **state) {
    struct gateway_scene *s = *state;
    struct http_connection connection;
    serve(s);
    open_as(s, &connection, 1);
    send_text(&connection, "GET /nowhere HTTP/1.1\r\nHost: a\r\n\r\nGET /api/v1/jobs HTTP/1.1\r\nHost: a\r\n\r\n"
                           "POST /api/v1/publish HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\n{}");
    expect_answer(&connection, 404);
    expect_answer(&connection, 200);
    assert_string_equal(text_view(&connection.answer), "[]");
    expect_answer(&connection, 400);
    http_connection_close(&connection);
}

/* ---- Bodies ---- */

static void a_body_over_the_limit_is_413_as_soon_as_that_is_known(void **state) {
    struct gateway_scene *s = *state;
    struct http_connection connection;
    serve(s);
    open_as(s, &connection, 1);
    send_text(&connection, "POST /api/v1/publish HTTP/1.1\r\nHost: a\r\nContent-Length: 70000\r\n\r\n"); /* and nothing of it */
    expect_answer(&connection, 413);
    expect_within(text_view(&connection.answer), "larger than 65536 bytes");
    http_connection_close(&connection);
    open_as(s, &connection, 1);
    send_text(&connection, "POST /api/v1/publish HTTP/1.1\r\nHost: a\r\nContent-Length: 65537\r\n\r\n");
    expect_answer(&connection, 413);
    http_connection_close(&connection);
    open_as(s, &connection, 1);
    send_text(&connection, "POST /healthz HTTP/1.1\r\nHost: a\r\nContent-Length: 5000\r\n\r\n"); /* this route takes no body */
    expect_answer(&connection, 413);
    http_connection_close(&connection);

    open_as(s, &connection, 1);
    send_text(&connection, "POST /api/v1/publish HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n");
    struct text chunk = {0};
    text_append(&chunk, "10001\r\n");
    for (int i = 0; i < 0x10001; i++)
        text_append_character(&chunk, ' ');
    text_append(&chunk, "\r\n"); /* more chunks could come */
    send_and_clear(&connection, &chunk);
    expect_answer(&connection, 413);
    text_release(&chunk);
    http_connection_close(&connection);
}

/* The client sends the whole body before it reads the answer: the connection must not be reset before that. */
static void the_answer_to_a_refused_body_can_be_read_behind_it(void **state) {
    struct gateway_scene *s = *state;
    enum { MORE = 4 << 20 };
    struct http_connection connection;
    struct text bytes = {0};
    serve(s);
    open_as(s, &connection, 1);
    text_append_format(&bytes, "POST /api/v1/publish HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n", MORE);
    memset(text_reserve(&bytes, MORE), ' ', MORE);
    bytes.length += MORE;
    send_and_clear(&connection, &bytes);
    expect_answer(&connection, 413);
    expect_closed(&connection);
    text_release(&bytes);
    http_connection_close(&connection);
}

/* ---- Connections ---- */

static void an_address_has_its_share_of_connections(void **state) {
    struct gateway_scene *s = *state;
    struct http_connection mine[4], other;
    s->settings.gateway_connections_per_address = 3;
    serve(s);
    for (int i = 0; i < 3; i++) {
        open_as(s, &mine[i], 2);
        send_text(&mine[i], "GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n");
        expect_answer(&mine[i], 200);
    }
    open_as(s, &mine[3], 2);
    expect_closed(&mine[3]);
    await_metric(s, ENDED("too many of one address"), 1);
    open_as(s, &other, 3);
    send_text(&other, "GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n");
    expect_answer(&other, 200);
    http_connection_close(&other);
    for (int i = 0; i < 4; i++)
        http_connection_close(&mine[i]);
    await_metric(s, CONNECTIONS, 0);
}

/* 16 are allowed: a new connection replaces one of the address with the most. */
static void a_newcomer_takes_the_place_of_an_idle_connection(void **state) {
    struct gateway_scene *s = *state;
    enum { ALLOWED = 16, OF_FIRST = 12 };
    struct http_connection connections[ALLOWED], newcomer;
    s->settings.gateway_connections = ALLOWED;
    s->settings.gateway_threads = 1;
    serve(s);
    for (int i = 0; i < ALLOWED; i++) {
        open_as(s, &connections[i], i < OF_FIRST ? 2 : 3);
        send_text(&connections[i], "GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n");
        expect_answer(&connections[i], 200);
    }
    open_as(s, &newcomer, 4);
    send_text(&newcomer, "GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n");
    expect_answer(&newcomer, 200);
    assert_true(is_closed(&connections[0])); /* it was idle for longest */
    for (int i = 1; i < ALLOWED; i++)
        assert_false(is_closed(&connections[i]));
    assert_true(metric_of(s, ENDED("idle where others need room")) == 1);
    assert_true(metric_of(s, CONNECTIONS) == ALLOWED);
    for (int i = 0; i < ALLOWED; i++)
        http_connection_close(&connections[i]);
    http_connection_close(&newcomer);
}

/* If all are busy, one that waits for a log is answered early, and then replaced. */
static void a_wait_for_a_log_makes_room_with_an_answer(void **state) {
    struct gateway_scene *s = *state;
    enum { ALLOWED = 16 };
    struct http_connection connections[ALLOWED], newcomer;
    const struct job_request request = publish_of("aff");
    const char *id = arena_copy(&s->f.arena, accept_job(&s->f, &request).id);
    s->settings.gateway_connections = ALLOWED;
    s->settings.gateway_threads = 1;
    serve(s);
    for (int i = 0; i < ALLOWED; i++) {
        open_as(s, &connections[i], 2);
        assert_true(http_connection_send(&connections[i], "GET", arena_format(&s->f.arena, "/logs/%s?wait=60", id), NULL));
        await_requests(s, i + 1);
    }
    open_as(s, &newcomer, 3);
    send_text(&newcomer, "GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n");
    expect_answer(&newcomer, 200);
    expect_answer(&connections[0], 200);
    assert_string_equal(text_view(&connections[0].answer), "[]");
    expect_closed(&connections[0]);
    assert_true(metric_of(s, ENDED("busy where others need room")) == 1);
    for (int i = 0; i < ALLOWED; i++)
        http_connection_close(&connections[i]);
    http_connection_close(&newcomer);
}

static void an_address_has_its_share_of_requests(void **state) {
    struct gateway_scene *s = *state;
    struct http_connection waiting[2], third, other;
    const struct job_request request = publish_of("aff");
    const char *path = arena_format(&s->f.arena, "/logs/%s?wait=60", accept_job(&s->f, &request).id);
    s->settings.gateway_requests_per_address = 2;
    serve(s);
    for (int i = 0; i < 2; i++) {
        open_as(s, &waiting[i], 2);
        assert_true(http_connection_send(&waiting[i], "GET", path, NULL));
    }
    await_requests(s, 2);
    open_as(s, &third, 2);
    assert_true(http_connection_send(&third, "GET", "/healthz", NULL));
    expect_answer(&third, 503);
    expect_within(text_view(&third.answer), "Too many requests from 127.0.0.2");
    open_as(s, &other, 3);
    assert_true(http_connection_send(&other, "GET", "/healthz", NULL));
    expect_answer(&other, 200);
    for (int i = 0; i < 2; i++)
        http_connection_close(&waiting[i]);
    http_connection_close(&third);
    http_connection_close(&other);
}

/* A client that only closes its sending side, as `nc` does, gets the answer without new lines. */
static void a_wait_ends_where_the_client_leaves(void **state) {
    struct gateway_scene *s = *state;
    struct http_connection polite, gone;
    const struct job_request request = publish_of("aff");
    const char *path = arena_format(&s->f.arena, "/logs/%s?wait=60", accept_job(&s->f, &request).id);
    serve(s);
    open_as(s, &polite, 2);
    open_as(s, &gone, 2);
    assert_true(http_connection_send(&polite, "GET", path, NULL));
    assert_true(http_connection_send(&gone, "GET", path, NULL));
    await_requests(s, 2);
    shutdown(polite.socket, SHUT_WR);
    const struct linger reset = {.l_onoff = 1};
    setsockopt(gone.socket, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
    http_connection_close(&gone);
    expect_answer(&polite, 200);
    assert_string_equal(text_view(&polite.answer), "[]");
    expect_closed(&polite);
    await_requests(s, 0);
    http_connection_close(&polite);
}

/* ---- Memory of incomplete requests ---- */

static void over_the_limit_the_connection_with_the_most_memory_is_closed(void **state) {
    struct gateway_scene *s = *state;
    enum { COUNT = 8, HELD = 60000 };
    struct http_connection connections[COUNT], other;
    struct text bytes = {0};
    s->settings.gateway_intake_bytes_per_address = 262144;
    s->settings.gateway_threads = 1;
    serve(s);
    open_as(s, &other, 3);
    send_text(&other, "POST /api/v1/publish HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\n{");
    for (int i = 0; i < COUNT; i++) {
        open_as(s, &connections[i], 2);
        text_append(&bytes, "POST /api/v1/publish HTTP/1.1\r\nHost: a\r\nContent-Length: 65536\r\n\r\n");
        memset(text_reserve(&bytes, HELD), ' ', HELD);
        bytes.length += HELD;
        send_and_clear(&connections[i], &bytes);
    }
    int64_t until_ms = clock_monotonic_ms() + PATIENCE_MS;
    while (metric_of(s, ENDED("requests hold too much memory")) < 1 && clock_monotonic_ms() < until_ms)
        wait_ms(5);
    assert_true(metric_of(s, ENDED("requests hold too much memory")) >= 1);
    assert_true(metric_of(s, INTAKE) <= 262144 + 65536);
    int closed = 0;
    for (int i = 0; i < COUNT; i++)
        closed += is_closed(&connections[i]);
    assert_true(closed >= 1 && closed < COUNT);
    send_text(&other, "}"); /* another address is not affected */
    expect_answer(&other, 400);
    for (int i = 0; i < COUNT; i++)
        http_connection_close(&connections[i]);
    http_connection_close(&other);
    await_metric(s, INTAKE, 0);
    text_release(&bytes);
}

static void a_request_that_does_not_arrive_in_time_ends_its_connection(void **state) {
    struct gateway_scene *s = *state;
    struct http_connection connection;
    s->settings.gateway_request_ms = 100;
    serve(s);
    open_as(s, &connection, 1);
    send_text(&connection, "POST /api/v1/publish HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\n{");
    expect_closed(&connection);
    await_metric(s, CONNECTIONS, 0);
    http_connection_close(&connection);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        gateway_test(ambiguous_requests_are_400_and_end_the_connection),
        gateway_test(requests_of_a_good_form_pass),
        gateway_test(requests_in_one_go_are_answered_in_order),
        gateway_test(a_body_over_the_limit_is_413_as_soon_as_that_is_known),
        gateway_test(the_answer_to_a_refused_body_can_be_read_behind_it),
        gateway_test(an_address_has_its_share_of_connections),
        gateway_test(a_newcomer_takes_the_place_of_an_idle_connection),
        gateway_test(a_wait_for_a_log_makes_room_with_an_answer),
        gateway_test(an_address_has_its_share_of_requests),
        gateway_test(a_wait_ends_where_the_client_leaves),
        gateway_test(over_the_limit_the_connection_with_the_most_memory_is_closed),
        gateway_test(a_request_that_does_not_arrive_in_time_ends_its_connection),
    };
    return cmocka_run_group_tests(tests, start_scene, stop_scene);
}
