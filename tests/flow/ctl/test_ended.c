/* SPDX-License-Identifier: BSD-3-Clause
 *
 * registryctl and the API agree about jobs, builds and workers, also about those that have ended, or have begun and wait again.
 */
#include "tests/support/cmocka_all.h"

#include <string.h>

#include "tests/support/matrix_cells.h"
#include "tests/support/matrix_scene.h"
#include "tests/support/server/held_compiler.h"
#include "tests/support/shell.h"

static struct server *server;

static int begin(void **state) {
    (void)state;
    server = server_start(&(struct server_options){.workers = 2});
    return 0;
}

static int end(void **state) {
    (void)state;
    server_stop(server);
    return 0;
}

/* ---- Helpers ---- */

static const char *run(const char *arguments) {
    return shell_output(&server->arena, "STATE_DIR='%s' '%s/registryctl' --gateway '%s' %s", server->folder, server->programs,
                        server->url, arguments);
}

static int count_lines(const char *output) {
    int lines = 0;
    for (; *output; output++)
        lines += *output == '\n';
    return lines;
}

static void expect(const char *output, const char *part) {
    if (!strstr(output, part)) fail_msg("no \"%s\" in: %s", part, output);
}

/* The job's state in GET /status/ID. */
static const char *state_of(const char *id) {
    json_t *status = server_get(server, arena_format(&server->arena, "/status/%s", id));
    const char *state = arena_copy(&server->arena, server_job_text(status, "state"));
    json_decref(status);
    return state;
}

/* `registryctl jobs` with these arguments must list the same jobs as GET `path`, with the same states. */
static void expect_same_jobs(const char *arguments, const char *path) {
    const char *output = run(arguments);
    json_t *jobs = server_get(server, path), *job;
    size_t i;
    json_array_foreach(jobs, i, job) {
        const char *id = server_job_text(job, "jobId");
        expect(output, arena_format(&server->arena, "%s %-10s %-9s %s", id, server_job_text(job, "jobType"), state_of(id),
                                    server_job_text(job, "createdAt")));
    }
    assert_int_equal(count_lines(output), json_array_size(jobs));
    json_decref(jobs);
}

/* ---- Jobs ---- */

struct wait {
    const char *path, *part;
};

static bool is_answered(void *context) {
    const struct wait *wait = context;
    struct http_response response = {0};
    server_call(server, "GET", wait->path, NULL, &response);
    bool has_it = strstr(text_view(&response.body), wait->part) != NULL;
    http_response_release(&response);
    return has_it;
}

/* A job that waits for the end of another has begun, and is pending again: `jobs` used to show it as running. */
static void a_job_that_was_put_back_is_pending(void **state) {
    (void)state;
    const struct package base = {"slow-base", "1.0.0", .pragma = held_compiler_pragma(server)},
                         user = {"slow-user", "1.0.0", {{"slow-base", ">=1.0.0 <2.0.0"}}, .pragma = NULL};
    held_compiler_hold(server, "0.15.15");
    const char *first = server_post_package(server, &base);
    server_wait_for_state(server, first, "running");
    const char *second = server_post_package(server, &user);
    struct wait wait = {arena_format(&server->arena, "/api/v1/jobs/%s", second),
                        "Waiting for the publication of slow-base@1.0.0"};
    if (!wait_until(is_answered, &wait, PATIENCE_MS)) fail_msg("slow-user does not wait");
    server_wait_for_state(server, second, "pending");
    const char *jobs = run("jobs");
    expect(jobs, arena_format(&server->arena, "%s publish    running ", first));
    expect(jobs, arena_format(&server->arena, "%s publish    pending ", second));
    expect(run(arena_format(&server->arena, "status %s", second)), "publish pending");
    held_compiler_release(server, "0.15.15");
    server_expect_success(server, first);
    server_expect_success(server, second);
}

