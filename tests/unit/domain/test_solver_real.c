/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The real registry of one day: every published version that is in the index has a plan for every compiler that its metadata
 * lists, and every plan passes a check that is independent of the solver. All of them take long under the sanitizers, so one in
 * SOLVER_REAL_EVERY (default 10; 1: all) is solved; tests/bench/bench_solver solves all.
 */
#include "tests/support/cmocka_all.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/text.h"
#include "lib/domain/solver/build_plan.h"
#include "lib/domain/solver/solver.h"
#include "tests/support/small_registry.h"

static struct manifest_index *registry;

static int set_up(void **state) {
    (void)state;
    registry = real_registry_create();
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    manifest_index_free(registry);
    return 0;
}

/* The plan has a version inside the range of each of these dependencies. */
static bool contains_all(const struct package_versions *plan, const struct manifest *manifest) {
    for (size_t i = 0; i < manifest->dependency_count; i++) {
        const struct package_version *chosen = package_versions_find(plan, manifest->dependencies[i].name);
        if (!chosen || !range_includes(manifest->dependencies[i].range, chosen->version)) return false;
    }
    return true;
}

/* The version is published, was built with compilers not newer and not older than the plan's, and its dependencies are in the
 * plan. */
static bool is_planned_well(const struct build_plan *plan, const struct package_version *chosen) {
    const struct indexed_version *indexed = manifest_index_find(registry, chosen->name, chosen->version);
    const struct metadata *metadata = manifest_index_find_metadata(registry, chosen->name);
    const struct published_version *published = metadata ? metadata_find_published(metadata, chosen->version) : NULL;
    if (!indexed || !published || !contains_all(&plan->packages, indexed->manifest)) return false;
    return version_compare(published->compilers[0], plan->compiler) <= 0 &&
           version_compare(plan->compiler, published->compilers[published->compiler_count - 1]) <= 0;
}

/* The plan has only packages that the manifest needs, directly or through others. */
static size_t count_reached(const struct build_plan *plan, const struct manifest *manifest, bool *is_reached) {
    size_t count = 0;
    for (size_t i = 0; i < manifest->dependency_count; i++) {
        const struct package_version *chosen = package_versions_find(&plan->packages, manifest->dependencies[i].name);
        size_t position = (size_t)(chosen - plan->packages.items);
        if (is_reached[position]) continue;
        is_reached[position] = true;
        count += 1 + count_reached(plan, manifest_index_find(registry, chosen->name, chosen->version)->manifest, is_reached);
    }
    return count;
}

static void check_plan(const struct manifest *manifest, struct version compiler) {
    struct arena arena = {0};
    struct error err = {0};
    struct build_plan plan;
    char version[VERSION_TEXT_MAX];
    char compiler_text[VERSION_TEXT_MAX];
    version_print(manifest->version, version);
    version_print(compiler, compiler_text);
    if (build_plan_for_compiler(&plan, registry, manifest, compiler, &arena, &err) != STATUS_OK)
        fail_msg("%s@%s has no plan for %s:\n%s", manifest->name, version, compiler_text, err.message);
    bool is_good = version_equal(plan.compiler, compiler) && contains_all(&plan.packages, manifest);
    for (size_t i = 0; i < plan.packages.count; i++)
        is_good = is_good && is_planned_well(&plan, &plan.packages.items[i]);
    bool *is_reached = arena_alloc(&arena, plan.packages.count * sizeof *is_reached);
    is_good = is_good && count_reached(&plan, manifest, is_reached) == plan.packages.count;
    if (!is_good) fail_msg("the plan of %s@%s for %s is wrong", manifest->name, version, compiler_text);
    arena_release(&arena);
}

static void every_published_version_has_a_plan_for_each_of_its_compilers(void **state) {
    (void)state;
    if (!registry) skip();
    const char *setting = getenv("SOLVER_REAL_EVERY");
    int every = setting ? atoi(setting) : 10;
    int pairs = 0;
    int checked = 0;
    for (uint32_t id = 0; id < manifest_index_package_count(registry); id++) {
        const struct indexed_package *package = manifest_index_package(registry, id);
        for (size_t i = 0; i < package->version_count; i++) {
            const struct published_version *published =
                metadata_find_published(package->metadata, package->versions[i].version);
            for (size_t j = 0; published && j < published->compiler_count; j++) {
                if (pairs++ % every) continue;
                check_plan(package->versions[i].manifest, published->compilers[j]);
                checked++;
            }
        }
    }
    printf("%d of %d pairs of a version and a compiler have a plan that holds\n", checked, pairs);
    assert_int_equal(pairs, 58646);
}

