/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The gateway's routes and errors over HTTP/1.1, with a real Redis and a stand-in for the publish service.
 */
#include "tests/support/cmocka_all.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "lib/base/clock.h"
#include "lib/base/hash.h"
#include "lib/base/json.h"
#include "lib/base/log.h"
#include "lib/service/message_server.h"
#include "tests/support/gateway_process.h"
#include "tests/support/http.h"
#include "tests/support/http_stub.h"
#include "tests/support/redis_server.h"
#include "tests/support/shell.h"

enum { PATIENCE_MS = 20000 };

static struct redis_server *redis;
static struct gateway_process *gateway;
static const char *url;

static const char publish_body[] = "{\"name\":\"aff\",\"version\":\"7.0.%d\",\"ref\":\"v7.0.%d\",\"extra\":1,"
                                   "\"location\":{\"githubOwner\":\"purescript-contrib\",\"githubRepo\":\"purescript-aff\"},"
                                   "\"compiler\":null,\"resolutions\":{\"prelude\":\"6.0.1\"}}";

static struct http_response publish(int patch, const char *const *headers) {
    char body[1024];
    snprintf(body, sizeof body, publish_body, patch, patch);
    return http_ask("POST", url, "/api/v1/publish", headers, body);
}

static json_t *json_of(const struct http_response *response) {
    json_t *json = NULL;
    struct error err;
    if (json_read(&json, text_view(&response->body), response->body.length, "The answer", &err)) fail_msg("%s", err.message);
    return json;
}

static const char *text_of(const json_t *object, const char *key) {
    const char *text = json_string_value(json_object_get(object, key));
    return text ? text : "";
}

static void assert_error(const struct http_response *response, int status, const char *code, const char *path) {
    assert_int_equal(response->status, status);
    assert_string_equal(http_header(response, "content-type"), "application/json");
    json_t *json = json_of(response);
    assert_string_equal(text_of(json, "error"), code);
    assert_true(strlen(text_of(json, "message")) > 10);
    if (path)
        assert_string_equal(text_of(json, "path"), path);
    else
        assert_null(json_object_get(json, "path"));
    json_decref(json);
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
    static const char *const unknown[] = {
        "/",        "/api/v1/nothing", "/api/v1/jobs/",    "/api/v1/jobs/%FF", "/api/v1/jobs/a%00b",
        "/metrics", "/api/v2/jobs",    "/../../etc/passwd"};
    for (size_t i = 0; i < sizeof unknown / sizeof unknown[0]; i++) {
        struct http_response response = http_ask(NULL, url, unknown[i], NULL, NULL);
        assert_error(&response, 404, "not_found", NULL);
        http_response_release(&response);
    }
    struct http_response response = http_ask("DELETE", url, "/api/v1/jobs", NULL, NULL);
    assert_error(&response, 405, "method_not_allowed", NULL);
    assert_string_equal(http_header(&response, "allow"), "GET, HEAD, OPTIONS");
    http_response_release(&response);
    response = http_ask("GET", url, "/api/v1/publish", NULL, NULL);
    assert_error(&response, 405, "method_not_allowed", NULL);
    assert_string_equal(http_header(&response, "allow"), "POST, OPTIONS");
    http_response_release(&response);
}

static void a_publication_becomes_a_job_once(void **state) {
    (void)state;
    struct http_response response = publish(1, NULL);
    assert_int_equal(response.status, 200);
    json_t *first = json_of(&response);
    http_response_release(&response);
    assert_int_equal(strlen(text_of(first, "jobId")), UUID_TEXT_MAX - 1);
    assert_true(json_is_true(json_object_get(first, "created")));

    response = publish(1, NULL);
    json_t *again = json_of(&response);
    http_response_release(&response);
    assert_string_equal(text_of(again, "jobId"), text_of(first, "jobId"));
    assert_true(json_is_false(json_object_get(again, "created")));

    char path[128];
    snprintf(path, sizeof path, "/api/v1/jobs/%s", text_of(first, "jobId"));
    json_t *job = http_get_json(url, path, NULL);
    assert_string_equal(text_of(job, "jobType"), "publish");
    assert_string_equal(text_of(job, "packageName"), "aff");
    assert_string_equal(text_of(job, "packageVersion"), "7.0.1");
    assert_true(json_is_false(json_object_get(job, "success")));
    assert_null(json_object_get(job, "startedAt"));
    assert_null(json_object_get(job, "finishedAt"));
    assert_null(json_object_get(job, "compilerVersion"));
    const json_t *payload = json_object_get(job, "payload");
    assert_string_equal(text_of(payload, "ref"), "v7.0.1");
    assert_null(json_object_get(payload, "compiler"));
    assert_string_equal(text_of(json_object_get(payload, "resolutions"), "prelude"), "6.0.1");
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
        json_t *json = json_of(&response);
        assert_string_equal(text_of(json, "error"), "invalid_request");
        if (rows[i].path) assert_string_equal(text_of(json, "path"), rows[i].path);
        json_decref(json);
        http_response_release(&response);
    }
}

