/* SPDX-License-Identifier: BSD-3-Clause */
#include "lib/domain/search/package_order.h"

#include "lib/base/text.h"
#include "tests/support/cmocka_all.h"

static void cursors_are_read_as_they_were_printed(void **state) {
    (void)state;
    static const struct {
        struct package_place place;
        const char *text;
    } rows[] = {{{0, "aff"}, "aff"}, {{7, "aff"}, "7:aff"}, {{INT64_MAX, "web-dom"}, "9223372036854775807:web-dom"}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char text[PACKAGE_CURSOR_MAX];
        struct package_place read;
        struct error err;
        package_place_print(&rows[i].place, text);
        assert_string_equal(text, rows[i].text);
        assert_int_equal(package_place_parse(&read, text, &err), STATUS_OK);
        assert_int_equal(package_place_compare(&read, &rows[i].place), 0);
    }
}

static void other_texts_are_no_cursors(void **state) {
    (void)state;
    static const char *const rows[] = {"",
                                       ":",
                                       ":aff",
                                       "-1:aff",
                                       "1:",
                                       "1:Aff",
                                       "x:aff",
                                       "1 :aff",
                                       "1:a:b",
                                       "No Name?",
                                       "9999999999999999999:a",
                                       "000000000000000000000000000001:a"};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct package_place read;
        struct error err;
        if (package_place_parse(&read, rows[i], &err) != STATUS_INVALID) fail_msg("%s", rows[i]);
        assert_string_equal(err.path, "after");
    }
}

static void a_search_is_by_relevance_unless_it_says_how(void **state) {
    (void)state;
    enum package_order order;
    struct error err;
    assert_int_equal(package_order_parse(&order, NULL, true, &err), STATUS_OK);
    assert_int_equal(order, PACKAGE_ORDER_RELEVANCE);
    assert_int_equal(package_order_parse(&order, "newest", true, &err), STATUS_OK);
    assert_int_equal(order, PACKAGE_ORDER_NEWEST);
    assert_int_equal(package_order_parse(&order, "relevance", false, &err), STATUS_OK);
    assert_int_equal(order, PACKAGE_ORDER_NAME);
    assert_int_equal(package_order_parse(&order, "size", false, &err), STATUS_INVALID);
    assert_string_equal(err.path, "sort");
}

int main(void) {
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(cursors_are_read_as_they_were_printed),
        cmocka_unit_test(other_texts_are_no_cursors),
        cmocka_unit_test(a_search_is_by_relevance_unless_it_says_how),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
