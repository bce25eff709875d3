/* SPDX-License-Identifier: BSD-3-Clause
 *
 * What registryctl asks of a gateway, for which an HTTP server stands in.
 */
#include "tests/support/cmocka_all.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/arena.h"
#include "lib/base/text.h"
#include "tests/support/http/http_stub.h"
#include "tests/support/owner_key.h"
#include "tests/support/run_program.h"
#include "tests/support/temporary_folder.h"

enum { ARGUMENTS_MAX = 16 };

static struct temporary_folder folder;
static struct command_result result; /* of the last run */
static struct arena arena;
static struct http_stub *stub;

static int set_up(void **state) {
    (void)state;
    temporary_folder_make(&folder);
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    http_stub_stop(stub);
    command_result_release(&result);
    temporary_folder_remove(&folder);
    arena_release(&arena);
    return 0;
}

/* Runs registryctl against the stand-in; `words` end with NULL, `setting` is NAME=VALUE or NULL. Returns its exit status. */
static int ask(const char *setting, const char *const *words) {
    const char *arguments[ARGUMENTS_MAX + 1] = {"--gateway", arena_format(&arena, "http://127.0.0.1:%d", http_stub_port(stub))};
    for (size_t i = 0; words[i]; i++) {
        assert_true(i + 2 < ARGUMENTS_MAX);
        arguments[i + 2] = words[i];
    }
    return run_program(&result, &(struct program_call){"registryctl", arguments, setting, folder.path, NULL});
}

#define ASK(setting, ...) ask(setting, (const char *const[]){__VA_ARGS__, NULL})

static void answer(const char *body) {
    const char *whole = arena_format(&arena, "HTTP/1.1 200 OK\r\nContent-Length: %zu\r\n\r\n%s", strlen(body), body);
    if (stub)
        http_stub_set_answer(stub, whole);
    else
        stub = http_stub_start(whole);
}

static void an_id_of_any_text_is_one_part_of_the_path(void **state) {
    (void)state;
    static const char *const requests[] = {"GET /status/a%2F..%2Fb%3Fc%23%25 ", "GET /status/a%2F..%2Fb%3Fc%23%25 ",
                                           "GET /logs/a%2F..%2Fb%3Fc%23%25?level="};
    answer("{\"state\":\"pending\"}");
    assert_int_equal(ASK(NULL, "status", "a/../b?c#%"), 0);
    assert_int_equal(ASK(NULL, "logs", "a/../b?c#%"), 0);
    for (size_t i = 0; i < sizeof requests / sizeof *requests; i++) {
        const char *request = http_stub_request(stub, i);
        if (!request || strncmp(request, requests[i], strlen(requests[i])) != 0) fail_msg("%s: %s", requests[i], request);
    }
}

/* ---- Package sets ---- */

#define JOB "11111111-2222-4333-8444-555555555555"

/* The newest request, which is a POST to this path; returns its body. */
static const char *posted(const char *path) {
    const char *request = http_stub_request(stub, http_stub_count(stub) - 1);
    const char *line = arena_format(&arena, "POST %s HTTP/1.1\r\n", path);
    if (!request || !text_starts_with(request, line)) fail_msg("%s: %s", path, request ? request : "(none)");
    return strstr(request, "\r\n\r\n") + 4;
}

static void expect_job(int status) {
    assert_int_equal(status, 0);
    assert_string_equal(text_view(&result.output), "Job " JOB "\n");
}

static void a_package_set_is_requested_as_it_is_written(void **state) {
    (void)state;
    answer("{\"jobId\":\"" JOB "\",\"created\":true}");
    expect_job(ASK(NULL, "package-set", "--request", "b@2.0.0", "a@1.0.0"));
    assert_string_equal(posted("/api/v1/package-sets"),
                        "{\"payload\":\"{\\\"packages\\\":{\\\"b\\\":\\\"2.0.0\\\",\\\"a\\\":\\\"1.0.0\\\"}}\"}");
    expect_job(
        ASK(NULL, "package-set", "--remove", "c", "--request", "a@1.0.0", "--compiler", "0.15.16", "--remove=d", "b@2.0.0"));
    assert_string_equal(posted("/api/v1/package-sets"),
                        "{\"payload\":\"{\\\"compiler\\\":\\\"0.15.16\\\",\\\"packages\\\":{\\\"a\\\":\\\"1.0.0\\\",\\\"b\\\":"
                        "\\\"2.0.0\\\",\\\"c\\\":null,\\\"d\\\":null}}\"}");
    expect_job(ASK(NULL, "package-set", "--request", "--compiler", "0.15.16"));
    assert_string_equal(posted("/api/v1/package-sets"),
                        "{\"payload\":\"{\\\"compiler\\\":\\\"0.15.16\\\",\\\"packages\\\":{}}\"}");
}

static const char *text_field(const json_t *object, const char *name) {
    const char *text = json_string_value(json_object_get(object, name));
    assert_non_null(text);
    return arena_copy(&arena, text);
}