/* As a publication that names no compiler asks. */
static void every_version_has_a_plan_with_some_compiler(void **state) {
    (void)state;
    if (!registry) skip();
    struct arena arena = {0};
    struct solver_request request = {.acceptable_compilers = SOLVER_ANY_COMPILER};
    request.compilers = registry_compilers(registry, &request.compiler_count, &arena);
    assert_int_equal(request.compiler_count, 33);
    int published = 0;
    for (uint32_t id = 0; id < manifest_index_package_count(registry); id++) {
        const struct indexed_package *package = manifest_index_package(registry, id);
        for (size_t i = 0; i < package->version_count; i++) {
            const struct manifest *manifest = package->versions[i].manifest;
            struct arena plan_arena = {0};
            struct build_plan plan;
            struct error err = {0};
            request.required = manifest->dependencies;
            request.required_count = manifest->dependency_count;
            if (solver_solve(&plan, registry, &request, &plan_arena, &err) != STATUS_OK)
                fail_msg("%s has no plan:\n%s", manifest->name, err.message);
            arena_release(&plan_arena);
            published += package->versions[i].is_published;
        }
    }
    assert_int_equal(published, 5494);
    arena_release(&arena);
}

/* The quick answer is the solver's, for every package with the compilers of the last years. */
static void whether_there_is_a_plan_is_as_the_solver_says(void **state) {
    (void)state;
    static const struct version compilers[] = {{0, 15, 4}, {0, 15, 10}, {0, 15, 15}, {0, 15, 16}};
    if (!registry) skip();
    int plans = 0, pairs = 0;
    for (uint32_t id = 0; id < manifest_index_package_count(registry); id++) {
        const struct indexed_package *package = manifest_index_package(registry, id);
        if (package->version_count == 0) continue;
        const struct indexed_version *newest = &package->versions[package->version_count - 1];
        for (size_t i = 0; i < sizeof compilers / sizeof *compilers; i++) {
            struct arena arena = {0};
            struct build_plan plan;
            bool exists = build_plan_for_compiler(&plan, registry, newest->manifest, compilers[i], &arena, NULL) == STATUS_OK;
            if (build_plan_exists(registry, newest, compilers[i]) != exists) fail_msg("of %s", package->name);
            plans += exists;
            pairs++;
            arena_release(&arena);
        }
    }
    assert_in_range(plans, 1000, pairs - 1000);
}

static void the_real_index_keeps_its_invariant(void **state) {
    (void)state;
    if (!registry) skip();
    struct error err = {0};
    for (uint32_t id = 0; id < manifest_index_package_count(registry); id++) {
        const struct indexed_package *package = manifest_index_package(registry, id);
        for (size_t i = 0; i < package->version_count; i++)
            if (manifest_index_check_dependencies(registry, package->versions[i].manifest, &err) != STATUS_OK)
                fail_msg("%s", err.message);
    }
    struct version unfinished = {0, 1, 0};
    assert_null(manifest_index_find(registry, "harmonia", unfinished));
    assert_non_null(metadata_find_published(manifest_index_find_metadata(registry, "harmonia"), unfinished));
}

static void nullable_has_as_many_dependants_as_were_counted(void **state) {
    (void)state;
    if (!registry) skip();
    struct arena arena = {0};
    struct dependant *found;
    struct version nullable = {6, 0, 0};
    assert_int_equal(manifest_index_find_dependants(&found, registry, "nullable", nullable, &arena), 524);
    arena_release(&arena);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_published_version_has_a_plan_for_each_of_its_compilers),
        cmocka_unit_test(every_version_has_a_plan_with_some_compiler),
        cmocka_unit_test(whether_there_is_a_plan_is_as_the_solver_says),
        cmocka_unit_test(the_real_index_keeps_its_invariant),
        cmocka_unit_test(nullable_has_as_many_dependants_as_were_counted),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
