/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Bodies with random changes, sent by every route and trustee action that becomes a job: each is accepted or refused with 400,
 * and accepted jobs are listed with a payload that existing clients can read. (A null in the payload of one job makes them
 * refuse the whole list.)
 */
#include "tests/support/cmocka_all.h"

#include <stdio.h>
#include <string.h>

#include "lib/base/arena.h"
#include "lib/base/hash.h"
#include "tests/flow/gateway/gateway_fixture.h"
#include "tests/support/client_codec.h"
#include "tests/support/http/http.h"
#include "tests/support/http/http_connection.h"
#include "tests/support/mutated_json.h"

#define TOKEN "a-token-of-this-test"

enum { TRIES = 400, TIMEOUT_MS = 60000 };

static struct http_connection connection;
static struct arena arena;

static int start(void **state) {
    (void)state;
    static char digest[128] = "PACCHETTIBOTTI_TOKEN_SHA256=";
    hash_sha256_hex(TOKEN, strlen(TOKEN), digest + strlen(digest));
    const char *const settings[] = {"POST_LIMIT_PER_MINUTE=0", digest, NULL};
    redis = redis_server_start();
    gateway = gateway_process_start(redis_server_url(redis), settings);
    url = gateway_process_url(gateway);
    assert_true(http_connection_open(&connection, gateway_process_port(gateway), TIMEOUT_MS));
    return 0;
}

static int stop(void **state) {
    http_connection_close(&connection);
    text_release(&connection.input);
    text_release(&connection.answer);
    arena_release(&arena);
    return stop_gateway(state);
}

/* Returns the status. */
static int post(const char *path, const json_t *body) {
    char *text = json_dumps(body, JSON_COMPACT);
    const char *request = arena_format(
        &arena, "POST %s HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer " TOKEN "\r\nContent-Length: %zu\r\n\r\n%s", path,
        strlen(text), text);
    assert_true(http_connection_send_bytes(&connection, request, strlen(request)) && http_connection_receive(&connection));
    if (connection.status != 200 && connection.status != 400)
        fail_msg("%s %s: %d %s", path, text, connection.status, text_view(&connection.answer));
    free(text);
    return connection.status;
}

static json_t *read_json(const char *text) {
    json_t *json = json_loads(text, 0, NULL);
    if (!json) fail_msg("no JSON: %s", text);
    return json;
}

static json_t *as_signed(const json_t *payload) {
    char *text = json_dumps(payload, JSON_COMPACT);
    json_t *body = json_pack("{s:s, s:s}", "payload", text, "signature", "00ff");
    free(text);
    return body;
}

static json_t *as_action(const char *action, const json_t *payload) {
    return json_pack("{s:s, s:O, s:s, s:i, s:s}", "action", action, "payload", payload, "actor", "me", "issue", 7, "reason",
                     "It is old.");
}

static const struct {
    const char *path, *action; /* of a trustee; NULL: none */
    bool is_signed;
    const char *payload;
} requests[] = {
    {"/api/v1/publish", NULL, false,
     "{\"name\":\"a\",\"location\":{\"githubOwner\":\"o\",\"githubRepo\":\"r\",\"subdir\":\"s\"},\"ref\":\"v1.0.0\","
     "\"version\":\"1.0.0\",\"compiler\":\"0.15.15\",\"resolutions\":{\"prelude\":\"6.0.1\"}}"},
    {"/api/v1/unpublish", NULL, true, "{\"name\":\"a\",\"version\":\"1.0.0\",\"reason\":\"It is broken.\"}"},
    {"/api/v1/transfer", NULL, true,
     "{\"name\":\"a\",\"newLocation\":{\"githubOwner\":\"o\",\"githubRepo\":\"r\",\"subdir\":\"s\"}}"},
    {"/api/v1/transfer", NULL, true, "{\"name\":\"a\",\"newLocation\":{\"gitUrl\":\"https://a.b/c.git\",\"subdir\":\"s\"}}"},
    {"/api/v1/package-sets", NULL, true, "{\"packages\":{\"a\":\"1.0.0\",\"b\":\"2.0.0\"}}"},
    {"/api/v1/trustee", "publish", false, "{\"name\":\"a\",\"ref\":\"v1.0.0\",\"version\":\"1.0.0\",\"resolutions\":{}}"},
    {"/api/v1/trustee", "unpublish", false, "{\"name\":\"a\",\"version\":\"1.0.0\",\"reason\":\"It is broken.\"}"},
    {"/api/v1/trustee", "transfer", false,
     "{\"name\":\"a\",\"newLocation\":{\"githubOwner\":\"o\",\"githubRepo\":\"r\",\"subdir\":\"s\"}}"},
    {"/api/v1/trustee", "revise", false,
     "{\"name\":\"a\",\"version\":\"1.0.0\",\"dependencies\":{\"prelude\":\">=1.0.0 <2.0.0\"}}"},
    {"/api/v1/trustee", "package-set", false, "{\"compiler\":\"0.15.15\",\"packages\":{\"a\":\"1.0.0\",\"b\":null}}"},
};

