/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The build matrix's plans, on registries defined here. (test_matrix_plan_property.c compares with brute force.)
 */
#include "tests/support/cmocka_all.h"

#include <stdio.h>
#include <string.h>

#include "lib/base/text.h"
#include "lib/domain/matrix/matrix_plan.h"
#include "lib/domain/registry/manifest_index.h"
#include "tests/support/small_registry.h"

static const struct version compilers[] = {{0, 15, 10}, {0, 15, 11}, {0, 15, 12}};
enum { COMPILERS = sizeof compilers / sizeof compilers[0] };

#define CREATE(...)                                                                                                            \
    small_registry_create((const char *const[]){__VA_ARGS__}, sizeof(const char *const[]){__VA_ARGS__} / sizeof(const char *))

/* `NAME@VERSION:PATCH/PURPOSE`, separated by blanks; PATCH is the compiler's. */
static void assert_pairs(struct matrix_pairs *pairs, const char *expected) {
    struct text all = {0};
    for (size_t i = 0; i < pairs->count; i++) {
        const struct matrix_pair *pair = &pairs->items[i];
        text_append_format(&all, "%s%s@%u.%u.%u:%u/%s", i ? " " : "", pair->package, pair->version.major, pair->version.minor,
                           pair->version.patch, pair->compiler.patch, matrix_purpose_text(pair->purpose));
    }
    assert_string_equal(text_view(&all), expected);
    text_release(&all);
    matrix_pairs_release(pairs);
}

static struct matrix_change change(enum job_event_kind kind, const char *package, uint32_t major, uint32_t compiler_patch,
                                   enum matrix_purpose purpose) {
    return (struct matrix_change){
        .kind = kind, .package = package, .version = {major, 0, 0}, .compiler = {0, 15, compiler_patch}, .purpose = purpose};
}

static void assert_follows(const struct manifest_index *index, const struct matrix_change *changes, size_t count,
                           const char *expected) {
    struct matrix_pairs pairs = {0};
    matrix_plan_follow(&pairs, index, changes, count, compilers, COMPILERS);
    assert_pairs(&pairs, expected);
}

static void a_publication_brings_other_compilers_and_dependants_with_its_own(void **state) {
    (void)state;
    struct manifest_index *index = CREATE("prelude 1.0.0 [0.15.10 0.15.12]", "a 1.0.0 [0.15.12] prelude >=1.0.0 <2.0.0",
                                          "b 1.0.0 [0.15.10] a >=1.0.0 <2.0.0", "c 1.0.0 [0.15.10] a >=2.0.0 <3.0.0");
    struct matrix_change published = change(JOB_EVENT_PUBLISHED, "a", 1, 12, MATRIX_PURPOSE_PUBLICATION);
    assert_follows(index, &published, 1, "b@1.0.0:12/publication a@1.0.0:11/publication a@1.0.0:10/publication");
    manifest_index_free(index);
}

static void a_build_brings_dependants_with_that_compiler_alone(void **state) {
    (void)state;
    struct manifest_index *index =
        CREATE("prelude 1.0.0 [0.15.10 0.15.11]", "a 1.0.0 [0.15.12] prelude >=1.0.0 <2.0.0",
               "b 2.0.0 [0.15.11] prelude >=1.0.0 <2.0.0", "c 1.0.0 [0.15.10] prelude >=1.0.0 <2.0.0, b >=3.0.0 <4.0.0");
    struct matrix_change built = change(JOB_EVENT_BUILT, "prelude", 1, 11, MATRIX_PURPOSE_WAVE);
    assert_follows(index, &built, 1, "a@1.0.0:11/wave"); /* b's result is known, and c has no plan */
    manifest_index_free(index);
}

static void dependants_are_found_through_those_that_are_known_already(void **state) {
    (void)state;
    struct manifest_index *index = CREATE("prelude 1.0.0 [0.15.10 0.15.11]", "a 1.0.0 [0.15.10 0.15.11] prelude >=1.0.0 <2.0.0",
                                          "b 1.0.0 [0.15.10] a >=1.0.0 <2.0.0", "c 1.0.0 [0.15.10] b >=1.0.0 <2.0.0");
    struct matrix_change published = change(JOB_EVENT_BUILT, "prelude", 1, 11, MATRIX_PURPOSE_PUBLICATION);
    assert_follows(index, &published, 1, "b@1.0.0:11/publication"); /* c has to wait for b */
    manifest_index_free(index);
}

