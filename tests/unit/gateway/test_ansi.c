/* SPDX-License-Identifier: BSD-3-Clause */
#include "tests/support/cmocka_all.h"

#include <string.h>

#include "lib/base/text.h"
#include "services/gateway/web/ansi.h"
#include "services/gateway/web/html.h"

static struct text out;

static int release(void **state) {
    (void)state;
    text_release(&out);
    return 0;
}

static const char *show(const char *text) {
    struct html html = {.out = &out};
    text_clear(&out);
    ansi_write(&html, text, strlen(text));
    assert_int_equal(html.depth, 0);
    return text_view(&out);
}

static void colours_and_weights_are_classes(void **state) {
    (void)state;
    static const struct {
        const char *text, *shown;
    } cases[] = {
        {"plain", "plain"},
        {"", ""},
        {"a \x1b[31mred\x1b[0m b", "a <span class=\"fg-1\">red</span> b"},
        {"\x1b[1;4;92;41mall\x1b[m", "<span class=\"fg-10 bg-1 bold underline\">all</span>"},
        {"\x1b[1mbold\x1b[3m and italic\x1b[22m alone",
         "<span class=\"bold\">bold</span><span class=\"bold italic\"> and italic</span><span class=\"italic\"> alone</span>"},
        {"\x1b[31mred\x1b[39m not", "<span class=\"fg-1\">red</span> not"},
        {"\x1b[44mback\x1b[49m not", "<span class=\"bg-4\">back</span> not"},
        {"\x1b[2mfaint", "<span class=\"faint\">faint</span>"},
        {"\x1b[7minverse\x1b[27m not", "<span class=\"inverse\">inverse</span> not"},
        {"\x1b[7;31mred", "<span class=\"bg-1\">red</span>"},
        {"\x1b[31m\x1b[0mnothing", "nothing"},
        {"\x1b[107;30mwhite", "<span class=\"fg-0 bg-15\">white</span>"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_string_equal(show(cases[i].text), cases[i].shown);
}

static void other_colours_become_the_nearest(void **state) {
    (void)state;
    static const struct {
        const char *text, *shown;
    } cases[] = {
        {"\x1b[38;5;3mx", "<span class=\"fg-3\">x</span>"},
        {"\x1b[38;5;196mx", "<span class=\"fg-9\">x</span>"},
        {"\x1b[38;5;21mx", "<span class=\"fg-12\">x</span>"},
        {"\x1b[38;5;232mx", "<span class=\"fg-0\">x</span>"},
        {"\x1b[38;5;244mx", "<span class=\"fg-8\">x</span>"},
        {"\x1b[38;5;255mx", "<span class=\"fg-15\">x</span>"},
        {"\x1b[48;2;0;150;0mx", "<span class=\"bg-2\">x</span>"},
        {"\x1b[38;2;255;255;0mx", "<span class=\"fg-11\">x</span>"},
        {"\x1b[38;5;999mx", "<span class=\"fg-15\">x</span>"},
        {"\x1b[38;9;1mx", "x"},
        {"\x1b[38mx", "x"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_string_equal(show(cases[i].text), cases[i].shown);
}

static void other_controls_are_shown_by_their_numbers(void **state) {
    (void)state;
    static const struct {
        const char *text, *shown;
    } cases[] = {
        {"\x1b[2Kx", "[U+001B][2Kx"},
        {"\x1b]0;title\x07x", "[U+001B]]0;title[U+0007]x"},
        {"\x1b", "[U+001B]"},
        {"\x1b[", "[U+001B]["},
        {"\x1b[31", "[U+001B][31"},
        {"\x1b\x1b[31mx", "[U+001B]<span class=\"fg-1\">x</span>"},
        {"\x1b[1;1;1;1;1;1;1;1;1;1;1;1;1;1;1;1;1mx", "[U+001B][1;1;1;1;1;1;1;1;1;1;1;1;1;1;1;1;1mx"},
        {"\x1b[99999999999999999999mx", "x"},
        {"\x1b[31m<b>\xe2\x80\xae\x1b[0m", "<span class=\"fg-1\">&lt;b&gt;[U+202E]</span>"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_string_equal(show(cases[i].text), cases[i].shown);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(colours_and_weights_are_classes, release),
        cmocka_unit_test_teardown(other_colours_become_the_nearest, release),
        cmocka_unit_test_teardown(other_controls_are_shown_by_their_numbers, release),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
