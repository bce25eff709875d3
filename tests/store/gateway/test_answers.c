/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The form of every answer (services/gateway/README.md, Protocol and Errors), and the routes of both ports.
 */
#include "tests/store/gateway/gateway_scene.h"

static void every_answer_has_the_common_headers(void **state) {
    struct gateway_scene *s = *state;
    static const struct {
        const char *method, *path, *body;
        int status;
    } rows[] = {
        {NULL, "/api/v1/status", NULL, 200}, {NULL, "/api/v1/jobs", NULL, 200},     {NULL, "/nowhere", NULL, 404},
        {"OPTIONS", "/nowhere", NULL, 204},  {"DELETE", "/api/v1/jobs", NULL, 405}, {NULL, "/api/v1/publish", "{}", 400},
        {"HEAD", "/healthz", NULL, 200},
    };
    serve(s);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const struct answered answered = ask_with(s, rows[i].method, rows[i].path, NULL, rows[i].body);
        expect_status(answered, rows[i].status);
        expect_header(s, &answered, "access-control-allow-origin", "*");
        expect_header(s, &answered, "access-control-allow-methods", "GET, HEAD, POST, OPTIONS");
        expect_header(s, &answered, "access-control-expose-headers", "Link");
        expect_header(s, &answered, "vary", "Origin");
        expect_header(s, &answered, "cache-control", "no-store");
        expect_header(s, &answered, "x-content-type-options", "nosniff");
    }
}

static void options_are_answered_at_any_path(void **state) {
    struct gateway_scene *s = *state;
    serve(s);
    const struct answered answered = ask_with(s, "OPTIONS", "/api/v1/publish", NULL, NULL), other = get(s, "/healthz");
    expect_json(answered, 204, "");
    expect_header(s, &answered, "access-control-allow-headers", "Content-Type, Authorization, Last-Event-ID");
    expect_header(s, &answered, "access-control-max-age", "86400");
    expect_header(s, &other, "access-control-max-age", NULL);
}

static void crawlers_are_kept_out_of_pages_about_jobs(void **state) {
    struct gateway_scene *s = *state;
    static const char *const hidden[] = {"/logs/x", "/status/x", "/api/v1/jobs", "/api/v1/jobs/x"};
    static const char *const shown[] = {"/", "/packages", "/api/v1/status", "/api/v1/packages/x"};
    serve(s);
    for (size_t i = 0; i < sizeof hidden / sizeof *hidden; i++) {
        const struct answered answered = get(s, hidden[i]);
        expect_header(s, &answered, "x-robots-tag", "noindex, nofollow");
    }
    for (size_t i = 0; i < sizeof shown / sizeof *shown; i++) {
        const struct answered answered = get(s, shown[i]);
        expect_header(s, &answered, "x-robots-tag", NULL);
    }
}

static void a_failure_is_a_code_and_a_sentence(void **state) {
    struct gateway_scene *s = *state;
    serve(s);
    const struct answered answered = get(s, "/nowhere");
    expect_json(answered, 404, "{\"error\":\"not_found\",\"message\":\"There is nothing at this address.\"}");
    expect_header(s, &answered, "content-type", "application/json");
    expect_json(post(s, "/api/v1/publish", "[]"), 400,
                "{\"error\":\"invalid_request\",\"message\":\"The request must be an object, but it is an array.\"}");
    expect_json(get(s, "/api/v1/jobs?order=UP"), 400,
                "{\"error\":\"invalid_request\",\"message\":\"The parameter \\\"order\\\" must be ASC or DESC, but it is "
                "\\\"UP\\\".\",\"path\":\"order\"}");
    expect_error(s, get(s, "/api/v1/packages/%ff"), 404, NULL, "There is nothing at this address.");
}

static void another_method_is_405_with_those_that_there_are(void **state) {
    struct gateway_scene *s = *state;
    static const struct {
        const char *method, *path, *allowed;
    } rows[] = {
        {NULL, "/api/v1/publish", "POST, OPTIONS"},
        {"HEAD", "/api/v1/trustee", "POST, OPTIONS"},
        {"POST", "/api/v1/jobs", "GET, HEAD, OPTIONS"},
        {"PATCH", "/aff/1.0.0.tar.gz", "GET, HEAD, OPTIONS"},
    };
    serve(s);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const struct answered answered = ask_with(s, rows[i].method, rows[i].path, NULL, NULL);
        expect_status(answered, 405);
        expect_header(s, &answered, "allow", rows[i].allowed);
        if (!text_equal(rows[i].method, "HEAD")) expect_within(answered.body, "\"method_not_allowed\"");
    }
}

static void status_is_200_and_empty(void **state) {
    struct gateway_scene *s = *state;
    serve(s);
    expect_json(get(s, "/api/v1/status"), 200, "");
    expect_json(ask_with(s, "HEAD", "/api/v1/status", NULL, NULL), 200, "");
}

static void head_is_get_without_the_body(void **state) {
    struct gateway_scene *s = *state;
    serve(s);
    const struct answered whole = get(s, "/api/v1/openapi.json"),
                          head = ask_with(s, "HEAD", "/api/v1/openapi.json", NULL, NULL);
    expect_json(head, 200, "");
    expect_header(s, &head, "content-length", header_of(s, &whole, "content-length"));
    assert_int_equal(atoi(header_of(s, &whole, "content-length")), strlen(whole.body));
}

