/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The stand-in of licensee answers as the real program does, and runs the real one for everything that it does not know.
 */
#include "tests/support/cmocka_all.h"

#include <jansson.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/arena.h"
#include "tests/support/package_source.h"
#include "tests/support/shell.h"
#include "tests/support/temporary_folder.h"

#define REAL "/usr/bin/licensee"
#define STAND_IN BUILD_DIR "/stand-ins/licensee"

static struct arena arena;

/* Its answer and exit status, as `STATUS` and a line break in front of JSON. */
static const char *run(const char *program, const char *folder) {
    return shell_output(&arena,
                        "cd '%s' && { '%s' detect --json --no-packages --no-readme . >../answer; echo $?; cat ../answer; }",
                        folder, program);
}

static json_t *parse(const char *output) {
    json_t *json = json_loads(strchr(output, '\n'), 0, NULL);
    if (!json) fail_msg("no JSON: %s", output);
    return json;
}

static void expect_same_answer(const struct temporary_folder *folder, const char *name) {
    const char *path = arena_format(&arena, "%s/%s", folder->path, name);
    const char *expected = run(REAL, path), *answer = run(STAND_IN, path);
    json_t *expected_json = parse(expected), *json = parse(answer);
    assert_int_equal(expected[0], answer[0]);
    if (!json_equal(expected_json, json)) fail_msg("%s: %s\nin place of %s", name, answer, expected);
    json_decref(expected_json);
    json_decref(json);
}

static void it_answers_as_licensee_does(void **state) {
    (void)state;
    struct temporary_folder folder;
    if (access(REAL, X_OK) != 0) {
        print_message("skipped: licensee is not installed\n");
        skip();
    }
    temporary_folder_make(&folder);
    temporary_folder_write(&folder, "known/LICENSE", PACKAGE_LICENSE_TEXT);
    temporary_folder_write(&folder, "longer/LICENSE", PACKAGE_LICENSE_TEXT "\nand more\n");
    temporary_folder_write(&folder, "two/LICENSE", PACKAGE_LICENSE_TEXT);
    temporary_folder_write(&folder, "two/COPYING", "MIT License\n");
    temporary_folder_write(&folder, "other/COPYING", PACKAGE_LICENSE_TEXT);
    const char *const cases[] = {"known", "longer", "two", "other"};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        expect_same_answer(&folder, cases[i]);
    temporary_folder_remove(&folder);
    arena_release(&arena);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(it_answers_as_licensee_does)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
