/* SPDX-License-Identifier: BSD-3-Clause */
#include "tests/support/cmocka_all.h"

#include <stdlib.h>
#include <string.h>

#include "lib/domain/package/range.h"

static struct range parsed(const char *text) {
    struct range range;
    assert_int_equal(range_parse(&range, text, NULL), STATUS_OK);
    return range;
}

static void assert_range(struct range range, const char *expected) {
    char text[RANGE_TEXT_MAX];
    range_print(range, text);
    assert_string_equal(text, expected);
}

static void accepted_text_prints_the_same(void **state) {
    (void)state;
    static const char *const texts[] = {">=1.0.0 <2.0.0", ">=0.0.0 <0.0.1",
                                        ">=2147483646.2147483647.2147483647 <2147483647.2147483647.2147483647"};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        assert_range(parsed(texts[i]), texts[i]);
}

static void one_spelling_alone_is_read(void **state) {
    (void)state;
    static const char *const texts[] = {"",
                                        "*",
                                        "1.0.0",
                                        "^1.0.0",
                                        ">=1.0.0",
                                        ">=1.0.0  <2.0.0",
                                        ">= 1.0.0 <2.0.0",
                                        ">=1.0.0 < 2.0.0",
                                        ">=1.0.0 <=2.0.0",
                                        ">1.0.0 <2.0.0",
                                        " >=1.0.0 <2.0.0",
                                        ">=1.0.0 <2.0.0 ",
                                        ">=1.0.0\t<2.0.0",
                                        "<2.0.0 >=1.0.0",
                                        ">=1.0 <2.0.0",
                                        ">=1.0.0 <1.0.0",
                                        ">=2.0.0 <1.0.0",
                                        ">=00000000000000000000000000000000000000001.0.0 <2.0.0"};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        struct range range;
        struct error err = {0};
        assert_int_equal(range_parse(&range, texts[i], &err), STATUS_INVALID);
        assert_non_null(strstr(err.message, "is not a range"));
        assert_int_equal(range_parse(&range, texts[i], NULL), STATUS_INVALID);
    }
}

static void an_exact_range_has_one_version(void **state) {
    (void)state;
    assert_range(range_exact((struct version){1, 2, 3}), ">=1.2.3 <1.2.4");
    assert_false(range_is_valid(range_exact((struct version){VERSION_NUMBER_MAX, VERSION_NUMBER_MAX, VERSION_NUMBER_MAX})));
}

static void low_is_in_and_high_is_out(void **state) {
    (void)state;
    struct range range = parsed(">=1.0.0 <2.0.0");
    assert_true(range_includes(range, (struct version){1, 0, 0}));
    assert_true(range_includes(range, (struct version){1, 99, 99}));
    assert_false(range_includes(range, (struct version){2, 0, 0}));
    assert_false(range_includes(range, (struct version){0, 99, 99}));
}

static void a_union_is_from_the_lower_low_to_the_higher_high(void **state) {
    (void)state;
    assert_range(range_union(parsed(">=1.0.0 <2.0.0"), parsed(">=5.0.0 <6.0.0")), ">=1.0.0 <6.0.0");
}

static struct version random_version(void) {
    return (struct version){(uint32_t)rand() % 2, (uint32_t)rand() % 3, (uint32_t)rand() % 3};
}

static struct range random_range(void) {
    struct range range;
    do
        range = (struct range){random_version(), random_version()};
    while (!range_is_valid(range));
    return range;
}

static void a_union_agrees_with_includes(void **state) {
    (void)state;
    srand(11);
    for (int i = 0; i < 5000; i++) {
        struct range a = random_range(), b = random_range();
        struct version version = random_version();
        if (range_includes(a, version) || range_includes(b, version)) assert_true(range_includes(range_union(a, b), version));
        char text[RANGE_TEXT_MAX];
        range_print(a, text);
        assert_true(range_equal(parsed(text), a));
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(accepted_text_prints_the_same),
        cmocka_unit_test(one_spelling_alone_is_read),
        cmocka_unit_test(an_exact_range_has_one_version),
        cmocka_unit_test(low_is_in_and_high_is_out),
        cmocka_unit_test(a_union_is_from_the_lower_low_to_the_higher_high),
        cmocka_unit_test(a_union_agrees_with_includes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
