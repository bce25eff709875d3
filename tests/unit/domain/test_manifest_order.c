/* SPDX-License-Identifier: BSD-3-Clause */
#include "tests/support/cmocka_all.h"

#include <string.h>

#include "lib/base/text.h"
#include "lib/domain/registry/manifest_order.h"
#include "tests/support/small_registry.h"

#define COUNT(array) (sizeof(array) / sizeof(array)[0])

/* "NAME@VERSION NAME@VERSION …" */
static const char *print_order(const struct manifest_order *order, const struct manifest_index *index, struct arena *arena) {
    struct text all = {0};
    for (size_t i = 0; i < order->count; i++) {
        char version[VERSION_TEXT_MAX];
        version_print(order->versions[i].version->version, version);
        text_append_format(&all, "%s%s@%s", i ? " " : "", manifest_index_package(index, order->versions[i].package)->name,
                           version);
    }
    const char *copy = arena_copy(arena, text_view(&all));
    text_release(&all);
    return copy;
}

static void check_order(const char *const *rows, size_t row_count, const char *expected) {
    struct manifest_index *index = small_registry_create(rows, row_count);
    struct arena arena = {0};
    struct manifest_order order;
    manifest_index_order(&order, index, &arena);
    assert_string_equal(print_order(&order, index, &arena), expected);
    assert_int_equal(order.cycle_count, 0);
    arena_release(&arena);
    manifest_index_free(index);
}

static void an_empty_index_has_an_empty_order(void **state) {
    (void)state;
    check_order(NULL, 0, "");
}

static void dependencies_come_before_their_dependants(void **state) {
    (void)state;
    static const char *const rows[] = {
        "aff 1.0.0 [0.15.0] core >=2.0.0 <3.0.0, zip >=1.0.0 <2.0.0",
        "core 1.0.0 [0.15.0]",
        "core 2.0.0 [0.15.0]",
        "core 2.1.0 []",
        "zip 1.0.0 [0.15.0] core >=1.0.0 <2.0.0",
    };
    check_order(rows, COUNT(rows), "core@2.0.0 core@2.1.0 core@1.0.0 zip@1.0.0 aff@1.0.0");
}

static void the_order_does_not_depend_on_how_the_index_was_filled(void **state) {
    (void)state;
    static const char *const rows[] = {
        "zip 1.0.0 [0.15.0] core >=1.0.0 <2.0.0",
        "core 2.0.0 [0.15.0]",
        "core 1.0.0 [0.15.0]",
        "aff 1.0.0 [0.15.0] zip >=1.0.0 <2.0.0, core >=2.0.0 <3.0.0",
    };
    check_order(rows, COUNT(rows), "core@2.0.0 core@1.0.0 zip@1.0.0 aff@1.0.0");
}

static void what_nobody_has_is_passed_over(void **state) {
    (void)state;
    static const char *const rows[] = {"aff 1.0.0 [0.15.0] core >=2.0.0 <3.0.0, nobody >=1.0.0 <2.0.0", "core 1.0.0 [0.15.0]"};
    check_order(rows, COUNT(rows), "aff@1.0.0 core@1.0.0");
}

/* A package may need an older version of another that needs it: no circle. */
static void packages_may_need_each_other_by_turns(void **state) {
    (void)state;
    static const char *const rows[] = {
        "a 1.0.0 [0.15.0]",
        "a 2.0.0 [0.15.0] b >=1.0.0 <2.0.0",
        "b 1.0.0 [0.15.0] a >=1.0.0 <2.0.0",
        "b 2.0.0 [0.15.0] a >=2.0.0 <3.0.0",
    };
    check_order(rows, COUNT(rows), "a@1.0.0 b@1.0.0 a@2.0.0 b@2.0.0");
}

