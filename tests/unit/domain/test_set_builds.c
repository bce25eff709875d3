/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The builds that show that a changed package set compiles, on registries defined here.
 */
#include "tests/support/cmocka_all.h"

#include "lib/base/text.h"
#include "lib/domain/registry/manifest_index.h"
#include "lib/domain/set/set_builds.h"
#include "tests/support/small_registry.h"

static const char *const rows[] = {
    "a 1.0.0 [0.15.15]",
    "a 1.1.0 [0.15.15]",
    "b 1.0.0 [0.15.15] a >=1.0.0 <2.0.0",
    "c 1.0.0 [0.15.15] b >=1.0.0 <2.0.0, d >=1.0.0 <2.0.0",
    "d 1.0.0 [0.15.15]",
    "e 1.0.0 [0.15.15] d >=1.0.0 <2.0.0",
    "x 1.0.0 [0.15.15] y >=1.0.0 <2.0.0",
    "y 1.0.0 [0.15.15] d >=1.0.0 <2.0.0, x >=1.0.0 <2.0.0",
};

struct scene {
    struct arena arena;
    struct manifest_index *index;
    struct package_set before_set, after_set;
    struct set_members before, after;
    struct set_builds builds;
};

static void enter(struct scene *s, const char *before, const char *after, struct version compiler) {
    *s = (struct scene){.index = small_registry_create(rows, sizeof rows / sizeof *rows)};
    s->before_set = small_package_set(before, &s->arena);
    s->after_set = small_package_set(after, &s->arena);
    s->after_set.compiler = compiler;
    set_members_read(&s->before, s->index, &s->before_set, &s->arena);
    set_members_read(&s->after, s->index, &s->after_set, &s->arena);
    set_builds_find(&s->builds, &s->before, &s->after, &s->arena);
}

static void leave(struct scene *s) {
    manifest_index_free(s->index);
    arena_release(&s->arena);
}

/* `NAME(DEPENDENCY@VERSION,…)`, separated by blanks, in order. */
static void assert_builds(const char *before, const char *after, struct version compiler, const char *expected) {
    struct scene s;
    struct text all = {0};
    enter(&s, before, after, compiler);
    for (size_t i = 0; i < s.builds.count; i++) {
        const struct set_build *build = &s.builds.items[i];
        text_append_format(&all, "%s%s(", i ? " " : "", set_members_name(&s.after, build->package));
        for (size_t j = 0; j < build->plan.count; j++) {
            char version[VERSION_TEXT_MAX];
            version_print(build->plan.items[j].version, version);
            text_append_format(&all, "%s%s@%s", j ? "," : "", build->plan.items[j].name, version);
        }
        text_append_character(&all, ')');
    }
    assert_string_equal(text_view(&all), expected);
    text_release(&all);
    leave(&s);
}

static const struct version same = {0, 15, 15}, higher = {0, 15, 16};

static void builds_what_changed_and_its_dependants(void **state) {
    (void)state;
    assert_builds("a 1.0.0 b 1.0.0 c 1.0.0 d 1.0.0 e 1.0.0", "a 1.1.0 b 1.0.0 c 1.0.0 d 1.0.0 e 1.0.0", same,
                  "a() b(a@1.1.0) c(a@1.1.0,b@1.0.0,d@1.0.0)");
}

static void builds_an_addition_alone(void **state) {
    (void)state;
    assert_builds("d 1.0.0", "d 1.0.0 e 1.0.0", same, "e(d@1.0.0)");
}

static void builds_nothing_for_a_removal_or_no_change(void **state) {
    (void)state;
    assert_builds("a 1.0.0 d 1.0.0 e 1.0.0", "a 1.0.0 d 1.0.0", same, "");
    assert_builds("a 1.0.0", "a 1.0.0", same, "");
}

static void builds_all_with_another_compiler(void **state) {
    (void)state;
    assert_builds("a 1.0.0 d 1.0.0 e 1.0.0", "a 1.0.0 d 1.0.0 e 1.0.0", higher, "a() d() e(d@1.0.0)");
}

static void a_circle_is_built_whole(void **state) {
    (void)state;
    assert_builds("d 1.0.0", "d 1.0.0 x 1.0.0 y 1.0.0", same, "y(d@1.0.0,x@1.0.0) x(d@1.0.0,y@1.0.0)");
}

static void suspects_the_changes_in_the_plan(void **state) {
    (void)state;
    struct scene s;
    bool suspects[2] = {false};
    enter(&s, "a 1.0.0 b 1.0.0 d 1.0.0", "a 1.1.0 b 1.0.0 d 1.0.0 e 1.0.0", same);
    struct set_change items[] = {{.package = manifest_index_find_package(s.index, "a")},
                                 {.package = manifest_index_find_package(s.index, "e")}};
    const struct set_changes changes = {.items = items, .count = 2};
    assert_int_equal(s.builds.count, 3);
    set_builds_suspect(&s.builds.items[1], &changes, &s.after, suspects); /* b, because of a */
    assert_true(suspects[0]);
    assert_false(suspects[1]);
    set_builds_suspect(&s.builds.items[2], &changes, &s.after, suspects); /* e itself */
    assert_true(suspects[1]);
    leave(&s);
}

/* All 648 packages, with the next compiler. */
static void the_real_set(void **state) {
    (void)state;
    struct scene s = {0};
    if (!real_package_set_read(&s.before_set, "80.8.0", &s.arena)) {
        arena_release(&s.arena);
        skip();
    }
    s.index = real_registry_create();
    set_members_read(&s.before, s.index, &s.before_set, &s.arena);
    s.after = s.before;
    s.after.compiler = higher;
    set_builds_find(&s.builds, &s.before, &s.after, &s.arena);
    assert_int_equal(s.builds.count, 648);
    for (size_t i = 0; i < s.builds.count; i++) /* each plan has at least the direct dependencies */
        assert_true(s.builds.items[i].plan.count + 1 >= s.builds.items[i].version->need_count);
    leave(&s);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(builds_what_changed_and_its_dependants),
        cmocka_unit_test(builds_an_addition_alone),
        cmocka_unit_test(builds_nothing_for_a_removal_or_no_change),
        cmocka_unit_test(builds_all_with_another_compiler),
        cmocka_unit_test(a_circle_is_built_whole),
        cmocka_unit_test(suspects_the_changes_in_the_plan),
        cmocka_unit_test(the_real_set),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
