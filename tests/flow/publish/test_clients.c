/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The two ways to publish and follow the job: `registryctl publish --follow`, and the script in ops/github/publish.yml, run as
 * GitHub runs it. Both have the same properties: each test is made with both. (The real spago is tests/clients/spago_test.js.)
 */
#include "tests/support/cmocka_all.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "lib/base/clock.h"
#include "lib/base/hash.h"
#include "lib/base/text.h"
#include "tests/support/http/http_stub.h"
#include "tests/support/server/held_compiler.h"
#include "tests/support/server/server_fixture.h"
#include "tests/support/shell.h"
#include "tests/support/temporary_folder.h"

enum { RETRY_AFTER_MS = 3000 };

/* Shell commands for the gateway's URL and, twice, the package's name. Each runs in a separate folder. */
#define REGISTRYCTL                                                                                                            \
    "exec '" BUILD_DIR "/bin/registryctl' --gateway '%s' publish --follow '%s' v1.0.0 1.0.0 "                                  \
    "--github '" PACKAGE_OWNER "/purescript-%s' 2>errors"
/* GitHub runs a step with `shell: bash` like this. */
#define WORKFLOW                                                                                                               \
    "export REGISTRY='%s' PACKAGE='%s' GITHUB_REPOSITORY='" PACKAGE_OWNER "/purescript-%s' GITHUB_REF_NAME=v1.0.0 "            \
    "SUBDIR= COMPILER= TMPDIR=. && sed '1,/^        run: |$/d' '" SOURCE_DIR "/ops/github/publish.yml' >script && "            \
    "exec bash --noprofile --norc -eo pipefail script 2>errors"

/* Where and how a client prints why it failed. */
struct client {
    bool is_workflow;
    const char *reason_file;
    const char *reason_start;
};

static const struct client registryctl = {false, "errors", "registryctl: "};
static const struct client workflow = {true, "output", "::error title=Not published::"};

static struct server *server; /* for all tests */

/* A run of a client, which may still be under way. */
struct run {
    struct temporary_folder folder;
    struct child_process child;
    struct arena arena;
    const struct client *client;
};

static void run_start(struct run *run, const struct client *client, const char *url, const char *package) {
    *run = (struct run){.client = client};
    temporary_folder_make(&run->folder);
    const char *command = client->is_workflow ? arena_format(&run->arena, WORKFLOW, url, package, package)
                                              : arena_format(&run->arena, REGISTRYCTL, url, package, package);
    const char *const arguments[] = {"/bin/sh", "-c", command, NULL};
    const char *const environment[] = {arena_format(&run->arena, "PATH=%s", getenv("PATH")),
                                       "LSAN_OPTIONS=suppressions=" SOURCE_DIR "/tests/support/lsan.supp:print_suppressions=0",
                                       NULL};
    child_start(&run->child, arguments, environment, run->folder.path,
                arena_format(&run->arena, "%s/output", run->folder.path));
}

/* Its stdout or stderr so far. */
static const char *written(struct run *run, const char *file) {
    const char *text = read_file(&run->arena, arena_format(&run->arena, "%s/%s", run->folder.path, file));
    return text ? text : "";
}

static void run_expect_exit(struct run *run, int expected) {
    int status = child_stop(&run->child, 0, PATIENCE_MS); /* no signal: it ends by itself */
    if (!WIFEXITED(status) || WEXITSTATUS(status) != expected)
        fail_msg("wait status %d: %s%s", status, written(run, "output"), written(run, "errors"));
}

static void run_release(struct run *run) {
    if (run->child.pid != 0) child_stop(&run->child, SIGKILL, PATIENCE_MS);
    temporary_folder_remove(&run->folder);
    arena_release(&run->arena);
}

static bool has_line(void *context) {
    return strstr(written(context, "output"), " INFO ") != NULL;
}

static void wait_for_line(struct run *run) {
    if (!wait_until(has_line, run, PATIENCE_MS)) fail_msg("no line: %s", written(run, "errors"));
}

static const char *job_of(struct run *run) {
    const char *at = strstr(written(run, "output"), "Job ");
    assert_non_null(at);
    return arena_copy_bytes(&run->arena, at + strlen("Job "), UUID_TEXT_MAX - 1);
}

