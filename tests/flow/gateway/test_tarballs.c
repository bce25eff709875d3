/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The tarballs that the gateway serves from a storage folder (services/gateway/README.md): whole, in parts, under which host,
 * and when they are refused.
 */
#include "tests/support/cmocka_all.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/hash.h"
#include "lib/base/log.h"
#include "tests/flow/gateway/gateway_fixture.h"
#include "tests/support/http/http.h"
#include "tests/support/http/http_connection.h"
#include "tests/support/shell.h"

static void tarballs_are_served_whole_and_in_parts(void **state) {
    (void)state;
    char bytes[300001], hash[SHA256_SRI_MAX], tag[SHA256_SRI_MAX + 2];
    for (size_t i = 0; i < sizeof bytes - 1; i++)
        bytes[i] = (char)('a' + i * 7 % 26);
    bytes[sizeof bytes - 1] = '\0';
    struct arena arena = {0};
    write_file(arena_format(&arena, "%s/storage/aff/7.0.0.tar.gz", gateway_process_folder(gateway)), bytes);
    hash_sha256_sri(bytes, sizeof bytes - 1, hash);
    snprintf(tag, sizeof tag, "\"%s\"", hash);

    struct http_response response = http_ask(NULL, url, "/aff/7.0.0.tar.gz", NULL, NULL);
    assert_int_equal(response.status, 200);
    assert_int_equal(response.body.length, sizeof bytes - 1);
    assert_memory_equal(response.body.bytes, bytes, sizeof bytes - 1);
    assert_true(text_starts_with(http_header(&response, "etag"), tag));
    assert_string_equal(http_header(&response, "cache-control"), "public, max-age=31536000, immutable");
    assert_string_equal(http_header(&response, "content-length"), "300000");
    http_response_release(&response);

    response = http_ask("HEAD", url, "/aff/7.0.0.tar.gz", NULL, NULL);
    assert_int_equal(response.status, 200);
    assert_string_equal(http_header(&response, "content-length"), "300000");
    http_response_release(&response);

    const char *const part[] = {"Range: bytes=100000-299999", NULL};
    response = http_ask(NULL, url, "/aff/7.0.0.tar.gz", part, NULL);
    assert_int_equal(response.status, 206);
    assert_string_equal(http_header(&response, "content-range"), "bytes 100000-299999/300000");
    assert_int_equal(response.body.length, 200000);
    assert_memory_equal(response.body.bytes, bytes + 100000, 200000);
    http_response_release(&response);

    const char *const beyond[] = {"Range: bytes=300000-", NULL};
    response = http_ask(NULL, url, "/aff/7.0.0.tar.gz", beyond, NULL);
    assert_int_equal(response.status, 416);
    assert_string_equal(http_header(&response, "content-range"), "bytes */300000");
    http_response_release(&response);

    const char *const changed[] = {"Range: bytes=0-9", "If-Range: \"something else\"", NULL};
    response = http_ask(NULL, url, "/aff/7.0.0.tar.gz", changed, NULL);
    assert_int_equal(response.status, 200);
    assert_int_equal(response.body.length, 300000);
    http_response_release(&response);

    const char *const known[] = {arena_format(&arena, "If-None-Match: \"x\", %s", tag), NULL};
    response = http_ask(NULL, url, "/aff/7.0.0.tar.gz", known, NULL);
    assert_int_equal(response.status, 304);
    assert_int_equal(response.body.length, 0);
    http_response_release(&response);
    arena_release(&arena);
}

static void only_tarballs_are_served(void **state) {
    (void)state;
    static const char *const missing[] = {"/aff/7.0.1.tar.gz", "/aff/7.0.tar.gz", "/Aff/7.0.0.tar.gz", "/aff/..%2F7.0.0.tar.gz",
                                          "/..%2F..%2Fetc/1.0.0.tar.gz"};
    for (size_t i = 0; i < sizeof missing / sizeof missing[0]; i++) {
        struct http_response response = http_ask(NULL, url, missing[i], NULL, NULL);
        http_expect_error(&response, 404, "not_found", NULL);
        http_response_release(&response);
    }
}

static void tarballs_stand_under_their_own_host_only(void **state) {
    (void)state;
    static const char *const settings[] = {"S3_API_URL=https://packages.example.org", NULL};
    static const char *const host[] = {"Host: packages.example.org", NULL};
    struct gateway_process *other = gateway_process_start(redis_server_url(redis), settings);
    struct arena arena = {0};
    write_file(arena_format(&arena, "%s/storage/aff/1.0.0.tar.gz", gateway_process_folder(other)), "tarball");
    struct http_response response = http_ask(NULL, gateway_process_url(other), "/aff/1.0.0.tar.gz", host, NULL);
    assert_int_equal(response.status, 200);
    assert_string_equal(text_view(&response.body), "tarball");
    http_response_release(&response);
    response = http_ask(NULL, gateway_process_url(other), "/aff/1.0.0.tar.gz", NULL, NULL);
    assert_int_equal(response.status, 404);
    http_response_release(&response);
    arena_release(&arena);
    assert_int_equal(gateway_process_stop(other), 0);
}

