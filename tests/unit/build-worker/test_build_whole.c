/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Builds of a whole package set, all packages in one run of the stand-in compiler: from a cold and a warm store, with a module in
 * two packages, with a package that does not compile, and with one that sees more than it would alone.
 */
#include "tests/unit/build-worker/build_scene.h"

struct member {
    struct source source;
    size_t needed; /* it depends on this many, the first ones */
};

/* Three packages, of which the last has two modules, and one that has nothing to do with them. */
static const struct member set[] = {
    {{"base", {{"src/Base.purs", "module Base where\n"}}}, 0},
    {{"left", {{"src/Left.purs", "module Left where\nimport Base\n"}}}, 1},
    {{"apart", {{"src/Apart.purs", "module Apart where\n"}}}, 0},
    {{"right", {{"src/Right.purs", "module Right where\nimport Base\n"}, {"src/Right/More.purs", "module Right.More where\n"}}},
     1},
};
enum { SET_PACKAGES = sizeof set / sizeof *set, SET_MODULES = 5 };

/* The build of the last of them, in this way. */
static void build_members(enum build_how wanted, const struct member *members, size_t count) {
    struct build_package packages[PACKAGES_MAX];
    for (size_t i = 0; i < count; i++)
        add_package(&packages[i], &members[i].source, members[i].needed);
    how = wanted;
    run_work(packages, count, 1);
}

static void expect_counts(int64_t compiled, int64_t reused, int64_t own) {
    const struct build_result *result = &outcomes[0].result;
    assert_int_equal(result->compiled_modules, compiled);
    assert_int_equal(result->reused_modules, reused);
    assert_int_equal(result->own_modules, own);
    assert_int_equal(result->batch_jobs, 1);
}

/* That the store has the build of the last of them, which succeeded. */
static void expect_kept(const struct member *members, size_t count) {
    long long runs = atomic_load(&environment.runs);
    build_members(BUILD_HOW_REUSE, members, count);
    expect_verdict(0, VERDICT_SUCCEEDED, NULL);
    assert_int_equal(atomic_load(&environment.runs), runs);
}

/* ---- Sets that compile ---- */

static void a_set_is_compiled_once_and_then_taken_from_the_store(void **state) {
    (void)state;
    build_members(BUILD_HOW_WHOLE, set, SET_PACKAGES);
    expect_verdict(0, VERDICT_SUCCEEDED, NULL);
    expect_counts(SET_MODULES, 0, 2);
    expect_line("All 4 packages compile together with compiler 0.15.15: 5 modules were compiled, 0 reused.");
    for (size_t i = 1; i <= SET_PACKAGES; i++)
        expect_kept(set, i);
    long long runs = atomic_load(&environment.runs);
    build_members(BUILD_HOW_WHOLE, set, SET_PACKAGES);
    expect_verdict(0, VERDICT_SUCCEEDED, NULL);
    expect_counts(0, SET_MODULES, 2);
    assert_int_equal(atomic_load(&environment.runs), runs + 1); /* the compiler sees all of them again */
    expect_line("All 4 packages compile together with compiler 0.15.15: 0 modules were compiled, 5 reused.");
}

static void stored_packages_are_not_compiled_and_end_nothing_early(void **state) {
    (void)state;
    const struct member alone[] = {set[0], set[3]};
    build_members(BUILD_HOW_REUSE, alone, 2);
    expect_verdict(0, VERDICT_SUCCEEDED, NULL);
    build_members(BUILD_HOW_WHOLE, set, SET_PACKAGES);
    expect_verdict(0, VERDICT_SUCCEEDED, NULL);
    expect_counts(2, 3, 2);
    expect_kept(set, 2);
    expect_kept(set, 3);
}

/* ---- Modules in two packages ---- */

static void a_module_in_two_packages_is_found_with_both_names(void **state) {
    (void)state;
    static const struct member members[] = {
        {{"base", {{"src/Base.purs", "module Base where\n"}}}, 0},
        {{"left", {{"src/Same.purs", "module Same where\n"}}}, 0},
        {{"right", {{"src/deep/Same.purs", "module Same where\nimport Base\n"}}}, 1},
    };
    for (int is_warm = 0; is_warm < 2; is_warm++) {
        build_members(BUILD_HOW_WHOLE, members, 3);
        expect_verdict(0, VERDICT_FAILED_TO_COMPILE,
                       "The packages do not compile together with compiler 0.15.15: 1 error in left-1.0.0 and right-1.0.0.");
        expect_counts(0, is_warm ? 3 : 0, 1);
        assert_int_equal(outcomes[0].result.error_count, 1);
        const struct build_error *error = &outcomes[0].result.errors[0];
        assert_string_equal(error->code, "DuplicateModule");
        assert_string_equal(error->filename, "left-1.0.0/src/Same.purs");
        assert_string_equal(
            error->message,
            "  Module Same has been defined multiple times\n  also in right-1.0.0/src/deep/Same.purs:1:8 - 1:12\n");
        expect_line("0 ERROR DuplicateModule in left-1.0.0/src/Same.purs:1:8 - 1:12:\n");
        expect_line("\n  also in right-1.0.0/src/deep/Same.purs:1:8 - 1:12\n");
        build_members(BUILD_HOW_REUSE, members, 2); /* each compiles by itself, and is in the store for the next round */
        expect_verdict(0, VERDICT_SUCCEEDED, NULL);
        const struct member other[] = {members[0], members[2]};
        build_members(BUILD_HOW_REUSE, other, 2);
        expect_verdict(0, VERDICT_SUCCEEDED, NULL);
    }
}

