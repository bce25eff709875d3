/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The gateway's routes and errors over HTTP/1.1, with a real Redis and no service behind it.
 */
#include "tests/support/cmocka_all.h"

#include <stdio.h>
#include <string.h>

#include "lib/base/hash.h"
#include "lib/base/log.h"
#include "tests/flow/gateway/gateway_fixture.h"
#include "tests/support/http/http.h"

static const char publish_body[] = "{\"name\":\"aff\",\"version\":\"7.0.%d\",\"ref\":\"v7.0.%d\",\"extra\":1,"
                                   "\"location\":{\"githubOwner\":\"purescript-contrib\",\"githubRepo\":\"purescript-aff\"},"
                                   "\"compiler\":null,\"resolutions\":{\"prelude\":\"6.0.1\"}}";

static struct http_response publish(int patch, const char *const *headers) {
    char body[1024];
    snprintf(body, sizeof body, publish_body, patch, patch);
    return http_ask("POST", url, "/api/v1/publish", headers, body);
}

static void every_response_may_be_read_by_any_page(void **state) {
    (void)state;
    static const char *const calls[][2] = {{"GET", "/api/v1/status"},  {"HEAD", "/api/v1/status"},   {"GET", "/nowhere"},
                                           {"GET", "/api/v1/jobs"},    {"PUT", "/api/v1/jobs"},      {"OPTIONS", "/any/where"},
                                           {"GET", "/api/v1/publish"}, {"GET", "/api/v1/jobs/none"}, {"GET", "/healthz"}};
    for (size_t i = 0; i < sizeof calls / sizeof calls[0]; i++) {
        struct http_response response = http_ask(calls[i][0], url, calls[i][1], NULL, NULL);
        assert_string_equal(http_header(&response, "access-control-allow-origin"), "*");
        assert_string_equal(http_header(&response, "access-control-allow-methods"), "GET, HEAD, POST, OPTIONS");
        assert_string_equal(http_header(&response, "access-control-expose-headers"), "Link");
        assert_string_equal(http_header(&response, "vary"), "Origin");
        http_response_release(&response);
    }
}

static void options_anywhere_is_answered_204(void **state) {
    (void)state;
    struct http_response response = http_ask("OPTIONS", url, "/any/where", NULL, NULL);
    assert_int_equal(response.status, 204);
    assert_string_equal(http_header(&response, "access-control-allow-headers"), "Content-Type, Authorization, Last-Event-ID");
    assert_string_equal(http_header(&response, "access-control-max-age"), "86400");
    http_response_release(&response);
}

static void status_is_200_and_empty(void **state) {
    (void)state;
    static const char *const methods[] = {"GET", "HEAD"};
    for (size_t i = 0; i < 2; i++) {
        struct http_response response = http_ask(methods[i], url, "/api/v1/status", NULL, NULL);
        assert_int_equal(response.status, 200);
        assert_int_equal(response.body.length, 0);
        http_response_release(&response);
    }
}

static void unknown_addresses_and_methods_are_refused(void **state) {
    (void)state;
    static const char *const unknown[] = {"/nothing",           "/api/v1/nothing", "/api/v1/jobs/", "/api/v1/jobs/%FF",
                                          "/api/v1/jobs/a%00b", "/metrics",        "/api/v2/jobs",  "/../../etc/passwd"};
    for (size_t i = 0; i < sizeof unknown / sizeof unknown[0]; i++) {
        struct http_response response = http_ask(NULL, url, unknown[i], NULL, NULL);
        http_expect_error(&response, 404, "not_found", NULL);
        http_response_release(&response);
    }
    struct http_response response = http_ask("DELETE", url, "/api/v1/jobs", NULL, NULL);
    http_expect_error(&response, 405, "method_not_allowed", NULL);
    assert_string_equal(http_header(&response, "allow"), "GET, HEAD, OPTIONS");
    http_response_release(&response);
    response = http_ask("GET", url, "/api/v1/publish", NULL, NULL);
    http_expect_error(&response, 405, "method_not_allowed", NULL);
    assert_string_equal(http_header(&response, "allow"), "POST, OPTIONS");
    http_response_release(&response);
}

