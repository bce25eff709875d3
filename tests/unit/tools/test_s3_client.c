/* SPDX-License-Identifier: BSD-3-Clause */
#include "tests/support/cmocka_all.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/arena.h"
#include "lib/base/memory.h"
#include "lib/base/text.h"
#include "lib/tools/http/http_client.h"
#include "lib/tools/http/s3_client.h"
#include "tests/support/http/http_stub.h"
#include "tests/support/s3/s3_server.h"

struct fixture {
    struct s3_server *server;
    struct s3_options options;
    struct s3_client *client;
    struct error err;
};

static enum status open_client(struct fixture *f) {
    s3_client_free(f->client);
    f->client = NULL;
    return s3_client_create(&f->client, &f->options, &f->err);
}

static int set_up(void **state) {
    struct fixture *f = memory_alloc(sizeof *f);
    f->server = s3_server_start();
    f->options = (struct s3_options){.endpoint = s3_server_url(f->server),
                                     .bucket = S3_SERVER_BUCKET,
                                     .region = S3_SERVER_REGION,
                                     .key = S3_SERVER_KEY,
                                     .secret = S3_SERVER_SECRET,
                                     .try_timeout_ms = 20000};
    assert_int_equal(open_client(f), STATUS_OK);
    *state = f;
    return 0;
}

static int tear_down(void **state) {
    struct fixture *f = *state;
    s3_client_free(f->client);
    s3_server_stop(f->server);
    free(f);
    return 0;
}

static enum status put(struct fixture *f, const char *object, const char *bytes) {
    struct s3_upload upload = {.bytes = bytes, .length = strlen(bytes), .content_type = "text/plain"};
    return s3_client_put(f->client, object, &upload, NULL, &f->err);
}

static enum status get(struct fixture *f, const char *object, size_t limit_bytes, struct text *out) {
    text_clear(out);
    return s3_client_get(f->client, object, limit_bytes, out, NULL, &f->err);
}

static void objects_come_and_go(void **state) {
    struct fixture *f = *state;
    struct text out = {0};
    assert_int_equal(get(f, "a/b~c_d-e.f", 100, &out), STATUS_NOT_FOUND);
    assert_int_equal(put(f, "a/b~c_d-e.f", "first"), STATUS_OK);
    assert_int_equal(put(f, "a/b~c_d-e.f", "second"), STATUS_OK);
    assert_int_equal(get(f, "a/b~c_d-e.f", 100, &out), STATUS_OK);
    assert_string_equal(text_view(&out), "second");
    assert_int_equal(s3_client_remove(f->client, "a/b~c_d-e.f", NULL, &f->err), STATUS_OK);
    assert_int_equal(s3_client_remove(f->client, "a/b~c_d-e.f", NULL, &f->err), STATUS_OK);
    assert_int_equal(get(f, "a/b~c_d-e.f", 100, &out), STATUS_NOT_FOUND);
    text_release(&out);
}

static void too_large_an_object_is_not_handed_out(void **state) {
    struct fixture *f = *state;
    struct text out = {0};
    assert_int_equal(put(f, "a", "12345"), STATUS_OK);
    assert_int_equal(get(f, "a", 5, &out), STATUS_OK);
    assert_int_equal(get(f, "a", 4, &out), STATUS_TOO_LARGE);
    assert_int_equal(out.length, 0);
    text_release(&out);
}

static void the_bucket_may_be_part_of_the_hosts_name(void **state) {
    struct fixture *f = *state;
    struct text log = {0}, out = {0};
    f->options.endpoint = s3_server_named_url(f->server);
    f->options.is_virtual_host = true;
    assert_int_equal(open_client(f), STATUS_OK);
    assert_int_equal(put(f, "a/b", "12345"), STATUS_OK);
    assert_int_equal(get(f, "a/b", 5, &out), STATUS_OK);
    s3_server_append_log(f->server, &log);
    assert_string_equal(text_view(&log), "PUT /a/b 200\nGET /a/b 200\n");
    text_release(&out);
    text_release(&log);
}

