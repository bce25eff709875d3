/* SPDX-License-Identifier: BSD-3-Clause */
#include "tests/support/cmocka_all.h"

#include <pthread.h>
#include <string.h>

#include "lib/base/text.h"
#include "lib/domain/solver/solver.h"
#include "tests/support/small_registry.h"

#define COUNT(array) (sizeof(array) / sizeof(array)[0])
#define SOLVE(arena, rows, required, compilers) solve(arena, rows, COUNT(rows), required, compilers)

static const struct version supported[] = {{0, 14, 0}, {0, 15, 0}, {0, 15, 4}};

static struct range read_range(const char *text) {
    struct range range;
    assert_int_equal(range_parse(&range, text, NULL), STATUS_OK);
    return range;
}

/* "COMPILER NAME@VERSION …", or the solver's message. */
static const char *solve_index(struct arena *arena, const struct manifest_index *index, const char *required,
                               struct range compilers) {
    struct error err = {0};
    struct build_plan plan;
    struct solver_request request = {
        .compilers = supported, .compiler_count = COUNT(supported), .acceptable_compilers = compilers};
    request.required = small_registry_dependencies(required, &request.required_count, arena);
    enum status status = solver_solve(&plan, index, &request, arena, &err);
    if (status != STATUS_OK) {
        assert_int_equal(status, STATUS_REFUSED);
        return arena_copy(arena, err.message);
    }
    char version[VERSION_TEXT_MAX];
    version_print(plan.compiler, version);
    char *all = arena_copy(arena, version);
    for (size_t i = 0; i < plan.packages.count; i++) {
        version_print(plan.packages.items[i].version, version);
        all = arena_format(arena, "%s %s@%s", all, plan.packages.items[i].name, version);
    }
    return all;
}

static const char *solve(struct arena *arena, const char *const *rows, size_t row_count, const char *required,
                         const char *compilers) {
    struct manifest_index *index = small_registry_create(rows, row_count);
    const char *answer =
        solve_index(arena, index, required, compilers ? read_range(compilers) : (struct range)SOLVER_ANY_COMPILER);
    manifest_index_free(index);
    return answer;
}

static void nothing_required_is_the_newest_compiler(void **state) {
    (void)state;
    struct arena arena = {0};
    assert_string_equal(SOLVE(&arena, ((const char *const[]){"a 1.0.0 [0.15.0]"}), "", NULL), "0.15.4");
    arena_release(&arena);
}

static void the_newest_of_everything_is_taken_where_it_goes_together(void **state) {
    (void)state;
    static const char *const rows[] = {
        "core 1.0.0 [0.14.0 0.15.4]",
        "core 1.1.0 [0.14.0 0.15.4]",
        "core 2.0.0 [0.15.0 0.15.4]",
        "list 1.0.0 [0.14.0 0.15.4] core >=1.0.0 <2.0.0",
        "list 2.0.0 [0.15.0 0.15.4] core >=1.0.0 <3.0.0",
    };
    struct arena arena = {0};
    assert_string_equal(SOLVE(&arena, rows, "list >=1.0.0 <9.0.0", NULL), "0.15.4 core@2.0.0 list@2.0.0");
    assert_string_equal(SOLVE(&arena, rows, "list >=1.0.0 <9.0.0", ">=0.14.0 <0.14.1"), "0.14.0 core@1.1.0 list@1.0.0");
    assert_string_equal(SOLVE(&arena, rows, "core >=1.0.0 <2.0.0, list >=1.0.0 <9.0.0", NULL), "0.15.4 core@1.1.0 list@2.0.0");
    arena_release(&arena);
}

static void an_unpublished_version_is_never_taken(void **state) {
    (void)state;
    static const char *const rows[] = {"a 1.0.0 [0.15.0]", "a 2.0.0 []"};
    struct arena arena = {0};
    assert_string_equal(SOLVE(&arena, rows, "a >=1.0.0 <9.0.0", NULL), "0.15.0 a@1.0.0");
    assert_string_equal(SOLVE(&arena, rows, "a >=2.0.0 <9.0.0", NULL), "The registry has no version of a inside its bounds:\n"
                                                                       "  >=2.0.0 (a declared dependency)\n"
                                                                       "  <9.0.0 (a declared dependency)");
    arena_release(&arena);
}

static void the_alphabetically_first_package_gets_its_newest_version(void **state) {
    (void)state;
    static const char *const rows[] = {
        "apple 1.0.0 [0.15.0]",  "apple 2.0.0 [0.15.0] shared >=1.0.0 <2.0.0",
        "bread 1.0.0 [0.15.0]",  "bread 2.0.0 [0.15.0] shared >=2.0.0 <3.0.0",
        "shared 1.0.0 [0.15.0]", "shared 2.0.0 [0.15.0]",
    };
    struct arena arena = {0};
    assert_string_equal(SOLVE(&arena, rows, "apple >=1.0.0 <9.0.0, bread >=1.0.0 <9.0.0", NULL),
                        "0.15.0 apple@2.0.0 bread@1.0.0 shared@1.0.0");
    arena_release(&arena);
}