/* The gateway does not use the key itself: a configured key means that tarballs are on S3. */
static void where_tarballs_are_on_s3_none_are_served(void **state) {
    (void)state;
    static const char *const settings[] = {"SPACES_KEY=whatever", NULL};
    struct gateway_process *other = gateway_process_start(redis_server_url(redis), settings);
    struct arena arena = {0};
    write_file(arena_format(&arena, "%s/storage/aff/1.0.0.tar.gz", gateway_process_folder(other)), "a leftover");
    struct http_response response = http_ask(NULL, gateway_process_url(other), "/aff/1.0.0.tar.gz", NULL, NULL);
    assert_int_equal(response.status, 404);
    http_response_release(&response);
    arena_release(&arena);
    assert_int_equal(gateway_process_stop(other), 0);
}

/* HEAD and GET, many at once and one after the other. */
static void a_tarball_is_hashed_once(void **state) {
    (void)state;
    enum { AT_ONCE = 40, LENGTH = 1400000 };
    static const char metric[] = "registry_tarballs_hashed_total{program=\"gateway\"}";
    struct arena arena = {0};
    char *bytes = arena_alloc(&arena, LENGTH + 1), first[SHA256_SRI_MAX + 8], second[SHA256_SRI_MAX + 8];
    const char *path = arena_format(&arena, "%s/storage/hashed/1.0.0.tar.gz", gateway_process_folder(gateway));
    memset(bytes, 'a', LENGTH);
    write_file(path, bytes);
    double before = gateway_process_metric(gateway, metric);
    struct http_connection connections[AT_ONCE];
    for (size_t i = 0; i < AT_ONCE; i++) {
        assert_true(http_connection_open(&connections[i], gateway_process_port(gateway), 60000));
        assert_true(http_connection_send(&connections[i], "GET", "/hashed/1.0.0.tar.gz", NULL));
    }
    for (size_t i = 0; i < AT_ONCE; i++) {
        assert_true(http_connection_receive(&connections[i]));
        assert_int_equal(connections[i].status, 200);
        assert_int_equal(connections[i].answer.length, LENGTH);
        http_connection_close(&connections[i]);
    }
    for (int i = 0; i < 20; i++) {
        struct http_response response = http_ask("HEAD", url, "/hashed/1.0.0.tar.gz", NULL, NULL);
        assert_int_equal(response.status, 200);
        snprintf(first, sizeof first, "%s", http_header(&response, "etag"));
        http_response_release(&response);
    }
    assert_int_equal((int)(gateway_process_metric(gateway, metric) - before), 1);

    bytes[0] = 'b'; /* another file of the same size in its place */
    const char *draft = arena_format(&arena, "%s.new", path);
    write_file(draft, bytes);
    assert_int_equal(rename(draft, path), 0);
    struct http_response response = http_ask(NULL, url, "/hashed/1.0.0.tar.gz", NULL, NULL);
    snprintf(second, sizeof second, "%s", http_header(&response, "etag"));
    assert_string_not_equal(first, second);
    assert_memory_equal(response.body.bytes, bytes, LENGTH);
    http_response_release(&response);
    assert_int_equal((int)(gateway_process_metric(gateway, metric) - before), 2);

    bytes[0] = 'c'; /* the same file with other bytes */
    write_file(path, bytes);
    response = http_ask(NULL, url, "/hashed/1.0.0.tar.gz", NULL, NULL);
    assert_string_not_equal(http_header(&response, "etag"), first);
    assert_string_not_equal(http_header(&response, "etag"), second);
    http_response_release(&response);
    assert_int_equal((int)(gateway_process_metric(gateway, metric) - before), 3);
    arena_release(&arena);
}

/* A file that takes a while to read; the requests are for one byte of it. */
static void requests_during_the_hashing_of_a_tarball_wait_for_it(void **state) {
    (void)state;
    enum { AT_ONCE = 8, LENGTH = 128 << 20 };
    static const char metric[] = "registry_tarballs_hashed_total{program=\"gateway\"}";
    static const char request[] = "GET /long/1.0.0.tar.gz HTTP/1.1\r\nHost: x\r\nRange: bytes=0-0\r\n\r\n";
    struct arena arena = {0};
    const char *path = arena_format(&arena, "%s/storage/long/1.0.0.tar.gz", gateway_process_folder(gateway));
    write_file(path, "");
    assert_int_equal(truncate(path, LENGTH), 0); /* sparse */
    double before = gateway_process_metric(gateway, metric);
    struct http_connection connections[AT_ONCE];
    for (size_t i = 0; i < AT_ONCE; i++)
        assert_true(http_connection_open(&connections[i], gateway_process_port(gateway), 60000));
    for (size_t i = 0; i < AT_ONCE; i++)
        assert_true(http_connection_send_bytes(&connections[i], request, strlen(request)));
    for (size_t i = 0; i < AT_ONCE; i++) {
        assert_true(http_connection_receive(&connections[i]));
        assert_int_equal(connections[i].status, 206);
        http_connection_close(&connections[i]);
    }
    assert_int_equal((int)(gateway_process_metric(gateway, metric) - before), 1);
    arena_release(&arena);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tarballs_are_served_whole_and_in_parts),
        cmocka_unit_test(only_tarballs_are_served),
        cmocka_unit_test(a_tarball_is_hashed_once),
        cmocka_unit_test(requests_during_the_hashing_of_a_tarball_wait_for_it),
        cmocka_unit_test(tarballs_stand_under_their_own_host_only),
        cmocka_unit_test(where_tarballs_are_on_s3_none_are_served),
    };
    log_configure("test", LOG_ERROR);
    return cmocka_run_group_tests(tests, start_gateway, stop_gateway);
}