static void a_revision_brings_what_its_new_bounds_allow(void **state) {
    (void)state;
    struct manifest_index *index = CREATE("prelude 1.0.0 [0.15.10 0.15.11]", "a 1.0.0 [0.15.10] prelude >=1.0.0 <2.0.0",
                                          "b 1.0.0 [0.15.12] a >=1.0.0 <2.0.0");
    struct matrix_change revised = change(JOB_EVENT_REVISED, "a", 1, 0, MATRIX_PURPOSE_PUBLICATION);
    assert_follows(index, &revised, 1, "a@1.0.0:11/publication b@1.0.0:10/publication");
    manifest_index_free(index);
}

static void several_changes_bring_each_pair_once_with_the_most_urgent_purpose(void **state) {
    (void)state;
    struct manifest_index *index =
        CREATE("a 1.0.0 [0.15.11]", "b 1.0.0 [0.15.11]", "c 1.0.0 [0.15.10] a >=1.0.0 <2.0.0, b >=1.0.0 <2.0.0",
               "d 1.0.0 [0.15.10] b >=1.0.0 <2.0.0", "d 2.0.0 [0.15.10] b >=1.0.0 <2.0.0");
    struct matrix_change changes[] = {change(JOB_EVENT_BUILT, "b", 1, 11, MATRIX_PURPOSE_SWEEP),
                                      change(JOB_EVENT_BUILT, "b", 1, 11, MATRIX_PURPOSE_SWEEP),
                                      change(JOB_EVENT_BUILT, "a", 1, 11, MATRIX_PURPOSE_PUBLICATION)};
    assert_follows(index, changes, 3, "c@1.0.0:11/publication d@2.0.0:11/sweep d@1.0.0:11/sweep");
    manifest_index_free(index);
}

static void a_publication_and_a_build_of_the_same_version_hide_nothing(void **state) {
    (void)state;
    struct manifest_index *index = CREATE("a 1.0.0 [0.15.10 0.15.11]", "b 1.0.0 [0.15.12] a >=1.0.0 <2.0.0");
    struct matrix_change changes[] = {change(JOB_EVENT_PUBLISHED, "a", 1, 10, MATRIX_PURPOSE_PUBLICATION),
                                      change(JOB_EVENT_BUILT, "a", 1, 11, MATRIX_PURPOSE_PUBLICATION)};
    assert_follows(index, changes, 2, "a@1.0.0:12/publication b@1.0.0:11/publication b@1.0.0:10/publication");
    manifest_index_free(index);
}

static void missing_versions_and_unsupported_compilers_lead_to_no_builds(void **state) {
    (void)state;
    struct manifest_index *index = CREATE("a 1.0.0 [0.15.11]", "a 2.0.0 []", "b 1.0.0 [0.15.10] a >=1.0.0 <3.0.0");
    struct matrix_change changes[] = {change(JOB_EVENT_PUBLISHED, "nobody", 1, 11, MATRIX_PURPOSE_PUBLICATION),
                                      change(JOB_EVENT_PUBLISHED, "a", 3, 11, MATRIX_PURPOSE_PUBLICATION),
                                      change(JOB_EVENT_PUBLISHED, "a", 2, 11, MATRIX_PURPOSE_PUBLICATION),
                                      change(JOB_EVENT_BUILT, "a", 1, 99, MATRIX_PURPOSE_PUBLICATION)};
    assert_follows(index, changes, 4, "");
    manifest_index_free(index);
}

