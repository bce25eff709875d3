/* SPDX-License-Identifier: BSD-3-Clause */
#include "tests/support/cmocka_all.h"

#include "lib/domain/matrix/supported_compilers.h"

static const struct version supported[] = {{0, 15, 9}, {0, 15, 10}};

static void a_supported_compiler_is_accepted(void **state) {
    (void)state;
    struct error err = {0};
    assert_int_equal(supported_compilers_check(supported, 2, (struct version){0, 15, 10}, &err), STATUS_OK);
}

static void a_refusal_lists_the_supported_ones(void **state) {
    (void)state;
    struct error err = {0};
    assert_int_equal(supported_compilers_check(supported, 2, (struct version){0, 14, 1}, &err), STATUS_REFUSED);
    assert_string_equal(err.path, "compiler");
    assert_string_equal(err.message, "Compiler 0.14.1 is not supported. Supported compilers: 0.15.9, 0.15.10.");
    assert_int_equal(supported_compilers_check(NULL, 0, (struct version){0, 14, 1}, &err), STATUS_REFUSED);
    assert_string_equal(err.message, "Compiler 0.14.1 is not supported. Supported compilers: none yet.");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_supported_compiler_is_accepted),
        cmocka_unit_test(a_refusal_lists_the_supported_ones),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