/* The output must have every line of the job's log, once and in order. */
static void expect_whole_log(struct run *run) {
    struct text expected = {0};
    size_t index;
    json_t *line, *job = server_get(server, arena_format(&run->arena, "/api/v1/jobs/%s", job_of(run)));
    json_array_foreach(json_object_get(job, "logs"), index, line)
        text_append_format(&expected, "%s\n", json_string_value(json_object_get(line, "timestamp")));
    assert_string_equal(shell_output(&run->arena, "grep -oE '^[0-9-]{10}T[0-9:.]{12}Z' '%s/output'", run->folder.path),
                        text_view(&expected));
    text_release(&expected);
    json_decref(job);
}

/* Pushes version 1.0.0 of the package, under a name that the other client does not use; returns the name. */
static const char *push(const struct client *client, struct package package) {
    package.name = arena_format(&server->arena, "%s-%s", package.name, client->is_workflow ? "workflow" : "registryctl");
    package.version = "1.0.0";
    package_push(arena_format(&server->arena, "%s/sources", server->folder), &package);
    return package.name;
}

/* Starts a server whose gateway keeps its port when it is restarted. */
static int start_server(void **state) {
    (void)state;
    server = server_start(NULL);
    const char **setting = server->environments[SERVER_GATEWAY];
    while (!text_equal(*setting, "SERVER_PORT=0"))
        setting++;
    *setting = arena_format(&server->arena, "SERVER_PORT=%d", server->port);
    return 0;
}

static int stop_server(void **state) {
    (void)state;
    server_stop(server);
    return 0;
}

/* ---- Each with both clients: *state is the client ---- */

static void a_publication_is_followed_line_by_line_to_its_success(void **state) {
    struct run run;
    held_compiler_hold(server, "0.15.15");
    const char *name = push(*state, (struct package){.name = "followed", .pragma = held_compiler_pragma(server)});
    run_start(&run, *state, server->url, name);
    wait_for_line(&run);
    json_t *job = server_get(server, arena_format(&run.arena, "/status/%s", job_of(&run)));
    assert_string_equal(server_job_text(job, "state"), "running");
    json_decref(job);
    held_compiler_release(server, "0.15.15");
    run_expect_exit(&run, 0);
    expect_whole_log(&run);
    assert_string_equal(written(&run, "errors"), "");
    run_release(&run);
}

static void a_failure_ends_it_with_1_and_the_jobs_last_error(void **state) {
    const struct package package = {.name = "refused", .files = {{"package.json", "{\"license\": \"GPL-3.0-only\"}"}}};
    struct run run;
    run_start(&run, *state, server->url, push(*state, package));
    run_expect_exit(&run, 1);
    expect_whole_log(&run);
    json_t *job = server_wait_for_job(server, job_of(&run));
    const char *reason = arena_format(&run.arena, "%s%s", run.client->reason_start, server_last_error(server, job));
    assert_non_null(strstr(written(&run, run.client->reason_file), reason));
    json_decref(job);
    run_release(&run);
}

/* An author's text is printed on a terminal, and must not move the cursor there. */
static void control_characters_of_a_source_do_not_reach_the_terminal(void **state) {
    (void)state;
    const struct package package = {.name = "steering", .files = {{"src/Main.purs", "module Steering \x1B[2J\x07 where\n"}}};
    struct run run;
    run_start(&run, &registryctl, server->url, push(&registryctl, package));
    run_expect_exit(&run, 1);
    const char *const shown[] = {written(&run, "output"), written(&run, "errors")};
    for (size_t i = 0; i < 2; i++) {
        assert_non_null(strstr(shown[i], "src/Main.purs"));
        for (const char *at = shown[i]; *at; at++)
            assert_true((unsigned char)*at >= 0x20 || *at == '\n');
    }
    run_release(&run);
}

static void a_request_that_is_refused_at_once_ends_it_with_1_and_the_sentence(void **state) {
    struct run run;
    run_start(&run, *state, server->url, "purescript-prefix");
    run_expect_exit(&run, 1);
    const char *reason = written(&run, run.client->reason_file);
    assert_non_null(strstr(reason, run.client->reason_start));
    assert_non_null(strstr(reason, "leave that prefix out"));
    run_release(&run);
}

