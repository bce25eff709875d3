/* SPDX-License-Identifier: BSD-3-Clause */
#include "tests/support/cmocka_all.h"

#include <stdlib.h>
#include <string.h>

#include "lib/base/text.h"
#include "lib/tools/spago_yaml.h"

#define PUBLISH                                                                                                                \
    "  publish:\n"                                                                                                             \
    "    version: 1.2.3\n"                                                                                                     \
    "    license: MIT\n"                                                                                                       \
    "    location: {githubOwner: some, githubRepo: thing}\n"

static void expect(const char *source, const char *expected) {
    struct error err = {0};
    json_t *manifest;
    if (spago_yaml_read(&manifest, source, strlen(source), "v1", &err)) fail_msg("%s", err.message);
    char *printed = json_dumps(manifest, JSON_COMPACT);
    assert_string_equal(printed, expected);
    free(printed);
    json_decref(manifest);
}

static void expect_refusal(const char *source, const char *path, const char *word) {
    struct error err = {0};
    json_t *manifest;
    assert_int_equal(spago_yaml_read(&manifest, source, strlen(source), "v1", &err), STATUS_INVALID);
    assert_null(manifest);
    assert_string_equal(err.path, path);
    if (!strstr(err.message, word)) fail_msg("\"%s\" says nothing of \"%s\"", err.message, word);
}

static void a_whole_file_becomes_a_manifest(void **state) {
    (void)state;
    expect("package:\n"
           "  name: demo\n"
           "  description: 'What it is: a demo'\n"
           "  dependencies:\n"
           "    - prelude: \">=6.0.0 <7.0.0\"\n"
           "    - effect: 4.0.0\n"
           "  test:\n"
           "    main: Test.Main\n"
           "    dependencies: [spec]\n"
           "  publish:\n"
           "    version: 1.2.3\n"
           "    license: BSD-3-Clause\n"
           "    include: [docs/**]\n"
           "    exclude: []\n"
           "    owners:\n"
           "      - {id: me, keytype: ssh-ed25519, public: AAAA}\n"
           "    location:\n"
           "      githubOwner: some\n"
           "      githubRepo: thing\n"
           "      subdir: lib\n"
           "workspace:\n"
           "  packageSet: {registry: 50.0.0}\n",
           "{\"name\":\"demo\",\"version\":\"1.2.3\",\"license\":\"BSD-3-Clause\",\"description\":\"What it is: a demo\","
           "\"location\":{\"githubOwner\":\"some\",\"githubRepo\":\"thing\",\"subdir\":\"lib\"},"
           "\"owners\":[{\"id\":\"me\",\"keytype\":\"ssh-ed25519\",\"public\":\"AAAA\"}],\"includeFiles\":[\"docs/**\"],"
           "\"ref\":\"v1\",\"dependencies\":{\"prelude\":\">=6.0.0 <7.0.0\",\"effect\":\">=4.0.0 <4.0.1\"}}");
}

static void a_git_address_is_renamed(void **state) {
    (void)state;
    static const char expected[] = "{\"name\":\"demo\",\"version\":\"1.0.0\",\"license\":\"MIT\","
                                   "\"location\":{\"gitUrl\":\"https://x.org/y.git\"},\"ref\":\"v1\",\"dependencies\":{}}";
    expect("package:\n  name: demo\n  dependencies: []\n  publish: {version: 1.0.0, license: MIT, location: {url: "
           "'https://x.org/y.git'}}\n",
           expected);
    expect("package:\n  name: demo\n  dependencies: []\n  publish: {version: 1.0.0, license: MIT, location: {gitUrl: "
           "'https://x.org/y.git'}}\n",
           expected);
}

static void dependencies_without_ranges_are_named(void **state) {
    (void)state;
    expect_refusal("package:\n  name: demo\n  dependencies:\n    - prelude\n    - aff: \"*\"\n    - maybe: \">=1.0.0 <2.0.0\"\n"
                   "    - either:\n" PUBLISH,
                   "package.dependencies", "have no range, which is required for publishing: prelude, aff, either.");
}

