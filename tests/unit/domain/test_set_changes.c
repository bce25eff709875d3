/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The candidates for the next package set, on registries defined here, and on the real one (skipped if it is not available).
 */
#include "tests/support/cmocka_all.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/text.h"
#include "lib/domain/registry/manifest_index.h"
#include "lib/domain/set/set_changes.h"
#include "tests/support/small_registry.h"

#define CREATE(...)                                                                                                            \
    small_registry_create((const char *const[]){__VA_ARGS__}, sizeof(const char *const[]){__VA_ARGS__} / sizeof(const char *))

/* `NAME@VERSION/GROUP`, separated by blanks, in order; an update has `OLD->` before its version. */
static const char *print(const struct set_changes *candidates, const struct set_members *members, struct arena *arena) {
    struct text all = {0};
    for (size_t i = 0; i < candidates->count; i++) {
        const struct set_change *candidate = &candidates->items[i];
        char version[VERSION_TEXT_MAX], old[VERSION_TEXT_MAX] = "";
        version_print(candidate->version->version, version);
        if (candidate->replaced) version_print(candidate->replaced->version, old);
        text_append_format(&all, "%s%s@%s%s%s/%zu", i ? " " : "", set_members_name(members, candidate->package), old,
                           candidate->replaced ? "->" : "", version, candidate->group);
    }
    const char *printed = arena_copy(arena, text_view(&all));
    text_release(&all);
    return printed;
}

static void assert_candidates(struct manifest_index *index, const char *set_text, const char *expected) {
    struct arena arena = {0};
    const struct package_set set = small_package_set(set_text, &arena);
    struct set_members members;
    struct set_changes candidates;
    set_members_read(&members, index, &set, &arena);
    set_changes_find_candidates(&candidates, &members, &arena);
    assert_string_equal(print(&candidates, &members, &arena), expected);
    arena_release(&arena);
    manifest_index_free(index);
}

static void takes_newer_versions_and_absent_packages(void **state) {
    (void)state;
    assert_candidates(CREATE("prelude 1.0.0 [0.15.15]", "a 1.0.0 [0.15.15]", "a 1.1.0 [0.15.15]", "a 2.0.0 [0.15.15]",
                             "b 1.0.0 [0.15.15] prelude >=1.0.0 <2.0.0"),
                      "prelude 1.0.0 a 1.1.0", "a@1.1.0->2.0.0/0 b@1.0.0/1");
}

static void takes_an_older_version_where_the_newest_does_not_build(void **state) {
    (void)state;
    assert_candidates(CREATE("a 1.0.0 [0.15.15]", "a 1.1.0 [0.15.15]", "a 2.0.0 [0.15.16]", "b 1.0.0 [0.15.15]",
                             "b 1.1.0 [0.15.16]", "c 1.0.0 [0.15.14]"),
                      "a 1.0.0 b 1.0.0", "a@1.0.0->1.1.0/0");
}

static void leaves_out_what_is_not_published(void **state) {
    (void)state;
    assert_candidates(CREATE("a 1.0.0 [0.15.15]", "a 1.1.0 []", "b 1.0.0 []"), "a 1.0.0", "");
}

static void needs_every_dependency_in_the_set_or_a_candidate(void **state) {
    (void)state;
    /* c needs b, which needs a version that does not build; an older version of d needs less. */
    assert_candidates(CREATE("a 1.0.0 [0.15.14]", "b 1.0.0 [0.15.15] a >=1.0.0 <2.0.0", "c 1.0.0 [0.15.15] b >=1.0.0 <2.0.0",
                             "d 1.0.0 [0.15.15]", "d 2.0.0 [0.15.15] c >=1.0.0 <2.0.0", "e 1.0.0 [0.15.15] d >=2.0.0 <3.0.0"),
                      "", "d@1.0.0/0 e@1.0.0/0");
}

