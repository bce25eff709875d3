/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Malformed requests that h2o accepts and the gateway refuses (services/gateway/http/request_form.h); and absolute targets,
 * which are accepted.
 */
#include "tests/support/cmocka_all.h"

#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "lib/base/log.h"
#include "tests/flow/gateway/gateway_fixture.h"
#include "tests/support/http/http.h"
#include "tests/support/http/http_connection.h"
#include "tests/support/shell.h"

enum { PATIENCE_MS = 60000 };

#define BODY "{\"name\":\"aff\",\"version\":\"7.1.0\",\"ref\":\"v7.1.0\"}"
#define LENGTH "Content-Length: 47\r\n"
_Static_assert(sizeof BODY - 1 == 47, "the length above");

static void ask(struct http_connection *connection, const char *request) {
    assert_true(http_connection_open(connection, gateway_process_port(gateway), PATIENCE_MS));
    assert_true(http_connection_send_bytes(connection, request, strlen(request)));
    if (!http_connection_receive(connection)) fail_msg("no answer to %s", request);
}

static bool is_closed_by_gateway(struct http_connection *connection) {
    char byte;
    return recv(connection->socket, &byte, 1, 0) == 0;
}

static void a_request_that_can_be_read_in_two_ways_is_400_and_ends_its_connection(void **state) {
    (void)state;
    static const struct {
        const char *request;
        const char *words; /* of the answer */
    } rows[] = {
        {"POST /api/v1/publish HTTP/1.1\r\nHost: x\r\n" LENGTH "Content-Length: 5\r\n\r\n" BODY,
         "two different Content-Length"},
        {"POST /api/v1/publish HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n" LENGTH "\r\n" BODY,
         "two different Content-Length"},
        {"POST /api/v1/publish HTTP/1.1\r\nHost: x\r\n" LENGTH "Transfer-Encoding: chunked\r\n\r\n2f\r\n" BODY "\r\n0\r\n\r\n",
         "one Content-Length or one Transfer-Encoding"},
        {"POST /api/v1/publish HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n\r\n"
         "2f\r\n" BODY "\r\n0\r\n\r\n",
         "one Content-Length or one Transfer-Encoding"},
        {"POST /api/v1/publish HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n2f\r\n" BODY "\r\n0\r\n\r\n", "HTTP/1.0"},
        {"GET /api/v1/status HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\nContent-Length: 3\r\n\r\n", "two different"},
        {"GET /api/v1/status HTTP/1.1\r\n\r\n", "no Host"},
        {"OPTIONS /api/v1/status HTTP/1.1\r\n\r\n", "no Host"},
        {"GET http://x/api/v1/status HTTP/1.1\r\n\r\n", "no Host"},
        {"GET /api/v1/status HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n", "several Host"},
        {"GET http:///api/v1/status HTTP/1.1\r\nHost: x\r\n\r\n", "must have a host"},
        {"GET http://a@x/api/v1/status HTTP/1.1\r\nHost: x\r\n\r\n", "must have a host"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct http_connection connection;
        ask(&connection, rows[i].request);
        if (connection.status != 400 || !strstr(text_view(&connection.answer), rows[i].words) ||
            !strstr(text_view(&connection.answer), "\"error\":\"invalid_request\""))
            fail_msg("row %zu: %d %s", i, connection.status, text_view(&connection.answer));
        if (!is_closed_by_gateway(&connection)) fail_msg("row %zu: goes on", i);
        http_connection_close(&connection);
    }
}

static void requests_of_a_good_form_pass(void **state) {
    (void)state;
    static const char *const rows[] = {
        "GET /api/v1/status HTTP/1.0\r\n\r\n",
        "POST /api/v1/publish HTTP/1.1\r\nHost: x\r\n" LENGTH LENGTH "\r\n" BODY,
        "POST /api/v1/publish HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n2f\r\n" BODY "\r\n0\r\n\r\n",
        "POST /api/v1/publish HTTP/1.1\r\nHost: x\r\nContent-Encoding: identity\r\n" LENGTH "\r\n" BODY,
        "GET /api/v1/status HTTP/1.1\r\nHost: x\r\nContent-Encoding: gzip\r\n\r\n", /* no body */
        "GET http://registry.example.org/api/v1/status HTTP/1.1\r\nHost: x\r\n\r\n",
        "GET HTTPS://registry.example.org:8443/api/v1/jobs?include_completed=true HTTP/1.1\r\nHost: x\r\n\r\n",
        "POST http://x/api/v1/publish HTTP/1.1\r\nHost: x\r\n" LENGTH "\r\n" BODY,
        "GET http://x/api/v1/%73tatus HTTP/1.1\r\nHost: x\r\n\r\n",
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct http_connection connection;
        ask(&connection, rows[i]);
        if (connection.status != 200) fail_msg("row %zu: %d %s", i, connection.status, text_view(&connection.answer));
        http_connection_close(&connection);
    }
    struct http_connection connection; /* a parameter of an absolute target is seen */
    ask(&connection, "GET http://x/api/v1/jobs?order=SIDEWAYS HTTP/1.1\r\nHost: x\r\n\r\n");
    assert_int_equal(connection.status, 400);
    assert_non_null(strstr(text_view(&connection.answer), "\"path\":\"order\""));
    http_connection_close(&connection);
    ask(&connection, "GET http://x?order=ASC HTTP/1.1\r\nHost: x\r\n\r\n");
    assert_true(connection.status == 200 || connection.status == 404); /* the page at / */
    http_connection_close(&connection);
}

/* Tarballs are served under one host name: that of the target counts, not the Host header. */
static void the_host_of_an_absolute_target_counts(void **state) {
    (void)state;
    static const char *const settings[] = {"S3_API_URL=https://packages.example.org", NULL};
    struct gateway_process *other = gateway_process_start(redis_server_url(redis), settings), *usual = gateway;
    struct http_connection connection;
    struct arena arena = {0};
    write_file(arena_format(&arena, "%s/storage/aff/1.0.0.tar.gz", gateway_process_folder(other)), "tarball");
    gateway = other;
    ask(&connection, "GET http://packages.example.org/aff/1.0.0.tar.gz HTTP/1.1\r\nHost: x\r\n\r\n");
    assert_int_equal(connection.status, 200);
    assert_string_equal(text_view(&connection.answer), "tarball");
    http_connection_close(&connection);
    ask(&connection, "GET http://x/aff/1.0.0.tar.gz HTTP/1.1\r\nHost: packages.example.org\r\n\r\n");
    assert_int_equal(connection.status, 404);
    http_connection_close(&connection);
    gateway = usual;
    arena_release(&arena);
    assert_int_equal(gateway_process_stop(other), 0);
}

static void an_encoded_body_is_415(void **state) {
    (void)state;
    static const char *const encodings[] = {"Content-Encoding: gzip", "Content-Encoding: identity, br",
                                            "content-encoding: DEFLATE"};
    for (size_t i = 0; i < sizeof encodings / sizeof encodings[0]; i++) {
        const char *const headers[] = {encodings[i], NULL};
        struct http_response response = http_ask("POST", url, "/api/v1/publish", headers, BODY);
        http_expect_error(&response, 415, "unsupported_media_type", NULL);
        assert_string_equal(http_header(&response, "accept-encoding"), "identity");
        http_response_release(&response);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_request_that_can_be_read_in_two_ways_is_400_and_ends_its_connection),
        cmocka_unit_test(requests_of_a_good_form_pass),
        cmocka_unit_test(the_host_of_an_absolute_target_counts),
        cmocka_unit_test(an_encoded_body_is_415),
    };
    log_configure("test", LOG_ERROR);
    return cmocka_run_group_tests(tests, start_gateway, stop_gateway);
}
