/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The difference between two package sets, the version that follows from it, and the commit message.
 */
#include "tests/support/cmocka_all.h"

#include "lib/base/arena.h"
#include "lib/base/text.h"
#include "lib/domain/set/set_difference.h"
#include "tests/support/small_registry.h"

/* The version after 3.4.5. */
static void assert_version(const char *from, const char *to, struct version compiler, struct version expected) {
    struct arena arena = {0};
    const struct package_set old = small_package_set(from, &arena);
    struct package_set new = small_package_set(to, &arena);
    struct set_difference difference;
    new.compiler = compiler;
    set_difference_find(&difference, &old, &new, &arena);
    struct version version = set_difference_next_version(&difference, (struct version){3, 4, 5});
    assert_true(version_equal(version, expected));
    arena_release(&arena);
}

static const struct version same = {0, 15, 15}, major = {4, 0, 0}, minor = {3, 5, 0}, patch = {3, 4, 6};

static void a_removal_or_a_major_update_is_major(void **state) {
    (void)state;
    assert_version("a 1.0.0 b 1.0.0", "a 1.0.0", same, major);
    assert_version("a 1.9.9", "a 2.0.0 b 1.0.0", same, major);
    assert_version("a 1.0.0", "a 1.0.0", (struct version){0, 16, 0}, major);
    assert_version("a 1.0.0", "a 1.0.0", (struct version){1, 0, 0}, major);
}

static void an_addition_or_a_minor_update_is_minor(void **state) {
    (void)state;
    assert_version("a 1.0.0", "a 1.0.0 b 1.0.0", same, minor);
    assert_version("a 1.0.0 b 1.0.0", "a 1.1.0 b 1.0.1", same, minor);
    assert_version("a 1.0.0", "a 1.0.0", (struct version){0, 15, 16}, minor);
}

static void other_updates_are_a_patch(void **state) {
    (void)state;
    assert_version("a 1.0.0 b 1.0.0", "a 1.0.1 b 1.0.0", same, patch);
    assert_version("a 2.0.0", "a 1.5.0", same, patch); /* a trustee's downgrade */
}

static void an_update_has_the_size_of_its_step(void **state) {
    (void)state;
    struct arena arena = {0};
    const struct package_set old = small_package_set("a 1.2.3 b 1.2.3 c 1.2.3 d 1.2.3 e 1.2.3 f 1.2.3", &arena);
    const struct package_set new = small_package_set("a 2.0.0 b 1.3.0 c 1.2.4 d 1.2.2 e 1.1.9 f 0.9.9", &arena);
    static const char *const sizes[] = {"major", "minor", "patch", "downgrade", "downgrade", "downgrade"};
    struct set_difference difference;
    set_difference_find(&difference, &old, &new, &arena);
    assert_int_equal(difference.updated_count, 6);
    for (size_t i = 0; i < 6; i++)
        assert_string_equal(set_step_text(set_update_step(&difference.updated[i])), sizes[i]);
    arena_release(&arena);
}

static void assert_message(const char *from, const char *to, const char *expected) {
    struct arena arena = {0};
    const struct package_set old = small_package_set(from, &arena), new = small_package_set(to, &arena);
    struct set_difference difference;
    struct text message = {0};
    set_difference_find(&difference, &old, &new, &arena);
    set_difference_append_message(&message, &difference, (struct version){81, 0, 0});
    assert_string_equal(text_view(&message), expected);
    text_release(&message);
    arena_release(&arena);
}

static void the_message_has_a_block_for_each_kind_of_change(void **state) {
    (void)state;
    assert_message("b 1.0.0 c 1.0.0 d 1.0.0 f 1.0.0", "a 2.0.0 c 1.0.0 d 1.0.1 e 1.0.0",
                   "Release 81.0.0 package set.\n\n"
                   "New packages:\n  - a@2.0.0\n  - e@1.0.0\n\n"
                   "Updated packages:\n  - d@1.0.0 -> 1.0.1\n\n"
                   "Removed packages:\n  - b@1.0.0\n  - f@1.0.0");
    assert_message("a 1.0.0", "a 1.0.1", "Release 81.0.0 package set.\n\nUpdated packages:\n  - a@1.0.0 -> 1.0.1");
    assert_message("a 1.0.0", "a 1.0.0", "Release 81.0.0 package set.");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_removal_or_a_major_update_is_major),
        cmocka_unit_test(an_addition_or_a_minor_update_is_minor),
        cmocka_unit_test(other_updates_are_a_patch),
        cmocka_unit_test(an_update_has_the_size_of_its_step),
        cmocka_unit_test(the_message_has_a_block_for_each_kind_of_change),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
