/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The build matrix with real programs: what is published is built with the other compilers, and so is what depends on it; what
 * succeeds is in the metadata, what fails is in its job; and a service or worker that stops or is killed loses nothing.
 */
#include "tests/support/cmocka_all.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/clock.h"
#include "tests/support/registry_check.h"
#include "tests/support/server_fixture.h"
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

/* The matrix jobs of that version, finished ones too; the caller owns the array. */
static json_t *matrix_jobs(struct server *server, const char *package) {
    return server_get(server,
                      arena_format(&server->arena, "/api/v1/jobs?include_completed=true&kinds=matrix&package=%s", package));
}

/* Waits until there is a finished matrix job of that version and compiler, and returns it with its lines. */
static json_t *wait_for_build(struct server *server, const char *package, const char *version, const char *compiler) {
    int64_t until_ms = clock_monotonic_ms() + PATIENCE_MS;
    while (clock_monotonic_ms() < until_ms) {
        json_t *jobs = matrix_jobs(server, package), *job;
        size_t i;
        const char *id = NULL;
        json_array_foreach(jobs, i, job) {
            if (strcmp(server_job_text(job, "packageVersion"), version) == 0 &&
                strcmp(server_job_text(job, "compilerVersion"), compiler) == 0)
                id = arena_copy(&server->arena, server_job_text(job, "jobId"));
        }
        json_decref(jobs);
        if (id) return server_wait_for_job(server, id);
        usleep(20000);
    }
    fail_msg("no build of %s@%s with %s was made", package, version, compiler);
    return NULL;
}

static void expect_verdict(struct server *server, const char *package, const char *version, const char *compiler,
                           const char *verdict) {
    json_t *job = wait_for_build(server, package, version, compiler);
    if (strcmp(server_job_text(job, "verdict"), verdict) != 0)
        fail_msg("%s\n%s", server_job_text(job, "verdict"), server_log_text(server, job));
    json_decref(job);
}

/* The compilers of a version as the metadata has them, with blanks between. */
static const char *compilers_of(struct server *server, const char *package, const char *version) {
    return shell_output(
        &server->arena,
        "git -C '%s/registry.git' show HEAD:metadata/%s.json | jq -r '.published.\"%s\".compilers | join(\" \")' | "
        "tr -d '\\n'",
        server->folder, package, version);
}

static void expect_compilers(struct server *server, const char *package, const char *version, const char *compilers) {
    int64_t until_ms = clock_monotonic_ms() + PATIENCE_MS;
    while (strcmp(compilers_of(server, package, version), compilers) != 0 && clock_monotonic_ms() < until_ms)
        usleep(20000);
    assert_string_equal(compilers_of(server, package, version), compilers);
}

/* ---- What is built ---- */

static void a_publication_is_built_with_the_other_compilers(void **state) {
    struct server *server = *state;
    const struct package package = {"other-compilers", "1.0.0", .pragma = NULL};
    server_expect_published(server, &package);
    expect_compilers(server, "other-compilers", "1.0.0", "0.15.14 0.15.15");
    json_t *jobs = matrix_jobs(server, "other-compilers");
    assert_int_equal(json_array_size(jobs), 1);
    json_decref(jobs);
    registry_expect_consistency(server);
}

static void what_depends_on_it_follows(void **state) {
    struct server *server = *state;
    const struct package base = {"chain-base", "1.0.0", .pragma = NULL},
                         middle = {"chain-middle", "1.0.0", {{"chain-base", ">=1.0.0 <2.0.0"}}, .pragma = NULL},
                         top = {"chain-top", "1.0.0", {{"chain-middle", ">=1.0.0 <2.0.0"}}, .pragma = NULL};
    server_expect_published(server, &base);
    server_expect_published(server, &middle);
    server_expect_published(server, &top);
    expect_compilers(server, "chain-base", "1.0.0", "0.15.14 0.15.15");
    expect_compilers(server, "chain-middle", "1.0.0", "0.15.14 0.15.15");
    expect_compilers(server, "chain-top", "1.0.0", "0.15.14 0.15.15");
    const char *log = shell_output(
        &server->arena, "git -C '%s/registry.git' log --format=%%s --grep 'chain-' --grep 'Add compiler' --all-match",
        server->folder);
    assert_non_null(strstr(log, "Add compiler 0.15.14 to chain-base@1.0.0")); /* the newest commit comes first */
    assert_true(strstr(log, "to chain-top@") < strstr(log, "to chain-middle@"));
    assert_true(strstr(log, "to chain-middle@") < strstr(log, "to chain-base@"));
}