static void puts_dependencies_before_their_dependants(void **state) {
    (void)state;
    assert_candidates(CREATE("a 1.0.0 [0.15.15] b >=1.0.0 <2.0.0", "b 1.0.0 [0.15.15] c >=1.0.0 <2.0.0", "c 1.0.0 [0.15.15]"),
                      "", "c@1.0.0/0 b@1.0.0/0 a@1.0.0/0");
}

static void puts_a_circle_by_name(void **state) {
    (void)state;
    assert_candidates(CREATE("a 1.0.0 [0.15.15] b >=1.0.0 <2.0.0", "b 1.0.0 [0.15.15] a >=1.0.0 <2.0.0"), "",
                      "a@1.0.0/0 b@1.0.0/0");
}

static void groups_updates_that_have_a_dependant_in_common(void **state) {
    (void)state;
    assert_candidates(CREATE("a 1.0.0 [0.15.15]", "a 1.1.0 [0.15.15]", "b 1.0.0 [0.15.15]", "b 1.1.0 [0.15.15]",
                             "both 1.0.0 [0.15.15] middle >=1.0.0 <2.0.0, b >=1.0.0 <2.0.0", "c 1.0.0 [0.15.15]",
                             "c 1.1.0 [0.15.15]", "middle 1.0.0 [0.15.15] a >=1.0.0 <2.0.0"),
                      "a 1.0.0 b 1.0.0 both 1.0.0 c 1.0.0 middle 1.0.0", "a@1.0.0->1.1.0/0 b@1.0.0->1.1.0/0 c@1.0.0->1.1.0/1");
}

static void does_not_group_what_only_shares_a_dependency(void **state) {
    (void)state;
    assert_candidates(CREATE("a 1.0.0 [0.15.15] prelude >=1.0.0 <2.0.0", "b 1.0.0 [0.15.15] prelude >=1.0.0 <2.0.0",
                             "prelude 1.0.0 [0.15.15]"),
                      "prelude 1.0.0", "a@1.0.0/0 b@1.0.0/1");
}

static void a_lost_version_counts_as_absent(void **state) {
    (void)state;
    assert_candidates(CREATE("a 1.0.0 []", "a 1.1.0 [0.15.15]"), "a 1.0.0 gone 1.0.0", "a@1.1.0/0");
}

static void a_lost_version_is_not_downgraded(void **state) {
    (void)state;
    assert_candidates(CREATE("a 1.0.0 [0.15.15]", "a 2.0.0 []", "b 1.0.0 [0.15.15]", "user 1.0.0 [0.15.15] a >=1.0.0 <3.0.0"),
                      "a 2.0.0 b 2.0.0", "");
}

static void finds_the_hole_of_a_set_that_is_not_self_contained(void **state) {
    (void)state;
    struct arena arena = {0};
    struct manifest_index *index = CREATE("a 1.0.0 [0.15.15] b >=1.0.0 <2.0.0", "b 1.0.0 [0.15.15]");
    const struct package_set set = small_package_set("a 1.0.0", &arena), whole = small_package_set("a 1.0.0 b 1.0.0", &arena);
    struct set_members members;
    uint32_t dependant, missing;
    set_members_read(&members, index, &set, &arena);
    assert_true(set_members_find_hole(&members, &dependant, &missing));
    assert_string_equal(set_members_name(&members, dependant), "a");
    assert_string_equal(set_members_name(&members, missing), "b");
    set_members_read(&members, index, &whole, &arena);
    assert_false(set_members_find_hole(&members, &dependant, &missing));
    arena_release(&arena);
    manifest_index_free(index);
}

/* The hash of the candidates for the set. */
static const char *hash(struct manifest_index *index, const char *set_text, struct arena *arena) {
    const struct package_set set = small_package_set(set_text, arena);
    struct set_members members;
    struct set_changes candidates;
    char *out = arena_alloc(arena, SHA256_HEX_MAX);
    set_members_read(&members, index, &set, arena);
    set_changes_find_candidates(&candidates, &members, arena);
    set_changes_hash(&candidates, &members, out);
    manifest_index_free(index);
    return out;
}

