/* SPDX-License-Identifier: BSD-3-Clause */
#include "tests/support/cmocka_all.h"

#include <string.h>

#include "lib/base/text.h"
#include "lib/source/manifest_source.h"
#include "tests/support/temporary_folder.h"

static struct temporary_folder folder;
static struct arena arena;

static const struct location location = {.kind = LOCATION_GITHUB, .github_owner = "some", .github_repo = "thing"};
static const struct manifest_request request = {.name = "demo", .version = {1, 2, 3}, .location = &location, .ref = "v1.2.3"};

#define PURS_JSON(name, version, repository)                                                                                   \
    "{\"name\":\"" name "\",\"version\":\"" version "\",\"license\":\"MIT\",\"location\":{\"githubOwner\":\"some\","           \
    "\"githubRepo\":\"" repository "\"},\"ref\":\"v1.2.3\",\"dependencies\":{\"prelude\":\">=6.0.0 <7.0.0\"}}"

static const char spago_yaml[] = "package:\n"
                                 "  name: demo\n"
                                 "  dependencies:\n"
                                 "    - prelude: \">=6.0.0 <7.0.0\"\n"
                                 "    - effect: \">=4.0.0 <5.0.0\"\n"
                                 "  publish:\n"
                                 "    version: 1.2.3\n"
                                 "    license: MIT\n"
                                 "    location: {githubOwner: some, githubRepo: thing}\n";

static int set_up(void **state) {
    (void)state;
    temporary_folder_make(&folder);
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    temporary_folder_remove(&folder);
    arena_release(&arena);
    return 0;
}

static void expect(const char *expected_file, const char *expected_line) {
    struct error err = {0};
    struct manifest manifest;
    struct text line = {0};
    const char *file_name;
    if (manifest_source_read(&manifest, &file_name, &arena, folder.path, &request, &err)) fail_msg("%s", err.message);
    assert_string_equal(file_name, expected_file);
    manifest_append_line(&line, &manifest);
    assert_string_equal(line.bytes, expected_line);
    text_release(&line);
}

static void expect_refusal(enum status expected, const char *path, const char *word) {
    struct error err = {0};
    struct manifest manifest;
    const char *file_name;
    assert_int_equal(manifest_source_read(&manifest, &file_name, &arena, folder.path, &request, &err), expected);
    assert_string_equal(err.path, path);
    if (!strstr(err.message, word)) fail_msg("\"%s\" says nothing of \"%s\"", err.message, word);
}

static void the_first_format_that_is_there_is_read(void **state) {
    (void)state;
    expect_refusal(STATUS_REFUSED, "", "There is no manifest");
    temporary_folder_write(&folder, "spago.dhall", "./env:HOME");
    expect_refusal(STATUS_REFUSED, "",
                   "Packages with a spago.dhall can no longer be published: add a spago.yaml or a purs.json");
    temporary_folder_write(&folder, "bower.json",
                           "{\"name\":\"purescript-demo\",\"version\":\"9.9.9\",\"license\":[\"MIT OR ISC\",\"GPL-3.0\"],"
                           "\"description\":\"old\",\"repository\":{},\"dependencies\":{\"purescript-prelude\":\"^6.0.0\","
                           "\"purescript-effect\":\"~4.0\"},\"devDependencies\":{\"purescript-spec\":\"*\"}}");
    expect("bower.json", "{\"name\":\"demo\",\"version\":\"1.2.3\",\"license\":\"(MIT OR ISC) AND GPL-3.0-only\","
                         "\"description\":\"old\",\"location\":{\"githubOwner\":\"some\",\"githubRepo\":\"thing\"},"
                         "\"ref\":\"v1.2.3\",\"dependencies\":{\"effect\":\">=4.0.0 <4.1.0\",\"prelude\":\">=6.0.0 <7.0.0\"}}");
    temporary_folder_write(&folder, "spago.yaml", spago_yaml);
    expect("spago.yaml", "{\"name\":\"demo\",\"version\":\"1.2.3\",\"license\":\"MIT\",\"location\":{\"githubOwner\":\"some\","
                         "\"githubRepo\":\"thing\"},\"ref\":\"v1.2.3\",\"dependencies\":{\"effect\":\">=4.0.0 <5.0.0\","
                         "\"prelude\":\">=6.0.0 <7.0.0\"}}");
    temporary_folder_write(&folder, "purs.json", PURS_JSON("demo", "1.2.3", "thing"));
    expect("purs.json", PURS_JSON("demo", "1.2.3", "thing"));
}

static void a_manifest_that_differs_from_the_request_is_refused(void **state) {
    (void)state;
    temporary_folder_write(&folder, "purs.json", PURS_JSON("other", "1.2.3", "thing"));
    expect_refusal(STATUS_REFUSED, "name", "called \"other\" in purs.json, but \"demo\" in the request");
    temporary_folder_write(&folder, "purs.json", PURS_JSON("demo", "1.2.4", "thing"));
    expect_refusal(STATUS_REFUSED, "version", "1.2.4 in purs.json, but 1.2.3 in the request");
    temporary_folder_write(&folder, "purs.json", PURS_JSON("demo", "1.2.3", "other"));
    expect_refusal(STATUS_REFUSED, "location", "some/other");
    temporary_folder_write(
        &folder, "purs.json",
        "{\"name\":\"demo\",\"version\":\"1.2.3\",\"license\":\"MIT\",\"location\":{\"githubOwner\":\"some\","
        "\"githubRepo\":\"thing\"},\"ref\":\"main\",\"dependencies\":{}}");
    expect_refusal(STATUS_REFUSED, "ref", "The ref is \"main\" in purs.json, but \"v1.2.3\" in the request.");
}