static void only_an_object_that_is_asked_to_be_is_public(void **state) {
    struct fixture *f = *state;
    char url[128];
    struct http_request request = {.url = url};
    struct http_response response;
    struct s3_upload upload = {.bytes = "x", .length = 1, .content_type = "text/plain", .is_public = true};
    assert_int_equal(put(f, "private", "x"), STATUS_OK);
    assert_int_equal(s3_client_put(f->client, "public", &upload, NULL, &f->err), STATUS_OK);
    snprintf(url, sizeof url, "%s/private", s3_server_public_url(f->server));
    assert_int_equal(http_client_send(&request, &response, &f->err), STATUS_OK);
    assert_int_equal(response.status, 403);
    http_response_release(&response);
    snprintf(url, sizeof url, "%s/public", s3_server_public_url(f->server));
    assert_int_equal(http_client_send(&request, &response, &f->err), STATUS_OK);
    assert_int_equal(response.status, 200);
    http_response_release(&response);
}

static void one_connection_does_for_many_requests(void **state) {
    struct fixture *f = *state;
    struct text out = {0};
    for (int i = 0; i < 20; i++) {
        assert_int_equal(put(f, "a", "12345"), STATUS_OK);
        assert_int_equal(get(f, "a", 5, &out), STATUS_OK);
    }
    assert_int_equal(s3_server_connections(f->server), 1);
    text_release(&out);
}

/* ---- Lists ---- */

static void a_list_of_many_parts_comes_whole_and_in_order(void **state) {
    struct fixture *f = *state;
    enum { COUNT = 10 };
    struct arena arena = {0};
    struct s3_listing listing;
    s3_server_set_page(f->server, 3);
    for (int i = COUNT - 1; i >= 0; i--)
        s3_server_write_object(f->server, arena_format(&arena, "list/%d", i), "x", 1);
    s3_server_write_object(f->server, "lisu", "x", 1);
    assert_int_equal(s3_client_list(f->client, "list/", 0, &arena, &listing, NULL, &f->err), STATUS_OK);
    assert_int_equal(listing.count, COUNT);
    for (int i = 0; i < COUNT; i++)
        assert_string_equal(listing.names[i], arena_format(&arena, "list/%d", i));
    assert_int_equal(s3_server_count(f->server, S3_LIST), 4);
    assert_int_equal(s3_client_list(f->client, "list/", 4, &arena, &listing, NULL, &f->err), STATUS_OK);
    assert_int_equal(listing.count, 4);
    assert_int_equal(s3_client_list(f->client, "nothing/", 0, &arena, &listing, NULL, &f->err), STATUS_OK);
    assert_int_equal(listing.count, 0);
    arena_release(&arena);
}

/* A server whose lists always have one more page. */
static void a_list_that_goes_round_in_circles_ends(void **state) {
    struct fixture *f = *state;
    static const char page[] = "<ListBucketResult><Contents><Key>a</Key></Contents><IsTruncated>true</IsTruncated>"
                               "<NextContinuationToken>1</NextContinuationToken></ListBucketResult>";
    char answer[512], url[64];
    snprintf(answer, sizeof answer, "HTTP/1.1 200 OK\r\nContent-Length: %zu\r\nConnection: close\r\n\r\n%s", strlen(page),
             page);
    struct http_stub *stub = http_stub_start(answer);
    snprintf(url, sizeof url, "http://127.0.0.1:%d/", http_stub_port(stub));
    f->options.endpoint = url;
    assert_int_equal(open_client(f), STATUS_OK);
    struct arena arena = {0};
    struct s3_listing listing;
    assert_int_equal(s3_client_list(f->client, "", 0, &arena, &listing, NULL, &f->err), STATUS_UNAVAILABLE);
    arena_release(&arena);
    http_stub_stop(stub);
}