static void circles_are_named_and_all_else_is_in_order(void **state) {
    (void)state;
    static const char *const rows[] = {
        "a 1.0.0 [0.15.0] b >=1.0.0 <2.0.0", "b 1.0.0 [0.15.0] c >=1.0.0 <2.0.0, d >=1.0.0 <2.0.0",
        "c 1.0.0 [0.15.0] a >=1.0.0 <2.0.0", "d 1.0.0 [0.15.0]",
        "e 1.0.0 [0.15.0] e >=1.0.0 <2.0.0",
    };
    struct manifest_index *index = small_registry_create(rows, COUNT(rows));
    struct arena arena = {0};
    struct manifest_order order;
    manifest_index_order(&order, index, &arena);
    assert_string_equal(print_order(&order, index, &arena), "c@1.0.0 d@1.0.0 b@1.0.0 a@1.0.0 e@1.0.0");
    assert_int_equal(order.cycle_count, 2);
    assert_string_equal(order.cycles[0], "a@1.0.0 needs b@1.0.0 needs c@1.0.0 needs a@1.0.0");
    assert_string_equal(order.cycles[1], "e@1.0.0 needs e@1.0.0");
    arena_release(&arena);
    manifest_index_free(index);
}

static void of_many_circles_the_first_are_told(void **state) {
    (void)state;
    enum { CIRCLES = ORDER_CYCLES_MAX + 5 };
    struct arena arena = {0};
    const char *rows[CIRCLES];
    for (int i = 0; i < CIRCLES; i++)
        rows[i] = arena_format(&arena, "p%02d 1.0.0 [] p%02d >=1.0.0 <2.0.0", i, i);
    struct manifest_index *index = small_registry_create(rows, CIRCLES);
    struct manifest_order order;
    manifest_index_order(&order, index, &arena);
    assert_int_equal(order.cycle_count, CIRCLES);
    assert_string_equal(order.cycles[ORDER_CYCLES_MAX - 1], "p15@1.0.0 needs p15@1.0.0");
    assert_int_equal(order.count, CIRCLES);
    arena_release(&arena);
    manifest_index_free(index);
}

static void a_chain_may_be_long(void **state) {
    (void)state;
    enum { LINKS = 20000 };
    struct arena arena = {0};
    const char **rows = arena_alloc(&arena, LINKS * sizeof *rows);
    for (int i = 0; i < LINKS; i++)
        rows[i] = arena_format(&arena, "p%05d 1.0.0 [] p%05d >=1.0.0 <2.0.0", i, i + 1);
    struct manifest_index *index = small_registry_create(rows, LINKS);
    struct manifest_order order;
    manifest_index_order(&order, index, &arena);
    assert_int_equal(order.count, LINKS);
    for (size_t i = 0; i < order.count; i++)
        assert_int_equal(order.versions[i].package, manifest_index_by_name(index, LINKS - 1 - i));
    arena_release(&arena);
    manifest_index_free(index);
}

static void the_real_registry_is_put_in_order(void **state) {
    (void)state;
    struct manifest_index *index = real_registry_create();
    if (!index) skip();
    struct arena arena = {0};
    struct manifest_order order;
    manifest_index_order(&order, index, &arena);
    for (size_t i = 0; i < order.cycle_count && i < ORDER_CYCLES_MAX; i++)
        print_message("%s\n", order.cycles[i]);
    assert_int_equal(order.count, 5494);
    assert_int_equal(order.cycle_count, 0);
    arena_release(&arena);
    manifest_index_free(index);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_empty_index_has_an_empty_order),
        cmocka_unit_test(dependencies_come_before_their_dependants),
        cmocka_unit_test(the_order_does_not_depend_on_how_the_index_was_filled),
        cmocka_unit_test(what_nobody_has_is_passed_over),
        cmocka_unit_test(packages_may_need_each_other_by_turns),
        cmocka_unit_test(circles_are_named_and_all_else_is_in_order),
        cmocka_unit_test(of_many_circles_the_first_are_told),
        cmocka_unit_test(a_chain_may_be_long),
        cmocka_unit_test(the_real_registry_is_put_in_order),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
