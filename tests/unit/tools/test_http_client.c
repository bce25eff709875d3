/* SPDX-License-Identifier: BSD-3-Clause */
#include "tests/support/cmocka_all.h"

#include <stdio.h>
#include <string.h>

#include "lib/tools/http/http_client.h"
#include "tests/support/http/http_stub.h"

static const char ok[] = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nETag:  \"x\"  \r\nX-Empty:\r\n\r\nhello";

static char url[128];

static const char *url_of(const struct http_stub *stub, const char *path) {
    snprintf(url, sizeof url, "http://127.0.0.1:%d%s", http_stub_port(stub), path);
    return url;
}

static void an_answer_comes_with_its_headers(void **state) {
    (void)state;
    struct http_stub *stub = http_stub_start(ok);
    const char *const headers[] = {"Accept: application/json", NULL};
    struct http_request request = {.url = url_of(stub, "/a?b"), .headers = headers};
    struct http_response response;
    struct error err;
    assert_int_equal(http_client_send(&request, &response, &err), STATUS_OK);
    assert_int_equal(response.status, 200);
    assert_string_equal(text_view(&response.body), "hello");
    struct text tag = {0};
    assert_true(http_response_header(&response, "etag", &tag));
    assert_true(text_starts_with(tag.bytes, "\"x\""));
    assert_false(http_response_header(&response, "et", &tag));
    const char *seen = http_stub_request(stub, 0);
    assert_true(text_starts_with(seen, "GET /a?b HTTP/1.1\r\n"));
    assert_non_null(strstr(seen, "\r\nAccept: application/json\r\n"));
    text_release(&tag);
    http_response_release(&response);
    http_stub_stop(stub);
}

static void a_body_is_sent_as_it_is(void **state) {
    (void)state;
    struct http_stub *stub = http_stub_start(ok);
    struct http_request request = {.method = "PUT", .url = url_of(stub, "/"), .body = "some bytes", .body_length = 10};
    struct http_response response;
    struct error err;
    assert_int_equal(http_client_send(&request, &response, &err), STATUS_OK);
    const char *seen = http_stub_request(stub, 0);
    assert_true(text_starts_with(seen, "PUT / "));
    assert_true(text_ends_with(seen, "\r\n\r\nsome bytes"));
    http_response_release(&response);
    http_stub_stop(stub);
}

static bool collect(void *context, const char *bytes, size_t length) {
    struct text *text = context;
    text_append_bytes(text, bytes, length);
    return text->length < 8;
}

static void a_stream_takes_the_body_of_a_200(void **state) {
    (void)state;
    struct text taken = {0};
    const struct http_stream stream = {.take = collect, .context = &taken, .idle_ms = 60000};
    struct http_response response;
    struct error err;
    struct http_stub *stub = http_stub_start(ok);
    struct http_request request = {.url = url_of(stub, "/"), .stream = &stream};
    assert_int_equal(http_client_send(&request, &response, &err), STATUS_OK);
    assert_string_equal(text_view(&taken), "hello");
    assert_int_equal(response.body.length, 0);
    http_response_release(&response);
    assert_int_equal(http_client_send(&request, &response, &err), STATUS_CANCELLED); /* it has enough */
    assert_string_equal(text_view(&taken), "hellohello");
    http_response_release(&response);
    http_stub_stop(stub);

    text_clear(&taken);
    stub = http_stub_start("HTTP/1.1 404 Not Found\r\nContent-Length: 4\r\n\r\nnone");
    request.url = url_of(stub, "/");
    assert_int_equal(http_client_send(&request, &response, &err), STATUS_OK);
    assert_int_equal(response.status, 404);
    assert_string_equal(text_view(&response.body), "none");
    assert_int_equal(taken.length, 0);
    http_response_release(&response);
    http_stub_stop(stub);
    text_release(&taken);
}

static void an_error_status_is_an_answer(void **state) {
    (void)state;
    struct http_stub *stub = http_stub_start("HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n");
    struct http_request request = {.url = url_of(stub, "/")};
    struct http_response response;
    struct error err;
    assert_int_equal(http_client_send(&request, &response, &err), STATUS_OK);
    assert_int_equal(response.status, 503);
    http_response_release(&response);
    http_stub_stop(stub);
}

