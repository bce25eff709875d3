/* SPDX-License-Identifier: BSD-3-Clause */
#include "tests/support/cmocka_all.h"

#include "lib/base/text.h"
#include "lib/domain/solver/build_plan.h"
#include "tests/support/small_registry.h"

#define COUNT(array) (sizeof(array) / sizeof(array)[0])

static const char *const rows[] = {
    "core 1.0.0 [0.14.0 0.15.0]",
    "core 2.0.0 [0.15.0 0.15.4]",
    "draft 1.0.0 []",
    "list 1.0.0 [0.14.0 0.15.4] core >=1.0.0 <3.0.0",
};

struct fixture {
    struct manifest_index *index;
    struct arena arena;
    struct manifest manifest;
    struct error err;
};

static int set_up(void **state) {
    static struct fixture fixture;
    fixture =
        (struct fixture){.index = small_registry_create(rows, COUNT(rows)), .manifest = {.name = "app", .version = {1, 0, 0}}};
    fixture.manifest.dependencies = small_registry_dependencies("core >=1.0.0 <3.0.0, list >=1.0.0 <2.0.0",
                                                                &fixture.manifest.dependency_count, &fixture.arena);
    *state = &fixture;
    return 0;
}

static int tear_down(void **state) {
    struct fixture *fixture = *state;
    manifest_index_free(fixture->index);
    arena_release(&fixture->arena);
    return 0;
}

static void a_plan_is_for_exactly_its_compiler(void **state) {
    struct fixture *fixture = *state;
    struct build_plan plan;
    struct version old = {0, 14, 0};
    assert_int_equal(build_plan_for_compiler(&plan, fixture->index, &fixture->manifest, old, &fixture->arena, &fixture->err),
                     STATUS_OK);
    assert_true(version_equal(plan.compiler, old));
    assert_int_equal(plan.packages.count, 2);
    assert_int_equal(package_versions_find(&plan.packages, "core")->version.major, 1);
    struct version unknown = {0, 15, 5};
    assert_int_equal(
        build_plan_for_compiler(&plan, fixture->index, &fixture->manifest, unknown, &fixture->arena, &fixture->err),
        STATUS_REFUSED);
}

static void a_plan_exists_where_dependencies_can_be_chosen(void **state) {
    const struct fixture *fixture = *state;
    static const struct version compilers[] = {{0, 14, 0}, {0, 15, 4}, {0, 15, 5}, {0, 13, 0}};
    for (size_t i = 0; i < COUNT(compilers); i++) {
        const struct indexed_version *list = manifest_index_find(fixture->index, "list", (struct version){1, 0, 0});
        assert_int_equal(build_plan_exists(fixture->index, list, compilers[i]), i < 2);
    }
}

static enum status check(struct fixture *fixture, struct package_version *items, size_t count) {
    struct package_versions resolutions = {.items = items, .count = count};
    fixture->err = (struct error){0};
    return build_plan_check_resolutions(fixture->index, &fixture->manifest, &resolutions, &fixture->err);
}

static void resolutions_that_fit_are_accepted(void **state) {
    struct package_version items[] = {{"core", {2, 0, 0}}, {"list", {1, 0, 0}}};
    assert_int_equal(check(*state, items, COUNT(items)), STATUS_OK);
}

static void everything_wrong_with_resolutions_is_named(void **state) {
    struct fixture *fixture = *state;
    struct package_version items[] = {{"core", {3, 0, 0}}, {"draft", {1, 0, 0}}};
    assert_int_equal(check(fixture, items, COUNT(items)), STATUS_REFUSED);
    assert_string_equal(fixture->err.path, "resolutions");
    assert_string_equal(fixture->err.message, "The resolutions do not fit the manifest:\n"
                                              "  core@3.0.0 is outside its range >=1.0.0 <3.0.0\n"
                                              "  list is missing, a dependency with range >=1.0.0 <2.0.0\n"
                                              "  core@3.0.0 is not in the registry\n"
                                              "  draft@1.0.0 is not in the registry");
}

static void no_resolutions_do_for_no_dependencies(void **state) {
    struct fixture *fixture = *state;
    assert_int_equal(check(fixture, NULL, 0), STATUS_REFUSED);
    fixture->manifest.dependency_count = 0;
    assert_int_equal(check(fixture, NULL, 0), STATUS_OK);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_plan_is_for_exactly_its_compiler, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_plan_exists_where_dependencies_can_be_chosen, set_up, tear_down),
        cmocka_unit_test_setup_teardown(resolutions_that_fit_are_accepted, set_up, tear_down),
        cmocka_unit_test_setup_teardown(everything_wrong_with_resolutions_is_named, set_up, tear_down),
        cmocka_unit_test_setup_teardown(no_resolutions_do_for_no_dependencies, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