static void bad_dependencies_are_refused(void **state) {
    (void)state;
    expect_refusal("package:\n  name: demo\n  dependencies: prelude\n" PUBLISH, "package.dependencies", "must be a list");
    expect_refusal("package:\n  name: demo\n  dependencies: [[prelude]]\n" PUBLISH, "package.dependencies", "an array");
    expect_refusal("package:\n  name: demo\n  dependencies: [a: {b: c}]\n" PUBLISH, "package.dependencies", "an object");
    expect_refusal("package:\n  name: demo\n  dependencies: [a: 1.0.0, a: 2.0.0]\n" PUBLISH, "package.dependencies", "twice");
}

static void missing_parts_are_named(void **state) {
    (void)state;
    expect_refusal("workspace: {}\n", "package", "has no package");
    expect_refusal("package: {name: demo, dependencies: []}\n", "package.publish", "has no package.publish");
    expect_refusal("package:\n  dependencies: []\n" PUBLISH, "package.name", "has no package.name");
    expect_refusal("package:\n  name: demo\n" PUBLISH, "package.dependencies", "has no package.dependencies");
    expect_refusal("package: {name: demo, dependencies: [], publish: {license: MIT}}\n", "package.publish.version",
                   "has no package.publish.version");
    expect_refusal("package: {name: demo, dependencies: [], publish: {version: 1.0.0, license: MIT, location: ~}}\n",
                   "package.publish.location", "has no package.publish.location");
    expect_refusal("- package\n", "package", "has no package");
}

static void invalid_yaml_is_refused_with_its_position(void **state) {
    (void)state;
    expect_refusal("", "", "empty");
    expect_refusal("package:\n  name: [\n", "", "line 3");
    expect_refusal("package: {a: 1, a: 2}\n", "", "a duplicate key at line 1, column 17");
    expect_refusal("package: {[a]: 1}\n", "", "not a text");
    expect_refusal("package: \"\\xff\xff\"\n", "", "cannot be read");
    expect_refusal("package: *nothing\n", "", "alias");
}

static void a_file_that_grows_without_end_is_refused(void **state) {
    (void)state;
    struct text bomb = {0};
    text_append(&bomb, "a0: &a0 [x,x,x,x,x,x,x,x,x,x]\n");
    for (int i = 1; i < 9; i++) {
        text_append_format(&bomb, "a%d: &a%d [", i, i);
        for (int j = 0; j < 10; j++)
            text_append_format(&bomb, "%s*a%d", j ? "," : "", i - 1);
        text_append(&bomb, "]\n");
    }
    expect_refusal(bomb.bytes, "", "too many values");
    expect_refusal("a: &a [*a]\n", "", "too many values");
    text_clear(&bomb);
    for (int i = 0; i < 100; i++)
        text_append(&bomb, "[");
    for (int i = 0; i < 100; i++)
        text_append(&bomb, "]");
    expect_refusal(bomb.bytes, "", "nested");
    text_release(&bomb);
}

static void a_nul_in_a_text_is_refused(void **state) {
    (void)state;
    expect_refusal("package:\n  name: \"demo\\0x\"\n  dependencies: []\n" PUBLISH, "", "NUL at line 2");
    expect_refusal("package:\n  \"name\\0x\": demo\n  dependencies: []\n" PUBLISH, "", "a key that is not a text");
}

static void an_error_is_placed_where_the_field_stands(void **state) {
    (void)state;
    static const struct {
        const char *field, *place;
    } rows[] = {
        {"name", "package.name"},
        {"dependencies.prelude", "package.dependencies.prelude"},
        {"owners[0].public", "package.publish.owners[0].public"},
        {"includeFiles", "package.publish.include"},
        {"names", "names"},
        {"package.publish", "package.publish"},
        {"", ""},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct error err;
        assert_int_equal(error_set_at(&err, STATUS_INVALID, rows[i].field, "wrong"), STATUS_INVALID);
        spago_yaml_place_error(&err);
        assert_string_equal(err.path, rows[i].place);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_whole_file_becomes_a_manifest),
        cmocka_unit_test(a_git_address_is_renamed),
        cmocka_unit_test(dependencies_without_ranges_are_named),
        cmocka_unit_test(bad_dependencies_are_refused),
        cmocka_unit_test(missing_parts_are_named),
        cmocka_unit_test(invalid_yaml_is_refused_with_its_position),
        cmocka_unit_test(an_error_is_placed_where_the_field_stands),
        cmocka_unit_test(a_nul_in_a_text_is_refused),
        cmocka_unit_test(a_file_that_grows_without_end_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
