/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The command line of every program: --help and --version start no server, and a wrong call is refused.
 */
#include "tests/support/cmocka_all.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/settings.h"
#include "lib/base/text.h"
#include "tests/support/run_program.h"
#include "tests/support/temporary_folder.h"

static const char *const programs[] = {
#define PROGRAM(NAME, name, LETTER) "registry-" name,
#include "lib/base/programs.def"
    "registry-fetch-source", "registryctl"};

static struct temporary_folder folder;
static struct command_result result; /* of the last run */

/* Runs the program in an empty folder, which is its STATE_DIR; `first` NULL: without arguments. Returns its exit status. */
static int run(const char *program, const char *first, const char *second) {
    char state[128];
    snprintf(state, sizeof state, "STATE_DIR=%s/state", folder.path);
    const char *const arguments[] = {first, second, NULL};
    return run_program(&result, &(struct program_call){program, arguments, state, folder.path, NULL});
}

static void expect(const struct text *text, const char *words, const char *program) {
    if (!strstr(text_view(text), words)) fail_msg("%s does not say \"%s\", but:\n%s", program, words, text_view(text));
}

static void help_and_version_end_without_a_server(void **state) {
    (void)state;
    char state_folder[128];
    snprintf(state_folder, sizeof state_folder, "%s/state", folder.path);
    for (size_t i = 0; i < sizeof programs / sizeof programs[0]; i++) {
        assert_int_equal(run(programs[i], "--help", NULL), 0);
        expect(&result.output, "usage: registry", programs[i]);
        assert_int_equal(result.errors.length, 0);
        assert_int_equal(run(programs[i], "--version", NULL), 0);
        expect(&result.output, programs[i], programs[i]);
        expect(&result.output, REGISTRY_VERSION, programs[i]);
        assert_int_equal(access(state_folder, F_OK), -1); /* every server would make it */
    }
}

static void wrong_calls_are_refused_before_anything_is_done(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof programs / sizeof programs[0]; i++) {
        assert_int_equal(run(programs[i], "--no-such-option", NULL), 2);
        expect(&result.errors, "--no-such-option", programs[i]);
        expect(&result.errors, "usage: registry", programs[i]);
        assert_int_equal(run(programs[i], "no-such-argument", NULL), 2);
        expect(&result.errors, "no-such-argument", programs[i]);
        assert_int_equal(result.output.length, 0);
    }
    assert_int_equal(run("registry-build-worker", "--slots", NULL), 2);
    expect(&result.errors, "--slots", "registry-build-worker");
}

/* Both forms of an option with a value; the value is checked like the setting. */
static void an_options_value_stands_for_the_setting(void **state) {
    (void)state;
    assert_int_equal(run("registry-build-worker", "--slots", "none"), 1);
    expect(&result.errors, "BUILD_SLOTS", "registry-build-worker");
    assert_int_equal(run("registry-build-worker", "--slots=none", NULL), 1);
    expect(&result.errors, "BUILD_SLOTS", "registry-build-worker");
}

static int set_up(void **state) {
    (void)state;
    temporary_folder_make(&folder);
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    command_result_release(&result);
    temporary_folder_remove(&folder);
    return 0;
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(help_and_version_end_without_a_server),
        cmocka_unit_test(wrong_calls_are_refused_before_anything_is_done),
        cmocka_unit_test(an_options_value_stands_for_the_setting),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
