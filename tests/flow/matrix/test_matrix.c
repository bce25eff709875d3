/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The build matrix with real programs: a published version is built with the other compilers, and then its dependants are; a
 * success is added to the metadata, a failure is kept in the job; and a service or worker that stops or is killed loses
 * nothing.
 */
#include "tests/support/cmocka_all.h"

#include <string.h>

#include "tests/support/matrix_scene.h"
#include "tests/support/registry_check.h"
#include "tests/support/server/held_compiler.h"
#include "tests/support/shell.h"

static const char *const settings[] = {"LEASE_MS=3000", NULL};

static int begin(void **state) {
    *state = server_start(&(struct server_options){.workers = 2, .settings = settings});
    return 0;
}

static int end(void **state) {
    server_stop(*state);
    return 0;
}

/* ---- Builds ---- */

static void a_publication_is_built_with_the_other_compilers(void **state) {
    struct server *server = *state;
    const struct package package = {"other-compilers", "1.0.0", .pragma = NULL};
    server_expect_published(server, &package);
    matrix_expect_compilers(server, "other-compilers", "1.0.0", "0.15.14 0.15.15");
    json_t *jobs = matrix_jobs(server, "other-compilers");
    assert_int_equal(json_array_size(jobs), 1);
    json_decref(jobs);
    registry_expect_consistency(server);
}

static void dependants_follow(void **state) {
    struct server *server = *state;
    const struct package base = {"chain-base", "1.0.0", .pragma = NULL},
                         middle = {"chain-middle", "1.0.0", {{"chain-base", ">=1.0.0 <2.0.0"}}, .pragma = NULL},
                         top = {"chain-top", "1.0.0", {{"chain-middle", ">=1.0.0 <2.0.0"}}, .pragma = NULL};
    server_expect_published(server, &base);
    server_expect_published(server, &middle);
    server_expect_published(server, &top);
    matrix_expect_compilers(server, "chain-base", "1.0.0", "0.15.14 0.15.15");
    matrix_expect_compilers(server, "chain-middle", "1.0.0", "0.15.14 0.15.15");
    matrix_expect_compilers(server, "chain-top", "1.0.0", "0.15.14 0.15.15");
    const char *log = shell_output(
        &server->arena, "git -C '%s/registry.git' log --format=%%s --grep 'chain-' --grep 'Add compiler' --all-match",
        server->folder);
    assert_non_null(strstr(log, "Add compiler 0.15.14 to chain-base@1.0.0")); /* the newest commit comes first */
    assert_true(strstr(log, "to chain-top@") < strstr(log, "to chain-middle@"));
    assert_true(strstr(log, "to chain-middle@") < strstr(log, "to chain-base@"));
}

static void a_failed_compilation_gives_its_reason(void **state) {
    struct server *server = *state;
    const struct package package = {"one-only", "1.0.0", .pragma = "fail-from 0.15.15 It is too new."};
    matrix_publish_with(server, &package, "0.15.14");
    json_t *job = matrix_wait_for_build(server, "one-only", "1.0.0", "0.15.15");
    assert_string_equal(server_job_text(job, "verdict"), "failed_to_compile");
    assert_string_equal(server_job_text(job, "purpose"), "publication");
    assert_int_equal(json_array_size(json_object_get(job, "errors")), 1);
    const json_t *error = json_array_get(json_object_get(job, "errors"), 0);
    assert_non_null(strstr(server_job_text(error, "message"), "It is too new."));
    assert_string_equal(server_job_text(error, "filename"), "src/Main.purs");
    assert_non_null(strstr(server_last_error(server, job), "does not compile with compiler 0.15.15"));
    assert_non_null(strstr(server_log_text(server, job), "Assigned to the build worker"));
    json_decref(job);
    assert_string_equal(matrix_compilers_of(server, "one-only", "1.0.0"), "0.15.14");
}

/* It is not a temporary trouble, so no sweep tries it again. */
static void a_build_that_never_gives_a_report_has_failed_for_good(void **state) {
    struct server *server = *state;
    const struct package package = {"silent", "1.0.0",
                                    .pragma = "die-from 0.15.15 .registry/silent-1.0.0/src/Main.purs: This is odd."};
    matrix_publish_with(server, &package, "0.15.14");
    json_t *job = matrix_wait_for_build(server, "silent", "1.0.0", "0.15.15");
    assert_string_equal(server_job_text(job, "verdict"), "failed_to_compile");
    assert_string_equal(server_last_error(server, job),
                        "The compiler 0.15.15 ended with exit status 1 and no report, 3 times over with the same words, so it "
                        "cannot compile this. It says: purs: src/Main.purs: This is odd.");
    json_decref(job);
}

