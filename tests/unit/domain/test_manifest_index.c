/* SPDX-License-Identifier: BSD-3-Clause */
#include "tests/support/cmocka_all.h"

#include <string.h>

#include "lib/base/text.h"
#include "lib/domain/registry/manifest_index.h"
#include "tests/support/small_registry.h"

#define COUNT(array) (sizeof(array) / sizeof(array)[0])

static const char *const rows[] = {
    "core 1.0.0 [0.14.0 0.15.0]",
    "core 1.1.0 [0.14.0 0.15.0]",
    "core 2.0.0 [0.15.0 0.15.4]",
    "list 1.0.0 [0.14.0] core >=1.0.0 <2.0.0",
    "list 2.0.0 [0.15.0 0.15.4] core >=2.0.0 <3.0.0",
    "tree 1.0.0 [0.15.0] core >=1.1.0 <2.0.0, list >=1.0.0 <3.0.0",
    "draft 1.0.0 [] core >=1.0.0 <3.0.0",
};

static int set_up(void **state) {
    *state = small_registry_create(rows, COUNT(rows));
    return 0;
}

static int tear_down(void **state) {
    manifest_index_free(*state);
    return 0;
}

static struct version read_version(const char *text) {
    struct version version;
    assert_int_equal(version_parse(&version, text, NULL), STATUS_OK);
    return version;
}

/* "NAME@VERSION NAME@VERSION …" */
static const char *print_dependants(const struct dependant *found, size_t count, struct arena *arena) {
    char *all = arena_copy(arena, "");
    for (size_t i = 0; i < count; i++) {
        char version[VERSION_TEXT_MAX];
        version_print(found[i].version, version);
        all = arena_format(arena, "%s%s%s@%s", all, i ? " " : "", found[i].name, version);
    }
    return all;
}

static void versions_are_ascending_and_know_their_needs(void **state) {
    const struct manifest_index *index = *state;
    uint32_t id = manifest_index_find_package(index, "tree");
    const struct indexed_package *tree = manifest_index_package(index, id);
    assert_int_equal(tree->version_count, 1);
    assert_int_equal(tree->versions[0].need_count, 3);
    assert_int_equal(tree->versions[0].needs[0].package, PACKAGE_COMPILER);
    assert_int_equal(tree->versions[0].needs[1].package, manifest_index_find_package(index, "core"));
    assert_int_equal(tree->mention_count, 3);

    const struct indexed_package *core = manifest_index_package(index, manifest_index_find_package(index, "core"));
    assert_int_equal(core->version_count, 3);
    for (size_t i = 1; i < core->version_count; i++)
        assert_true(core->versions[i - 1].packed < core->versions[i].packed);
    struct packed_range compilers = core->versions[2].needs[0].range;
    assert_true(packed_range_includes(compilers, version_pack(read_version("0.15.4"))));
    assert_false(packed_range_includes(compilers, version_pack(read_version("0.15.5"))));
    assert_false(packed_range_includes(compilers, version_pack(read_version("0.14.9"))));
}

static void packed_versions_order_as_versions_do(void **state) {
    (void)state;
    static const char *const ascending[] = {"0.0.0",  "0.0.1",  "0.0.2147483647", "0.1.0",
                                            "0.10.0", "1.0.10", "2.0.9",          "2147483647.2147483647.2147483647"};
    for (size_t i = 0; i < COUNT(ascending); i++) {
        struct version version = read_version(ascending[i]);
        assert_true(version_equal(version_unpack(version_pack(version)), version));
        if (i) assert_true(version_pack(read_version(ascending[i - 1])) < version_pack(version));
    }
}

static void a_version_without_metadata_is_not_published(void **state) {
    struct manifest_index *index = *state;
    assert_false(manifest_index_find(index, "draft", read_version("1.0.0"))->is_published);
    assert_true(manifest_index_find(index, "core", read_version("1.0.0"))->is_published);
    manifest_index_remove_metadata(index, "core");
    assert_false(manifest_index_find(index, "core", read_version("1.0.0"))->is_published);
    assert_null(manifest_index_find_metadata(index, "core"));
}

