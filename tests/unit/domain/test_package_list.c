/* SPDX-License-Identifier: BSD-3-Clause */
#include "lib/domain/search/package_list.h"

#include <string.h>

#include "lib/base/text.h"
#include "tests/support/cmocka_all.h"
#include "tests/support/small_registry.h"

enum { PACKAGES = 5 };

static const char *const rows[PACKAGES + 1] = {
    "effect 1.0.0 [0.15.14] prelude >=6.0.0 <7.0.0",
    "effect 2.0.0 [0.15.14]", /* depends on nothing any more */
    "arrays 1.0.0 [0.15.14] prelude >=6.0.0 <7.0.0, maybe >=1.0.0 <2.0.0",
    "array-utilities 1.0.0 [0.15.14] arrays >=1.0.0 <2.0.0, prelude >=6.0.0 <7.0.0",
    "maybe 1.0.0 [0.15.14] prelude >=6.0.0 <7.0.0",
    "prelude 6.0.0 [0.15.14 0.15.15]",
};

/* All pages of the list, from page to page by the cursor as a text. */
static void expect_pages(const struct manifest_index *index, const char *search, enum package_order order, size_t limit,
                         const char *names) {
    struct arena arena = {0};
    struct text found = {0};
    struct package_list list = {0};
    struct package_place after;
    char cursor[PACKAGE_CURSOR_MAX] = "";
    do {
        struct error err;
        struct package_list_request request = {.search = search, .order = order, .limit = limit};
        if (*cursor) {
            assert_int_equal(package_place_parse(&after, cursor, &err), STATUS_OK);
            request.after = &after;
        }
        size_t total = list.total;
        package_list_find(&list, index, &request, &arena);
        if (*cursor) assert_int_equal(list.total, total);
        assert_true(list.has_more ? list.count == limit : list.count <= limit);
        for (size_t i = 0; i < list.count; i++)
            text_append_format(&found, "%s%s", found.length ? " " : "", list.items[i].place.name);
        if (list.has_more) package_place_print(&list.items[list.count - 1].place, cursor);
    } while (list.has_more);
    assert_string_equal(text_view(&found), names);
    text_release(&found);
    arena_release(&arena);
}

static void every_order_has_each_package_once(void **state) {
    (void)state;
    struct manifest_index *index = small_registry_create(rows, PACKAGES + 1);
    for (size_t limit = 1; limit <= PACKAGES + 1; limit++) {
        expect_pages(index, NULL, PACKAGE_ORDER_NAME, limit, "array-utilities arrays effect maybe prelude");
        expect_pages(index, " ", PACKAGE_ORDER_DEPENDANTS, limit, "prelude arrays maybe array-utilities effect");
        expect_pages(index, "arrays", PACKAGE_ORDER_RELEVANCE, limit, "arrays array-utilities");
        expect_pages(index, "array", PACKAGE_ORDER_RELEVANCE, limit, "arrays array-utilities");
        expect_pages(index, "array", PACKAGE_ORDER_NAME, limit, "array-utilities arrays");
        expect_pages(index, "nothing such", PACKAGE_ORDER_RELEVANCE, limit, "");
        expect_pages(index, "?", PACKAGE_ORDER_NEWEST, limit, "");
    }
    manifest_index_free(index);
}

/* The package of the cursor is removed, and one with more dependants comes before it: the rest follows as it was. */
static void a_cursor_holds_its_place_while_packages_move(void **state) {
    (void)state;
    struct arena arena = {0};
    struct manifest_index *index = small_registry_create(rows, PACKAGES + 1);
    const struct package_place after = {1, "arrays"};
    const struct package_list_request request = {.order = PACKAGE_ORDER_DEPENDANTS, .after = &after, .limit = 10};
    struct package_list list;
    manifest_index_remove_manifests(index, "arrays");
    manifest_index_remove_metadata(index, "arrays");
    package_list_find(&list, index, &request, &arena);
    assert_int_equal(list.count, 3);
    assert_string_equal(list.items[0].place.name, "array-utilities");
    assert_string_equal(list.items[1].place.name, "effect");
    assert_string_equal(list.items[2].place.name, "maybe"); /* nobody depends on it any more */
    assert_int_equal(list.total, 4);
    manifest_index_free(index);
    arena_release(&arena);
}

static void the_real_registry_is_found_as_people_expect(void **state) {
    (void)state;
    static const struct {
        const char *typed, *first;
    } searches[] = {{"halogen", "halogen"}, {"Aff", "aff"},      {"purescript-strings", "strings"},
                    {"preldue", "prelude"}, {"arg", "argonaut"}, {"web html", "web-html"}};
    struct arena arena = {0};
    struct manifest_index *index = real_registry_create();
    if (!index) skip();
    for (size_t i = 0; i < sizeof searches / sizeof *searches; i++) {
        struct package_list list;
        package_list_find(
            &list, index,
            &(struct package_list_request){.search = searches[i].typed, .order = PACKAGE_ORDER_RELEVANCE, .limit = 3}, &arena);
        assert_true(list.count > 0);
        if (!text_starts_with(list.items[0].place.name, searches[i].first))
            fail_msg("%s: %s", searches[i].typed, list.items[0].place.name);
    }
    manifest_index_free(index);
    arena_release(&arena);
}

int main(void) {
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_order_has_each_package_once),
        cmocka_unit_test(a_cursor_holds_its_place_while_packages_move),
        cmocka_unit_test(the_real_registry_is_found_as_people_expect),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
