/* SPDX-License-Identifier: BSD-3-Clause */
#include "tests/support/cmocka_all.h"

#include "lib/base/text.h"
#include "services/gateway/web/html.h"

static struct text out;

static int release(void **state) {
    (void)state;
    text_release(&out);
    return 0;
}

/* The text as it is written between two elements. */
static const char *escape(const char *bytes, size_t length) {
    struct html html = {.out = &out};
    text_clear(&out);
    html_bytes(&html, bytes, length);
    return text_view(&out);
}

#define ESCAPE(literal) escape(literal, sizeof literal - 1)

static void elements_are_nested(void **state) {
    (void)state;
    struct html html = {.out = &out};
    html_begin(&html, "p");
    html_text(&html, "See ");
    html_link(&html, "/packages", "all");
    html_void(&html, "br");
    html_void(&html, "input");
    html_attribute(&html, "name", "q");
    html_attribute(&html, "value", NULL);
    html_format(&html, "%d", 7);
    html_text(&html, NULL);
    html_element(&html, "b", "faint", "end");
    html_element(&html, "i", NULL, NULL);
    html_end(&html);
    assert_string_equal(text_view(&out), "<p>See <a href=\"/packages\">all</a><br><input name=\"q\">7<b class=\"faint\">end</b>"
                                         "<i></i></p>");
    assert_int_equal(html.depth, 0);
}

static void markup_is_text(void **state) {
    (void)state;
    assert_string_equal(ESCAPE("<script>alert('1' & \"2\")</script>"),
                        "&lt;script&gt;alert(&#39;1&#39; &amp; &quot;2&quot;)&lt;/script&gt;");
    assert_string_equal(ESCAPE("a\tb\nc ü → 𝄞"), "a\tb\nc ü → 𝄞");
}

static void a_value_cannot_end_its_attribute(void **state) {
    (void)state;
    struct html html = {.out = &out};
    html_begin(&html, "a");
    html_attribute(&html, "title", "\" onclick='x' \x1b<>");
    html_end(&html);
    assert_string_equal(text_view(&out), "<a title=\"&quot; onclick=&#39;x&#39; [U+001B]&lt;&gt;\"></a>");
}

static void controls_are_shown(void **state) {
    (void)state;
    assert_string_equal(ESCAPE("\x1b[31mred\r\x7f"), "[U+001B][31mred[U+000D][U+007F]");
    assert_string_equal(ESCAPE("a\0b"), "a[U+0000]b");
    assert_string_equal(ESCAPE("a\uFFFE\uFFFF\uFFFD"), "a[U+FFFE][U+FFFF]\uFFFD"); /* XML forbids the first two */
    assert_string_equal(ESCAPE("\u202Eabc\u2066\u061C\u200F\xc2\x85"), "[U+202E]abc[U+2066][U+061C][U+200F][U+0085]");
}

static void what_is_no_utf_8_is_replaced(void **state) {
    (void)state;
    assert_string_equal(ESCAPE("\xff<\xc3"), "\uFFFD&lt;\uFFFD");
    assert_string_equal(ESCAPE("\xed\xa0\x80"), "\uFFFD\uFFFD\uFFFD");
}

int main(void) {
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(elements_are_nested, release),
        cmocka_unit_test_teardown(markup_is_text, release),
        cmocka_unit_test_teardown(a_value_cannot_end_its_attribute, release),
        cmocka_unit_test_teardown(controls_are_shown, release),
        cmocka_unit_test_teardown(what_is_no_utf_8_is_replaced, release),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
