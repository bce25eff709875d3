/* SPDX-License-Identifier: BSD-3-Clause */
#include "tests/support/cmocka_all.h"

#include "lib/base/number.h"

static void digits_alone_are_a_number(void **state) {
    (void)state;
    static const struct {
        const char *text;
        int64_t number;
    } rows[] = {
        {"0", 0},
        {"7", 7},
        {"007", 7},
        {"65535", 65535},
        {"9223372036854775807", INT64_MAX},
        {"00000000000000000000000000012", 12},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        int64_t number = -1;
        assert_true(number_parse(&number, rows[i].text));
        assert_true(number == rows[i].number);
    }
}

static void anything_else_is_none(void **state) {
    (void)state;
    static const char *const texts[] = {NULL,
                                        "",
                                        " ",
                                        "+1",
                                        "-1",
                                        "- 1",
                                        " 1",
                                        "1 ",
                                        "1\n",
                                        "\t1",
                                        "1.0",
                                        "1e3",
                                        "0x1",
                                        "1_0",
                                        "1,0",
                                        "x",
                                        "1x",
                                        "--1",
                                        "++1",
                                        "\xd9\xa1",
                                        "9223372036854775808",
                                        "9223372036854775810",
                                        "99999999999999999999"};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        int64_t number = -1;
        if (number_parse(&number, texts[i])) fail_msg("\"%s\" was taken", texts[i]);
        assert_true(number == -1);
    }
}

static void a_range_includes_its_ends(void **state) {
    (void)state;
    int64_t number = -1;
    assert_true(number_parse_within(&number, "3", 3, 5));
    assert_true(number == 3);
    assert_true(number_parse_within(&number, "5", 3, 5));
    assert_true(number == 5);
    assert_false(number_parse_within(&number, "2", 3, 5));
    assert_false(number_parse_within(&number, "6", 3, 5));
    assert_false(number_parse_within(&number, "+4", 3, 5));
    assert_true(number == 5);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(digits_alone_are_a_number),
        cmocka_unit_test(anything_else_is_none),
        cmocka_unit_test(a_range_includes_its_ends),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
