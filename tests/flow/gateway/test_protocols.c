/* SPDX-License-Identifier: BSD-3-Clause
 *
 * HTTP/2 and TLS: the same answers. The certificate is made here, by openssl.
 */
#include "tests/support/cmocka_all.h"

#include <curl/curl.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/log.h"
#include "lib/base/memory.h"
#include "tests/support/http/http.h"
#include "tests/support/server/gateway_process.h"
#include "tests/support/server/redis_server.h"
#include "tests/support/shell.h"

static struct redis_server *redis;
static struct gateway_process *plain, *secure;
static struct arena arena;
static const char *plain_url, *secure_url;

/* One request by a version of HTTP. */
struct exchange {
    const char *url;
    long http_version; /* CURL_HTTP_VERSION_… */
    long tls_version;  /* CURL_SSLVERSION_…, 0: any */
    const char *method;
    const char *body;
    size_t body_length;
    /* result */
    CURLcode result;
    long status;
    long version;
    struct text answer;
    struct text headers;
};

static size_t keep(char *bytes, size_t size, size_t count, void *text) {
    text_append_bytes(text, bytes, size * count);
    return size * count;
}

static void run(struct exchange *exchange) {
    CURL *curl = curl_easy_init();
    assert_non_null(curl);
    curl_easy_setopt(curl, CURLOPT_URL, exchange->url);
    curl_easy_setopt(curl, CURLOPT_HTTP_VERSION, exchange->http_version);
    curl_easy_setopt(curl, CURLOPT_SSL_VERIFYPEER, 0L);
    curl_easy_setopt(curl, CURLOPT_SSL_VERIFYHOST, 0L);
    curl_easy_setopt(curl, CURLOPT_TIMEOUT, 30L);
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, keep);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, &exchange->answer);
    curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, keep);
    curl_easy_setopt(curl, CURLOPT_HEADERDATA, &exchange->headers);
    if (exchange->tls_version) curl_easy_setopt(curl, CURLOPT_SSLVERSION, exchange->tls_version);
    if (exchange->tls_version) curl_easy_setopt(curl, CURLOPT_SSL_CIPHER_LIST, "ALL:@SECLEVEL=0");
    if (exchange->body) {
        curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE, (long)exchange->body_length);
        curl_easy_setopt(curl, CURLOPT_POSTFIELDS, exchange->body);
    }
    if (exchange->method) curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, exchange->method);
    exchange->result = curl_easy_perform(curl);
    curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &exchange->status);
    curl_easy_getinfo(curl, CURLINFO_HTTP_VERSION, &exchange->version);
    curl_easy_cleanup(curl);
}

static void release(struct exchange *exchange) {
    text_release(&exchange->answer);
    text_release(&exchange->headers);
}

static const char body[] = "{\"name\":\"aff\",\"version\":\"7.1.0\",\"ref\":\"v7.1.0\"}";

/* The same few requests over each protocol. */
static void check_routes(const char *base, long http_version, long expected_version) {
    static const struct {
        const char *method;
        const char *path;
        const char *body;
        long status;
        const char *contains;
    } rows[] = {
        {NULL, "/api/v1/status", NULL, 200, NULL},
        {"OPTIONS", "/x", NULL, 204, NULL},
        {NULL, "/nowhere", NULL, 404, "\"not_found\""},
        {"PATCH", "/api/v1/jobs", NULL, 405, "\"method_not_allowed\""},
        {"POST", "/api/v1/publish", body, 200, "\"jobId\":"},
        {"POST", "/api/v1/publish", "{}", 400, "\"path\":\"name\""},
        {NULL, "/api/v1/jobs", NULL, 200, "\"packageVersion\":\"7.1.0\""},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct exchange exchange = {.url = arena_format(&arena, "%s%s", base, rows[i].path),
                                    .http_version = http_version,
                                    .method = rows[i].method,
                                    .body = rows[i].body,
                                    .body_length = rows[i].body ? strlen(rows[i].body) : 0};
        run(&exchange);
        if (exchange.result) fail_msg("%s: %s", exchange.url, curl_easy_strerror(exchange.result));
        assert_int_equal(exchange.version, expected_version);
        assert_int_equal(exchange.status, rows[i].status);
        assert_non_null(strstr(exchange.headers.bytes, "access-control-allow-origin: *\r\n"));
        if (rows[i].contains) assert_non_null(strstr(text_view(&exchange.answer), rows[i].contains));
        release(&exchange);
    }
}

static void http_2_without_tls_works(void **state) {
    (void)state;
    check_routes(plain_url, CURL_HTTP_VERSION_2_PRIOR_KNOWLEDGE, CURL_HTTP_VERSION_2_0);
}

static void http_2_by_upgrade_works(void **state) {
    (void)state;
    struct exchange exchange = {.url = arena_format(&arena, "%s/api/v1/jobs", plain_url),
                                .http_version = CURL_HTTP_VERSION_2_0};
    run(&exchange);
    assert_int_equal(exchange.result, CURLE_OK);
    assert_int_equal(exchange.status, 200);
    assert_int_equal(exchange.version, CURL_HTTP_VERSION_2_0);
    release(&exchange);
}

