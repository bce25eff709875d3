/* SPDX-License-Identifier: BSD-3-Clause
 *
 * How licensee is run and its output parsed, with small shell scripts in its place.
 */
#include "tests/support/cmocka_all.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/arena.h"
#include "lib/base/deadline.h"
#include "lib/base/text.h"
#include "lib/tools/licensee.h"
#include "lib/tools/sandbox/sandbox.h"
#include "tests/support/temporary_folder.h"

static struct sandbox sandbox;
static struct deadline deadline;
static struct arena arena;

static int set_up(void **state) {
    (void)state;
    struct error err;
    deadline_start(&deadline, 100000);
    assert_int_equal(sandbox_init(&sandbox, "nobody", &deadline, &err), STATUS_OK);
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    arena_release(&arena);
    return 0;
}

/* A program in a separate folder, found through PATH. */
struct stand_in {
    struct temporary_folder folder;
    struct licensee *licensee;
};

static void make_stand_in(struct stand_in *stand_in, const char *script) {
    temporary_folder_make(&stand_in->folder);
    temporary_folder_write(&stand_in->folder, "licensee", arena_format(&arena, "#!/bin/sh\n%s\n", script));
    assert_int_equal(chmod(arena_format(&arena, "%s/licensee", stand_in->folder.path), 0755), 0);
    stand_in->licensee = licensee_create(arena_format(&arena, "relative:/nowhere:%s", stand_in->folder.path), &sandbox);
    assert_true(licensee_is_installed(stand_in->licensee));
}

static void remove_stand_in(struct stand_in *stand_in) {
    licensee_free(stand_in->licensee);
    temporary_folder_remove(&stand_in->folder);
}

static enum status recognise(struct stand_in *stand_in, const char *content, struct licensee_findings *out, struct error *err) {
    const struct licensee_file file = {"LICENSE", content, strlen(content)};
    const char *work = arena_format(&arena, "%s/work", stand_in->folder.path);
    enum status status = licensee_recognise(out, stand_in->licensee, &file, 1, work, &arena, &deadline, err);
    assert_int_not_equal(access(work, F_OK), 0);
    return status;
}

#define ONE_FILE(name, identifier) "{\\\"filename\\\":\\\"" name "\\\",\\\"matched_license\\\":\\\"" identifier "\\\"}"
#define ANSWER(files) "echo \"{\\\"licenses\\\":[],\\\"matched_files\\\":[" files "]}\""

static void the_finding_for_each_file_is_read(void **state) {
    (void)state;
    struct stand_in stand_in;
    struct licensee_findings findings;
    struct error err;
    make_stand_in(&stand_in, "test \"$*\" = 'detect --json --no-packages --no-readme .' || exit 3\n" //
                  ANSWER(ONE_FILE("LICENSE", "$(cat LICENSE)") "," ONE_FILE("LICENSE-2", "NOASSERTION")));
    assert_int_equal(recognise(&stand_in, "MIT", &findings, &err), STATUS_OK);
    assert_int_equal(findings.count, 1);
    assert_string_equal(findings.items[0].file, "LICENSE");
    assert_string_equal(findings.items[0].identifier, "MIT");
    remove_stand_in(&stand_in);
}

static void exit_status_1_with_an_answer_means_that_nothing_was_found(void **state) {
    (void)state;
    struct stand_in stand_in;
    struct licensee_findings findings;
    struct error err;
    make_stand_in(&stand_in, ANSWER("") "; exit 1");
    assert_int_equal(recognise(&stand_in, "no license", &findings, &err), STATUS_OK);
    assert_int_equal(findings.count, 0);
    remove_stand_in(&stand_in);
}

