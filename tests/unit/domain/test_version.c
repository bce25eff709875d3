/* SPDX-License-Identifier: BSD-3-Clause */
#include "tests/support/cmocka_all.h"

#include <stdlib.h>
#include <string.h>

#include "lib/domain/package/version.h"

static struct version parsed(const char *text) {
    struct version version;
    struct error err = {0};
    assert_int_equal(version_parse(&version, text, &err), STATUS_OK);
    return version;
}

static void assert_version(struct version version, const char *expected) {
    char text[VERSION_TEXT_MAX];
    version_print(version, text);
    assert_string_equal(text, expected);
}

static void accepted_text_prints_the_same(void **state) {
    (void)state;
    static const char *const texts[] = {"0.0.0", "1.0.3", "10.20.30", "2147483647.2147483647.2147483647"};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        assert_version(parsed(texts[i]), texts[i]);
}

static void nothing_but_three_numbers_is_read(void **state) {
    (void)state;
    static const char *const texts[] = {"",
                                        "1",
                                        "1.2",
                                        "1.2.",
                                        "1.2.3.4",
                                        "v1.2.3",
                                        "1.2.3-rc1",
                                        "1.2.3+1",
                                        " 1.2.3",
                                        "1.2.3 ",
                                        "01.2.3",
                                        "1.02.3",
                                        "1.2.00",
                                        "1.-2.3",
                                        "1.+2.3",
                                        "1..3",
                                        ".1.2",
                                        "a.b.c",
                                        "1,2,3",
                                        "1.2.3\n1",
                                        "0x1.2.3",
                                        "2147483648.0.0",
                                        "0.0.99999999999999999999999"};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        struct version version;
        struct error err = {0};
        assert_int_equal(version_parse(&version, texts[i], &err), STATUS_INVALID);
        assert_non_null(strstr(err.message, "is not a version"));
    }
}

static void order_is_by_major_then_minor_then_patch(void **state) {
    (void)state;
    static const char *const ascending[] = {"0.0.0", "0.0.9", "0.0.10", "0.1.0", "0.9.9", "0.10.0", "1.0.0", "2.0.0", "10.0.0"};
    for (size_t i = 0; i < sizeof ascending / sizeof *ascending; i++)
        for (size_t j = 0; j < sizeof ascending / sizeof *ascending; j++) {
            int order = version_compare(parsed(ascending[i]), parsed(ascending[j]));
            assert_int_equal(order < 0, i < j);
            assert_int_equal(order == 0, i == j);
        }
}

static void bumps_reset_the_places_behind(void **state) {
    (void)state;
    assert_version(version_bump_major(parsed("1.2.3")), "2.0.0");
    assert_version(version_bump_minor(parsed("1.2.3")), "1.3.0");
    assert_version(version_bump_patch(parsed("1.2.3")), "1.2.4");
}

static void a_full_place_carries(void **state) {
    (void)state;
    assert_version(version_bump_patch(parsed("1.2.2147483647")), "1.3.0");
    assert_version(version_bump_minor(parsed("1.2147483647.5")), "2.0.0");
    assert_version(version_bump_patch(parsed("1.2147483647.2147483647")), "2.0.0");
    assert_version(version_bump_major(parsed("2147483647.1.2")), "2147483647.1.2");
}

static void random_versions_keep_to_the_laws(void **state) {
    (void)state;
    srand(7);
    for (int i = 0; i < 1000; i++) {
        struct version a = {(uint32_t)rand() % 3, (uint32_t)rand() % 3, (uint32_t)rand() % 3};
        struct version b = {(uint32_t)rand() % 3, (uint32_t)rand() % 3, (uint32_t)rand() % 3};
        char text[VERSION_TEXT_MAX];
        version_print(a, text);
        assert_true(version_equal(parsed(text), a));
        assert_int_equal(version_compare(a, b), -version_compare(b, a));
        assert_true(version_compare(a, version_bump_patch(a)) < 0);
        /* no version lies between a version and its patch bump */
        if (version_compare(a, b) < 0) assert_true(version_compare(version_bump_patch(a), b) <= 0);
    }
}

static void a_version_is_among_others_or_not(void **state) {
    (void)state;
    const struct version versions[] = {parsed("1.0.0"), parsed("1.2.3")};
    assert_true(version_is_among(parsed("1.2.3"), versions, 2));
    assert_false(version_is_among(parsed("1.2.3"), versions, 1));
    assert_false(version_is_among(parsed("1.2.4"), versions, 2));
    assert_false(version_is_among(parsed("1.2.3"), NULL, 0));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(accepted_text_prints_the_same),           cmocka_unit_test(nothing_but_three_numbers_is_read),
        cmocka_unit_test(order_is_by_major_then_minor_then_patch), cmocka_unit_test(a_version_is_among_others_or_not),
        cmocka_unit_test(bumps_reset_the_places_behind),           cmocka_unit_test(a_full_place_carries),
        cmocka_unit_test(random_versions_keep_to_the_laws),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