/* Each path of the document exists; a request without parameters may get any other error. */
static void the_description_names_what_is_served(void **state) {
    struct gateway_scene *s = *state;
    struct error err;
    json_t *json = NULL, *methods;
    const char *path, *method;
    json_t *about;
    int count = 0;
    serve(s);
    const struct answered answered = get(s, "/api/v1/openapi.json");
    expect_header(s, &answered, "content-type", "application/json");
    if (json_read(&json, answered.body, strlen(answered.body), "The document", &err)) fail_msg("%s", err.message);
    json_object_foreach(json_object_get(json, "paths"), path, methods) json_object_foreach(methods, method, about) {
        bool is_post = strcmp(method, "post") == 0;
        const char *base = strcmp(path, "/metrics") == 0 ? s->management_url : s->url;
        bool has_no_end = strcmp(path, "/api/v1/jobs/events") == 0;
        struct http_response response = http_ask(has_no_end ? "HEAD" : NULL, base, path, NULL, is_post ? "{}" : NULL);
        if (has_no_end) assert_int_equal(response.status, 200);
        expect_not_within(text_view(&response.body), "There is nothing at this address");
        assert_int_not_equal(response.status, 405);
        http_response_release(&response);
        count++;
    }
    assert_true(count > 15);
    json_decref(json);
}

static void the_management_port_has_health_and_nothing_else(void **state) {
    struct gateway_scene *s = *state;
    static const struct {
        const char *path;
        int of_public, of_management;
    } rows[] = {
        {"/healthz", 200, 200},       {"/readyz", 200, 200},      {"/metrics", 404, 200},
        {"/api/v1/status", 200, 404}, {"/api/v1/jobs", 200, 404}, {"/api/v1/openapi.json", 200, 404},
    };
    serve(s);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct http_response response = http_ask(NULL, s->management_url, rows[i].path, NULL, NULL);
        expect_status(keep_answer(s, &response), rows[i].of_management);
        expect_status(get(s, rows[i].path), rows[i].of_public);
    }
    expect_json(get(s, "/healthz"), 200, "{\"alive\":true}");
}

static void posts_are_limited_by_address_and_reading_is_not(void **state) {
    struct gateway_scene *s = *state;
    s->settings.post_limit_per_minute = 2;
    serve(s);
    for (int i = 0; i < 2; i++)
        expect_status(post(s, "/api/v1/publish", "{}"), 400);
    const struct answered answered = post(s, "/api/v1/unpublish", "{}");
    expect_error(s, answered, 429, NULL, "Too many requests from 127.0.0.1");
    int seconds = atoi(header_of(s, &answered, "retry-after"));
    assert_true(seconds >= 1 && seconds <= 30);
    expect_status(get(s, "/api/v1/jobs"), 200);
    expect_status(post(s, "/api/v1/trustee", "{}"), 404); /* requests of trustees are not counted here */
}

static void behind_a_proxy_the_client_is_the_last_it_does_not_trust(void **state) {
    struct gateway_scene *s = *state;
    s->settings.post_limit_per_minute = 1;
    set_text(&s->settings.trusted_proxies, "127.0.0.1, 10.0.0.0/8");
    serve(s);
    static const struct {
        const char *headers[3];
        int status;
    } rows[] = {
        {{"X-Forwarded-For: 192.0.2.1", NULL}, 400},
        {{"X-Forwarded-For: 192.0.2.1", NULL}, 429},
        {{"X-Forwarded-For: 198.51.100.1, 192.0.2.1", NULL}, 429}, /* entries further left may be invented */
        {{"X-Forwarded-For: 192.0.2.1, 10.1.2.3", NULL}, 429},
        {{"X-Forwarded-For: 192.0.2.1", "X-Forwarded-For: 10.9.9.9", NULL}, 429}, /* two headers are one list */
        {{"X-Forwarded-For: 192.0.2.2", NULL}, 400},
        {{"X-Forwarded-For: 2001:db8::1", NULL}, 400},
        {{"X-Forwarded-For: 2001:db8::2", NULL}, 429}, /* a /64 counts as one address */
        {{NULL}, 400},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        expect_status(ask_with(s, NULL, "/api/v1/publish", rows[i].headers, "{}"), rows[i].status);
}

static void answers_are_counted_by_route_and_status(void **state) {
    struct gateway_scene *s = *state;
    serve(s);
    for (int i = 0; i < 3; i++)
        expect_status(get(s, "/api/v1/jobs/x"), 404);
    get(s, "/nowhere");
    get(s, "/healthz");
#define ANSWERS "registry_http_answers_total{method=\"GET\","
    assert_true(metric_of(s, ANSWERS "route=\"/api/v1/jobs/{id}\",status=\"4xx\",program=\"gateway\"}") == 3);
    assert_true(metric_of(s, ANSWERS "route=\"/healthz\",status=\"2xx\",program=\"gateway\"}") == 1);
    assert_true(metric_of(s, "registry_http_answers_total{method=\"\",route=\"none\",status=\"4xx\",program=\"gateway\"}") ==
                1);
    assert_true(metric_of(s, "registry_http_answers_under_way{program=\"gateway\"}") == 1); /* this request */
}

int main(void) {
    const struct CMUnitTest tests[] = {
        gateway_test(every_answer_has_the_common_headers),
        gateway_test(options_are_answered_at_any_path),
        gateway_test(crawlers_are_kept_out_of_pages_about_jobs),
        gateway_test(a_failure_is_a_code_and_a_sentence),
        gateway_test(another_method_is_405_with_those_that_there_are),
        gateway_test(status_is_200_and_empty),
        gateway_test(head_is_get_without_the_body),
        gateway_test(the_description_names_what_is_served),
        gateway_test(the_management_port_has_health_and_nothing_else),
        gateway_test(posts_are_limited_by_address_and_reading_is_not),
        gateway_test(behind_a_proxy_the_client_is_the_last_it_does_not_trust),
        gateway_test(answers_are_counted_by_route_and_status),
    };
    return cmocka_run_group_tests(tests, start_scene, stop_scene);
}
