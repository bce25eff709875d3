/* SPDX-License-Identifier: BSD-3-Clause
 *
 * `registryctl workers` and `registryctl matrix` with a running server: the workers, a version's cells, a compiler's wave to
 * its end, and comparisons of builds with and without the build store. The commands get only STATE_DIR, so they use neither
 * Redis nor a gateway.
 */
#include "tests/support/cmocka_all.h"

#include <string.h>

#include "lib/tools/purs/build_store.h"
#include "tests/support/matrix_cells.h"
#include "tests/support/server/held_compiler.h"
#include "tests/support/shell.h"

#define STORE_BYTES INT64_C(10000000000)

static int begin(void **state) {
    static const char *const settings[] = {"LEASE_MS=3000", NULL};
    *state = server_start(&(struct server_options){.workers = 2, .settings = settings});
    return 0;
}

static int end(void **state) {
    server_stop(*state);
    return 0;
}

/* ---- Helpers ---- */

static const char *command(struct server *server, const char *arguments) {
    return arena_format(&server->arena,
                        "env -i PATH=\"$PATH\" LSAN_OPTIONS=\"$LSAN_OPTIONS\" STATE_DIR='%s' '%s/registryctl' %s",
                        server->folder, server->programs, arguments);
}

/* registryctl's output on both streams, followed by `exit STATUS`. */
static char *run(struct server *server, const char *arguments) {
    return shell_output(&server->arena, "%s 2>&1; echo \"exit $?\"", command(server, arguments));
}

static void expect(const char *output, const char *part) {
    if (!strstr(output, part)) fail_msg("no \"%s\" in: %s", part, output);
}

static void publish_and_build(struct server *server, const struct package *package) {
    server_expect_published(server, package);
    json_decref(matrix_cells_wait(server, package->name, "0.15.14", "verdict", "succeeded"));
}

struct wait {
    struct server *server;
    const char *arguments, *part; /* of a command; or `arguments` is a file's name */
};

static bool is_printed(void *context) {
    const struct wait *wait = context;
    return strstr(run(wait->server, wait->arguments), wait->part);
}

static void wait_until_printed(struct server *server, const char *arguments, const char *part) {
    struct wait wait = {server, arguments, part};
    if (!wait_until(is_printed, &wait, PATIENCE_MS)) fail_msg("%s never prints \"%s\"", arguments, part);
}

/* True once the file has the words. */
static bool is_written(void *context) {
    const struct wait *wait = context;
    const char *text = read_file(&wait->server->arena, wait->arguments);
    return text && strstr(text, wait->part);
}

static void wait_until_written(struct server *server, const char *file, const char *part) {
    struct wait wait = {server, file, part};
    if (!wait_until(is_written, &wait, PATIENCE_MS)) fail_msg("no \"%s\" in %s", part, read_file(&server->arena, file));
}

/* ---- Workers ---- */

static void workers_are_shown_with_slots_and_compilers(void **state) {
    struct server *server = *state;
    wait_until_printed(server, "workers | grep -c ' 0/2 .* 0.15.14 0.15.15$'", "2\n");
    held_compiler_hold(server, "0.15.14");
    server_expect_published(server, &(struct package){"busy", "1.0.0", .pragma = held_compiler_pragma(server)});
    wait_until_printed(server, "workers | grep -c ' 1/2 '", "1\n");
    held_compiler_release(server, "0.15.14");
    json_decref(matrix_cells_wait(server, "busy", "0.15.14", "verdict", "succeeded"));
    expect(run(server, "workers"), "exit 0\n");
}

/* ---- A version ---- */

static void a_version_is_shown_with_its_cells(void **state) {
    struct server *server = *state;
    publish_and_build(server, &(struct package){"shown", "1.0.0", .pragma = NULL});
    json_t *version = matrix_cells_wait(server, "shown", "0.15.14", "verdict", "succeeded");
    const char *id = arena_copy(&server->arena, server_job_text(matrix_cell(version, "0.15.14"), "jobId"));
    json_decref(version);
    const char *output = run(server, "matrix shown@1.0.0");
    expect(output, "shown@1.0.0, published ");
    expect(output, "versions that depend on it: 0\n");
    expect(output, "\n0.15.14      succeeded  succeeded ");
    expect(output, id);
    expect(output, "\n0.15.15      succeeded  ");
    expect(output, "exit 0\n");
}