static void a_dependency_is_compiled_once(void **state) {
    struct server *server = *state;
    const struct package base = {"once-base", "1.0.0", .pragma = NULL},
                         first = {"once-first", "1.0.0", {{"once-base", ">=1.0.0 <2.0.0"}}, .pragma = NULL},
                         second = {"once-second", "1.0.0", {{"once-base", ">=1.0.0 <2.0.0"}}, .pragma = NULL};
    server_expect_published(server, &base);
    matrix_expect_compilers(server, "once-base", "1.0.0", "0.15.14 0.15.15");
    server_expect_published(server, &first);
    server_expect_published(server, &second);
    const char *const names[] = {"once-first", "once-second"};
    for (int i = 0; i < 2; i++) {
        json_t *job = matrix_wait_for_build(server, names[i], "1.0.0", "0.15.14");
        const json_t *build = json_object_get(job, "build");
        assert_string_equal(server_job_text(job, "verdict"), "succeeded");
        assert_int_equal(json_integer_value(json_object_get(build, "compiled")), 1);
        assert_int_equal(json_integer_value(json_object_get(build, "reused")), 1);
        json_decref(job);
    }
}

/* ---- Workers that stop or are killed ---- */

static void versions_published_without_the_service_are_built_when_it_is_back(void **state) {
    struct server *server = *state;
    const struct package package = {"later", "1.0.0", .pragma = NULL};
    server_kill(server, SERVER_BUILD_MATRIX);
    server_expect_published(server, &package);
    server_start_program(server, SERVER_BUILD_MATRIX);
    matrix_expect_compilers(server, "later", "1.0.0", "0.15.14 0.15.15");
}

static void a_worker_that_is_killed_loses_nothing(void **state) {
    struct server *server = *state;
    const struct package package = {"slow", "1.0.0", .pragma = held_compiler_pragma(server)};
    held_compiler_hold(server, "0.15.14");
    server_expect_published(server, &package);
    server_wait_for_state(server, matrix_wait_for_job(server, "slow", "1.0.0", "0.15.14"), "running");
    for (int worker = 0; worker < 2; worker++)
        server_kill_worker(server, worker);
    held_compiler_release(server, "0.15.14");
    for (int worker = 0; worker < 2; worker++)
        server_start_worker(server, worker);
    matrix_expect_compilers(server, "slow", "1.0.0", "0.15.14 0.15.15");
    json_t *ended = matrix_wait_for_build(server, "slow", "1.0.0", "0.15.14");
    assert_string_equal(server_job_text(ended, "verdict"), "succeeded");
    json_decref(ended);
}

static void a_service_that_is_restarted_in_the_middle_of_a_build_loses_nothing(void **state) {
    struct server *server = *state;
    const struct package package = {"restart", "1.0.0", .pragma = held_compiler_pragma(server)};
    held_compiler_hold(server, "0.15.14");
    server_expect_published(server, &package);
    server_wait_for_state(server, matrix_wait_for_job(server, "restart", "1.0.0", "0.15.14"), "running");
    server_kill(server, SERVER_BUILD_MATRIX);
    server_start_program(server, SERVER_BUILD_MATRIX);
    server_wait_until_ready(server);
    held_compiler_release(server, "0.15.14");
    matrix_expect_compilers(server, "restart", "1.0.0", "0.15.14 0.15.15");
    assert_int_equal(matrix_count_commits(server, "Add compiler 0.15.14 to restart@1.0.0"), 1);
    matrix_expect_verdict(server, "restart", "1.0.0", "0.15.14", "succeeded");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_publication_is_built_with_the_other_compilers),
        cmocka_unit_test(dependants_follow),
        cmocka_unit_test(a_failed_compilation_gives_its_reason),
        cmocka_unit_test(a_build_that_never_gives_a_report_has_failed_for_good),
        cmocka_unit_test(a_dependency_is_compiled_once),
        cmocka_unit_test(versions_published_without_the_service_are_built_when_it_is_back),
        cmocka_unit_test(a_worker_that_is_killed_loses_nothing),
        cmocka_unit_test(a_service_that_is_restarted_in_the_middle_of_a_build_loses_nothing),
    };
    return cmocka_run_group_tests(tests, begin, end);
}