static void the_hash_is_of_the_set_and_of_the_candidates(void **state) {
    (void)state;
    struct arena arena = {0};
    const char *first = hash(CREATE("a 1.0.0 [0.15.15]", "a 1.1.0 [0.15.15]", "b 1.0.0 [0.15.15]"), "a 1.0.0", &arena);
    const char *same = hash(CREATE("b 1.0.0 [0.15.15]", "a 1.0.0 [0.15.15]", "a 1.1.0 [0.15.15]"), "a 1.0.0", &arena);
    const char *more = hash(CREATE("a 1.0.0 [0.15.15]", "a 1.2.0 [0.15.15]", "b 1.0.0 [0.15.15]"), "a 1.0.0", &arena);
    const char *other = hash(CREATE("a 1.0.0 [0.15.15]", "a 1.1.0 [0.15.15]", "b 1.0.0 [0.15.15]"), "a 1.0.0 b 1.0.0", &arena);
    assert_string_equal(first, same);
    assert_string_not_equal(first, more);
    assert_string_not_equal(first, other);
    arena_release(&arena);
}

/* In the real registry: 78 absent packages whose newest version builds with the set's compiler, two absent ones of which only
 * an older version does, and newer versions of two members. */
static void finds_the_candidates_of_the_real_registry(void **state) {
    (void)state;
    struct arena arena = {0};
    struct package_set set;
    struct set_members members;
    struct set_changes candidates;
    if (!real_package_set_read(&set, "80.8.0", &arena)) {
        arena_release(&arena);
        skip();
    }
    struct manifest_index *index = real_registry_create();
    set_members_read(&members, index, &set, &arena);
    assert_int_equal(members.lost_count, 0);
    set_changes_find_candidates(&candidates, &members, &arena);
    size_t newest = 0, older = 0, updates = 0;
    for (size_t i = 0; i < candidates.count; i++) {
        const struct set_change *candidate = &candidates.items[i];
        const struct indexed_package *package = manifest_index_package(index, candidate->package);
        if (candidate->replaced)
            updates++;
        else if (candidate->version == &package->versions[package->version_count - 1])
            newest++;
        else
            older++;
        for (size_t j = 1; j < candidate->version->need_count; j++) { /* in the set, or before it */
            uint32_t needed = candidate->version->needs[j].package;
            bool is_there = members.chosen[needed];
            for (size_t k = 0; k < i; k++)
                is_there |= candidates.items[k].package == needed;
            assert_true(is_there);
        }
    }
    assert_int_equal(newest, 78);
    assert_int_equal(older, 2);
    assert_int_equal(updates, 2);
    assert_in_range(candidates.group_count, 40, 60);
    manifest_index_free(index);
    arena_release(&arena);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(takes_newer_versions_and_absent_packages),
        cmocka_unit_test(takes_an_older_version_where_the_newest_does_not_build),
        cmocka_unit_test(leaves_out_what_is_not_published),
        cmocka_unit_test(needs_every_dependency_in_the_set_or_a_candidate),
        cmocka_unit_test(puts_dependencies_before_their_dependants),
        cmocka_unit_test(puts_a_circle_by_name),
        cmocka_unit_test(groups_updates_that_have_a_dependant_in_common),
        cmocka_unit_test(does_not_group_what_only_shares_a_dependency),
        cmocka_unit_test(a_lost_version_counts_as_absent),
        cmocka_unit_test(a_lost_version_is_not_downgraded),
        cmocka_unit_test(finds_the_hole_of_a_set_that_is_not_self_contained),
        cmocka_unit_test(the_hash_is_of_the_set_and_of_the_candidates),
        cmocka_unit_test(finds_the_candidates_of_the_real_registry),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