/* Some servers, and proxies in front of them, send only the status 404; it used to be taken for a missing bucket. */
static void a_404_without_an_error_code_is_an_object_that_is_not_there(void **state) {
    struct fixture *f = *state;
    static const char *const answers[] = {
        "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n",
        "HTTP/1.1 404 Not Found\r\nContent-Length: 9\r\nConnection: close\r\n\r\nNot Found",
        "HTTP/1.1 404 Not Found\r\nContent-Length: 39\r\nConnection: close\r\n\r\n<Error><Message>None</Message></Error>\n",
    };
    static const char no_bucket[] = "HTTP/1.1 404 Not Found\r\nContent-Length: 41\r\nConnection: close\r\n\r\n"
                                    "<Error><Code>NoSuchBucket</Code></Error>\n";
    struct http_stub *stub = http_stub_start(answers[0]);
    struct arena arena = {0};
    struct text out = {0};
    f->options.endpoint = arena_format(&arena, "http://127.0.0.1:%d", http_stub_port(stub));
    assert_int_equal(open_client(f), STATUS_OK);
    for (size_t i = 0; i < sizeof answers / sizeof *answers; i++) {
        http_stub_set_answer(stub, answers[i]);
        assert_int_equal(get(f, "a", 100, &out), STATUS_NOT_FOUND);
        assert_int_equal(s3_client_remove(f->client, "a", NULL, &f->err), STATUS_OK);
    }
    http_stub_set_answer(stub, no_bucket);
    assert_int_equal(get(f, "a", 100, &out), STATUS_UNAVAILABLE);
    assert_int_equal(s3_client_remove(f->client, "a", NULL, &f->err), STATUS_UNAVAILABLE);
    text_release(&out);
    arena_release(&arena);
    http_stub_stop(stub);
}

/* ---- Failures ---- */

static void expect_advice(struct fixture *f, const char *code, const char *advice) {
    struct arena arena = {0};
    struct s3_listing listing;
    assert_int_equal(s3_client_list(f->client, "", 0, &arena, &listing, NULL, &f->err), STATUS_UNAVAILABLE);
    assert_non_null(strstr(f->err.message, code));
    assert_non_null(strstr(f->err.message, advice));
    assert_null(strstr(f->err.message, S3_SERVER_SECRET));
    arena_release(&arena);
}

static void each_refusal_comes_with_what_to_do_about_it(void **state) {
    struct fixture *f = *state;
    s3_server_set_secret(f->server, "another");
    expect_advice(f, "SignatureDoesNotMatch", "SPACES_SECRET");
    s3_server_set_secret(f->server, NULL);
    s3_server_set_clock(f->server, 3600000);
    expect_advice(f, "RequestTimeTooSkewed", "clock");
    s3_server_set_clock(f->server, 0);
    s3_server_set_bucket(f->server, "another");
    expect_advice(f, "NoSuchBucket", "S3_BUCKET");
    s3_server_set_bucket(f->server, NULL);
    s3_server_forbid(f->server, S3_LIST);
    expect_advice(f, "AccessDenied", "allowed to list");
    f->options.key = "ANOTHERKEY";
    assert_int_equal(open_client(f), STATUS_OK);
    expect_advice(f, "InvalidAccessKeyId", "SPACES_KEY");
    f->options.key = S3_SERVER_KEY;
    f->options.region = "mars-1";
    assert_int_equal(open_client(f), STATUS_OK);
    expect_advice(f, "AuthorizationHeaderMalformed", "S3_REGION");
}

static void a_missing_bucket_is_not_a_missing_object(void **state) {
    struct fixture *f = *state;
    struct text out = {0};
    s3_server_set_bucket(f->server, "another");
    assert_int_equal(get(f, "a", 5, &out), STATUS_UNAVAILABLE);
    assert_int_equal(s3_client_remove(f->client, "a", NULL, &f->err), STATUS_UNAVAILABLE);
    text_release(&out);
}

