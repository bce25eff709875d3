/* SPDX-License-Identifier: BSD-3-Clause */
#include "tests/support/cmocka_all.h"

#include <string.h>

#include "lib/base/text.h"

static void appending_grows_and_terminates(void **state) {
    (void)state;
    struct text text = {0};
    assert_string_equal(text_view(&text), "");
    for (int i = 0; i < 1000; i++)
        text_append_format(&text, "%d,", i);
    assert_int_equal(text.length, strlen(text.bytes));
    assert_true(text_starts_with(text.bytes, "0,1,2,"));
    assert_true(text_ends_with(text.bytes, "998,999,"));
    text_release(&text);
}

static void utf8_is_checked_by_the_letter(void **state) {
    (void)state;
    static const char *const good[] = {
        "", "a", "\xC3\xA4", "\xE2\x82\xAC", "\xF0\x9F\x98\x80", "\xED\x9F\xBF", "\xF4\x8F\xBF\xBF"};
    static const char *const bad[] = {"\x80",         "\xC3",     "\xC0\xAF",         "\xE0\x80\xAF",
                                      "\xED\xA0\x80", "\xF5\x80", "\xF4\x90\x80\x80", "\xF0\x80\x80\x80",
                                      "a\xFF",        "\xE2\x82"};
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++)
        assert_true(text_is_utf8(good[i], strlen(good[i])));
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_false(text_is_utf8(bad[i], strlen(bad[i])));
    assert_false(text_is_utf8("a\0b", 3));
    for (size_t at = 0; at < 20; at++) { /* whatever its place among plain ones */
        char bytes[] = "twenty plain letters";
        for (size_t i = 0; i < 3; i++) {
            bytes[at] = "\0\x80\xFF"[i];
            assert_false(text_is_utf8(bytes, 20));
        }
        bytes[at] = '\x7F';
        assert_true(text_is_utf8(bytes, 20));
    }
    assert_int_equal(text_count_characters("a\xC3\xA4\xF0\x9F\x98\x80"), 3);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(appending_grows_and_terminates),
        cmocka_unit_test(utf8_is_checked_by_the_letter),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
