/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The files of the mirror of package sets.
 */
#include "tests/support/cmocka_all.h"

#include <string.h>

#include "lib/base/text.h"
#include "lib/domain/registry/manifest_index.h"
#include "lib/domain/set/set_mirror.h"
#include "tests/support/small_registry.h"

struct scene {
    struct arena arena;
    struct manifest_index *index;
    struct package_set set;
    struct set_members members;
    struct set_mirror mirror;
};

static void add_package(struct manifest_index *index, const char *name, const char *location, const char *dependencies) {
    struct text line = {0}, metadata = {0};
    text_append_format(&line,
                       "{\"name\":\"%s\",\"version\":\"1.0.0\",\"license\":\"MIT\",\"location\":{%s},\"ref\":\"v1.0.0\","
                       "\"dependencies\":{%s}}\n",
                       name, location, dependencies);
    text_append_format(&metadata,
                       "{\"location\":{%s},\"published\":{\"1.0.0\":{\"bytes\":1,\"compilers\":[\"0.15.15\"],\"hash\":"
                       "\"sha256-47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\",\"publishedTime\":"
                       "\"2026-07-25T15:11:12.686Z\",\"ref\":\"v1.0.0\"}},\"unpublished\":{}}",
                       location);
    assert_int_equal(manifest_index_set_manifests(index, name, text_view(&line), line.length, NULL), STATUS_OK);
    assert_int_equal(manifest_index_set_metadata(index, name, text_view(&metadata), metadata.length, NULL), STATUS_OK);
    text_release(&line);
    text_release(&metadata);
}

static void enter(struct scene *s, const char *set_text) {
    *s = (struct scene){.index = manifest_index_create()};
    add_package(s->index, "assert", "\"githubOwner\":\"o\",\"githubRepo\":\"purescript-assert\"", "");
    add_package(s->index, "zip", "\"gitUrl\":\"https://example.org/zip.git\"",
                "\"assert\":\">=1.0.0 <2.0.0\",\"maybe\":\">=1.0.0 <2.0.0\"");
    add_package(s->index, "maybe", "\"githubOwner\":\"o\",\"githubRepo\":\"all\",\"subdir\":\"maybe\"", "");
    add_package(s->index, "3d", "\"githubOwner\":\"o\",\"githubRepo\":\"3d\"", "\"assert\":\">=1.0.0 <2.0.0\"");
    s->set = small_package_set(set_text, &s->arena);
    set_members_read(&s->members, s->index, &s->set, &s->arena);
    set_mirror_make(&s->mirror, &s->members, &s->arena);
}

static void leave(struct scene *s) {
    manifest_index_free(s->index);
    arena_release(&s->arena);
}

static void prints_packages_json(void **state) {
    (void)state;
    struct scene s;
    struct text text = {0};
    enter(&s, "assert 1.0.0 3d 1.0.0");
    set_mirror_append_json(&text, &s.mirror);
    assert_string_equal(text_view(&text),
                        "{\n"
                        "  \"3d\": {\n    \"dependencies\": [\n      \"assert\"\n    ],\n"
                        "    \"repo\": \"https://github.com/o/3d.git\",\n    \"version\": \"v1.0.0\"\n  },\n"
                        "  \"assert\": {\n    \"dependencies\": [],\n"
                        "    \"repo\": \"https://github.com/o/purescript-assert.git\",\n    \"version\": \"v1.0.0\"\n  },\n"
                        "  \"metadata\": {\n    \"dependencies\": [],\n"
                        "    \"repo\": \"https://github.com/purescript/purescript-metadata.git\",\n"
                        "    \"version\": \"v0.15.15\"\n  }\n}\n");
    text_release(&text);
    leave(&s);
}

static void prints_dhall(void **state) {
    (void)state;
    struct scene s;
    struct text text = {0};
    enter(&s, "assert 1.0.0 3d 1.0.0");
    set_mirror_append_dhall(&text, &s.mirror);
    assert_string_equal(text_view(&text),
                        "{ `3d` =\n  { dependencies =\n    [ \"assert\"\n    ]\n"
                        "  , repo = \"https://github.com/o/3d.git\"\n  , version = \"v1.0.0\"\n  }\n"
                        ", `assert` =\n  { dependencies = [] : List Text\n"
                        "  , repo = \"https://github.com/o/purescript-assert.git\"\n  , version = \"v1.0.0\"\n  }\n"
                        ", metadata =\n  { dependencies = [] : List Text\n"
                        "  , repo = \"https://github.com/purescript/purescript-metadata.git\"\n"
                        "  , version = \"v0.15.15\"\n  }\n}\n");
    text_release(&text);
    leave(&s);
}

static void leaves_out_folders_and_their_dependants(void **state) {
    (void)state;
    struct scene s;
    enter(&s, "assert 1.0.0 maybe 1.0.0 zip 1.0.0");
    assert_int_equal(s.mirror.left_out_count, 2);
    assert_string_equal(set_members_name(&s.members, s.mirror.left_out[0]), "maybe");
    assert_string_equal(set_members_name(&s.members, s.mirror.left_out[1]), "zip");
    assert_int_equal(s.mirror.package_count, 2);
    leave(&s);
}

static void assert_latest(const char *content, const char *expected) {
    struct text text = {0};
    char tag[SET_TAG_MAX];
    const struct version compiler = {0, 15, 15};
    set_mirror_print_tag(compiler, "2026-08-18", tag);
    assert_string_equal(tag, "psc-0.15.15-20260818");
    assert_int_equal(set_mirror_append_latest(&text, content, content ? strlen(content) : 0, compiler, tag, NULL), STATUS_OK);
    assert_string_equal(text_view(&text), expected);
    text_release(&text);
}

static void the_latest_set_of_a_compiler_is_never_lowered(void **state) {
    (void)state;
    assert_latest(NULL, "{\n  \"0.15.15\": \"psc-0.15.15-20260818\"\n}\n");
    assert_latest("{\"0.13.0\": \"psc-0.13.0-20190713\"}",
                  "{\n  \"0.13.0\": \"psc-0.13.0-20190713\",\n  \"0.15.15\": \"psc-0.15.15-20260818\"\n}\n");
    assert_latest("{\"0.15.15\": \"psc-0.15.15-20260817-2\"}", "{\n  \"0.15.15\": \"psc-0.15.15-20260818\"\n}\n");
    assert_latest("{\"0.15.15\": \"psc-0.15.15-20260901\"}", "{\n  \"0.15.15\": \"psc-0.15.15-20260901\"\n}\n");
}

static void a_file_of_another_shape_is_refused(void **state) {
    (void)state;
    struct text text = {0};
    struct error err = {0};
    const struct version compiler = {0, 15, 15};
    assert_int_equal(set_mirror_append_latest(&text, "[]", 2, compiler, "psc", &err), STATUS_INVALID);
    assert_int_equal(set_mirror_append_latest(&text, "{\"0.15.15\": 1}", 14, compiler, "psc", &err), STATUS_INVALID);
    assert_string_equal(err.path, "0.15.15");
    assert_int_equal(text.length, 0);
    text_release(&text);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(prints_packages_json),
        cmocka_unit_test(prints_dhall),
        cmocka_unit_test(leaves_out_folders_and_their_dependants),
        cmocka_unit_test(the_latest_set_of_a_compiler_is_never_lowered),
        cmocka_unit_test(a_file_of_another_shape_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