static void a_publication_becomes_a_job_once(void **state) {
    (void)state;
    struct http_response response = publish(1, NULL);
    assert_int_equal(response.status, 200);
    json_t *first = http_json(&response);
    http_response_release(&response);
    assert_int_equal(strlen(http_json_text(first, "jobId")), UUID_TEXT_MAX - 1);
    assert_true(json_is_true(json_object_get(first, "created")));

    response = publish(1, NULL);
    json_t *again = http_json(&response);
    http_response_release(&response);
    assert_string_equal(http_json_text(again, "jobId"), http_json_text(first, "jobId"));
    assert_true(json_is_false(json_object_get(again, "created")));

    char path[128];
    snprintf(path, sizeof path, "/api/v1/jobs/%s", http_json_text(first, "jobId"));
    json_t *job = http_get_json(url, path, NULL);
    assert_string_equal(http_json_text(job, "jobType"), "publish");
    assert_string_equal(http_json_text(job, "packageName"), "aff");
    assert_string_equal(http_json_text(job, "packageVersion"), "7.0.1");
    assert_true(json_is_false(json_object_get(job, "success")));
    assert_null(json_object_get(job, "startedAt"));
    assert_null(json_object_get(job, "finishedAt"));
    assert_null(json_object_get(job, "compilerVersion"));
    const json_t *payload = json_object_get(job, "payload");
    assert_string_equal(http_json_text(payload, "ref"), "v7.0.1");
    assert_null(json_object_get(payload, "compiler"));
    assert_string_equal(http_json_text(json_object_get(payload, "resolutions"), "prelude"), "6.0.1");
    json_decref(job);
    json_decref(again);
    json_decref(first);
}

