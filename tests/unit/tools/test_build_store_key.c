/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The key of an entry of the build store: the hash of a text that is written here in full, so that any change of it is noticed.
 * (A change on purpose raises BUILD_RECIPE_VERSION.)
 */
#include "tests/support/cmocka_all.h"

#include <string.h>

#include "lib/tools/purs/build_store.h"

static const size_t on_prelude[] = {0}, on_both[] = {0, 1}, on_either[] = {2};

/* app → either → prelude, control; other → prelude */
static const struct build_package packages[] = {
    {.name = "prelude", .version = {6, 0, 1}, .hash = "sha256-prelude"},
    {.name = "control", .version = {6, 0, 0}, .hash = "sha256-control", .dependencies = on_prelude, .dependency_count = 1},
    {.name = "either", .version = {6, 1, 0}, .hash = "sha256-either", .dependencies = on_both, .dependency_count = 2},
    {.name = "app", .version = {1, 2, 3}, .hash = "sha256-app", .dependencies = on_either, .dependency_count = 1},
    {.name = "other", .version = {1, 0, 0}, .hash = "sha256-other", .dependencies = on_prelude, .dependency_count = 1},
};
enum { PRELUDE, CONTROL, EITHER, APP, OTHER, PACKAGES };

static const struct work_order work = {.compiler = {0, 15, 15}, .packages = packages, .package_count = PACKAGES};

static void expect_key(const struct work_order *of, size_t package, const char *text) {
    char key[SHA256_HEX_MAX], wanted[SHA256_HEX_MAX];
    build_store_key(key, of, package);
    hash_sha256_hex(text, strlen(text), wanted);
    assert_string_equal(key, wanted);
}

static void a_key_is_the_hash_of_what_it_is_built_with(void **state) {
    (void)state;
    expect_key(&work, PRELUDE, "recipe 1\ncompiler 0.15.15\ntargets js\npackage prelude@6.0.1:sha256-prelude\n");
    expect_key(&work, APP,
               "recipe 1\ncompiler 0.15.15\ntargets js\npackage app@1.2.3:sha256-app\nwith control@6.0.0:sha256-control\nwith "
               "either@6.1.0:sha256-either\nwith prelude@6.0.1:sha256-prelude\n");
}

/* Made by `printf 'recipe 1\n…' | sha256sum`. */
static void keys_stay_what_they_were(void **state) {
    (void)state;
    char key[SHA256_HEX_MAX];
    build_store_key(key, &work, PRELUDE);
    assert_string_equal(key, "ca37ab0ea97d50c293ca29a6c9af7321864811c8506201a61062fbc82de95a70");
    build_store_key(key, &work, APP);
    assert_string_equal(key, "31a127472dfd92fddfde998e9cc24c3a28253f88f9860153db233ea6939fa9bd");
}

/* Other packages of the same work order, and their order, do not matter. */
static void a_key_is_the_same_in_other_work(void **state) {
    (void)state;
    static const size_t on_others[] = {1, 0};
    const struct build_package moved[] = {
        packages[PRELUDE],
        packages[CONTROL],
        {.name = "either", .version = {6, 1, 0}, .hash = "sha256-either", .dependencies = on_others, .dependency_count = 2},
    };
    const struct work_order other = {.compiler = {0, 15, 15}, .packages = moved, .package_count = 3};
    char key[SHA256_HEX_MAX], moved_key[SHA256_HEX_MAX];
    build_store_key(key, &work, EITHER);
    build_store_key(moved_key, &other, EITHER);
    assert_string_equal(key, moved_key);
}

static void expect_other_key(const struct work_order *other, size_t package) {
    char key[SHA256_HEX_MAX], other_key[SHA256_HEX_MAX];
    build_store_key(key, &work, package);
    build_store_key(other_key, other, package);
    assert_string_not_equal(key, other_key);
}

static void everything_that_the_output_depends_on_changes_the_key(void **state) {
    (void)state;
    struct build_package changed[PACKAGES];
    struct work_order other = work;
    other.compiler.patch++;
    expect_other_key(&other, APP);
    other = work;
    other.packages = changed;
    memcpy(changed, packages, sizeof packages);
    changed[APP].hash = "sha256-again";
    expect_other_key(&other, APP);
    memcpy(changed, packages, sizeof packages);
    changed[PRELUDE].hash = "sha256-again"; /* two steps away */
    expect_other_key(&other, APP);
    memcpy(changed, packages, sizeof packages);
    changed[CONTROL].version.minor++;
    expect_other_key(&other, APP);
    memcpy(changed, packages, sizeof packages);
    changed[APP].dependencies = on_both;
    changed[APP].dependency_count = 2;
    expect_other_key(&other, APP);
    memcpy(changed, packages, sizeof packages);
    changed[OTHER].hash = "sha256-again"; /* app does not depend on it */
    char key[SHA256_HEX_MAX], same_key[SHA256_HEX_MAX];
    build_store_key(key, &work, APP);
    build_store_key(same_key, &other, APP);
    assert_string_equal(key, same_key);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_key_is_the_hash_of_what_it_is_built_with),
        cmocka_unit_test(keys_stay_what_they_were),
        cmocka_unit_test(a_key_is_the_same_in_other_work),
        cmocka_unit_test(everything_that_the_output_depends_on_changes_the_key),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
