/* SPDX-License-Identifier: BSD-3-Clause */
#include "tests/support/cmocka_all.h"

#include <stdatomic.h>
#include <stdio.h>

#include "lib/base/clock.h"
#include "lib/base/log.h"
#include "lib/base/text.h"
#include "lib/tools/http/health_check.h"
#include "tests/support/http/http_stub.h"

static const char ok[] = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nOK";
static const char broken[] = "HTTP/1.1 500 Oops\r\nContent-Length: 0\r\n\r\n";

static atomic_bool is_fine;

static bool is_ready(void *context, struct text *reasons) {
    (void)context;
    if (!atomic_load(&is_fine)) text_append(reasons, "Redis is away.");
    return atomic_load(&is_fine);
}

static struct health_check *start(const struct http_stub *stub, int interval_ms, int retry_ms) {
    char url[64];
    snprintf(url, sizeof url, "http://127.0.0.1:%d/ping/uuid/", http_stub_port(stub));
    const struct health_check_options options = {
        .url = url, .interval_ms = interval_ms, .retry_ms = retry_ms, .is_ready = is_ready};
    struct health_check *check;
    struct error err;
    assert_int_equal(health_check_create(&check, &options, &err), STATUS_OK);
    return check;
}

static void it_pings_again_and_again_while_ready(void **state) {
    (void)state;
    atomic_store(&is_fine, true);
    struct http_stub *stub = http_stub_start(ok);
    struct health_check *check = start(stub, 20, 60000);
    for (size_t i = 0; i < 3; i++)
        assert_true(text_starts_with(http_stub_request(stub, i), "GET /ping/uuid HTTP/1.1\r\n"));
    health_check_free(check);
    http_stub_stop(stub);
}

static void it_says_why_it_is_not_ready(void **state) {
    (void)state;
    atomic_store(&is_fine, false);
    struct http_stub *stub = http_stub_start(ok);
    struct health_check *check = start(stub, 60000, 60000);
    const char *request = http_stub_request(stub, 0);
    assert_true(text_starts_with(request, "POST /ping/uuid/fail HTTP/1.1\r\n"));
    assert_true(text_ends_with(request, "Redis is away."));
    health_check_free(check);
    http_stub_stop(stub);
}

static void a_ping_that_fails_is_tried_again_soon(void **state) {
    (void)state;
    atomic_store(&is_fine, true);
    struct http_stub *stub = http_stub_start(broken);
    struct health_check *check = start(stub, 600000, 20); /* only retry_ms brings the second ping within the test's limit */
    for (size_t i = 0; i < 3; i++)
        assert_non_null(http_stub_request(stub, i));
    health_check_free(check);
    http_stub_stop(stub);
}

static void it_ends_at_once_though_nobody_answers(void **state) {
    (void)state;
    atomic_store(&is_fine, true);
    bool has_ended_soon = false;
    for (int tries = 0; tries < 5 && !has_ended_soon; tries++) { /* repeated, because the machine may be busy */
        struct http_stub *stub = http_stub_start(NULL);
        struct health_check *check = start(stub, 60000, 60000);
        assert_non_null(http_stub_request(stub, 0));
        int64_t before_ms = clock_monotonic_ms();
        health_check_free(check);
        has_ended_soon = clock_monotonic_ms() - before_ms < 5000; /* the ping would take ten seconds */
        http_stub_stop(stub);
    }
    assert_true(has_ended_soon);
}

static void one_ping_tells_whether_it_arrived(void **state) {
    (void)state;
    struct http_stub *stub = http_stub_start(broken);
    char url[64];
    snprintf(url, sizeof url, "http://127.0.0.1:%d/ping", http_stub_port(stub));
    struct error err;
    assert_int_equal(health_check_ping(url, "/start", NULL, &err), STATUS_UNAVAILABLE);
    http_stub_set_answer(stub, ok);
    assert_int_equal(health_check_ping(url, "/start", NULL, &err), STATUS_OK);
    assert_true(text_starts_with(http_stub_request(stub, 1), "GET /ping/start "));
    http_stub_stop(stub);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_pings_again_and_again_while_ready),  cmocka_unit_test(it_says_why_it_is_not_ready),
        cmocka_unit_test(a_ping_that_fails_is_tried_again_soon), cmocka_unit_test(it_ends_at_once_though_nobody_answers),
        cmocka_unit_test(one_ping_tells_whether_it_arrived),
    };
    log_configure("test", LOG_ERROR);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