static void missing_objects_are_not_found(void **state) {
    const struct manifest_index *index = *state;
    struct arena arena = {0};
    struct manifest manifest;
    struct error err = {0};
    assert_null(manifest_index_find(index, "core", read_version("3.0.0")));
    assert_null(manifest_index_find(index, "nobody", read_version("1.0.0")));
    assert_int_equal(manifest_index_find_package(index, "nobody"), PACKAGE_NONE);
    assert_int_equal(manifest_index_copy_manifest(&manifest, index, "core", read_version("3.0.0"), &arena, &err),
                     STATUS_NOT_FOUND);
    assert_string_equal(err.message, "The registry index has no core@3.0.0.");
    arena_release(&arena);
}

static void copies_outlive_the_index(void **state) {
    struct manifest_index *index = *state;
    struct arena arena = {0};
    struct manifest manifest;
    struct metadata metadata;
    struct error err = {0};
    assert_int_equal(manifest_index_copy_manifest(&manifest, index, "tree", read_version("1.0.0"), &arena, &err), STATUS_OK);
    assert_int_equal(manifest_index_copy_metadata(&metadata, index, "tree", &arena, &err), STATUS_OK);
    manifest_index_remove_manifests(index, "tree");
    manifest_index_remove_metadata(index, "tree");
    assert_string_equal(manifest.dependencies[1].name, "list");
    assert_int_equal(metadata.published_count, 1);
    arena_release(&arena);
}

static void a_bad_file_changes_nothing(void **state) {
    struct manifest_index *index = *state;
    struct error err = {0};
    const char *bad = "{\"name\":\"core\"}\n";
    assert_int_equal(manifest_index_set_manifests(index, "core", bad, strlen(bad), &err), STATUS_INVALID);
    assert_int_equal(manifest_index_set_metadata(index, "core", "{", 1, &err), STATUS_INVALID);
    assert_non_null(manifest_index_find(index, "core", read_version("2.0.0")));
    assert_true(manifest_index_find(index, "core", read_version("2.0.0"))->is_published);
}

/* A reader of the repositories adds the two files of a package in any order, and again whenever one changes. */
static void files_may_come_in_any_order_and_again(void **state) {
    struct manifest_index *index = *state;
    struct arena arena = {0};
    struct dependant *found;
    const char *manifest =
        "{\"name\":\"core\",\"version\":\"3.0.0\",\"license\":\"MIT\",\"location\":{\"githubOwner\":\"owner\","
        "\"githubRepo\":\"repo\"},\"ref\":\"v3\",\"dependencies\":{\"fresh\":\">=1.0.0 <2.0.0\"}}\n";
    const char *metadata =
        "{\"location\":{\"githubOwner\":\"owner\",\"githubRepo\":\"repo\"},\"published\":{\"3.0.0\":{\"bytes\":1000,"
        "\"compilers\":[\"0.15.4\"],\"hash\":\"sha256-47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\","
        "\"publishedTime\":\"2026-01-01T00:00:00.000Z\",\"ref\":\"\"}},\"unpublished\":{}}";
    for (int first = 0; first < 2; first++) {
        struct error err = {0};
        manifest_index_remove_manifests(index, "core");
        manifest_index_remove_metadata(index, "core");
        for (int step = 0; step < 2; step++)
            assert_int_equal(step == first ? manifest_index_set_metadata(index, "core", metadata, strlen(metadata), &err)
                                           : manifest_index_set_manifests(index, "core", manifest, strlen(manifest), &err),
                             STATUS_OK);
        const struct indexed_version *version = manifest_index_find(index, "core", read_version("3.0.0"));
        assert_true(version->is_published);
        assert_true(version->needs[0].range.low == version_pack(read_version("0.15.4")));
        assert_null(manifest_index_find(index, "core", read_version("2.0.0")));
        size_t count = manifest_index_find_dependants(&found, index, "fresh", read_version("1.0.0"), &arena);
        assert_string_equal(print_dependants(found, count, &arena), "core@3.0.0");
    }
    arena_release(&arena);
}

