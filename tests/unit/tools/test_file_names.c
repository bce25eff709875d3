/* SPDX-License-Identifier: BSD-3-Clause */
#include "lib/tools/archive/file_names.h"

#include "tests/support/cmocka_all.h"

static void ordinary_names_are_fine(void **state) {
    (void)state;
    static const char *const names[] = {"Main.purs", ".gitignore", "console", "com10", "a b", "auxiliary.js",
                                        "Ünïcode",   "git",        "名前",    "-x",    "#",   "'quoted'"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (file_name_fault(names[i])) fail_msg("%s: %s", names[i], file_name_fault(names[i]));
}

static void names_that_do_harm_are_refused_with_the_reason(void **state) {
    (void)state;
    static const struct {
        const char *name, *fault;
    } rows[] = {
        {"", "is empty"},
        {".", "leads out of its folder"},
        {"..", "leads out of its folder"},
        {".git", "is git's own"},
        {".Git", "is git's own"},
        {"a/b", "contains a slash"},
        {"a\\b", "contains a backslash"},
        {"a\tb", "contains a control character"},
        {"a\x7f", "contains a control character"},
        {"\xff", "is not UTF-8"},
        {"\xed\xa0\x80", "is not UTF-8"},
        {"a:b", "has a character that Windows does not allow in names (one of < > : \" | ? *)"},
        {"what?", "has a character that Windows does not allow in names (one of < > : \" | ? *)"},
        {"a.", "ends in a dot or a space, which Windows does not allow in names"},
        {"a ", "ends in a dot or a space, which Windows does not allow in names"},
        {"...", "ends in a dot or a space, which Windows does not allow in names"},
        {"aux", "is reserved on Windows"},
        {"AUX.js", "is reserved on Windows"},
        {"nul.tar.gz", "is reserved on Windows"},
        {"com1", "is reserved on Windows"},
        {"LPT\xc2\xb9.txt", "is reserved on Windows"},
        {"con .x", "is reserved on Windows"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        assert_string_equal(file_name_fault(rows[i].name), rows[i].fault);
}

static void assert_clash(const char *const *names, size_t count, size_t expected_one, size_t expected_other) {
    size_t one = 0, other = 0;
    assert_true(file_names_clash(names, count, &one, &other));
    assert_int_equal(one, expected_one);
    assert_int_equal(other, expected_other);
}

static void names_that_differ_in_case_clash(void **state) {
    (void)state;
    assert_clash((const char *const[]){"a", "README", "b", "readme"}, 4, 1, 3);
    assert_clash((const char *const[]){"Straße", "STRASSE", "STRAßE"}, 3, 0, 2);
    assert_clash((const char *const[]){"ΟΔΟΣ", "οδος", "x"}, 3, 0, 1); /* one letter with two lower-case forms */
    assert_clash((const char *const[]){"\xff", "\xff"}, 2, 0, 1);
}

static void other_names_do_not(void **state) {
    (void)state;
    static const char *const names[] = {"a", "b", "A.b", "a.c", "é", "e", "\xff", "\xfe", "", "名", "前"};
    size_t one, other;
    assert_false(file_names_clash(names, sizeof names / sizeof *names, &one, &other));
    assert_false(file_names_clash(names, 1, &one, &other));
    assert_false(file_names_clash(names, 0, &one, &other));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ordinary_names_are_fine),
        cmocka_unit_test(names_that_do_harm_are_refused_with_the_reason),
        cmocka_unit_test(names_that_differ_in_case_clash),
        cmocka_unit_test(other_names_do_not),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