/* ---- Sets that do not compile ---- */

static void errors_name_their_packages_and_the_others_are_kept(void **state) {
    (void)state;
    static const struct member members[] = {
        {{"base", {{"src/Base.purs", "module Base where\n"}}}, 0},
        {{"wrong", {{"src/A.purs", "module A where\nimport Base\n-- stand-in: fail It does not fit.\n"}}}, 1},
        {{"apart", {{"src/Apart.purs", "module Apart where\n-- stand-in: fail Nor does this.\n"}}}, 0},
        {{"right", {{"src/Right.purs", "module Right where\nimport Base\n"}}}, 1},
    };
    static const char reason[] =
        "The packages do not compile together with compiler 0.15.15: 2 errors in wrong-1.0.0 and apart-1.0.0.";
    build_members(BUILD_HOW_WHOLE, members, 4);
    expect_verdict(0, VERDICT_FAILED_TO_COMPILE, reason);
    assert_int_equal(outcomes[0].result.error_count, 2);
    expect_line("TypesDoNotUnify in wrong-1.0.0/src/A.purs:3:1");
    expect_line("TypesDoNotUnify in apart-1.0.0/src/Apart.purs:2:1");
    for (size_t i = 0; i < 2; i++) {
        const char *filename = outcomes[0].result.errors[i].filename;
        assert_true(text_starts_with(filename, "wrong-1.0.0/src/") || text_starts_with(filename, "apart-1.0.0/src/"));
    }
    expect_kept(members, 1);
    const struct member right[] = {members[0], members[3]};
    expect_kept(right, 2);

    long long runs = atomic_load(&environment.runs); /* the failure itself is not: a build of the package alone finds it */
    build_members(BUILD_HOW_REUSE, members, 2);
    expect_verdict(0, VERDICT_FAILED_TO_COMPILE, "The package does not compile with compiler 0.15.15: 1 error.");
    assert_int_equal(atomic_load(&environment.runs), runs + 1);
    build_members(BUILD_HOW_WHOLE, members, 4); /* and a known one is checked again, with all others */
    expect_verdict(0, VERDICT_FAILED_TO_COMPILE, reason);
    assert_int_equal(outcomes[0].result.error_count, 2);
    expect_counts(2, 2, 1); /* the compiler began with those two */
}

static void a_file_that_the_compiler_cannot_read_is_named_with_its_package(void **state) {
    (void)state;
    static const struct member members[] = {
        {{"latin", {{"src/A.purs", "module A where\n-- \xE9\n"}}}, 0},
        {{"right", {{"src/Right.purs", "module Right where\n"}}}, 0},
    };
    build_members(BUILD_HOW_WHOLE, members, 2);
    expect_verdict(0, VERDICT_FAILED_TO_COMPILE, "latin-1.0.0 does not compile with compiler 0.15.15. The file src/A.purs: ");
}

/* ---- Outputs that may be kept ---- */

/* It imports a module of a package that it does not depend on, which is there by chance. */
static void outputs_that_see_more_than_alone_are_not_kept(void **state) {
    (void)state;
    static const struct member members[] = {
        {{"peeping", {{"src/Peeping.purs", "module Peeping where\nimport Apart\n"}}}, 0},
        {{"user", {{"src/User.purs", "module User where\nimport Peeping\n"}}}, 1},
        {{"apart", {{"src/Apart.purs", "module Apart where\n"}}}, 0},
    };
    for (int i = 0; i < 2; i++) {
        build_members(BUILD_HOW_WHOLE, members, 3);
        expect_verdict(0, VERDICT_SUCCEEDED, NULL);
        expect_counts(i == 0 ? 3 : 2, i, 1);
    }
    build_members(BUILD_HOW_REUSE, members, 2);
    expect_verdict(0, VERDICT_FAILED_TO_COMPILE, "peeping-1.0.0, on which it depends, does not compile");
    const struct member apart[] = {members[2]};
    expect_kept(apart, 1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(a_set_is_compiled_once_and_then_taken_from_the_store),
        TEST(stored_packages_are_not_compiled_and_end_nothing_early),
        TEST(a_module_in_two_packages_is_found_with_both_names),
        TEST(errors_name_their_packages_and_the_others_are_kept),
        TEST(a_file_that_the_compiler_cannot_read_is_named_with_its_package),
        TEST(outputs_that_see_more_than_alone_are_not_kept),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
