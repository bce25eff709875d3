/* SPDX-License-Identifier: BSD-3-Clause
 *
 * A change of bounds. (Which versions lose their plans by it is tested in test_matrix_plan_property.c.)
 */
#include "tests/support/cmocka_all.h"

#include <string.h>

#include "lib/base/text.h"
#include "lib/domain/job/operation.h"
#include "lib/domain/package/bounds.h"
#include "tests/support/small_registry.h"

static struct arena arena;

static int release_arena(void **state) {
    (void)state;
    arena_release(&arena);
    return 0;
}

static enum status change(struct manifest *out, const char *before, const char *ranges, struct error *err) {
    struct manifest manifest = small_registry_manifest("a", "1.0.0", before, &arena);
    struct revise_request request = {.name = "a", .version = manifest.version};
    request.dependencies = small_registry_dependencies(ranges, &request.dependency_count, &arena);
    return bounds_change(out, &manifest, &request, &arena, err);
}

static void the_ranges_that_are_named_change_and_no_others(void **state) {
    (void)state;
    struct manifest revised, expected;
    expected = small_registry_manifest("a", "1.0.0", "b >=1.0.0 <3.0.0, c >=1.0.0 <2.0.0, d >=1.5.0 <2.0.0", &arena);
    assert_int_equal(
        change(&revised, "b >=1.0.0 <2.0.0, c >=1.0.0 <2.0.0, d >=1.0.0 <2.0.0", "b >=1.0.0 <3.0.0, d >=1.5.0 <2.0.0", NULL),
        STATUS_OK);
    assert_true(manifest_equal(&revised, &expected));
}

static void undeclared_dependencies_are_refused_by_name(void **state) {
    (void)state;
    struct manifest revised;
    struct error err = {0};
    assert_int_equal(change(&revised, "b >=1.0.0 <2.0.0", "b >=1.0.0 <3.0.0, c >=1.0.0 <2.0.0, d >=1.0.0 <2.0.0", &err),
                     STATUS_REFUSED);
    assert_non_null(strstr(err.message, "a@1.0.0 does not depend on c, d."));
    assert_int_equal(change(&revised, "", "b >=1.0.0 <3.0.0", &err), STATUS_REFUSED);
    assert_non_null(strstr(err.message, "does not depend on b."));
}

static void no_change_is_refused(void **state) {
    (void)state;
    struct manifest revised;
    struct error err = {0};
    assert_int_equal(change(&revised, "b >=1.0.0 <2.0.0", "b >=1.0.0 <2.0.0", &err), STATUS_REFUSED);
    assert_non_null(strstr(err.message, "nothing would change"));
}

static void looser_is_what_allows_all_that_was_allowed(void **state) {
    (void)state;
    static const struct {
        const char *before, *after;
        bool is_looser;
    } rows[] = {
        {"", "", true},
        {"b >=1.0.0 <2.0.0", "b >=1.0.0 <2.0.0", true},
        {"b >=1.0.0 <2.0.0", "b >=0.9.0 <2.0.1", true},
        {"b >=1.0.0 <2.0.0", "b >=1.0.1 <9.0.0", false},
        {"b >=1.0.0 <2.0.0", "b >=0.0.1 <1.9.9", false},
        {"b >=1.0.0 <2.0.0, c >=1.0.0 <2.0.0", "b >=1.0.0 <3.0.0, c >=1.0.0 <1.5.0", false},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct manifest before = small_registry_manifest("a", "1.0.0", rows[i].before, &arena);
        struct manifest after = small_registry_manifest("a", "1.0.0", rows[i].after, &arena);
        assert_int_equal(bounds_are_looser(&before, &after), rows[i].is_looser);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_ranges_that_are_named_change_and_no_others),
        cmocka_unit_test(undeclared_dependencies_are_refused_by_name),
        cmocka_unit_test(no_change_is_refused),
        cmocka_unit_test(looser_is_what_allows_all_that_was_allowed),
    };
    return cmocka_run_group_tests(tests, NULL, release_arena);
}