static void a_body_over_the_limit_is_refused_quickly(void **state) {
    (void)state;
    static const size_t sizes[] = {65537, 10000000};
    for (size_t i = 0; i < 2; i++) {
        char *body = test_malloc(sizes[i] + 1);
        memset(body, ' ', sizes[i]);
        body[sizes[i]] = '\0';
        int64_t before_ms = clock_monotonic_ms();
        struct http_response response = http_ask("POST", url, "/api/v1/publish", NULL, body);
        assert_true(clock_monotonic_ms() - before_ms < 5000);
        assert_error(&response, 413, "too_large", NULL);
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
    assert_error(&response, 429, "too_many_requests", NULL);
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
        assert_error(&response, 404, "not_found", NULL);
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

/* The key itself is of no use to the gateway: that there is one says where tarballs are. */
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

/* ---- With a service ---- */

/* The side of all services: says that it is ready, and remembers the last job it was told of. */
struct service {
    pthread_mutex_t mutex;
    bool is_ready;
    char job_id[UUID_TEXT_MAX];
    struct text payload;
    int64_t alarms;
};

static enum status answer_ready(void *context, const struct message *request, struct arena *arena, struct message *answer,
                                struct error *err) {
    (void)request, (void)arena, (void)err;
    struct service *service = context;
    pthread_mutex_lock(&service->mutex);
    *answer = (struct message){.tag = MESSAGE_ready,
                               .ready = {.is_ready = service->is_ready,
                                         .program = "publish",
                                         .alarms = service->alarms,
                                         .reasons = "[{\"check\":\"registry\",\"ok\":false,\"message\":\"gone fishing\"}]"}};
    pthread_mutex_unlock(&service->mutex);
    return STATUS_OK;
}

static enum status take_job(void *context, const struct message *request, struct arena *arena, struct message *answer,
                            struct error *err) {
    (void)arena, (void)err;
    struct service *service = context;
    pthread_mutex_lock(&service->mutex);
    snprintf(service->job_id, sizeof service->job_id, "%s", request->job_accepted.job_id);
    text_clear(&service->payload);
    text_append(&service->payload, request->job_accepted.payload);
    pthread_mutex_unlock(&service->mutex);
    *answer = (struct message){.tag = MESSAGE_done};
    return STATUS_OK;
}

static const struct message_handler handlers[] = {
    {MESSAGE_ready_query, answer_ready}, {MESSAGE_job_accepted, take_job}, {0, NULL}};

static struct message_server *serve(struct service *service) {
    char address[128];
    struct error err;
    struct message_server *server;
    snprintf(address, sizeof address, "ipc://%s/publish.ipc", gateway_process_folder(gateway));
    if (message_server_create(&server, address, NULL, handlers, service, &err)) fail_msg("%s", err.message);
    return server;
}

static int readiness(const char *base, const char *needle) {
    struct http_response response = http_ask(NULL, base, "/readyz", NULL, NULL);
    json_t *json = json_of(&response);
    assert_int_equal(json_is_true(json_object_get(json, "ready")), response.status == 200);
    if (needle && !strstr(text_view(&response.body), needle)) fail_msg("no \"%s\" in %s", needle, response.body.bytes);
    if (response.status == 503) assert_string_not_equal(http_header(&response, "retry-after"), "");
    json_decref(json);
    int status = response.status;
    http_response_release(&response);
    return status;
}

static bool is_ready(void *base) {
    return readiness(base, NULL) == 200;
}

static void readiness_names_what_is_missing(void **state) {
    (void)state;
    struct service service = {.mutex = PTHREAD_MUTEX_INITIALIZER, .is_ready = true};
    assert_int_equal(readiness(url, "{\"check\":\"publish\",\"ok\":false,\"message\":"), 503);
    struct message_server *server = serve(&service);
    assert_true(wait_until(is_ready, (void *)(uintptr_t)url, PATIENCE_MS));
    assert_int_equal(readiness(gateway_process_management_url(gateway), "{\"check\":\"redis\",\"ok\":true}"), 200);
    pthread_mutex_lock(&service.mutex);
    service.is_ready = false;
    pthread_mutex_unlock(&service.mutex);
    assert_int_equal(readiness(url, "gone fishing"), 503);
    message_server_free(server);
    text_release(&service.payload);
}

static void a_job_that_was_given_up_fails_the_health_check_once(void **state) {
    (void)state;
    struct http_stub *stub = http_stub_start("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    struct service service = {.mutex = PTHREAD_MUTEX_INITIALIZER, .is_ready = true, .alarms = 1};
    char ping[96], address[160], transfer_address[160];
    struct error err;
    struct message_server *server;
    snprintf(ping, sizeof ping, "HEALTHCHECKS_URL=http://127.0.0.1:%d/ping", http_stub_port(stub));
    snprintf(address, sizeof address, "PUBLISH_ADDRESS=ipc://%s/alarming.ipc", gateway_process_folder(gateway));
    snprintf(transfer_address, sizeof transfer_address, "TRANSFER_%s", strchr(address, 'A'));
    if (message_server_create(&server, strchr(address, '=') + 1, NULL, handlers, &service, &err)) fail_msg("%s", err.message);
    const char *const settings[] = {ping, address, transfer_address, "HEALTHCHECKS_INTERVAL_MS=50", NULL};
    struct gateway_process *pinging = gateway_process_start(redis_server_url(redis), settings);

    size_t index = 0;
    const char *request = http_stub_request(stub, index);
    while (request && !strstr(request, "2 jobs need to be looked at"))
        request = http_stub_request(stub, ++index);
    assert_non_null(request);
    assert_true(text_starts_with(request, "POST /ping/fail "));
    request = http_stub_request(stub, index + 1); /* and all is well again */
    assert_non_null(request);
    assert_true(text_starts_with(request, "GET /ping "));

    assert_int_equal(gateway_process_stop(pinging), 0);
    message_server_free(server);
    http_stub_stop(stub);
    text_release(&service.payload);
}

static void the_management_port_has_health_and_nothing_else(void **state) {
    (void)state;
    const char *management = gateway_process_management_url(gateway);
    json_t *json = http_get_json(management, "/healthz", NULL);
    assert_true(json_is_true(json_object_get(json, "alive")));
    json_decref(json);
    struct http_response response = http_ask(NULL, management, "/api/v1/jobs", NULL, NULL);
    assert_error(&response, 404, "not_found", NULL);
    http_response_release(&response);
}

struct told {
    struct service *service;
    const char *job_id;
};

static bool was_told(void *context) {
    struct told *told = context;
    pthread_mutex_lock(&told->service->mutex);
    bool is_so = strcmp(told->service->job_id, told->job_id) == 0;
    pthread_mutex_unlock(&told->service->mutex);
    return is_so;
}

static void the_service_is_told_of_a_job_at_once(void **state) {
    (void)state;
    struct service service = {.mutex = PTHREAD_MUTEX_INITIALIZER, .is_ready = true};
    struct message_server *server = serve(&service);
    assert_true(wait_until(is_ready, (void *)(uintptr_t)url, PATIENCE_MS));
    struct http_response response = publish(50, NULL);
    json_t *accepted = json_of(&response);
    http_response_release(&response);
    struct told told = {&service, text_of(accepted, "jobId")};
    assert_true(wait_until(was_told, &told, PATIENCE_MS));
    assert_non_null(strstr(service.payload.bytes, "\"ref\":\"v7.0.50\""));
    json_decref(accepted);
    message_server_free(server);
    text_release(&service.payload);
}

static int start(void **state) {
    (void)state;
    static const char *const settings[] = {"POST_LIMIT_PER_MINUTE=0", NULL};
    redis = redis_server_start();
    gateway = gateway_process_start(redis_server_url(redis), settings);
    url = gateway_process_url(gateway);
    return 0;
}

static int stop(void **state) {
    (void)state;
    int status = gateway_process_stop(gateway);
    redis_server_stop(redis);
    return status;
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_response_may_be_read_by_any_page),
        cmocka_unit_test(options_anywhere_is_answered_204),
        cmocka_unit_test(status_is_200_and_empty),
        cmocka_unit_test(unknown_addresses_and_methods_are_refused),
        cmocka_unit_test(a_publication_becomes_a_job_once),
        cmocka_unit_test(a_malformed_publication_is_refused_by_field),
        cmocka_unit_test(a_body_over_the_limit_is_refused_quickly),
        cmocka_unit_test(too_many_posts_are_held_back_and_reading_is_not),
        cmocka_unit_test(tarballs_are_served_whole_and_in_parts),
        cmocka_unit_test(only_tarballs_are_served),
        cmocka_unit_test(tarballs_stand_under_their_own_host_only),
        cmocka_unit_test(where_tarballs_are_on_s3_none_are_served),
        cmocka_unit_test(pages_about_jobs_keep_crawlers_out),
        cmocka_unit_test(readiness_names_what_is_missing),
        cmocka_unit_test(a_job_that_was_given_up_fails_the_health_check_once),
        cmocka_unit_test(the_management_port_has_health_and_nothing_else),
        cmocka_unit_test(the_service_is_told_of_a_job_at_once),
    };
    log_configure("test", LOG_ERROR);
    return cmocka_run_group_tests(tests, start, stop);
}