static void faults_name_the_file_and_the_field(void **state) {
    (void)state;
    temporary_folder_write(&folder, "purs.json", "{");
    expect_refusal(STATUS_INVALID, "", "The file purs.json is not valid JSON");
    temporary_folder_write(&folder, "purs.json", "{\"name\":\"demo\"}");
    expect_refusal(STATUS_INVALID, "version", "purs.json");
    temporary_folder_write(
        &folder, "purs.json",
        "{\"name\":\"demo\",\"version\":\"1.2.3\",\"license\":\"GPL-3.0\",\"location\":{\"githubOwner\":\"some\","
        "\"githubRepo\":\"thing\"},\"ref\":\"main\",\"dependencies\":{}}");
    expect_refusal(STATUS_INVALID, "license", "In purs.json, at license: The license identifier \"GPL-3.0\" is deprecated");
}

static void a_spago_yaml_is_blamed_where_the_fault_stands(void **state) {
    (void)state;
    static const struct {
        const char *from, *to, *path;
    } faults[] = {
        {"license: MIT", "license: GPL-3.0", "package.publish.license"},
        {"version: 1.2.3", "version: 1.2", "package.publish.version"},
        {"githubOwner: some", "githubOwner: some/thing", "package.publish.location.githubOwner"},
        {"name: demo", "name: Demo", "package.name"},
        {">=6.0.0 <7.0.0", "^6.0.0", "package.dependencies.prelude"},
        {"license: MIT", "license: MIT\n    include: docs", "package.publish.include"},
        {"license: MIT", "license: MIT\n    exclude: docs", "package.publish.exclude"},
        {"license: MIT", "license: MIT\n    owners: me", "package.publish.owners"},
    };
    for (size_t i = 0; i < sizeof faults / sizeof faults[0]; i++) {
        const char *place = strstr(spago_yaml, faults[i].from);
        const char *content = arena_format(&arena, "%.*s%s%s", (int)(place - spago_yaml), spago_yaml, faults[i].to,
                                           place + strlen(faults[i].from));
        temporary_folder_write(&folder, "spago.yaml", content);
        expect_refusal(STATUS_INVALID, faults[i].path, arena_format(&arena, "In spago.yaml, at %s: ", faults[i].path));
    }
}

static void old_manifests_that_cannot_be_used_are_refused(void **state) {
    (void)state;
    static const struct {
        const char *content, *path, *word;
    } faults[] = {
        {"{\"license\":\"MIT\"}", "name", "missing"},
        {"{\"name\":\"demo\"}", "license", "has no license"},
        {"{\"name\":\"demo\",\"license\":[]}", "license", "has no license"},
        {"{\"name\":\"demo\",\"license\":\"mine\"}", "license", "In bower.json, at license: \"mine\" is not"},
        {"{\"name\":\"demo\",\"license\":[\"mine\",7]}", "license",
         "In bower.json, at license: None of its entries is a license."},
        {"\xEF\xBB\xBF{\"name\":\"demo\"}", "", "begins with a byte order mark of UTF-8"},
        {"\xFF\xFE{", "", "begins with a byte order mark of UTF-16"},
        {"{\"name\":\"demo\",\"license\":\"MIT\",\"dependencies\":{\"purescript-aff\":\"*\"}}", "dependencies.purescript-aff",
         "In bower.json, at dependencies.purescript-aff: The range \"*\" has no upper bound"},
        {"{\"name\":\"demo\",\"license\":\"MIT\",\"dependencies\":{\"purescript-A\":\"^1.0.0\"}}", "dependencies.purescript-A",
         "purescript-A"},
        {"{\"name\":\"demo\",\"license\":\"MIT\",\"dependencies\":{\"aff\":\"1\",\"purescript-aff\":\"1\"}}", "dependencies",
         "twice"},
        {"[]", "", "must be an object"},
    };
    for (size_t i = 0; i < sizeof faults / sizeof faults[0]; i++) {
        temporary_folder_write(&folder, "bower.json", faults[i].content);
        expect_refusal(STATUS_INVALID, faults[i].path, faults[i].word);
    }
}

static void a_manifest_outside_of_the_package_is_not_read(void **state) {
    (void)state;
    temporary_folder_write(&folder, "spago.yaml", spago_yaml);
    temporary_folder_link(&folder, "purs.json", "/etc/passwd");
    expect_refusal(STATUS_REFUSED, "", "The file purs.json is a link, but no file of the repository is at its target.");
}

static void a_manifest_that_is_a_link_to_nothing_is_there_all_the_same(void **state) {
    (void)state;
    temporary_folder_write(&folder, "spago.yaml", spago_yaml);
    temporary_folder_link(&folder, "purs.json", "gone.json");
    expect_refusal(STATUS_REFUSED, "", "The file purs.json is a link, but no file of the repository is at its target.");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(the_first_format_that_is_there_is_read),
        TEST(a_manifest_that_differs_from_the_request_is_refused),
        TEST(faults_name_the_file_and_the_field),
        TEST(a_spago_yaml_is_blamed_where_the_fault_stands),
        TEST(old_manifests_that_cannot_be_used_are_refused),
        TEST(a_manifest_outside_of_the_package_is_not_read),
        TEST(a_manifest_that_is_a_link_to_nothing_is_there_all_the_same),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