static void the_same_files_are_looked_at_once(void **state) {
    (void)state;
    struct stand_in stand_in;
    struct licensee_findings findings;
    struct error err;
    make_stand_in(&stand_in, ANSWER(ONE_FILE("LICENSE", "$(head -c3 LICENSE)")));
    assert_int_equal(recognise(&stand_in, "MIT of one", &findings, &err), STATUS_OK);
    assert_int_equal(unlink(arena_format(&arena, "%s/licensee", stand_in.folder.path)), 0);
    assert_int_equal(recognise(&stand_in, "MIT of one", &findings, &err), STATUS_OK);
    assert_int_equal(findings.count, 1);
    assert_string_equal(findings.items[0].identifier, "MIT");
    assert_int_not_equal(recognise(&stand_in, "MIT of two", &findings, &err), STATUS_OK);
    remove_stand_in(&stand_in);
}

static void a_failure_says_how_it_ended_and_is_not_remembered(void **state) {
    (void)state;
    static const char *const scripts[] = {"echo 'cannot load such file' >&2; exit 1",
                                          "exit 0",
                                          "echo '{}'",
                                          "echo 'no json'",
                                          ANSWER("") "; exit 2",
                                          "kill -9 $$"};
    for (size_t i = 0; i < sizeof scripts / sizeof scripts[0]; i++) {
        struct stand_in stand_in;
        struct licensee_findings findings;
        struct error err;
        make_stand_in(&stand_in, scripts[i]);
        for (int times = 0; times < 2; times++) {
            assert_int_equal(recognise(&stand_in, "MIT", &findings, &err), STATUS_INTERNAL);
            assert_int_equal(findings.count, 0);
            assert_non_null(strstr(err.message, "Licensee ended with "));
            if (i == 0) assert_non_null(strstr(err.message, "cannot load such file"));
        }
        remove_stand_in(&stand_in);
    }
}

static void it_runs_without_our_environment(void **state) {
    (void)state;
    struct stand_in stand_in;
    struct licensee_findings findings;
    struct error err;
    setenv("A_SECRET_OF_OURS", "for-nobody-else", 1);
    make_stand_in(&stand_in, ANSWER(ONE_FILE("LICENSE", "x$A_SECRET_OF_OURS")));
    assert_int_equal(recognise(&stand_in, "MIT", &findings, &err), STATUS_OK);
    assert_string_equal(findings.items[0].identifier, "x");
    unsetenv("A_SECRET_OF_OURS");
    remove_stand_in(&stand_in);
}

static void without_the_program_it_says_so(void **state) {
    (void)state;
    struct licensee *licensee = licensee_create(NULL, &sandbox);
    const struct licensee_file file = {"LICENSE", "", 0};
    struct licensee_findings findings;
    struct error err;
    assert_false(licensee_is_installed(licensee));
    assert_int_equal(licensee_recognise(&findings, licensee, &file, 1, "/nowhere/work", &arena, &deadline, &err),
                     STATUS_NOT_FOUND);
    licensee_free(licensee);
}

static void an_answer_of_another_form_is_refused(void **state) {
    (void)state;
    static const char *const answers[] = {
        "[]",
        "7",
        "{}",
        "{\"matched_files\":{}}",
        "{\"matched_files\":[7]}",
        "{\"matched_files\":[{\"filename\":\"LICENSE\"}]}",
        "{\"matched_files\":[{\"matched_license\":\"MIT\"}]}",
        "{\"matched_files\":[{\"filename\":\"LICENSE\",\"matched_license\":7}]}",
        "{\"matched_files\":[]} and more",
    };
    struct licensee_findings findings;
    struct error err;
    for (size_t i = 0; i < sizeof answers / sizeof answers[0]; i++) {
        assert_int_equal(licensee_read_answer(&findings, answers[i], strlen(answers[i]), &arena, &err), STATUS_INVALID);
        assert_int_equal(findings.count, 0);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_finding_for_each_file_is_read),
        cmocka_unit_test(exit_status_1_with_an_answer_means_that_nothing_was_found),
        cmocka_unit_test(the_same_files_are_looked_at_once),
        cmocka_unit_test(a_failure_says_how_it_ended_and_is_not_remembered),
        cmocka_unit_test(it_runs_without_our_environment),
        cmocka_unit_test(without_the_program_it_says_so),
        cmocka_unit_test(an_answer_of_another_form_is_refused),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
