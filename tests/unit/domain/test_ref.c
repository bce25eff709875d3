/* SPDX-License-Identifier: BSD-3-Clause */
#include "tests/support/cmocka_all.h"

#include <string.h>

#include "lib/domain/package/ref.h"

static void names_of_tags_and_branches_are_accepted(void **state) {
    (void)state;
    static const char *const refs[] = {"v1.0.0",       "1.0.0", "main",    "feature/x",
                                       "release-2",    "a.b_c", "abc1234", "\xC3\xA4",
                                       "v1.0.0+build", "a@b",   "tags/x",  "0123456789abcdef0123456789abcdef0123456"};
    for (size_t i = 0; i < sizeof refs / sizeof *refs; i++)
        assert_int_equal(ref_check(refs[i], NULL), STATUS_OK);
}

static void other_names_that_git_would_resolve_are_refused(void **state) {
    (void)state;
    static const char *const refs[] = {
        "",
        "0123456789abcdef0123456789abcdef01234567",
        "0123456789ABCDEF0123456789ABCDEF01234567",
        "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef",
        "refs/tags/v1.0.0",
        "refs/pull/1/head",
        "pull/1/head",
        "+main",
        "main:main",
        "-x",
        "--upload-pack=x",
        "HEAD",
        "@",
        "main@{1}",
        "main~1",
        "main^",
        "a..b",
        "a b",
        "a\nb",
        "a*",
        "a?",
        "a[b",
        "a\\b",
        "/a",
        "a/",
        "a//b",
        ".a",
        "a/.b",
        "a.",
        "a.lock",
        "a.lock/b",
        "\xFF",
    };
    for (size_t i = 0; i < sizeof refs / sizeof *refs; i++) {
        struct error err = {0};
        assert_int_equal(ref_check(refs[i], &err), STATUS_INVALID);
        assert_non_null(strstr(err.message, "cannot be used as a ref"));
    }
}

static void a_long_ref_is_refused(void **state) {
    (void)state;
    char ref[REF_MAX + 2];
    memset(ref, 'x', sizeof ref);
    ref[REF_MAX] = '\0';
    assert_int_equal(ref_check(ref, NULL), STATUS_OK);
    ref[REF_MAX] = 'x', ref[REF_MAX + 1] = '\0';
    assert_int_equal(ref_check(ref, NULL), STATUS_INVALID);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_of_tags_and_branches_are_accepted),
        cmocka_unit_test(other_names_that_git_would_resolve_are_refused),
        cmocka_unit_test(a_long_ref_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
