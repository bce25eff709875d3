/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Why packages are in the set or not, and which packages are in the way of the next compiler, on registries defined here and on
 * the real one (skipped if it is not available).
 */
#include "tests/support/cmocka_all.h"

#include <string.h>

#include "lib/base/text.h"
#include "lib/domain/registry/manifest_index.h"
#include "lib/domain/set/set_excuses.h"
#include "tests/support/small_registry.h"

#define CREATE(...)                                                                                                            \
    small_registry_create((const char *const[]){__VA_ARGS__}, sizeof(const char *const[]){__VA_ARGS__} / sizeof(const char *))

static const struct version next_compiler = {0, 15, 16};

struct scene {
    struct arena arena;
    struct manifest_index *index;
    struct package_set set;
    struct set_members members;
    struct set_trial *trials;
    struct set_known_build *builds;
    struct set_excuses excuses;
};

static void enter(struct scene *s, struct manifest_index *index, const char *set_text) {
    *s = (struct scene){.index = index};
    s->set = small_package_set(set_text, &s->arena);
    set_members_read(&s->members, index, &s->set, &s->arena);
    s->trials = arena_alloc(&s->arena, s->members.package_count * sizeof *s->trials);
    s->builds = arena_alloc(&s->arena, s->members.package_count * sizeof *s->builds);
}

static void find(struct scene *s) {
    const struct set_knowledge knowledge = {s->trials, s->builds};
    set_excuses_find(&s->excuses, &s->members, &s->set, &knowledge, &s->arena);
}

static void leave(struct scene *s) {
    manifest_index_free(s->index);
    arena_release(&s->arena);
}

static const struct set_excuse *excuse_of(const struct scene *s, const char *name) {
    for (size_t i = 0; i < s->excuses.count; i++)
        if (strcmp(set_members_name(&s->members, s->excuses.items[i].package), name) == 0) return &s->excuses.items[i];
    fail_msg("There is no excuse for %s.", name);
    return NULL;
}

static void assert_excuse(const struct scene *s, const char *name, enum set_verdict verdict, const char *sentence) {
    const struct set_excuse *excuse = excuse_of(s, name);
    assert_string_equal(set_verdict_text(excuse->verdict), set_verdict_text(verdict));
    assert_string_equal(excuse->sentence, sentence);
}

static void each_package_has_its_verdict(void **state) {
    (void)state;
    struct scene s;
    enter(&s,
          CREATE("a 1.0.0 [0.15.15]", "b 1.0.0 [0.15.15]", "b 1.1.0 [0.15.15]", "c 1.0.0 [0.15.15]", "d 1.0.0 [0.15.14]",
                 "e 1.0.0 []", "lost 2.0.0 []"),
          "a 1.0.0 b 1.0.0 lost 2.0.0");
    s.builds[manifest_index_find_package(s.index, "d")] = (struct set_known_build){.is_tried = true, .job = "job-of-d"};
    find(&s);
    assert_int_equal(s.excuses.count, 6);
    assert_excuse(&s, "a", SET_VERDICT_IN_SET, "a@1.0.0 is in the package set 1.0.0.");
    assert_excuse(&s, "b", SET_VERDICT_WAITING, "The next update of the package set tries b@1.1.0.");
    assert_excuse(&s, "c", SET_VERDICT_WAITING, "The next update of the package set tries c@1.0.0.");
    assert_excuse(&s, "d", SET_VERDICT_NO_VERSION_FOR_COMPILER,
                  "d@1.0.0 does not build with compiler 0.15.15, and no other version newer than the set's does.");
    assert_string_equal(excuse_of(&s, "d")->job, "job-of-d");
    assert_excuse(&s, "e", SET_VERDICT_UNPUBLISHED, "No version of e is published.");
    assert_excuse(&s, "lost", SET_VERDICT_NEEDS_TRUSTEE,
                  "The version of lost in the package set 1.0.0 is not published any more: it must be replaced or removed.");
    leave(&s);
}

static void what_no_build_has_ended_of_was_never_tried(void **state) {
    (void)state;
    struct scene s;
    enter(&s, CREATE("a 1.0.0 [0.15.15]", "a 1.1.0 [0.15.16]"), "a 1.0.0");
    find(&s);
    assert_excuse(&s, "a", SET_VERDICT_NEVER_TRIED, "a@1.1.0 has not been built with compiler 0.15.15 yet.");
    leave(&s);
}

static void an_older_version_that_builds_is_the_one_judged(void **state) {
    (void)state;
    struct scene s;
    enter(&s, CREATE("a 1.0.0 [0.15.15]", "a 1.1.0 [0.15.15]", "a 1.2.0 [0.15.16]"), "a 1.0.0");
    find(&s);
    assert_excuse(&s, "a", SET_VERDICT_WAITING, "The next update of the package set tries a@1.1.0.");
    leave(&s);
}