/* A dependency of all versions of b is known before any choice, so `a` is chosen first, although only b was requested. */
static void a_dependency_of_all_versions_counts_as_needed(void **state) {
    (void)state;
    static const char *const rows[] = {
        "a 1.0.0 [0.15.0]",
        "a 2.0.0 [0.15.0] c >=1.0.0 <2.0.0",
        "b 1.0.0 [0.15.0] a >=1.0.0 <3.0.0",
        "b 2.0.0 [0.15.0] a >=1.0.0 <3.0.0, c >=2.0.0 <3.0.0",
        "c 1.0.0 [0.15.0]",
        "c 2.0.0 [0.15.0]",
    };
    struct arena arena = {0};
    assert_string_equal(SOLVE(&arena, rows, "b >=1.0.0 <9.0.0", NULL), "0.15.0 a@2.0.0 b@1.0.0 c@1.0.0");
    arena_release(&arena);
}

static void packages_may_need_each_other(void **state) {
    (void)state;
    static const char *const rows[] = {
        "a 1.0.0 [0.15.0] b >=1.0.0 <2.0.0",
        "b 1.0.0 [0.15.0] a >=1.0.0 <2.0.0",
        "c 1.0.0 [0.15.0] c >=1.0.0 <2.0.0",
    };
    struct arena arena = {0};
    assert_string_equal(SOLVE(&arena, rows, "a >=1.0.0 <2.0.0, c >=1.0.0 <2.0.0", NULL), "0.15.0 a@1.0.0 b@1.0.0 c@1.0.0");
    arena_release(&arena);
}

/* All compilers from the lowest known one to the highest: one in between that was never tried is fine, too. */
static void compilers_between_the_known_ones_are_fine(void **state) {
    (void)state;
    static const char *const rows[] = {"a 1.0.0 [0.14.0 0.15.4]"};
    struct arena arena = {0};
    assert_string_equal(SOLVE(&arena, rows, "a >=1.0.0 <2.0.0", ">=0.15.0 <0.15.1"), "0.15.0 a@1.0.0");
    arena_release(&arena);
}

static void a_conflict_of_bounds_names_both_and_where_they_come_from(void **state) {
    (void)state;
    static const char *const rows[] = {
        "a 1.0.0 [0.15.0] c >=2.0.0 <3.0.0",
        "b 1.0.0 [0.15.0] c >=1.0.0 <2.0.0",
        "c 1.0.0 [0.15.0]",
        "c 2.0.0 [0.15.0]",
    };
    struct arena arena = {0};
    assert_string_equal(SOLVE(&arena, rows, "a >=1.0.0 <2.0.0, b >=1.0.0 <2.0.0", NULL),
                        "No version of b can be used within\n"
                        "  >=1.0.0 (a declared dependency)\n"
                        "  <2.0.0 (a declared dependency)\n"
                        "- 1.0.0 wants c >=1.0.0 <2.0.0, which must be\n"
                        "  >=2.0.0 (wanted by a@1.0.0)\n"
                        "  <3.0.0 (wanted by a@1.0.0)");
    arena_release(&arena);
}

/* x and y together allow no version of z, although each alone allows some. */
static void bounds_that_leave_nothing_are_a_conflict(void **state) {
    (void)state;
    static const char *const rows[] = {
        "x 1.0.0 [0.15.0] z >=1.0.0 <2.0.0",
        "x 2.0.0 [0.15.0] z >=2.0.0 <3.0.0",
        "y 1.0.0 [0.15.0] z >=5.0.0 <6.0.0",
        "z 1.0.0 [0.15.0]",
    };
    struct arena arena = {0};
    assert_string_equal(SOLVE(&arena, rows, "x >=1.0.0 <9.0.0, y >=1.0.0 <9.0.0", NULL),
                        "No version of y can be used within\n"
                        "  >=1.0.0 (a declared dependency)\n"
                        "  <9.0.0 (a declared dependency)\n"
                        "- 1.0.0 wants z >=5.0.0 <6.0.0, which must be\n"
                        "  >=1.0.0 (wanted by x@1.0.0)\n"
                        "  <3.0.0 (wanted by x@2.0.0)");
    arena_release(&arena);
}