static void a_redirect_is_followed_only_where_asked(void **state) {
    (void)state;
    struct http_stub *target = http_stub_start(ok);
    char answer[256];
    snprintf(answer, sizeof answer, "HTTP/1.1 302 Found\r\nLocation: %s\r\nContent-Length: 4\r\n\r\ngone",
             url_of(target, "/b"));
    struct http_stub *stub = http_stub_start(answer);
    struct http_request request = {.url = url_of(stub, "/a")};
    struct http_response response;
    struct error err;
    assert_int_equal(http_client_send(&request, &response, &err), STATUS_OK);
    assert_int_equal(response.status, 302);
    http_response_release(&response);
    request.redirects = 1;
    assert_int_equal(http_client_send(&request, &response, &err), STATUS_OK);
    assert_int_equal(response.status, 200);
    assert_string_equal(text_view(&response.body), "hello");
    http_response_release(&response);
    http_stub_stop(stub);
    http_stub_stop(target);
}

static void too_large_an_answer_is_not_read(void **state) {
    (void)state;
    struct http_stub *stub = http_stub_start(ok);
    struct http_request request = {.url = url_of(stub, "/"), .limit_bytes = 4};
    struct http_response response;
    struct error err;
    assert_int_equal(http_client_send(&request, &response, &err), STATUS_TOO_LARGE);
    http_response_release(&response);
    http_stub_stop(stub);
}

static void silence_ends_in_a_timeout_that_hides_the_path(void **state) {
    (void)state;
    struct http_stub *stub = http_stub_start(NULL);
    struct http_request request = {.url = url_of(stub, "/secret-path"), .timeout_ms = 100};
    struct http_response response;
    struct error err;
    assert_int_equal(http_client_send(&request, &response, &err), STATUS_TIMEOUT);
    assert_null(strstr(err.message, "secret"));
    http_response_release(&response);
    http_stub_stop(stub);
}

static void a_raised_deadline_ends_the_wait(void **state) {
    (void)state;
    struct http_stub *stub = http_stub_start(NULL);
    struct deadline deadline;
    deadline_start(&deadline, 100000);
    deadline_cancel(&deadline, STATUS_CANCELLED);
    struct http_request request = {.url = url_of(stub, "/"), .deadline = &deadline};
    struct http_response response;
    struct error err;
    assert_int_equal(http_client_send(&request, &response, &err), STATUS_CANCELLED);
    http_response_release(&response);
    http_stub_stop(stub);
}

static void temporary_failures_are_retried(void **state) {
    (void)state;
    struct http_stub *stub = http_stub_start("HTTP/1.1 503 Busy\r\nContent-Length: 4\r\n\r\nbusy");
    struct http_request request = {.url = url_of(stub, "/"), .tries = 3};
    struct http_response response;
    struct error err;
    assert_int_equal(http_client_send(&request, &response, &err), STATUS_OK);
    assert_int_equal(response.status, 503);
    assert_string_equal(text_view(&response.body), "busy"); /* once */
    assert_int_equal(http_stub_count(stub), 3);
    http_response_release(&response);
    http_stub_set_answer(stub, "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n");
    assert_int_equal(http_client_send(&request, &response, &err), STATUS_OK);
    assert_int_equal(http_stub_count(stub), 4); /* counts as an answer */
    http_response_release(&response);
    http_stub_set_answer(stub, ""); /* the connection is closed without an answer */
    assert_int_equal(http_client_send(&request, &response, &err), STATUS_UNAVAILABLE);
    assert_int_equal(http_stub_count(stub), 7);
    http_response_release(&response);
    http_stub_stop(stub);
}

