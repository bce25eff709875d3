/* SPDX-License-Identifier: BSD-3-Clause */
#include "tests/support/cmocka_all.h"

#include <string.h>

#include "lib/base/text.h"
#include "lib/source/text_encoding.h"

#define BYTES(text) text, sizeof text - 1

static void texts_become_utf_8(void **state) {
    (void)state;
    static const struct {
        const char *bytes;
        size_t length;
        const char *expected; /* NULL: it is no text */
    } rows[] = {
        {BYTES(""), ""},
        {BYTES("a\xC3\xA4"), "a\xC3\xA4"},
        {BYTES("\xEF\xBB\xBF"), ""},
        {BYTES("\xEF\xBB\xBF"
               "a"),
         "a"},
        {BYTES("\xFF\xFE"
               "a\0\xE4\0"),
         "a\xC3\xA4"},
        {BYTES("\xFE\xFF"
               "\0a\0\xE4"),
         "a\xC3\xA4"},
        {BYTES("\xFF\xFE\x3D\xD8\x00\xDE"), "\xF0\x9F\x98\x80"},
        {BYTES("\xFE\xFF\xD8\x3D\xDE\x00"), "\xF0\x9F\x98\x80"},
        {BYTES("\xFE\xFF\x20\xAC"), "\xE2\x82\xAC"},
        {BYTES("a\0b\0c\0d\0"), "abcd"},
        {BYTES("\0a\0b\0c\0d"), "abcd"},
        {BYTES("caf\xE9 \xA9"), "caf\xC3\xA9 \xC2\xA9"},
        {BYTES("\xFF\xFE\x3D\xD8"), NULL}, /* half a character at the end */
        {BYTES("\xFF\xFE\x3D\xD8"
               "a\0"),
         NULL}, /* or in front of another */
        {BYTES("\xFF\xFE\x00\xDE"
               "a\0"),
         NULL}, /* the other half alone */
        {BYTES("\xFF\xFE"
               "a\0b"),
         NULL},
        {BYTES("\xFF\xFE\0\0"), NULL},
        {BYTES("a\0bc"), NULL},
        {BYTES("\0\0\0\0"), NULL},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct text out = {0};
        bool is_text = text_append_decoded(&out, rows[i].bytes, rows[i].length);
        if (is_text != (rows[i].expected != NULL)) fail_msg("row %zu is %s text", i, is_text ? "a" : "no");
        if (is_text) assert_string_equal(text_view(&out), rows[i].expected);
        text_release(&out);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(texts_become_utf_8)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
