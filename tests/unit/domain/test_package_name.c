/* SPDX-License-Identifier: BSD-3-Clause */
#include "tests/support/cmocka_all.h"

#include <string.h>

#include "lib/domain/package/package_name.h"

static void names_by_the_rules_are_accepted(void **state) {
    (void)state;
    static const char *const names[] = {"a",    "7",         "aff",         "node-fs-aff",
                                        "b2",   "3d-vector", "a-b-c-d",     "purescript",
                                        "purs", "metadata",  "purescripts", "purescript-compiler-backend-utilities"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        assert_int_equal(package_name_check(names[i], NULL), STATUS_OK);
}

static void a_refusal_names_the_broken_rule(void **state) {
    (void)state;
    static const struct {
        const char *name, *words;
    } rows[] = {
        {"", "empty"},
        {"-a", "start"},
        {"a-", "end"},
        {"a--b", "two hyphens"},
        {"Aff", "lower-case"},
        {"a_b", "hyphens only"},
        {"a b", "hyphens only"},
        {"\xC3\xA4", "hyphens only"},
        {"../a", "hyphens only"},
        {"purescript-prelude", "leave that prefix out"},
        {"purescript-compiler-backend-utilities2", "leave that prefix out"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct error err = {0};
        assert_int_equal(package_name_check(rows[i].name, &err), STATUS_INVALID);
        assert_non_null(strstr(err.message, rows[i].words));
    }
}

static void the_longest_name_has_150_bytes(void **state) {
    (void)state;
    char name[PACKAGE_NAME_MAX + 2];
    memset(name, 'a', sizeof name);
    name[PACKAGE_NAME_MAX] = '\0';
    assert_int_equal(package_name_check(name, NULL), STATUS_OK);
    name[PACKAGE_NAME_MAX] = 'a';
    name[PACKAGE_NAME_MAX + 1] = '\0';
    assert_int_equal(package_name_check(name, NULL), STATUS_INVALID);
}

static void two_names_are_reserved(void **state) {
    (void)state;
    assert_true(package_name_is_reserved("metadata"));
    assert_true(package_name_is_reserved("purs"));
    assert_false(package_name_is_reserved("purs-tools"));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_by_the_rules_are_accepted),
        cmocka_unit_test(a_refusal_names_the_broken_rule),
        cmocka_unit_test(the_longest_name_has_150_bytes),
        cmocka_unit_test(two_names_are_reserved),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