static void a_trial_counts_for_its_version_alone(void **state) {
    (void)state;
    struct scene s;
    enter(&s, CREATE("a 1.0.0 [0.15.15]", "b 1.0.0 [0.15.15]", "b 2.0.0 [0.15.15]", "c 1.0.0 [0.15.15]"), "b 1.0.0");
    s.trials[manifest_index_find_package(s.index, "a")] =
        (struct set_trial){SET_TRIAL_FAILED, {1, 0, 0}, "job-1", "Module X was not found.", 1000};
    s.trials[manifest_index_find_package(s.index, "b")] = (struct set_trial){SET_TRIAL_BROKE, {2, 0, 0}, "job-2", "x, y", 2000};
    s.trials[manifest_index_find_package(s.index, "c")] = (struct set_trial){SET_TRIAL_FAILED, {0, 9, 0}, "job-3", NULL, 3000};
    find(&s);
    assert_excuse(&s, "a", SET_VERDICT_FAILS_WITH_SET,
                  "a@1.0.0 does not compile with the versions in the package set 1.0.0: Module X was not found.");
    assert_string_equal(excuse_of(&s, "a")->job, "job-1");
    assert_int_equal(excuse_of(&s, "a")->since_ms, 1000);
    assert_excuse(&s, "b", SET_VERDICT_BREAKS, "With b@2.0.0 other packages of the set do not compile: x, y.");
    assert_excuse(&s, "c", SET_VERDICT_WAITING, "The next update of the package set tries c@1.0.0.");
    leave(&s);
}

static void a_blocked_package_names_its_dependencies_and_the_roots(void **state) {
    (void)state;
    struct scene s;
    enter(&s,
          CREATE("a 1.0.0 [0.15.14]", "b 1.0.0 [0.15.15] a >=1.0.0 <2.0.0", "c 1.0.0 [0.15.15] b >=1.0.0 <2.0.0",
                 "d 1.0.0 [0.15.15] waits >=1.0.0 <2.0.0", "waits 1.0.0 [0.15.15]"),
          "");
    s.builds[manifest_index_find_package(s.index, "a")].is_tried = true;
    find(&s);
    assert_excuse(&s, "b", SET_VERDICT_BLOCKED_BY, "b@1.0.0 depends on a, not in the package set 1.0.0.");
    assert_excuse(&s, "c", SET_VERDICT_BLOCKED_BY, "c@1.0.0 depends on b, not in the package set 1.0.0 because of a.");
    assert_excuse(&s, "d", SET_VERDICT_WAITING, "The next update of the package set tries d@1.0.0.");
    assert_int_equal(excuse_of(&s, "c")->root_count, 1);
    leave(&s);
}

static void a_circle_waits(void **state) {
    (void)state;
    struct scene s;
    enter(&s, CREATE("a 1.0.0 [0.15.15] b >=1.0.0 <2.0.0", "b 1.0.0 [0.15.15] a >=1.0.0 <2.0.0"), "");
    find(&s);
    assert_int_equal(excuse_of(&s, "a")->verdict, SET_VERDICT_WAITING);
    assert_int_equal(excuse_of(&s, "b")->verdict, SET_VERDICT_WAITING);
    leave(&s);
}

/* `NAME[+][-][<THROUGH,THROUGH]`, separated by blanks: + if a newer version would do, - if a lower one would. */
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
    struct scene s;
    enter(&s,
          CREATE("a 1.0.0 [0.15.15 0.15.16]", "b 1.0.0 [0.15.15] a >=1.0.0 <2.0.0", "b 1.1.0 [0.15.16] a >=1.0.0 <2.0.0",
                 "c 0.9.0 [0.15.16]", "c 1.0.0 [0.15.15] b >=1.0.0 <2.0.0", "d 1.0.0 [0.15.15]"),
          "a 1.0.0 b 1.0.0 c 1.0.0");
    assert_obstacles(&s.members, next_compiler, "b+ c-<b");
    assert_obstacles(&s.members, s.set.compiler, "");
    leave(&s);
}

static void the_real_registry(void **state) {
    (void)state;
    struct scene s = {0};
    if (!real_package_set_read(&s.set, "80.8.0", &s.arena)) {
        arena_release(&s.arena);
        skip();
    }
    s.index = real_registry_create();
    set_members_read(&s.members, s.index, &s.set, &s.arena);
    assert_obstacles(&s.members, next_compiler, "bolson deku<bolson ocarina<bolson prospero rito<bolson,deku yoga-shadcn-");
    set_excuses_find(&s.excuses, &s.members, &s.set, &(struct set_knowledge){0}, &s.arena);
    size_t counts[SET_VERDICT_COUNT] = {0};
    for (size_t i = 0; i < s.excuses.count; i++) {
        assert_non_null(s.excuses.items[i].sentence);
        counts[s.excuses.items[i].verdict]++;
    }
    assert_int_equal(s.excuses.count, 1215);
    assert_int_equal(counts[SET_VERDICT_WAITING], 82); /* 80 absent ones, and newer versions of two members */
    assert_in_range(counts[SET_VERDICT_IN_SET], 600, 646);
    leave(&s);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_package_has_its_verdict),
        cmocka_unit_test(what_no_build_has_ended_of_was_never_tried),
        cmocka_unit_test(an_older_version_that_builds_is_the_one_judged),
        cmocka_unit_test(a_trial_counts_for_its_version_alone),
        cmocka_unit_test(a_blocked_package_names_its_dependencies_and_the_roots),
        cmocka_unit_test(a_circle_waits),
        cmocka_unit_test(names_what_is_in_the_way_of_a_compiler),
        cmocka_unit_test(the_real_registry),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