static void it_gives_up_after_some_tries(void **state) {
    struct fixture *f = *state;
    struct s3_fault_plan slow_down = {.kinds = S3_PUT, .count = SIZE_MAX, .fault = S3_FAULT_STATUS, .number = 503};
    s3_server_plan_fault(f->server, &slow_down);
    assert_int_equal(put(f, "a", "12345"), STATUS_UNAVAILABLE);
    assert_non_null(strstr(f->err.message, "SlowDown"));
    assert_int_equal(s3_server_count(f->server, S3_PUT), 4);
}

static void a_server_that_hangs_is_asked_again_and_is_no_deadline_of_ours(void **state) {
    struct fixture *f = *state;
    struct s3_fault_plan hang = {.kinds = S3_PUT, .count = 1, .fault = S3_FAULT_HANG};
    s3_server_plan_fault(f->server, &hang);
    f->options.try_timeout_ms = 400;
    assert_int_equal(open_client(f), STATUS_OK);
    assert_int_equal(put(f, "a", "12345"), STATUS_OK);
    hang.count = SIZE_MAX;
    s3_server_plan_fault(f->server, &hang);
    f->options.try_timeout_ms = 50;
    assert_int_equal(open_client(f), STATUS_OK);
    assert_int_equal(put(f, "a", "12345"), STATUS_UNAVAILABLE);
    assert_non_null(strstr(f->err.message, "50 ms"));
}

static void settings_that_cannot_be_are_named(void **state) {
    struct fixture *f = *state;
    static const char *const endpoints[] = {
        "https://h:65536",  "https://h:0",    "ftp://host",      "host:9000",     "https://",          "http://host/bucket",
        "http://user@host", "http://host:9x", "http://host?a",   "http://host?",  "http://host#",      "http://@host",
        "HTTP://host",      "http:/host",     "http:///host",    "http://host//", "http://host:80:90", "http://[::1]:9000",
        "http://ho st",     "http://ho_st",   "http://host:+80", "http://:80",    " http://host",      "http://h%6fst"};
    static const char *const good[] = {"http://host",        "http://host/",    "http://host:9000",         "http://host:",
                                       "http://host:00080/", "http://127.1:80", "https://host.example:443/"};
    for (size_t i = 0; i < sizeof endpoints / sizeof *endpoints; i++) {
        f->options.endpoint = endpoints[i];
        assert_int_equal(open_client(f), STATUS_INVALID);
        assert_string_equal(f->err.path, "S3_BUCKET_URL");
    }
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        f->options.endpoint = good[i];
        assert_int_equal(open_client(f), STATUS_OK);
    }
    static const char *const buckets[] = {"ab", "UPPER", "a/b", ""};
    for (size_t i = 0; i < sizeof buckets / sizeof *buckets; i++) {
        f->options.bucket = buckets[i];
        assert_int_equal(open_client(f), STATUS_INVALID);
        assert_string_equal(f->err.path, "S3_BUCKET");
    }
    f->options.bucket = S3_SERVER_BUCKET;
    f->options.region = "a:b";
    assert_int_equal(open_client(f), STATUS_INVALID);
    assert_string_equal(f->err.path, "S3_REGION");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(objects_come_and_go, set_up, tear_down),
        cmocka_unit_test_setup_teardown(too_large_an_object_is_not_handed_out, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_bucket_may_be_part_of_the_hosts_name, set_up, tear_down),
        cmocka_unit_test_setup_teardown(only_an_object_that_is_asked_to_be_is_public, set_up, tear_down),
        cmocka_unit_test_setup_teardown(one_connection_does_for_many_requests, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_list_of_many_parts_comes_whole_and_in_order, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_list_that_goes_round_in_circles_ends, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_404_without_an_error_code_is_an_object_that_is_not_there, set_up, tear_down),
        cmocka_unit_test_setup_teardown(each_refusal_comes_with_what_to_do_about_it, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_missing_bucket_is_not_a_missing_object, set_up, tear_down),
        cmocka_unit_test_setup_teardown(it_gives_up_after_some_tries, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_server_that_hangs_is_asked_again_and_is_no_deadline_of_ours, set_up, tear_down),
        cmocka_unit_test_setup_teardown(settings_that_cannot_be_are_named, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
