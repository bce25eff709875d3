/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The trustees' action `matrix` (lib/domain/README.md, Trustee actions): a version is built again, even after success; a
 * failure then raises an alarm, and removes no compiler from the metadata. The compiler whose result changes is a script that
 * replaces one of the worker's compilers.
 */
#include "tests/support/cmocka_all.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/clock.h"
#include "lib/base/hash.h"
#include "lib/base/text.h"
#include "tests/support/http/http_stub.h"
#include "tests/support/matrix_cells.h"
#include "tests/support/matrix_scene.h"
#include "tests/support/registry_check.h"
#include "tests/support/server/server_fixture.h"
#include "tests/support/shell.h"
#include "tests/support/trustee_call.h"

#define TOKEN "ghp_TheTokenOfTrusteesInTests0123456"
#define ACTOR "a-trustee"

static struct http_stub *pinged; /* healthchecks.io */

static int begin(void **state) {
    static char digest[64 + SHA256_HEX_MAX] = "PACCHETTIBOTTI_TOKEN_SHA256=";
    static char ping[96];
    static const char *const gateway[] = {digest, ping, "HEALTHCHECKS_INTERVAL_MS=200", NULL};
    static const char *const settings[] = {"LEASE_MS=3000", NULL};
    pinged = http_stub_start("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    snprintf(ping, sizeof ping, "HEALTHCHECKS_URL=http://127.0.0.1:%d/ping", http_stub_port(pinged));
    hash_sha256_hex(TOKEN, strlen(TOKEN), digest + strlen(digest));
    *state = server_start(&(struct server_options){.workers = 1, .settings = settings, .gateway_settings = gateway});
    return 0;
}

static int end(void **state) {
    server_stop(*state);
    http_stub_stop(pinged);
    return 0;
}

/* ---- Helpers ---- */

static const char *payload(struct server *server, const char *name, const char *version, const char *compiler) {
    return arena_format(&server->arena, "{\"name\":\"%s\",\"version\":\"%s\",\"compiler\":\"%s\"}", name, version, compiler);
}

static const char *body(struct server *server, const char *name, const char *version, const char *compiler) {
    return trustee_body(server, "matrix", payload(server, name, version, compiler), ACTOR, "Is it true?");
}

/* Publishes the package, and waits until it is built with 0.15.14, too; returns the id of that build. */
static const char *publish_and_build(struct server *server, const char *name) {
    server_expect_published(server, &(struct package){name, "1.0.0", .pragma = NULL});
    json_t *version = matrix_cells_wait(server, name, "0.15.14", "verdict", "succeeded");
    const char *id = arena_copy(&server->arena, server_job_text(matrix_cell(version, "0.15.14"), "jobId"));
    json_decref(version);
    return id;
}

static void refuse(struct server *server, const char *request, const char *path, const char *words) {
    struct trustee_answer answer = trustee_ask(server, TOKEN, NULL, request);
    if (answer.status != 400 || strcmp(answer.path, path) != 0 || !strstr(answer.message, words))
        fail_msg("%s: %d %s %s", request, answer.status, answer.path, answer.message);
}

/* Replaces the compiler 0.15.14 by one that always fails; the next function restores it. */
static void spoil_compiler(struct server *server) {
    static const char script[] =
        "#!/bin/sh\n"
        "[ \"$1\" != --version ] || { echo 0.15.14; exit 0; }\n"
        "echo '{\"warnings\":[],\"errors\":[{\"position\":null,\"message\":\"I have changed my "
        "mind.\",\"errorCode\":\"ErrorX\","
        "\"errorLink\":\"\",\"filename\":null,\"moduleName\":null,\"suggestion\":null,\"allSpans\":[]}]}'\n"
        "exit 1\n";
    const char *compiler = arena_format(&server->arena, "%s/compilers/purs-0_15_14", server->folder);
    server_terminate_worker(server, 0);
    shell_run("mv '%s' '%s/spared'", compiler, server->folder);
    write_file(compiler, script);
    shell_run("chmod 755 '%s'", compiler);
    server_start_worker(server, 0);
}

static void mend_compiler(struct server *server) {
    server_terminate_worker(server, 0);
    shell_run("mv '%s/spared' '%s/compilers/purs-0_15_14'", server->folder, server->folder);
    server_start_worker(server, 0);
}

/* ---- Tests ---- */

static void a_build_that_succeeded_is_made_again(void **state) {
    struct server *server = *state;
    const char *first = publish_and_build(server, "again");
    int before = matrix_alarms(server);
    const char *id = trustee_expect_job(server, TOKEN, body(server, "again", "1.0.0", "0.15.14"));
    assert_string_not_equal(id, first);
    server_expect_success(server, id);
    json_t *job = server_wait_for_job(server, id);
    assert_string_equal(server_job_text(job, "jobType"), "matrix");
    assert_string_equal(server_job_text(job, "purpose"), "request");
    assert_string_equal(server_job_text(job, "verdict"), "succeeded");
    assert_string_equal(server_job_text(job, "actor"), ACTOR);
    assert_string_equal(server_job_text(job, "reason"), "Is it true?");
    assert_int_equal(json_integer_value(json_object_get(job, "issue")), 7);
    assert_true(json_is_object(json_object_get(job, "payload")));
    assert_int_equal(json_integer_value(json_object_get(json_object_get(job, "build"), "compiled")), 1); /* not reused */
    json_decref(job);
    const char *third = trustee_expect_job(server, TOKEN, body(server, "again", "1.0.0", "0.15.14"));
    assert_string_not_equal(third, id);
    server_expect_success(server, third);
    assert_int_equal(matrix_alarms(server), before);
}

static void its_plan_is_the_registrys(void **state) {
    struct server *server = *state;
    publish_and_build(server, "plan-base");
    const struct package user = {"plan-user", "1.0.0", {{"plan-base", ">=1.0.0 <2.0.0"}}, .pragma = NULL};
    server_expect_published(server, &user);
    const char *id = trustee_expect_job(server, TOKEN, body(server, "plan-user", "1.0.0", "0.15.15"));
    server_expect_success(server, id);
    json_t *job = server_wait_for_job(server, id);
    assert_string_equal(server_job_text(json_object_get(job, "payload"), "plan-base"), "1.0.0");
    json_decref(job);
}

static void while_it_waits_the_same_is_one_job(void **state) {
    struct server *server = *state;
    publish_and_build(server, "once");
    server_terminate_worker(server, 0);
    struct trustee_answer first = trustee_ask(server, TOKEN, NULL, body(server, "once", "1.0.0", "0.15.14"));
    struct trustee_answer second = trustee_ask(server, TOKEN, NULL, body(server, "once", "1.0.0", "0.15.14"));
    assert_true(first.created && !second.created);
    assert_string_equal(second.job_id, first.job_id);
    server_start_worker(server, 0);
    server_expect_success(server, first.job_id);
}

static void a_failure_then_is_an_alarm_and_takes_no_compiler_away(void **state) {
    struct server *server = *state;
    publish_and_build(server, "falls");
    json_t *before = registry_published(server, "falls", "1.0.0");
    spoil_compiler(server);
    const char *id = trustee_expect_job(server, TOKEN, body(server, "falls", "1.0.0", "0.15.14"));
    json_t *job = server_wait_for_job(server, id);
    if (strcmp(server_job_text(job, "verdict"), "failed_to_compile") != 0) fail_msg("%s", server_log_text(server, job));
    assert_non_null(strstr(server_last_error(server, job), "does not compile with compiler 0.15.14"));
    json_decref(job);
    int64_t until_ms = clock_monotonic_ms() + PATIENCE_MS; /* counted shortly after the job's end */
    while (matrix_alarms(server) != 1 && clock_monotonic_ms() < until_ms)
        usleep(20000);
    assert_int_equal(matrix_alarms(server), 1);
    const char *told = http_stub_request(pinged, 0);
    for (size_t i = 1; told && !strstr(told, "1 jobs need an operator"); i++)
        told = http_stub_request(pinged, i);
    assert_non_null(told);
    assert_true(text_starts_with(told, "POST /ping/fail "));
    char *log = read_file(&server->arena, arena_format(&server->arena, "%s/build-matrix.log", server->folder));
    assert_non_null(strstr(log, "event=build_regressed "));

    json_t *after = registry_published(server, "falls", "1.0.0");
    assert_true(json_equal(before, after));
    json_decref(before);
    json_decref(after);
    json_t *version = matrix_cells_wait(server, "falls", "0.15.14", "verdict", "failed_to_compile");
    const json_t *cell = matrix_cell(version, "0.15.14");
    assert_string_equal(server_job_text(cell, "state"), "succeeded"); /* as in the metadata */
    assert_string_equal(server_job_text(cell, "jobId"), id);
    json_decref(version);
    mend_compiler(server);
    server_expect_success(server, trustee_expect_job(server, TOKEN, body(server, "falls", "1.0.0", "0.15.14")));
    assert_int_equal(matrix_alarms(server), 1);
}

static void impossible_builds_are_refused_with_the_reason(void **state) {
    struct server *server = *state;
    publish_and_build(server, "reasons");
    refuse(server, body(server, "Reasons", "1.0.0", "0.15.14"), "payload.name", "lower-case");
    refuse(server, body(server, "reasons", "1.0", "0.15.14"), "payload.version", "three numbers");
    refuse(server, body(server, "reasons", "1.0.0", "new"), "payload.compiler", "MAJOR.MINOR.PATCH");
    refuse(server, body(server, "nobody", "1.0.0", "0.15.14"), "payload.name", "There is no package nobody");
    refuse(server, body(server, "reasons", "2.0.0", "0.15.14"), "payload.version", "reasons@2.0.0 is not published.");
    refuse(server, body(server, "reasons", "1.0.0", "0.14.0"), "payload.compiler", "Supported compilers: 0.15.14, 0.15.15.");
}

/* A version that only builds with the older compiler leaves its dependants without a plan for the newer one. */
static void a_version_without_a_plan_is_refused_with_the_solvers_explanation(void **state) {
    struct server *server = *state;
    const struct package old = {"only-old", "1.0.0", .pragma = "fail-from 0.15.15 It is too new."},
                         user = {"old-user", "1.0.0", {{"only-old", ">=1.0.0 <2.0.0"}}, .pragma = NULL};
    matrix_publish_with(server, &old, "0.15.14");
    matrix_publish_with(server, &user, "0.15.14");
    json_decref(matrix_cells_wait(server, "old-user", "0.15.15", "state", "no_plan"));
    refuse(server, body(server, "old-user", "1.0.0", "0.15.15"), "payload.compiler",
           "old-user@1.0.0 has no plan with the compiler 0.15.15: ");
    refuse(server, body(server, "old-user", "1.0.0", "0.15.15"), "payload.compiler", "only-old");
}

static void without_build_matrix_it_is_unavailable(void **state) {
    struct server *server = *state;
    publish_and_build(server, "away");
    server_kill(server, SERVER_BUILD_MATRIX);
    struct trustee_answer answer = trustee_ask(server, TOKEN, NULL, body(server, "away", "1.0.0", "0.15.14"));
    assert_int_equal(answer.status, 503);
    assert_non_null(strstr(answer.message, "try again"));
    server_start_program(server, SERVER_BUILD_MATRIX);
    server_wait_until_ready(server);
    server_expect_success(server, trustee_expect_job(server, TOKEN, body(server, "away", "1.0.0", "0.15.14")));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_build_that_succeeded_is_made_again),
        cmocka_unit_test(its_plan_is_the_registrys),
        cmocka_unit_test(while_it_waits_the_same_is_one_job),
        cmocka_unit_test(a_failure_then_is_an_alarm_and_takes_no_compiler_away),
        cmocka_unit_test(impossible_builds_are_refused_with_the_reason),
        cmocka_unit_test(a_version_without_a_plan_is_refused_with_the_solvers_explanation),
        cmocka_unit_test(without_build_matrix_it_is_unavailable),
    };
    return cmocka_run_group_tests(tests, begin, end);
}