static void ids_stay_when_files_come_and_go(void **state) {
    struct manifest_index *index = *state;
    uint32_t id = manifest_index_find_package(index, "core");
    manifest_index_remove_manifests(index, "core");
    manifest_index_remove_metadata(index, "core");
    assert_int_equal(manifest_index_find_package(index, "core"), id);
    assert_int_equal(manifest_index_package(index, id)->version_count, 0);
    manifest_index_remove_manifests(index, "never-heard-of");
    for (size_t i = 1; i < manifest_index_package_count(index); i++)
        assert_true(strcmp(manifest_index_package(index, manifest_index_by_name(index, i - 1))->name,
                           manifest_index_package(index, manifest_index_by_name(index, i))->name) < 0);
}

static void dependants_are_those_whose_range_includes_the_version(void **state) {
    const struct manifest_index *index = *state;
    struct arena arena = {0};
    struct dependant *found;
    size_t count = manifest_index_find_dependants(&found, index, "core", read_version("1.1.0"), &arena);
    assert_string_equal(print_dependants(found, count, &arena), "draft@1.0.0 list@1.0.0 tree@1.0.0");
    count = manifest_index_find_dependants(&found, index, "core", read_version("1.0.0"), &arena);
    assert_string_equal(print_dependants(found, count, &arena), "draft@1.0.0 list@1.0.0");
    assert_int_equal(manifest_index_find_dependants(&found, index, "nobody", read_version("1.0.0"), &arena), 0);
    arena_release(&arena);
}

static void orphans_are_those_whom_nothing_else_would_do(void **state) {
    const struct manifest_index *index = *state;
    struct arena arena = {0};
    struct dependant *found;
    size_t count = manifest_index_find_orphans(&found, index, "core", read_version("1.1.0"), &arena);
    assert_string_equal(print_dependants(found, count, &arena), "tree@1.0.0");
    count = manifest_index_find_orphans(&found, index, "core", read_version("2.0.0"), &arena);
    assert_string_equal(print_dependants(found, count, &arena), "list@2.0.0");
    assert_int_equal(manifest_index_find_orphans(&found, index, "core", read_version("1.0.0"), &arena), 0);
    assert_int_equal(manifest_index_find_orphans(&found, index, "list", read_version("2.0.0"), &arena), 0);
    assert_int_equal(manifest_index_find_orphans(&found, index, "core", read_version("9.0.0"), &arena), 0);
    arena_release(&arena);
}

static void dependencies_that_nothing_satisfies_are_named(void **state) {
    const struct manifest_index *index = *state;
    struct arena arena = {0};
    struct error err = {0};
    struct manifest manifest = {.name = "fresh", .version = {1, 0, 0}};
    manifest.dependencies = small_registry_dependencies("core >=1.0.0 <9.0.0", &manifest.dependency_count, &arena);
    assert_int_equal(manifest_index_check_dependencies(index, &manifest, &err), STATUS_OK);
    manifest.dependencies = small_registry_dependencies("core >=3.0.0 <4.0.0, list >=1.0.0 <2.0.0, nobody >=1.0.0 <2.0.0",
                                                        &manifest.dependency_count, &arena);
    assert_int_equal(manifest_index_check_dependencies(index, &manifest, &err), STATUS_REFUSED);
    assert_string_equal(err.message, "fresh@1.0.0 has unsatisfied dependencies: no version in the registry index fits core "
                                     ">=3.0.0 <4.0.0, nobody >=1.0.0 <2.0.0.");
    arena_release(&arena);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(versions_are_ascending_and_know_their_needs, set_up, tear_down),
        cmocka_unit_test(packed_versions_order_as_versions_do),
        cmocka_unit_test_setup_teardown(a_version_without_metadata_is_not_published, set_up, tear_down),
        cmocka_unit_test_setup_teardown(missing_objects_are_not_found, set_up, tear_down),
        cmocka_unit_test_setup_teardown(copies_outlive_the_index, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_bad_file_changes_nothing, set_up, tear_down),
        cmocka_unit_test_setup_teardown(files_may_come_in_any_order_and_again, set_up, tear_down),
        cmocka_unit_test_setup_teardown(ids_stay_when_files_come_and_go, set_up, tear_down),
        cmocka_unit_test_setup_teardown(dependants_are_those_whose_range_includes_the_version, set_up, tear_down),
        cmocka_unit_test_setup_teardown(orphans_are_those_whom_nothing_else_would_do, set_up, tear_down),
        cmocka_unit_test_setup_teardown(dependencies_that_nothing_satisfies_are_named, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