static void tries_end_with_the_deadline(void **state) {
    (void)state;
    struct http_stub *stub = http_stub_start("HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n");
    struct deadline deadline;
    deadline_start(&deadline, 1000);
    struct http_request request = {.url = url_of(stub, "/"), .tries = 1000, .deadline = &deadline};
    struct http_response response;
    struct error err;
    enum status status = http_client_send(&request, &response, &err);
    assert_true((status == STATUS_OK && response.status == 503) || status == STATUS_TIMEOUT);
    assert_true(http_stub_count(stub) > 1 && http_stub_count(stub) < 20);
    http_response_release(&response);
    http_stub_stop(stub);
}

/* If the deadline ends during a request without an answer, the error is the deadline, not a slow server. */
static void a_deadline_that_passes_meanwhile_is_the_reason(void **state) {
    (void)state;
    struct http_stub *stub = http_stub_start(NULL);
    struct deadline deadline;
    deadline_start(&deadline, 100);
    struct http_request request = {.url = url_of(stub, "/"), .tries = 3, .deadline = &deadline};
    struct http_response response;
    struct error err;
    assert_int_equal(http_client_send(&request, &response, &err), STATUS_TIMEOUT);
    assert_non_null(strstr(err.message, "time limit"));
    http_response_release(&response);
    http_stub_stop(stub);
}

/* A request leaves nothing behind for the next on the same connection. */
static void requests_that_share_connections_share_nothing_else(void **state) {
    (void)state;
    struct http_stub *stub = http_stub_start(ok);
    struct http_connections *connections = http_connections_create();
    const char *const headers[] = {"X-Secret: secret", NULL};
    struct http_signature signature = {"aws:amz:region:s3", "key", "secret"};
    struct http_request first = {.method = "PUT",
                                 .url = url_of(stub, "/first"),
                                 .headers = headers,
                                 .body = "secret",
                                 .body_length = 6,
                                 .connections = connections,
                                 .signature = &signature};
    struct http_response response;
    struct error err;
    assert_int_equal(http_client_send(&first, &response, &err), STATUS_OK);
    http_response_release(&response);
    assert_non_null(strstr(http_stub_request(stub, 0), "Authorization: AWS4-HMAC-SHA256 Credential=key/"));
    struct http_request second = {.url = url_of(stub, "/second"), .connections = connections};
    assert_int_equal(http_client_send(&second, &response, &err), STATUS_OK);
    http_response_release(&response);
    const char *seen = http_stub_request(stub, 1);
    assert_true(text_starts_with(seen, "GET /second HTTP/1.1\r\n"));
    assert_null(strstr(seen, "secret"));
    assert_null(strstr(seen, "Authorization"));
    http_connections_free(connections);
    http_stub_stop(stub);
}

static void nobody_there_and_nonsense_are_told_apart(void **state) {
    (void)state;
    struct http_stub *stub = http_stub_start(ok);
    struct http_request request = {.url = url_of(stub, "/")};
    http_stub_stop(stub);
    struct http_response response;
    struct error err;
    assert_int_equal(http_client_send(&request, &response, &err), STATUS_UNAVAILABLE);
    http_response_release(&response);
    request.url = "file:///etc/passwd";
    assert_int_equal(http_client_send(&request, &response, &err), STATUS_INVALID);
    http_response_release(&response);
    request.url = "not an http or https address";
    assert_int_equal(http_client_send(&request, &response, &err), STATUS_INVALID);
    http_response_release(&response);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_answer_comes_with_its_headers),
        cmocka_unit_test(a_body_is_sent_as_it_is),
        cmocka_unit_test(a_stream_takes_the_body_of_a_200),
        cmocka_unit_test(an_error_status_is_an_answer),
        cmocka_unit_test(a_redirect_is_followed_only_where_asked),
        cmocka_unit_test(too_large_an_answer_is_not_read),
        cmocka_unit_test(silence_ends_in_a_timeout_that_hides_the_path),
        cmocka_unit_test(a_raised_deadline_ends_the_wait),
        cmocka_unit_test(nobody_there_and_nonsense_are_told_apart),
        cmocka_unit_test(temporary_failures_are_retried),
        cmocka_unit_test(tries_end_with_the_deadline),
        cmocka_unit_test(a_deadline_that_passes_meanwhile_is_the_reason),
        cmocka_unit_test(requests_that_share_connections_share_nothing_else),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