static void a_wave_begins_with_what_needs_nothing_the_newest_first(void **state) {
    (void)state;
    struct manifest_index *index =
        CREATE("a 1.0.0 [0.15.11]", "a 2.0.0 [0.15.11 0.15.12]", "a 3.0.0 []", "b 1.0.0 [0.15.11] a >=1.0.0 <3.0.0",
               "b 2.0.0 [0.15.11]", "c 1.0.0 [0.15.11]", "c 2.0.0 [0.15.11]");
    struct matrix_pairs pairs = {0};
    matrix_plan_begin_wave(&pairs, index, compilers[2]);
    assert_pairs(&pairs, "b@2.0.0:12/wave c@2.0.0:12/wave c@1.0.0:12/wave a@1.0.0:12/wave");
    manifest_index_free(index);
}

static void a_compiler_is_new_above_those_of_the_newest_published_prelude(void **state) {
    (void)state;
    struct manifest_index *index =
        CREATE("prelude 1.0.0 [0.15.10 0.15.12]", "prelude 2.0.0 [0.15.10 0.15.11]", "prelude 3.0.0 []");
    assert_false(matrix_plan_is_new_compiler(index, compilers[0]));
    assert_false(matrix_plan_is_new_compiler(index, compilers[1]));
    assert_true(matrix_plan_is_new_compiler(index, compilers[2]));
    manifest_index_free(index);
    index = CREATE("a 1.0.0 [0.15.11]");
    assert_false(matrix_plan_is_new_compiler(index, compilers[2]));
    manifest_index_free(index);
}

static void a_sweep_goes_from_new_to_old_in_pieces(void **state) {
    (void)state;
    struct manifest_index *index = CREATE("a 1.0.0 [0.15.11]", "a 2.0.0 [0.15.11]", "b 1.0.0 [0.15.12] a >=1.0.0 <2.0.0",
                                          "c 1.0.0 []", "d 1.0.0 [0.15.10 0.15.11]");
    for (size_t look_limit = 1; look_limit < 20; look_limit += 6) {
        struct matrix_pairs pairs = {0};
        struct matrix_sweep sweep = {0};
        for (size_t before = 0; !sweep.is_over; before = pairs.count) {
            matrix_plan_sweep(&pairs, &sweep, index, compilers, COMPILERS, look_limit);
            assert_true(pairs.count - before <= look_limit);
        }
        assert_pairs(&pairs, "a@2.0.0:12/sweep d@1.0.0:12/sweep b@1.0.0:11/sweep a@2.0.0:10/sweep a@1.0.0:12/sweep "
                             "a@1.0.0:10/sweep");
    }
    manifest_index_free(index);
}

static void a_pair_that_is_not_worth_a_build_any_more_has_no_plan(void **state) {
    (void)state;
    struct manifest_index *index = CREATE("a 1.0.0 [0.15.11]", "a 2.0.0 []", "b 1.0.0 [0.15.10] a >=1.0.0 <2.0.0");
    struct arena arena = {0};
    struct build_plan plan;
    struct matrix_pair pair = {.package = "b", .version = {1, 0, 0}, .compiler = compilers[1]};
    assert_int_equal(matrix_plan_solve(&plan, index, &pair, 0, &arena), STATUS_OK);
    assert_true(version_equal(plan.compiler, compilers[1]));
    assert_int_equal(plan.packages.count, 1);
    assert_string_equal(plan.packages.items[0].name, "a");
    pair.compiler = compilers[0];
    assert_int_equal(matrix_plan_solve(&plan, index, &pair, 0, &arena), STATUS_REFUSED); /* built */
    pair.compiler = compilers[2];
    assert_int_equal(matrix_plan_solve(&plan, index, &pair, 0, &arena), STATUS_REFUSED); /* a does not build with it */
    pair = (struct matrix_pair){.package = "a", .version = {2, 0, 0}, .compiler = compilers[1]};
    assert_int_equal(matrix_plan_solve(&plan, index, &pair, 0, &arena), STATUS_REFUSED); /* withdrawn */
    pair.version.major = 3;
    assert_int_equal(matrix_plan_solve(&plan, index, &pair, 0, &arena), STATUS_REFUSED);
    pair.package = "nobody";
    assert_int_equal(matrix_plan_solve(&plan, index, &pair, 0, &arena), STATUS_REFUSED);
    arena_release(&arena);
    manifest_index_free(index);
}

/* Six pigeons in five holes: each version of a pigeon is a hole that excludes the others. Packages that need key 2.0.0 need all
 * pigeons. */
