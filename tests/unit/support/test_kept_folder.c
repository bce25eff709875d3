/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Which tests run, and whose folders are kept (tests/support/test_run.h): this program runs itself, with tests that make a
 * folder.
 */
#include "tests/support/cmocka_all.h"

#include <string.h>
#include <unistd.h>

#include "tests/support/shell.h"

static struct arena arena;

/* ---- The tests that it runs ---- */

struct scene {
    char path[64];
};

static void make_folder(struct scene *scene) {
    snprintf(scene->path, sizeof scene->path, "/tmp/registry-kept-XXXXXX");
    test_folder_make(scene->path);
    write_file(arena_format(&arena, "%s/program.log", scene->path), "It says why.\n");
}

static int begin(void **state) {
    static struct scene scene;
    make_folder(&scene);
    *state = &scene;
    return 0;
}

static int end(void **state) {
    const struct scene *scene = *state;
    test_folder_end(scene->path);
    return 0;
}

static void succeeds(void **state) {
    (void)state;
}

static void fails(void **state) {
    (void)state;
    fail();
}

static void is_skipped(void **state) {
    (void)state;
    skip();
}

static void fails_before_the_end_of_its_folder(void **state) {
    (void)state;
    struct scene scene;
    make_folder(&scene);
    fail();
}

static void says_its_name(void **state) {
    printf("This is the second, with %s.\n", *state ? (const char *)*state : "nothing");
}

static int begin_with_text(void **state) {
    *state = "the group's text";
    return 0;
}

/* Runs those of three tests that are named. */
static int run_filtered(bool has_group_state) {
    static char own[] = "its own text";
    const struct CMUnitTest tests[] = {cmocka_unit_test(fails), cmocka_unit_test_prestate(says_its_name, own),
                                       cmocka_unit_test(fails)};
    cmocka_set_test_filter("says*");
    return cmocka_run_group_tests(tests, has_group_state ? begin_with_text : NULL, NULL);
}

static int run_one(const char *name) {
    const struct CMUnitTest of_test[] = {cmocka_unit_test_setup_teardown(fails, begin, end),
                                         cmocka_unit_test_setup_teardown(succeeds, begin, end)};
    const struct CMUnitTest of_group[] = {cmocka_unit_test(fails), cmocka_unit_test(succeeds)};
    const struct CMUnitTest left_behind[] = {cmocka_unit_test(fails_before_the_end_of_its_folder), cmocka_unit_test(succeeds)};
    const struct CMUnitTest good[] = {cmocka_unit_test(succeeds), cmocka_unit_test(is_skipped)};
    if (strcmp(name, "of_test") == 0) return cmocka_run_group_tests(of_test, NULL, NULL);
    if (strcmp(name, "of_group") == 0) return cmocka_run_group_tests(of_group, begin, end);
    if (strcmp(name, "left_behind") == 0) return cmocka_run_group_tests(left_behind, NULL, NULL);
    if (strncmp(name, "filtered", 8) == 0) return run_filtered(strcmp(name, "filtered_in_group") == 0);
    return cmocka_run_group_tests(good, begin, end);
}

/* ---- Their results ---- */

static const char *self;

static int count(const char *text, const char *part) {
    int found = 0;
    for (const char *at = text; (at = strstr(at, part)); at++)
        found++;
    return found;
}

/* Runs those tests; `kept` folders must be kept, their logs printed `printed` times. */
static void expect(const char *environment, const char *name, int kept, int printed) {
    static const char says[] = "The test's folder is kept: ";
    const char *output = shell_output(&arena, "%s '%s' %s 2>&1 || true", environment, self, name);
    assert_int_equal(count(output, says), kept);
    assert_int_equal(count(output, "It says why."), printed);
    for (const char *at = output; (at = strstr(at, says)); at++) {
        char path[64];
        assert_int_equal(sscanf(at + strlen(says), "%63s", path), 1);
        shell_run("rm -r '%s'", path); /* fails if it does not exist */
    }
}

static void the_folder_of_the_test_that_failed_is_kept_with_its_logs_printed(void **state) {
    (void)state;
    expect("env -u KEEP", "of_test", 1, 1);
    expect("env -u KEEP", "of_group", 1, 1);
    expect("env -u KEEP", "left_behind", 1, 1);
}

static void no_folder_is_kept_where_all_succeed_or_are_skipped(void **state) {
    (void)state;
    expect("env -u KEEP", "good", 0, 0);
}

static void every_folder_is_kept_where_one_asks_for_it(void **state) {
    (void)state;
    expect("KEEP=1", "good", 1, 0);
    expect("KEEP=1", "of_test", 2, 1);
}

static void a_filter_runs_the_tests_that_it_names(void **state) {
    (void)state;
    const char *output = shell_output(&arena, "'%s' filtered 2>&1", self);
    assert_non_null(strstr(output, "This is the second, with its own text."));
    output = shell_output(&arena, "'%s' filtered_in_group 2>&1", self);
    assert_non_null(strstr(output, "This is the second, with the group's text."));
}

int main(int argument_count, char **arguments) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_folder_of_the_test_that_failed_is_kept_with_its_logs_printed),
        cmocka_unit_test(no_folder_is_kept_where_all_succeed_or_are_skipped),
        cmocka_unit_test(every_folder_is_kept_where_one_asks_for_it),
        cmocka_unit_test(a_filter_runs_the_tests_that_it_names),
    };
    self = arguments[0];
    int failed = argument_count > 1 ? run_one(arguments[1]) : cmocka_run_group_tests(tests, NULL, NULL);
    arena_release(&arena);
    return failed;
}