static void a_missing_compiler_is_explained(void **state) {
    (void)state;
    static const char *const rows[] = {"a 1.0.0 [0.14.0]"};
    struct arena arena = {0};
    assert_string_equal(SOLVE(&arena, rows, "a >=1.0.0 <2.0.0", ">=0.15.0 <0.15.1"),
                        "No version of a can be used within\n"
                        "  >=1.0.0 (a declared dependency)\n"
                        "  <2.0.0 (a declared dependency)\n"
                        "- 1.0.0 wants the compiler >=0.14.0 <0.14.1, which must be\n"
                        "  >=0.15.0 (asked for)\n"
                        "  <0.15.1 (asked for)");
    assert_string_equal(SOLVE(&arena, rows, "", ">=0.13.0 <0.13.1"),
                        "The registry has no version of the compiler inside its bounds:\n"
                        "  >=0.13.0 (asked for)\n"
                        "  <0.13.1 (asked for)");
    arena_release(&arena);
}

static void an_unknown_package_is_named(void **state) {
    (void)state;
    static const char *const rows[] = {"a 1.0.0 [0.15.0]"};
    struct arena arena = {0};
    assert_string_equal(SOLVE(&arena, rows, "nobody >=1.0.0 <2.0.0", NULL),
                        "There is no package nobody in the registry (a declared dependency).");
    arena_release(&arena);
}

/* Three packages that exclude each other in pairs: no bounds can be carried over, and each version of `a` has its own
 * reason. */
static void where_all_versions_were_tried_each_has_its_reason(void **state) {
    (void)state;
    static const char *const rows[] = {
        "a 1.0.0 [0.15.0] p >=1.0.0 <2.0.0, q >=2.0.0 <3.0.0",
        "a 2.0.0 [0.15.0] p >=2.0.0 <3.0.0, q >=1.0.0 <2.0.0",
        "b 1.0.0 [0.15.0] p >=1.0.0 <2.0.0, q >=1.0.0 <2.0.0",
        "b 2.0.0 [0.15.0] p >=2.0.0 <3.0.0, q >=2.0.0 <3.0.0",
        "p 1.0.0 [0.15.0]",
        "p 2.0.0 [0.15.0]",
        "q 1.0.0 [0.15.0]",
        "q 2.0.0 [0.15.0]",
    };
    struct arena arena = {0};
    const char *why = SOLVE(&arena, rows, "a >=1.0.0 <9.0.0, b >=1.0.0 <9.0.0", NULL);
    assert_true(text_starts_with(why, "Every version of a was tried:\n- 2.0.0:\n  No version of b can be used within\n"));
    assert_non_null(strstr(why, "\n- 1.0.0:\n  No version of b can be used within\n"));
    assert_non_null(strstr(why, "\n  - 2.0.0 wants q >=2.0.0 <3.0.0, which must be\n    >=1.0.0 (wanted by a@2.0.0)"));
    arena_release(&arena);
}

static void bounds_are_a_conflict_even_before_any_version_is_looked_at(void **state) {
    (void)state;
    static const char *const rows[] = {"a 1.0.0 [0.15.0]"};
    struct manifest_index *index = small_registry_create(rows, COUNT(rows));
    struct arena arena = {0};
    struct range nothing = {.low = {1, 0, 0}, .high = {1, 0, 0}};
    assert_string_equal(solve_index(&arena, index, "a >=1.0.0 <2.0.0", nothing),
                        "No version of the compiler is inside all its bounds:\n"
                        "  >=1.0.0 (asked for)\n"
                        "  <1.0.0 (asked for)");
    manifest_index_free(index);
    arena_release(&arena);
}

/* Twelve pigeons and eleven holes: each version of a pigeon is a hole that excludes the others. To find out that they do not
 * fit takes about as many tries as there are permutations of eleven things. */
enum { PIGEONS = 12, HOLES = PIGEONS - 1 };

static struct manifest_index *create_pigeonholes(struct arena *arena, int pigeons, int holes) {
    static const char *rows[2 * PIGEONS * HOLES];
    size_t count = 0;
    for (int hole = 1; hole <= holes; hole++)
        for (int pigeon = 1; pigeon <= pigeons; pigeon++)
            rows[count++] = arena_format(arena, "hole%02d %d.0.0 [0.15.0]", hole, pigeon);
    for (int pigeon = 1; pigeon <= pigeons; pigeon++)
        for (int hole = 1; hole <= holes; hole++)
            rows[count++] = arena_format(arena, "pigeon%02d %d.0.0 [0.15.0] hole%02d >=%d.0.0 <%d.0.0", pigeon, hole, hole,
                                         pigeon, pigeon + 1);
    return small_registry_create(rows, count);
}