/* The payload of the newest request, whose signature is the key's over exactly its bytes. */
static const char *signed_payload(const struct owner_key_pair *key) {
    json_t *body = json_loads(posted("/api/v1/package-sets"), 0, NULL);
    const char *payload = text_field(body, "payload"), *signature = text_field(body, "signature");
    json_decref(body);
    assert_string_equal(signature, owner_key_sign(&arena, key, payload)); /* ed25519's are always the same */
    return payload;
}

/* A signed payload is carried out only once, so each call has another. */
static void a_signed_request_for_a_package_set_is_a_new_one_each_time(void **state) {
    (void)state;
    const struct owner_key_pair key = owner_key_make(&arena, folder.path, "bot", "-t ed25519", "pacchettibotti@purescript.org");
    const char *payloads[2];
    for (int i = 0; i < 2; i++) {
        expect_job(ASK(NULL, "package-set", "--request", "--remove", "c", "--key", key.path));
        payloads[i] = signed_payload(&key);
        assert_true(text_starts_with(payloads[i], "{\"packages\":{\"c\":null},\"requestId\":\""));
    }
    assert_string_not_equal(payloads[0], payloads[1]);
    assert_int_equal(ASK(NULL, "package-set", "--request", "--remove", "c", "--key", "/nowhere"), 1);
}

static void a_trustees_request_for_a_package_set_has_the_token(void **state) {
    (void)state;
    static const char token[] = "TRUSTEE_TOKEN=the-token-of-a-trustee";
    expect_job(ASK(token, "package-set", "--request", "a@1.0.0", "--remove", "c", "--actor", "me", "--issue", "7", "--reason",
                   "It broke."));
    assert_string_equal(posted("/api/v1/trustee"),
                        "{\"action\":\"package-set\",\"payload\":{\"packages\":{\"a\":\"1.0.0\",\"c\":null}},\"actor\":\"me\","
                        "\"issue\":7,\"reason\":\"It broke.\"}");
    assert_non_null(
        strstr(http_stub_request(stub, http_stub_count(stub) - 1), "\r\nAuthorization: Bearer the-token-of-a-trustee\r\n"));
}

static void a_wrong_call_for_a_package_set_asks_nothing(void **state) {
    (void)state;
    static const struct {
        const char *words[8], *error;
    } rows[] = {
        {{"package-set"}, "One of --request, --excuses, --dry-run and --propose is required."},
        {{"package-set", "a@1.0.0"}, "One of --request, --excuses, --dry-run and --propose is required."},
        {{"package-set", "--request"}, "--request needs a NAME@VERSION, --remove or --compiler."},
        {{"package-set", "--request", "a"}, "\"a\" must be NAME@VERSION; a package is removed by --remove NAME."},
        {{"package-set", "--request", "a@1.0.0", "--key", "k", "--actor", "me"}, "but not both."},
        {{"package-set", "--request", "a@1.0.0", "--issue", "7"}, "--actor is required."},
        {{"package-set", "--request", "a@1.0.0", "--actor", "me", "--issue", "x"}, "--issue must be a number"},
        {{"package-set", "--request", "a@1.0.0", "--actor", "me", "--issue", ""}, "--issue must be a number"},
        {{"package-set", "--request", "a@1.0.0", "--actor", "me", "--issue", "+7"}, "--issue must be a number"},
        {{"package-set", "--request", "a@1.0.0", "--actor", "me"}, "A token is required"},
    };
    size_t before = http_stub_count(stub);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        assert_int_equal(ask(NULL, rows[i].words), 2);
        const char *errors = text_view(&result.errors);
        if (!strstr(errors, rows[i].error)) fail_msg("\"%s\" is not in: %s", rows[i].error, errors);
        assert_non_null(strstr(errors, "usage: registryctl package-set --request"));
    }
    assert_int_equal(http_stub_count(stub), before);
}

static void a_refused_package_set_prints_why(void **state) {
    (void)state;
    static const char body[] = "{\"error\":\"refused\",\"message\":\"A removal needs it.\",\"path\":\"signature\"}";
    http_stub_set_answer(stub,
                         arena_format(&arena, "HTTP/1.1 400 Bad Request\r\nContent-Length: %zu\r\n\r\n%s", strlen(body), body));
    assert_int_equal(ASK(NULL, "package-set", "--request", "--remove", "c"), 1);
    assert_string_equal(text_view(&result.output), "");
    assert_non_null(strstr(text_view(&result.errors), "A removal needs it. (HTTP status 400.)"));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_id_of_any_text_is_one_part_of_the_path),
        cmocka_unit_test(a_package_set_is_requested_as_it_is_written),
        cmocka_unit_test(a_signed_request_for_a_package_set_is_a_new_one_each_time),
        cmocka_unit_test(a_trustees_request_for_a_package_set_has_the_token),
        cmocka_unit_test(a_wrong_call_for_a_package_set_asks_nothing),
        cmocka_unit_test(a_refused_package_set_prints_why),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
