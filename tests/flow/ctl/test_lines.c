/* SPDX-License-Identifier: BSD-3-Clause
 *
 * registryctl's commands on one text, with --lines: each line of a file is judged as the command judges a text alone.
 */
#include "tests/support/cmocka_all.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/text.h"
#include "tests/support/run_program.h"
#include "tests/support/temporary_folder.h"

static struct temporary_folder folder;
static struct command_result result; /* of the last run */

/* Runs `registryctl COMMAND [--OPTION] --lines lines` on these lines; returns its exit status. */
static int run(const char *command, const char *option, const char *lines) {
    const char *arguments[] = {command, "--lines", "lines", option, NULL};
    temporary_folder_write(&folder, "lines", lines);
    return run_program(&result, &(struct program_call){"registryctl", arguments, NULL, folder.path, NULL});
}

static const char *output(void) {
    return text_view(&result.output);
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

/* The answer's only field, which must be `name`, of output line `number` (from 0). */
static const char *answer(size_t number, const char *name, json_t **owner) {
    const char *line = output();
    for (size_t i = 0; i < number; i++)
        line = strchr(line, '\n') + 1;
    json_decref(*owner);
    *owner = json_loads(line, JSON_DISABLE_EOF_CHECK, NULL);
    const char *value = json_string_value(json_object_get(*owner, name));
    if (!value || json_object_size(*owner) != 1) fail_msg("not only \"%s\" is in line %zu: %s", name, number, output());
    return value;
}

static void a_text_is_taken_or_refused_by_itself(void **state) {
    (void)state;
    json_t *owner = NULL;
    assert_int_equal(run("license", NULL, " (MIT) or  Apache-2.0\n\nGPL-3.0\n0BSD"), 1);
    assert_string_equal(answer(0, "text", &owner), "MIT OR Apache-2.0");
    answer(1, "error", &owner);
    assert_non_null(strstr(answer(2, "error", &owner), "GPL-3.0-only"));
    assert_string_equal(answer(3, "text", &owner), "0BSD");
    assert_int_equal(run("license", "--canonical", "MIT\nGPL-3.0\n"), 0);
    assert_string_equal(output(), "{\"text\":\"MIT\"}\n{\"text\":\"GPL-3.0-only\"}\n");
    json_decref(owner);
}

static void every_command_on_a_text_has_lines(void **state) {
    (void)state;
    static const struct {
        const char *command, *text, *bad;
    } rows[] = {
        {"package-name", "prelude", "-prelude"},
        {"version", "1.20.3", "v1.20.3"},
        {"range", ">=1.0.0 <2.0.0", ">=2.0.0 <2.0.0"},
        {"hash", "sha256-fN9RUAzN21ZY4Y0UwqUSxwUPVz1g7/pcqoDvbJZoT04=", "sha256-short="},
    };
    json_t *owner = NULL;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char lines[256];
        snprintf(lines, sizeof lines, "%s\n%s\n", rows[i].text, rows[i].bad);
        assert_int_equal(run(rows[i].command, NULL, lines), 1);
        assert_string_equal(answer(0, "text", &owner), rows[i].text);
        assert_non_null(strstr(answer(1, "error", &owner), rows[i].bad));
    }
    json_decref(owner);
}

static void a_manifest_is_printed_as_its_file(void **state) {
    (void)state;
    json_t *owner = NULL;
    assert_int_equal(run("manifest", NULL,
                         "{\"name\":\"De\",\"version\":\"1.2.3\"}\n"
                         "{\"name\":\"demo\",\"version\":\"1.2.3\",\"license\":\"MIT\",\"location\":{\"githubOwner\":\"me\","
                         "\"githubRepo\":\"x\"},\"ref\":\"v1.2.3\",\"dependencies\":{}}\n"
                         "{\n"),
                     1);
    assert_true(text_starts_with(answer(0, "error", &owner), "name: "));
    assert_string_equal(answer(1, "text", &owner),
                        "{\n  \"name\": \"demo\",\n  \"version\": \"1.2.3\",\n  \"license\": \"MIT\",\n  \"location\": {\n"
                        "    \"githubOwner\": \"me\",\n    \"githubRepo\": \"x\"\n  },\n  \"ref\": \"v1.2.3\",\n"
                        "  \"dependencies\": {}\n}\n");
    assert_non_null(strstr(answer(2, "error", &owner), "purs.json"));
    json_decref(owner);
    assert_int_equal(run("manifest", "--ref=main", ""), 2);
}

static void a_file_may_be_empty_but_not_missing(void **state) {
    (void)state;
    assert_int_equal(run("version", NULL, ""), 0);
    assert_string_equal(output(), "");
    const char *arguments[] = {"version", "--lines", "nowhere", NULL};
    assert_int_equal(run_program(&result, &(struct program_call){"registryctl", arguments, NULL, folder.path, NULL}), 1);
    assert_string_equal(output(), "");
    assert_non_null(strstr(text_view(&result.errors), "nowhere"));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_text_is_taken_or_refused_by_itself, set_up, tear_down),
        cmocka_unit_test_setup_teardown(every_command_on_a_text_has_lines, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_manifest_is_printed_as_its_file, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_file_may_be_empty_but_not_missing, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