static void tls_speaks_http_2_where_the_client_does(void **state) {
    (void)state;
    check_routes(secure_url, CURL_HTTP_VERSION_2TLS, CURL_HTTP_VERSION_2_0);
}

static void tls_speaks_http_1_where_the_client_does(void **state) {
    (void)state;
    check_routes(secure_url, CURL_HTTP_VERSION_1_1, CURL_HTTP_VERSION_1_1);
}

static void tls_below_1_2_is_refused(void **state) {
    (void)state;
    static const struct {
        long version;
        bool is_accepted;
    } rows[] = {{CURL_SSLVERSION_TLSv1_1 | CURL_SSLVERSION_MAX_TLSv1_1, false},
                {CURL_SSLVERSION_TLSv1_2 | CURL_SSLVERSION_MAX_TLSv1_2, true},
                {CURL_SSLVERSION_TLSv1_3, true}};
    for (size_t i = 0; i < 3; i++) {
        struct exchange exchange = {.url = arena_format(&arena, "%s/api/v1/status", secure_url),
                                    .tls_version = rows[i].version};
        run(&exchange);
        assert_int_equal(exchange.result == CURLE_OK, rows[i].is_accepted);
        release(&exchange);
    }
}

static void an_http_2_body_over_the_routes_limit_is_413(void **state) {
    (void)state;
    enum { LENGTH = 500000 };
    char *large = memory_alloc(LENGTH);
    memset(large, ' ', LENGTH);
    struct exchange exchange = {.url = arena_format(&arena, "%s/api/v1/publish", plain_url),
                                .http_version = CURL_HTTP_VERSION_2_PRIOR_KNOWLEDGE,
                                .method = "POST",
                                .body = large,
                                .body_length = LENGTH};
    run(&exchange);
    assert_int_equal(exchange.result, CURLE_OK);
    assert_int_equal(exchange.status, 413);
    assert_non_null(strstr(exchange.answer.bytes, "\"too_large\""));
    release(&exchange);
    free(large);
}

static void a_tarball_comes_whole_by_http_2_and_tls(void **state) {
    (void)state;
    enum { LENGTH = 1500000 };
    char *bytes = memory_alloc(LENGTH + 1);
    for (size_t i = 0; i < LENGTH; i++)
        bytes[i] = (char)('a' + i * 11 % 26);
    write_file(arena_format(&arena, "%s/storage/aff/7.1.0.tar.gz", gateway_process_folder(secure)), bytes);
    struct exchange exchange = {.url = arena_format(&arena, "%s/aff/7.1.0.tar.gz", secure_url),
                                .http_version = CURL_HTTP_VERSION_2TLS};
    run(&exchange);
    assert_int_equal(exchange.result, CURLE_OK);
    assert_int_equal(exchange.status, 200);
    assert_int_equal(exchange.answer.length, LENGTH);
    assert_memory_equal(exchange.answer.bytes, bytes, LENGTH);
    release(&exchange);
    free(bytes);
}

static int start(void **state) {
    (void)state;
    static char folder[] = "/tmp/gateway-tls-XXXXXX";
    assert_non_null(mkdtemp(folder));
    shell_run("openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=localhost "
              "-keyout %s/key.pem -out %s/certificate.pem 2>/dev/null",
              folder, folder);
    const char *const settings[] = {arena_format(&arena, "TLS_CERTIFICATE=%s/certificate.pem", folder),
                                    arena_format(&arena, "TLS_KEY=%s/key.pem", folder), NULL};
    redis = redis_server_start();
    plain = gateway_process_start(redis_server_url(redis), NULL);
    secure = gateway_process_start(redis_server_url(redis), settings);
    shell_run("rm -r %s", folder);
    plain_url = gateway_process_url(plain);
    secure_url = arena_format(&arena, "https://127.0.0.1:%d", gateway_process_port(secure));
    return 0;
}

static int stop(void **state) {
    (void)state;
    int failed = gateway_process_stop(secure) | gateway_process_stop(plain);
    redis_server_stop(redis);
    arena_release(&arena);
    return failed;
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(http_2_without_tls_works),
        cmocka_unit_test(http_2_by_upgrade_works),
        cmocka_unit_test(tls_speaks_http_2_where_the_client_does),
        cmocka_unit_test(tls_speaks_http_1_where_the_client_does),
        cmocka_unit_test(tls_below_1_2_is_refused),
        cmocka_unit_test(an_http_2_body_over_the_routes_limit_is_413),
        cmocka_unit_test(a_tarball_comes_whole_by_http_2_and_tls),
    };
    curl_global_init(CURL_GLOBAL_DEFAULT);
    log_configure("test", LOG_ERROR);
    return cmocka_run_group_tests(tests, start, stop);
}
