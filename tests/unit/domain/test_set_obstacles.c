/* SPDX-License-Identifier: BSD-3-Clause
 *
 * What is in the way of the next compiler, on a registry defined here and on the real one (skipped if it is not available).
 */
#include "tests/support/cmocka_all.h"

#include "lib/base/text.h"
#include "lib/domain/registry/manifest_index.h"
#include "lib/domain/set/set_obstacles.h"
#include "tests/support/small_registry.h"

#define CREATE(...)                                                                                                            \
    small_registry_create((const char *const[]){__VA_ARGS__}, sizeof(const char *const[]){__VA_ARGS__} / sizeof(const char *))

static const struct version next_compiler = {0, 15, 16};

/* `NAME[+][-][<THROUGH,THROUGH]` separated by blanks: + if a newer version would do, - if a lower one would. */
static void assert_obstacles(const struct set_members *members, struct version compiler, const char *expected) {
    struct arena arena = {0};
    struct set_obstacles obstacles;
    struct text all = {0};
    set_obstacles_find(&obstacles, members, compiler, &arena);
    for (size_t i = 0; i < obstacles.count; i++) {
        const struct set_obstacle *obstacle = &obstacles.items[i];
        text_append_format(&all, "%s%s%s%s", i ? " " : "", set_members_name(members, obstacle->package),
                           obstacle->newer ? "+" : "", obstacle->lower ? "-" : "");
        for (size_t j = 0; j < obstacle->through_count; j++)
            text_append_format(&all, "%c%s", j ? ',' : '<', set_members_name(members, obstacle->through[j]));
    }
    assert_string_equal(text_view(&all), expected);
    text_release(&all);
    arena_release(&arena);
}

static void names_what_is_in_the_way_of_a_compiler(void **state) {
    (void)state;
    struct arena arena = {0};
    struct set_members members;
    struct manifest_index *index =
        CREATE("a 1.0.0 [0.15.15 0.15.16]", "b 1.0.0 [0.15.15] a >=1.0.0 <2.0.0", "b 1.1.0 [0.15.16] a >=1.0.0 <2.0.0",
               "c 0.9.0 [0.15.16]", "c 1.0.0 [0.15.15] b >=1.0.0 <2.0.0", "d 1.0.0 [0.15.15]");
    const struct package_set set = small_package_set("a 1.0.0 b 1.0.0 c 1.0.0", &arena);
    set_members_read(&members, index, &set, &arena);
    assert_obstacles(&members, next_compiler, "b+ c-<b");
    assert_obstacles(&members, set.compiler, "");
    manifest_index_free(index);
    arena_release(&arena);
}

static void the_real_registry(void **state) {
    (void)state;
    struct arena arena = {0};
    struct package_set set;
    struct set_members members;
    if (!real_package_set_read(&set, "80.8.0", &arena)) {
        arena_release(&arena);
        skip();
    }
    struct manifest_index *index = real_registry_create();
    set_members_read(&members, index, &set, &arena);
    assert_obstacles(&members, next_compiler, "bolson deku<bolson ocarina<bolson prospero rito<bolson,deku yoga-shadcn-");
    manifest_index_free(index);
    arena_release(&arena);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_what_is_in_the_way_of_a_compiler),
        cmocka_unit_test(the_real_registry),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