static void a_malformed_publication_is_refused_by_field(void **state) {
    (void)state;
    static const struct {
        const char *body;
        const char *path;
    } rows[] = {
        {"", NULL},
        {"{", NULL},
        {"[]", NULL},
        {"{\"name\":\"aff\",\"name\":\"aff\"}", NULL},
        {"{\"version\":\"1.0.0\",\"ref\":\"v1\"}", "name"},
        {"{\"name\":\"A_B\",\"version\":\"1.0.0\",\"ref\":\"v1\"}", "name"},
        {"{\"name\":\"aff\",\"version\":\"1.0\",\"ref\":\"v1\"}", "version"},
        {"{\"name\":\"aff\",\"version\":\"1.0.0\"}", "ref"},
        {"{\"name\":\"aff\",\"version\":\"1.0.0\",\"ref\":7}", "ref"},
        {"{\"name\":\"aff\",\"version\":\"1.0.0\",\"ref\":\"v1\",\"compiler\":\"x\"}", "compiler"},
        {"{\"name\":\"aff\",\"version\":\"1.0.0\",\"ref\":\"v1\",\"resolutions\":{\"prelude\":\"x\"}}", "resolutions.prelude"},
        {"{\"name\":\"aff\",\"version\":\"1.0.0\",\"ref\":\"v1\",\"location\":{\"gitUrl\":7}}", "location.gitUrl"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct http_response response = http_ask("POST", url, "/api/v1/publish", NULL, rows[i].body);
        assert_int_equal(response.status, 400);
        json_t *json = http_json(&response);
        assert_string_equal(http_json_text(json, "error"), "invalid_request");
        if (rows[i].path) assert_string_equal(http_json_text(json, "path"), rows[i].path);
        json_decref(json);
        http_response_release(&response);
    }
}

static void a_body_over_the_limit_is_refused(void **state) {
    (void)state;
    static const size_t sizes[] = {65537, 10000000};
    for (size_t i = 0; i < 2; i++) {
        char *body = test_malloc(sizes[i] + 1);
        memset(body, ' ', sizes[i]);
        body[sizes[i]] = '\0';
        struct http_response response = http_ask("POST", url, "/api/v1/publish", NULL, body);
        http_expect_error(&response, 413, "too_large", NULL);
        assert_string_equal(http_header(&response, "access-control-allow-origin"), "*");
        http_response_release(&response);
        test_free(body);
    }
}

static void too_many_posts_are_held_back_and_reading_is_not(void **state) {
    (void)state;
    static const char *const settings[] = {"POST_LIMIT_PER_MINUTE=3", "TRUSTED_PROXIES=127.0.0.1", NULL};
    static const char *const somebody_else[] = {"X-Forwarded-For: 203.0.113.5, 198.51.100.8", NULL};
    struct gateway_process *strict = gateway_process_start(redis_server_url(redis), settings);
    const char *usual = url;
    url = gateway_process_url(strict);
    struct http_response response;
    for (int i = 0; i < 3; i++) {
        response = publish(100 + i, NULL);
        assert_int_equal(response.status, 200);
        http_response_release(&response);
    }
    response = publish(103, NULL);
    http_expect_error(&response, 429, "too_many_requests", NULL);
    assert_in_range(strtol(http_header(&response, "retry-after"), NULL, 10), 1, 60);
    http_response_release(&response);
    response = publish(104, somebody_else);
    assert_int_equal(response.status, 200);
    http_response_release(&response);
    for (int i = 0; i < 20; i++)
        json_decref(http_get_json(url, "/api/v1/jobs", NULL));
    url = usual;
    assert_int_equal(gateway_process_stop(strict), 0);
}

static void pages_about_jobs_keep_crawlers_out(void **state) {
    (void)state;
    static const char *const hidden[] = {"/api/v1/jobs", "/api/v1/jobs/none", "/status/none", "/logs/none"};
    for (size_t i = 0; i < 4; i++) {
        struct http_response response = http_ask(NULL, url, hidden[i], NULL, NULL);
        assert_string_equal(http_header(&response, "x-robots-tag"), "noindex, nofollow");
        http_response_release(&response);
    }
    struct http_response response = http_ask(NULL, url, "/api/v1/status", NULL, NULL);
    assert_string_equal(http_header(&response, "x-robots-tag"), "");
    http_response_release(&response);
}

/* A cache on the way would make a publication appear to hang. */
static void nothing_about_jobs_is_kept_by_caches(void **state) {
    (void)state;
    static const struct {
        const char *path, *body;
    } rows[] = {
        {"/api/v1/jobs", NULL},        {"/api/v1/jobs/none", NULL}, {"/status/none", NULL},
        {"/logs/none", NULL},          {"/api/v1/status", NULL},    {"/readyz", NULL},
        {"/none/1.0.0.tar.gz", NULL},  {"/there/is/none", NULL},    {"/api/v1/publish", "{}"},
        {"/api/v1/unpublish", "none"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct http_response response = http_ask(rows[i].body ? "POST" : NULL, url, rows[i].path, NULL, rows[i].body);
        if (strcmp(http_header(&response, "cache-control"), "no-store") != 0)
            fail_msg("%s has the Cache-Control \"%s\"", rows[i].path, http_header(&response, "cache-control"));
        http_response_release(&response);
    }
}

static void the_management_port_has_health_and_nothing_else(void **state) {
    (void)state;
    const char *management = gateway_process_management_url(gateway);
    json_t *json = http_get_json(management, "/healthz", NULL);
    assert_true(json_is_true(json_object_get(json, "alive")));
    json_decref(json);
    struct http_response response = http_ask(NULL, management, "/api/v1/jobs", NULL, NULL);
    http_expect_error(&response, 404, "not_found", NULL);
    http_response_release(&response);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_response_may_be_read_by_any_page),
        cmocka_unit_test(options_anywhere_is_answered_204),
        cmocka_unit_test(status_is_200_and_empty),
        cmocka_unit_test(unknown_addresses_and_methods_are_refused),
        cmocka_unit_test(a_publication_becomes_a_job_once),
        cmocka_unit_test(a_malformed_publication_is_refused_by_field),
        cmocka_unit_test(a_body_over_the_limit_is_refused),
        cmocka_unit_test(too_many_posts_are_held_back_and_reading_is_not),
        cmocka_unit_test(pages_about_jobs_keep_crawlers_out),
        cmocka_unit_test(nothing_about_jobs_is_kept_by_caches),
        cmocka_unit_test(the_management_port_has_health_and_nothing_else),
    };
    log_configure("test", LOG_ERROR);
    return cmocka_run_group_tests(tests, start_gateway, stop_gateway);
}