static const char *require_pigeons(struct arena *arena, int pigeons) {
    const char *required = "pigeon01 >=1.0.0 <99.0.0";
    for (int pigeon = 2; pigeon <= pigeons; pigeon++)
        required = arena_format(arena, "%s, pigeon%02d >=1.0.0 <99.0.0", required, pigeon);
    return required;
}

static void too_much_work_is_given_up_with_a_sentence(void **state) {
    (void)state;
    struct arena arena = {0};
    struct error err = {0};
    struct build_plan plan;
    struct manifest_index *index = create_pigeonholes(&arena, PIGEONS, HOLES);
    struct solver_request request = {.compilers = supported,
                                     .compiler_count = COUNT(supported),
                                     .acceptable_compilers = SOLVER_ANY_COMPILER,
                                     .step_limit = 200000};
    request.required = small_registry_dependencies(require_pigeons(&arena, PIGEONS), &request.required_count, &arena);
    assert_int_equal(solver_solve(&plan, index, &request, &arena, &err), STATUS_TOO_LARGE);
    assert_true(text_starts_with(err.message, "No plan was found: too many combinations of versions would have to be tried."));

    request.required_count = HOLES; /* with one pigeon less they fit, each into the highest hole left */
    assert_int_equal(solver_solve(&plan, index, &request, &arena, &err), STATUS_OK);
    assert_int_equal(package_versions_find(&plan.packages, "pigeon01")->version.major, HOLES);
    assert_int_equal(package_versions_find(&plan.packages, "pigeon11")->version.major, 1);
    manifest_index_free(index);
    arena_release(&arena);
}

/* An explanation of any length is cut to fit into a message, ends with a whole sentence, and does not take for ever. */
static void a_long_explanation_is_cut(void **state) {
    (void)state;
    struct arena arena = {0};
    struct manifest_index *index = create_pigeonholes(&arena, 6, 5);
    const char *why = solve_index(&arena, index, require_pigeons(&arena, 6), (struct range)SOLVER_ANY_COMPILER);
    assert_true(text_starts_with(why, "Every version of pigeon01 was tried:\n- 5.0.0:\n  Every version of pigeon02"));
    assert_true(text_ends_with(why, "\n(Further attempts are left out.)"));
    manifest_index_free(index);
    arena_release(&arena);
}

static void *solve_many_times(void *context) {
    const struct manifest_index *index = context;
    for (int i = 0; i < 50; i++) {
        struct arena arena = {0};
        struct build_plan plan = {0};
        struct error err = {0};
        struct solver_request request = {
            .compilers = supported, .compiler_count = COUNT(supported), .acceptable_compilers = SOLVER_ANY_COMPILER};
        request.required = small_registry_dependencies(require_pigeons(&arena, 5), &request.required_count, &arena);
        bool is_right = solver_solve(&plan, index, &request, &arena, &err) == STATUS_OK &&
                        package_versions_find(&plan.packages, "pigeon05")->version.major == 1;
        arena_release(&arena);
        if (!is_right) return NULL;
    }
    return context;
}

static void several_threads_solve_at_once(void **state) {
    (void)state;
    struct arena arena = {0};
    struct manifest_index *index = create_pigeonholes(&arena, 5, 5);
    pthread_t threads[4];
    for (size_t i = 0; i < COUNT(threads); i++)
        assert_int_equal(pthread_create(&threads[i], NULL, solve_many_times, index), 0);
    for (size_t i = 0; i < COUNT(threads); i++) {
        void *result = NULL;
        assert_int_equal(pthread_join(threads[i], &result), 0);
        assert_ptr_equal(result, index);
    }
    manifest_index_free(index);
    arena_release(&arena);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_required_is_the_newest_compiler),
        cmocka_unit_test(the_newest_of_everything_is_taken_where_it_goes_together),
        cmocka_unit_test(an_unpublished_version_is_never_taken),
        cmocka_unit_test(the_alphabetically_first_package_gets_its_newest_version),
        cmocka_unit_test(a_dependency_of_all_versions_counts_as_needed),
        cmocka_unit_test(packages_may_need_each_other),
        cmocka_unit_test(compilers_between_the_known_ones_are_fine),
        cmocka_unit_test(a_conflict_of_bounds_names_both_and_where_they_come_from),
        cmocka_unit_test(bounds_that_leave_nothing_are_a_conflict),
        cmocka_unit_test(a_missing_compiler_is_explained),
        cmocka_unit_test(an_unknown_package_is_named),
        cmocka_unit_test(where_all_versions_were_tried_each_has_its_reason),
        cmocka_unit_test(bounds_are_a_conflict_even_before_any_version_is_looked_at),
        cmocka_unit_test(too_much_work_is_given_up_with_a_sentence),
        cmocka_unit_test(a_long_explanation_is_cut),
        cmocka_unit_test(several_threads_solve_at_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