/* Checks all jobs, page by page. */
static size_t check_all_jobs(void) {
    size_t count = 0;
    char *path = strdup("/api/v1/jobs?include_completed=true&kinds=all");
    while (path) {
        struct http_response response = http_ask(NULL, url, path, NULL, NULL);
        assert_int_equal(response.status, 200);
        json_t *jobs = http_json(&response), *job;
        size_t index;
        json_array_foreach(jobs, index, job) {
            const json_t *payload = json_object_get(job, "payload");
            if (client_reads_payload(http_json_text(job, "jobType"), payload)) continue;
            char *text = json_dumps(payload, JSON_COMPACT);
            fail_msg("no client reads %s of a %s job", text, http_json_text(job, "jobType"));
        }
        count += json_array_size(jobs);
        const char *link = http_header(&response, "Link"), *end = strchr(link, '>');
        free(path);
        path = end ? strndup(link + 1, (size_t)(end - link) - 1) : NULL;
        json_decref(jobs);
        http_response_release(&response);
    }
    return count;
}

static void a_changed_payload_is_refused_or_shown_as_clients_read_it(void **state) {
    (void)state;
    struct mutation mutation = {20261129};
    size_t accepted = 0, refused = 0;
    for (size_t i = 0; i < sizeof requests / sizeof *requests; i++) {
        json_t *original = read_json(requests[i].payload);
        for (int n = 0; n < TRIES; n++) {
            json_t *payload = mutation_make(&mutation, original), *body;
            if (requests[i].is_signed)
                body = as_signed(payload);
            else if (requests[i].action)
                body = as_action(requests[i].action, payload);
            else
                body = json_incref(payload);
            if (n % 20 == 0) {
                json_t *changed = mutation_make(&mutation, body);
                json_decref(body);
                body = changed;
            }
            if (post(requests[i].path, body) == 200)
                accepted++;
            else
                refused++;
            json_decref(body);
            json_decref(payload);
        }
        json_decref(original);
        arena_release(&arena);
    }
    size_t shown = check_all_jobs();
    print_message("%zu accepted, %zu refused, %zu jobs\n", accepted, refused, shown);
    assert_true(accepted > 100 && refused > 1000 && shown > 100);
}

static void a_null_in_what_is_signed_is_named(void **state) {
    (void)state;
    static const struct {
        const char *route, *payload, *path;
    } rows[] = {
        {"transfer", "{\"name\":\"a\",\"newLocation\":{\"githubOwner\":\"o\",\"githubRepo\":\"r\",\"subdir\":null}}",
         "payload.newLocation.subdir"},
        {"transfer", "{\"name\":\"a\",\"newLocation\":{\"gitUrl\":\"https://a.b/c\",\"subdir\":null}}",
         "payload.newLocation.subdir"},
        {"unpublish", "{\"name\":\"a\",\"version\":\"1.0.0\",\"reason\":\"x\",\"more\":[{\"deep\":null}]}",
         "payload.more.0.deep"},
        {"unpublish", "{\"name\":\"a\",\"version\":\"1.0.0\",\"reason\":\"x\",\"newLocation\":null}", "payload.newLocation"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        json_t *payload = read_json(rows[i].payload), *body = as_signed(payload);
        assert_int_equal(post(arena_format(&arena, "/api/v1/%s", rows[i].route), body), 400);
        json_t *answer = read_json(text_view(&connection.answer));
        assert_string_equal(http_json_text(answer, "error"), "invalid_request");
        assert_string_equal(http_json_text(answer, "path"), rows[i].path);
        assert_non_null(strstr(http_json_text(answer, "message"), "must not be null"));
        json_decref(answer);
        json_decref(body);
        json_decref(payload);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_changed_payload_is_refused_or_shown_as_clients_read_it),
        cmocka_unit_test(a_null_in_what_is_signed_is_named),
    };
    return cmocka_run_group_tests(tests, start, stop);
}