static void what_does_not_compile_says_why(void **state) {
    struct server *server = *state;
    const struct package package = {"one-only", "1.0.0", .pragma = "fail-from 0.15.15 It is too new."};
    const char *request = arena_format(&server->arena, "%s", package_request(&server->arena, &package));
    package_push(arena_format(&server->arena, "%s/sources", server->folder), &package);
    const char *asked = shell_output(&server->arena, "printf %%s '%s' | jq -c '.compiler = \"0.15.14\"'", request);
    server_expect_success(server, server_publish(server, asked).id);
    json_t *job = wait_for_build(server, "one-only", "1.0.0", "0.15.15");
    assert_string_equal(server_job_text(job, "verdict"), "failed_to_compile");
    assert_string_equal(server_job_text(job, "purpose"), "publication");
    assert_int_equal(json_array_size(json_object_get(job, "errors")), 1);
    const json_t *error = json_array_get(json_object_get(job, "errors"), 0);
    assert_non_null(strstr(server_job_text(error, "message"), "It is too new."));
    assert_string_equal(server_job_text(error, "filename"), "src/Main.purs");
    assert_non_null(strstr(server_last_error(server, job), "does not compile with compiler 0.15.15"));
    assert_non_null(strstr(server_log_text(server, job), "Handed to the build worker"));
    json_decref(job);
    assert_string_equal(compilers_of(server, "one-only", "1.0.0"), "0.15.14");
}

static void a_dependency_is_compiled_once(void **state) {
    struct server *server = *state;
    const struct package base = {"once-base", "1.0.0", .pragma = NULL},
                         first = {"once-first", "1.0.0", {{"once-base", ">=1.0.0 <2.0.0"}}, .pragma = NULL},
                         second = {"once-second", "1.0.0", {{"once-base", ">=1.0.0 <2.0.0"}}, .pragma = NULL};
    server_expect_published(server, &base);
    expect_compilers(server, "once-base", "1.0.0", "0.15.14 0.15.15");
    server_expect_published(server, &first);
    server_expect_published(server, &second);
    const char *const names[] = {"once-first", "once-second"};
    for (int i = 0; i < 2; i++) {
        json_t *job = wait_for_build(server, names[i], "1.0.0", "0.15.14");
        const json_t *build = json_object_get(job, "build");
        assert_string_equal(server_job_text(job, "verdict"), "succeeded");
        assert_int_equal(json_integer_value(json_object_get(build, "compiled")), 1);
        assert_int_equal(json_integer_value(json_object_get(build, "reused")), 1);
        json_decref(job);
    }
}

/* ---- What happens to who builds ---- */

static void what_is_published_without_a_service_is_built_when_it_is_back(void **state) {
    struct server *server = *state;
    const struct package package = {"later", "1.0.0", .pragma = NULL};
    server_kill(server, SERVER_BUILD_MATRIX);
    server_expect_published(server, &package);
    server_start_program(server, SERVER_BUILD_MATRIX);
    expect_compilers(server, "later", "1.0.0", "0.15.14 0.15.15");
}

static void a_worker_that_is_killed_loses_nothing(void **state) {
    struct server *server = *state;
    const struct package package = {"slow", "1.0.0", .pragma = "sleep 1500"};
    const char *id = server_post_package(server, &package);
    server_expect_success(server, id);
    json_t *job = NULL;
    for (int64_t until_ms = clock_monotonic_ms() + PATIENCE_MS; clock_monotonic_ms() < until_ms;) {
        json_t *jobs = matrix_jobs(server, "slow");
        job = json_array_get(jobs, 0);
        bool is_running = job && *server_job_text(job, "startedAt");
        json_decref(jobs);
        if (is_running) break;
        usleep(10000);
    }
    for (int worker = 0; worker < 2; worker++)
        server_kill_worker(server, worker);
    for (int worker = 0; worker < 2; worker++)
        server_start_worker(server, worker);
    expect_compilers(server, "slow", "1.0.0", "0.15.14 0.15.15");
    json_t *ended = wait_for_build(server, "slow", "1.0.0", "0.15.14");
    assert_string_equal(server_job_text(ended, "verdict"), "succeeded");
    json_decref(ended);
}

static void a_service_that_is_restarted_in_the_middle_of_a_build_loses_nothing(void **state) {
    struct server *server = *state;
    const struct package package = {"restart", "1.0.0", .pragma = "sleep 1500"};
    server_expect_published(server, &package);
    server_kill(server, SERVER_BUILD_MATRIX);
    server_start_program(server, SERVER_BUILD_MATRIX);
    expect_compilers(server, "restart", "1.0.0", "0.15.14 0.15.15");
    const char *count =
        shell_output(&server->arena, "git -C '%s/registry.git' log --format=%%s | grep -c 'to restart@1.0.0$' | tr -d '\\n'",
                     server->folder);
    assert_string_equal(count, "1");
    expect_verdict(server, "restart", "1.0.0", "0.15.14", "succeeded");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_publication_is_built_with_the_other_compilers),
        cmocka_unit_test(what_depends_on_it_follows),
        cmocka_unit_test(what_does_not_compile_says_why),
        cmocka_unit_test(a_dependency_is_compiled_once),
        cmocka_unit_test(what_is_published_without_a_service_is_built_when_it_is_back),
        cmocka_unit_test(a_worker_that_is_killed_loses_nothing),
        cmocka_unit_test(a_service_that_is_restarted_in_the_middle_of_a_build_loses_nothing),
    };
    return cmocka_run_group_tests(tests, begin, end);
}