static void a_gateway_that_restarts_is_waited_for(void **state) {
    struct run run;
    held_compiler_hold(server, "0.15.15");
    const char *name = push(*state, (struct package){.name = "patient", .pragma = held_compiler_pragma(server)});
    server_terminate(server, SERVER_GATEWAY);
    run_start(&run, *state, server->url, name); /* the gateway is not up yet */
    server_start_program(server, SERVER_GATEWAY);
    wait_for_line(&run);
    server_kill(server, SERVER_GATEWAY);
    server_start_program(server, SERVER_GATEWAY);
    held_compiler_release(server, "0.15.15");
    run_expect_exit(&run, 0);
    expect_whole_log(&run);
    run_release(&run);
}

static void a_gateway_that_had_too_many_requests_is_asked_again(void **state) {
    struct server *shared = server;
    struct run run;
    server =
        server_start(&(struct server_options){.gateway_settings = (const char *const[]){"POST_LIMIT_PER_MINUTE=30", NULL}});
    for (int status = 400; status != 429;) {
        struct http_response response = {0};
        server_call(server, "POST", "/api/v1/publish", "{}", &response);
        status = response.status;
        http_response_release(&response);
    }
    run_start(&run, *state, server->url, push(*state, (struct package){.name = "one-of-many"}));
    run_expect_exit(&run, 0);
    run_release(&run);
    server_stop(server);
    server = shared;
}

static void it_comes_back_when_it_is_told_to(void **state) {
    struct http_stub *stub = http_stub_start("HTTP/1.1 429 Too Many Requests\r\nContent-Type: application/json\r\n"
                                             "Retry-After: 3\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}");
    char url[64];
    struct run run;
    snprintf(url, sizeof url, "http://127.0.0.1:%d", http_stub_port(stub));
    int64_t start_ms = clock_monotonic_ms();
    run_start(&run, *state, url, "early");
    assert_non_null(http_stub_request(stub, 0));
    const char *second = http_stub_request(stub, 1);
    assert_non_null(second);
    assert_true(text_starts_with(second, "POST /api/v1/publish "));
    assert_true(clock_monotonic_ms() - start_ms >= RETRY_AFTER_MS);
    run_release(&run);
    http_stub_stop(stub);
}

/* ---- Tests of one client ---- */

static void an_interrupt_ends_registryctl_and_not_the_job(void **state) {
    (void)state;
    struct run run;
    held_compiler_hold(server, "0.15.15");
    const struct package package = {.name = "left-alone", .pragma = held_compiler_pragma(server)};
    run_start(&run, &registryctl, server->url, push(&registryctl, package));
    wait_for_line(&run);
    int status = child_stop(&run.child, SIGINT, PATIENCE_MS);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGINT);
    const char *farewell =
        arena_format(&run.arena, "The job continues: registryctl --gateway %s logs --follow %s", server->url, job_of(&run));
    assert_non_null(strstr(written(&run, "errors"), farewell));
    held_compiler_release(server, "0.15.15");
    server_expect_success(server, job_of(&run));
    run_release(&run);
}

static void the_workflow_lets_no_text_be_pasted_into_its_script(void **state) {
    (void)state;
    struct arena arena = {0};
    const char *text = read_file(&arena, SOURCE_DIR "/ops/github/publish.yml");
    assert_non_null(text);
    assert_null(strstr(text, "${{"));
    arena_release(&arena);
}

#define with_both(test)                                                                                                        \
    {#test " (registryctl)", test, NULL, NULL, (void *)&registryctl}, {                                                        \
#test " (workflow)", test, NULL, NULL, (void *)&workflow                                                               \
    }

int main(void) {
    const struct CMUnitTest tests[] = {
        with_both(a_publication_is_followed_line_by_line_to_its_success),
        with_both(a_failure_ends_it_with_1_and_the_jobs_last_error),
        with_both(a_request_that_is_refused_at_once_ends_it_with_1_and_the_sentence),
        with_both(a_gateway_that_restarts_is_waited_for),
        with_both(a_gateway_that_had_too_many_requests_is_asked_again),
        with_both(it_comes_back_when_it_is_told_to),
        cmocka_unit_test(control_characters_of_a_source_do_not_reach_the_terminal),
        cmocka_unit_test(an_interrupt_ends_registryctl_and_not_the_job),
        cmocka_unit_test(the_workflow_lets_no_text_be_pasted_into_its_script),
    };
    return cmocka_run_group_tests(tests, start_server, stop_server);
}