static void jobs_that_have_ended_are_listed_alike(void **state) {
    (void)state;
    const struct package fails = {"fails", "1.0.0", .files = {{"src/Main.purs", "module Main where\n"}}},
                         builds = {"builds", "1.0.0", .pragma = "fail-from 0.15.15 It is too new."};
    json_decref(server_wait_for_job(server, server_post_package(server, &fails)));
    matrix_publish_with(server, &builds, "0.15.14");
    json_decref(matrix_cells_wait(server, "slow-user", "0.15.14", "verdict", "succeeded"));
    json_decref(matrix_cells_wait(server, "builds", "0.15.15", "state", "failed"));
    struct wait none = {"/api/v1/jobs?kinds=all", "[]"};
    if (!wait_until(is_answered, &none, PATIENCE_MS)) fail_msg("jobs go on");
    expect_same_jobs("jobs", "/api/v1/jobs?kinds=all");
    expect_same_jobs("jobs --all", "/api/v1/jobs?kinds=all&include_completed=true&order=DESC");
    expect_same_jobs("jobs --all --package fails", "/api/v1/jobs?kinds=all&include_completed=true&package=fails");
    expect(run("jobs --all"), " failed ");
    expect(run("jobs --all"), " succeeded ");
}

/* ---- Builds ---- */

/* The number of a compiler's jobs in that state, from the metrics. */
static long long count_of(const char *compiler, const char *state) {
    return (long long)server_metric(
        server, arena_format(&server->arena, "registry_matrix_jobs{compiler=\"%s\",state=\"%s\",program=\"build-matrix\"}",
                             compiler, state));
}

static void expect_same_counts(const char *compiler, const char *ended) {
    const char *output = run(arena_format(&server->arena, "matrix --compiler %s", compiler));
    expect(output, arena_format(&server->arena, "; %lld pending, %lld running, %s", count_of(compiler, "pending"),
                                count_of(compiler, "running"), ended));
}

static void builds_that_have_ended_have_the_same_cells(void **state) {
    (void)state;
    static const char *const names[] = {"builds", "slow-base", "slow-user"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        const char *output = run(arena_format(&server->arena, "matrix %s@1.0.0", names[i]));
        json_t *version = server_get(server, arena_format(&server->arena, "/api/v1/packages/%s/1.0.0", names[i])), *cell;
        size_t j;
        json_array_foreach(json_object_get(version, "matrix"), j, cell)
            expect(output, arena_format(&server->arena, "%-12s %-10s %-20s %-24s %s\n", server_job_text(cell, "compiler"),
                                        server_job_text(cell, "state"), server_job_text(cell, "verdict"),
                                        server_job_text(cell, "time"), server_job_text(cell, "jobId")));
        json_decref(version);
    }
    expect_same_counts("0.15.14", "2 succeeded");
    expect_same_counts("0.15.15", "1 failed_to_compile");
}

/* ---- Workers ---- */

/* `count` workers must be listed and counted in the metrics; if there is none, /readyz must say so, too. */
static void expect_workers(int count) {
    const char *output = run("workers");
    assert_int_equal(count_lines(output), count ? count + 1 : 1);
    assert_int_equal((int)server_metric(server, "registry_build_workers{program=\"build-matrix\"}"), count);
    struct http_response response = {0};
    server_call(server, "GET", "/readyz", NULL, &response);
    assert_true((strstr(text_view(&response.body), "No build worker is registered") != NULL) == (count == 0));
    assert_true((strstr(output, "No build worker is registered") != NULL) == (count == 0));
    http_response_release(&response);
}

static void a_worker_that_said_goodbye_is_gone_from_all(void **state) {
    (void)state;
    expect_workers(2);
    server_terminate_worker(server, 0);
    expect_workers(1);
    server_terminate_worker(server, 1);
    expect_workers(0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_job_that_was_put_back_is_pending),
        cmocka_unit_test(jobs_that_have_ended_are_listed_alike),
        cmocka_unit_test(builds_that_have_ended_have_the_same_cells),
        cmocka_unit_test(a_worker_that_said_goodbye_is_gone_from_all),
    };
    return cmocka_run_group_tests(tests, begin, end);
}