static struct manifest_index *create_pigeonholes(struct arena *arena) {
    enum { PIGEONS = 6, HOLES = 5 };
    const char *rows[2 * PIGEONS * HOLES + 4], *pigeons = "";
    size_t count = 0;
    for (int hole = 1; hole <= HOLES; hole++)
        for (int pigeon = 1; pigeon <= PIGEONS; pigeon++)
            rows[count++] = arena_format(arena, "hole%d %d.0.0 [0.15.10]", hole, pigeon);
    for (int pigeon = 1; pigeon <= PIGEONS; pigeon++) {
        for (int hole = 1; hole <= HOLES; hole++)
            rows[count++] = arena_format(arena, "pigeon%d %d.0.0 [0.15.10] hole%d >=%d.0.0 <%d.0.0", pigeon, hole, hole, pigeon,
                                         pigeon + 1);
        pigeons = arena_format(arena, "%s%spigeon%d >=1.0.0 <9.0.0", pigeons, pigeon > 1 ? ", " : "", pigeon);
    }
    rows[count++] = "key 1.0.0 [0.15.10]";
    rows[count++] = arena_format(arena, "key 2.0.0 [0.15.10] %s", pigeons);
    rows[count++] = "door 1.0.0 [0.15.10] key >=1.0.0 <2.0.0";
    rows[count++] = "house 1.0.0 [0.15.11] door >=1.0.0 <2.0.0";
    return small_registry_create(rows, count);
}

static void a_solve_that_is_given_up_is_no_answer(void **state) {
    (void)state;
    enum { FEW_STEPS = 60 };
    struct arena arena = {0};
    struct build_plan plan;
    struct manifest_index *index = create_pigeonholes(&arena);
    struct matrix_pair house = {.package = "house", .version = {1, 0, 0}, .compiler = compilers[0]};
    assert_int_equal(matrix_plan_solve(&plan, index, &house, FEW_STEPS, &arena), STATUS_OK);

    struct manifest door = small_registry_manifest("door", "1.0.0", "key >=2.0.0 <3.0.0", &arena);
    struct indexed_package revised;
    manifest_index_revise(&revised, index, &door, &arena);
    assert_int_equal(matrix_plan_find_loss(index, &revised, &house, FEW_STEPS, &arena), MATRIX_UNDECIDED);
    assert_int_equal(matrix_plan_find_loss(index, &revised, &house, 0, &arena), MATRIX_LOST);
    manifest_index_free(index);

    const char *const rows[] = {"a 1.0.0 [0.15.10]", "b 1.0.0 [0.15.11] a >=1.0.0 <2.0.0"};
    index = small_registry_create(rows, 2);
    struct matrix_pair b = {.package = "b", .version = {1, 0, 0}, .compiler = compilers[0]};
    assert_int_equal(matrix_plan_solve(&plan, index, &b, 1, &arena), STATUS_TOO_LARGE);
    assert_int_equal(matrix_plan_solve(&plan, index, &b, 0, &arena), STATUS_OK);
    manifest_index_free(index);
    arena_release(&arena);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_publication_brings_other_compilers_and_dependants_with_its_own),
        cmocka_unit_test(a_build_brings_dependants_with_that_compiler_alone),
        cmocka_unit_test(dependants_are_found_through_those_that_are_known_already),
        cmocka_unit_test(a_revision_brings_what_its_new_bounds_allow),
        cmocka_unit_test(several_changes_bring_each_pair_once_with_the_most_urgent_purpose),
        cmocka_unit_test(a_publication_and_a_build_of_the_same_version_hide_nothing),
        cmocka_unit_test(missing_versions_and_unsupported_compilers_lead_to_no_builds),
        cmocka_unit_test(a_wave_begins_with_what_needs_nothing_the_newest_first),
        cmocka_unit_test(a_compiler_is_new_above_those_of_the_newest_published_prelude),
        cmocka_unit_test(a_sweep_goes_from_new_to_old_in_pieces),
        cmocka_unit_test(a_pair_that_is_not_worth_a_build_any_more_has_no_plan),
        cmocka_unit_test(a_solve_that_is_given_up_is_no_answer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