static void missing_things_and_wrong_calls_have_different_exit_statuses(void **state) {
    struct server *server = *state;
    static const struct {
        const char *arguments, *part, *exit;
    } rows[] = {
        {"matrix nobody@1.0.0", "There is no package nobody in the registry.", "exit 1\n"},
        {"matrix shown@9.9.9", "shown@9.9.9 is not published.", "exit 1\n"},
        {"matrix shown@newest", "There is no version newest of shown", "exit 1\n"},
        {"matrix shown@latest", "shown@1.0.0, published ", "exit 0\n"},
        {"matrix --compiler newest", "the version of a compiler", "exit 1\n"},
        {"matrix --verify 1 --compiler 0.14.0", "Supported compilers: 0.15.14, 0.15.15.", "exit 1\n"},
        {"matrix --verify 100000", "from 1 to 1000", "exit 1\n"},
        {"matrix", "One of NAME@VERSION, --compiler and --verify is required.", "exit 2\n"},
        {"matrix shown", "not of the form NAME@VERSION", "exit 2\n"},
        {"matrix --verify some", "must be the number of builds", "exit 2\n"},
        {"matrix --verify +1", "--verify must be the number of builds", "exit 2\n"},
        {"matrix shown@1.0.0 --compiler 0.15.14", "NAME@VERSION takes no options", "exit 2\n"},
        {"matrix --follow --verify 1", "NAME@VERSION takes no options", "exit 2\n"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const char *output = run(server, rows[i].arguments);
        expect(output, rows[i].part);
        expect(output, rows[i].exit);
    }
}

/* ---- A compiler ---- */

/* Three levels: while the next level is being planned, no job waits or runs. */
static void a_compiler_is_followed_to_the_end_of_its_last_level(void **state) {
    struct server *server = *state;
    const struct package base = {"level-base", "1.0.0", .pragma = NULL},
                         middle = {"level-middle", "1.0.0", {{"level-base", ">=1.0.0 <2.0.0"}}, .pragma = NULL},
                         top = {"level-top", "1.0.0", {{"level-middle", ">=1.0.0 <2.0.0"}}, .pragma = NULL};
    for (int worker = 0; worker < 2; worker++)
        server_terminate_worker(server, worker);
    server_expect_published(server, &base);
    server_expect_published(server, &middle);
    server_expect_published(server, &top);
    json_decref(matrix_cells_wait(server, "level-base", "0.15.14", "state", "pending"));
    const char *file = arena_format(&server->arena, "%s/followed", server->folder);
    shell_run("(%s; echo \"exit $?\") >'%s' 2>&1 &", command(server, "matrix --compiler 0.15.14 --follow"), file);
    wait_until_written(server, file, "1 pending, 0 running");
    for (int worker = 0; worker < 2; worker++)
        server_start_worker(server, worker);
    wait_until_written(server, file, "exit 0");
    expect(read_file(&server->arena, file), "0 pending, 0 running");
    json_t *version = server_get(server, "/api/v1/packages/level-top/1.0.0");
    assert_string_equal(server_job_text(matrix_cell(version, "0.15.14"), "state"), "succeeded");
    json_decref(version);
}

static void at_a_terminal_it_is_a_bar(void **state) {
    struct server *server = *state;
    const char *output = shell_output(&server->arena, "script -qec '%s' /dev/null </dev/null",
                                      arena_format(&server->arena, "STATE_DIR=%s %s/registryctl matrix --compiler 0.15.14 -f",
                                                   server->folder, server->programs));
    expect(output, "\033[K[##############################] 0.15.14: ");
    expect(output, " succeeded");
}

/* ---- Builds with and without the build store ---- */

static void honest_builds_come_out_the_same(void **state) {
    struct server *server = *state;
    const char *output = run(server, "matrix --verify 3 --compiler 0.15.14");
    expect(output, "3 builds are made twice");
    expect(output, "same     ");
    expect(output, "3 are the same, 0 differ, 0 fail both ways, 0 gave no result.\nexit 0\n");
    assert_int_equal(matrix_alarms(server), 0);
}

/* The folder of the build store's entry with that module, built with that compiler. */
static const char *find_entry(struct server *server, const char *module, const char *compiler) {
    const char *line = shell_output(
        &server->arena, "grep -l 'stand-in %s' '%s'/build-store/*/*/output/%s/externs.cbor | head -n 1 | tr -d '\\n'", compiler,
        server->folder, module);
    const char *end = strstr(line, "/output/");
    if (!end) fail_msg("the build store has no %s", module);
    return arena_copy_bytes(&server->arena, line, (size_t)(end - line));
}

/* Replaces the entry by a forged one that passes all checks of the store, although it was never compiled. */
static void forge_entry(struct server *server, const char *module, const char *compiler) {
    const char *folder = find_entry(server, module, compiler), *key = strrchr(folder, '/') + 1;
    const char *forged = arena_format(&server->arena, "%s/forged", server->folder);
    struct build_store *store = NULL;
    struct build_store_hold hold = {0};
    struct build_entry entry;
    struct error err;
    shell_run("mkdir '%s' && cp -r '%s/output' '%s' && chmod -R u+w '%s' && echo 'forged' >>'%s/output/%s/externs.cbor'",
              forged, folder, forged, forged, forged, module);
    if (build_store_open(&store, arena_format(&server->arena, "%s/build-store", server->folder), STORE_BYTES, &err))
        fail_msg("%s", err.message);
    assert_true(build_store_find(store, key, &server->arena, &hold, &entry));
    build_store_let_go(store, &hold);
    build_store_remove(store, key);
    entry.folder = forged;
    if (build_store_add(store, key, &entry, &err)) fail_msg("%s", err.message);
    assert_true(build_store_find(store, key, &server->arena, &hold, &entry));
    build_store_let_go(store, &hold);
    build_store_free(store);
}

static void a_forged_entry_of_the_build_store_is_found(void **state) {
    struct server *server = *state;
    const struct package base = {"forged-base", "1.0.0", .pragma = NULL},
                         user = {"forged-user", "1.0.0", {{"forged-base", ">=1.0.0 <2.0.0"}}, .pragma = "inline"};
    publish_and_build(server, &base);
    publish_and_build(server, &user);
    expect(run(server, "matrix --verify 1000 --compiler 0.15.14"), "exit 0\n");
    forge_entry(server, package_module(&server->arena, "forged-base"), "0.15.14");
    const char *output = run(server, "matrix --verify 1000 --compiler 0.15.14");
    expect(output, "DIFFERS  forged-user@1.0.0 with 0.15.14, job ");
    expect(output, "the build's output differs from the one without it");
    expect(output, "1 differ, 0 fail both ways, 0 gave no result.\nexit 1\n");
    assert_int_equal(matrix_alarms(server), 1);
    json_t *version = server_get(server, "/api/v1/packages/forged-user/1.0.0"); /* comparisons do not change the cells */
    assert_string_equal(server_job_text(matrix_cell(version, "0.15.14"), "verdict"), "succeeded");
    json_decref(version);
}

static void without_build_matrix_they_say_so(void **state) {
    struct server *server = *state;
    server_kill(server, SERVER_BUILD_MATRIX);
    const char *output = run(server, "matrix shown@1.0.0");
    expect(output, "The request to the build-matrix service at ipc://");
    expect(output, " failed: ");
    expect(output, "exit 1\n");
    server_start_program(server, SERVER_BUILD_MATRIX);
    server_wait_until_ready(server);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(workers_are_shown_with_slots_and_compilers),
        cmocka_unit_test(a_version_is_shown_with_its_cells),
        cmocka_unit_test(missing_things_and_wrong_calls_have_different_exit_statuses),
        cmocka_unit_test(a_compiler_is_followed_to_the_end_of_its_last_level),
        cmocka_unit_test(at_a_terminal_it_is_a_bar),
        cmocka_unit_test(honest_builds_come_out_the_same),
        cmocka_unit_test(a_forged_entry_of_the_build_store_is_found),
        cmocka_unit_test(without_build_matrix_they_say_so),
    };
    return cmocka_run_group_tests(tests, begin, end);
}
