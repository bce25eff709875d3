/* SPDX-License-Identifier: BSD-3-Clause */
#include "tests/support/cmocka_all.h"

#include <stdio.h>
#include <string.h>

#include "lib/base/percent.h"
#include "lib/base/text.h"

static void each_class_keeps_its_characters(void **state) {
    (void)state;
    static const struct {
        const char *text, *as_value, *as_path;
    } rows[] = {
        {"", "", ""},
        {"azAZ09-._~", "azAZ09-._~", "azAZ09-._~"},
        {"aff/1.0.0.tar.gz", "aff%2F1.0.0.tar.gz", "aff/1.0.0.tar.gz"},
        {"a b+c%d", "a%20b%2Bc%25d", "a%20b%2Bc%25d"},
        {"2026-07-25T15:11:12.686Z", "2026-07-25T15%3A11%3A12.686Z", "2026-07-25T15%3A11%3A12.686Z"},
        {"\x01\x7F\xC3\xBC", "%01%7F%C3%BC", "%01%7F%C3%BC"},
        {"?&=#@[]", "%3F%26%3D%23%40%5B%5D", "%3F%26%3D%23%40%5B%5D"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct text out = {0};
        percent_encode(&out, rows[i].text, PERCENT_VALUE);
        assert_string_equal(text_view(&out), rows[i].as_value);
        assert_int_equal(percent_is_plain(rows[i].text, PERCENT_VALUE), strcmp(rows[i].text, rows[i].as_value) == 0);
        text_clear(&out);
        percent_encode(&out, rows[i].text, PERCENT_PATH);
        assert_string_equal(text_view(&out), rows[i].as_path);
        assert_int_equal(percent_is_plain(rows[i].text, PERCENT_PATH), strcmp(rows[i].text, rows[i].as_path) == 0);
        text_release(&out);
    }
}

static void decoding_takes_either_case_and_a_plus_in_queries_only(void **state) {
    (void)state;
    static const struct {
        const char *text, *in_url, *in_query;
    } rows[] = {
        {"", "", ""},
        {"a+b%2bc%2Bd", "a+b+c+d", "a b+c+d"},
        {"%25%41%c3%BC", "%A\xC3\xBC", "%A\xC3\xBC"},
        {"%2525", "%25", "%25"}, /* once */
        {"%0a%01", "\n\x01", "\n\x01"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char text[32];
        snprintf(text, sizeof text, "%s", rows[i].text);
        assert_true(percent_decode(text, PERCENT_IN_URL));
        assert_string_equal(text, rows[i].in_url);
        snprintf(text, sizeof text, "%s", rows[i].text);
        assert_true(percent_decode(text, PERCENT_IN_QUERY));
        assert_string_equal(text, rows[i].in_query);
    }
}

static void badly_encoded_text_is_refused(void **state) {
    (void)state;
    static const char *const bad[] = {"%", "a%", "%4", "a%4", "%g1", "%1g", "%%41", "% 1", "%+1", "%00", "a%00b", "%-1"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        char text[32];
        snprintf(text, sizeof text, "%s", bad[i]);
        assert_false(percent_decode(text, PERCENT_IN_URL));
        snprintf(text, sizeof text, "%s", bad[i]);
        assert_false(percent_decode(text, PERCENT_IN_QUERY));
    }
}

static void every_byte_comes_back(void **state) {
    (void)state;
    char all[256];
    for (int i = 1; i < 256; i++)
        all[i - 1] = (char)i;
    all[255] = '\0';
    struct text out = {0};
    percent_encode(&out, all, PERCENT_VALUE);
    assert_true(percent_decode(out.bytes, PERCENT_IN_QUERY));
    assert_string_equal(out.bytes, all);
    text_release(&out);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_class_keeps_its_characters),
        cmocka_unit_test(decoding_takes_either_case_and_a_plus_in_queries_only),
        cmocka_unit_test(badly_encoded_text_is_refused),
        cmocka_unit_test(every_byte_comes_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
