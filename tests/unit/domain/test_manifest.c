/* SPDX-License-Identifier: BSD-3-Clause */
#include "tests/support/cmocka_all.h"

#include <string.h>

#include "lib/base/arena.h"
#include "lib/base/text.h"
#include "lib/domain/package/manifest.h"
#include "lib/domain/registry/index_file.h"

static struct arena arena;

static int release_arena(void **state) {
    (void)state;
    arena_release(&arena);
    return 0;
}

static const char full_line[] =
    "{\"name\":\"a\",\"version\":\"1.2.3\",\"license\":\"MIT\",\"description\":\"Says "
    "\\\"\xC3\xA4\\\"\",\"location\":{\"githubOwner\":\"o\","
    "\"githubRepo\":\"r\",\"subdir\":\"s\"},\"ref\":\"v1.2.3\",\"owners\":[{\"keytype\":\"ssh-ed25519\",\"public\":"
    "\"AAAAC3NzaC1lZDI1NTE5AAAAIFO1kn/983377PaE6JQO9UoiJ67ZZWNZxyouUVkhJYKd\"}],\"includeFiles\":[\"x/**\"],\"excludeFiles\":"
    "[\"x/y\"],\"dependencies\":{\"b\":\">=1.0.0 <2.0.0\",\"b-c\":\">=0.1.0 <0.2.0\"}}";

static const char full_file[] = "{\n"
                                "  \"name\": \"a\",\n"
                                "  \"version\": \"1.2.3\",\n"
                                "  \"license\": \"MIT\",\n"
                                "  \"description\": \"Says \\\"\xC3\xA4\\\"\",\n"
                                "  \"location\": {\n"
                                "    \"githubOwner\": \"o\",\n"
                                "    \"githubRepo\": \"r\",\n"
                                "    \"subdir\": \"s\"\n"
                                "  },\n"
                                "  \"ref\": \"v1.2.3\",\n"
                                "  \"owners\": [\n"
                                "    {\n"
                                "      \"keytype\": \"ssh-ed25519\",\n"
                                "      \"public\": \"AAAAC3NzaC1lZDI1NTE5AAAAIFO1kn/983377PaE6JQO9UoiJ67ZZWNZxyouUVkhJYKd\"\n"
                                "    }\n"
                                "  ],\n"
                                "  \"includeFiles\": [\n"
                                "    \"x/**\"\n"
                                "  ],\n"
                                "  \"excludeFiles\": [\n"
                                "    \"x/y\"\n"
                                "  ],\n"
                                "  \"dependencies\": {\n"
                                "    \"b\": \">=1.0.0 <2.0.0\",\n"
                                "    \"b-c\": \">=0.1.0 <0.2.0\"\n"
                                "  }\n"
                                "}\n";

static struct manifest parsed(const char *text) {
    struct manifest manifest;
    struct error err = {0};
    if (manifest_parse(&manifest, text, strlen(text), "The test", &arena, &err)) fail_msg("%s: %s", err.path, err.message);
    return manifest;
}

/* A manifest with this field, and a valid value of every other required one. */
static const char *with_field(const char *key, const char *value) {
    static const char *const fields[][2] = {
        {"name", "\"a\""},      {"version", "\"1.0.0\""},
        {"license", "\"MIT\""}, {"location", "{\"githubOwner\":\"o\",\"githubRepo\":\"r\"}"},
        {"ref", "\"v1.0.0\""},  {"dependencies", "{}"}};
    struct text text = {0};
    text_append_format(&text, "{\"%s\":%s", key, value);
    for (size_t i = 0; i < sizeof fields / sizeof *fields; i++)
        if (!text_equal(fields[i][0], key)) text_append_format(&text, ",\"%s\":%s", fields[i][0], fields[i][1]);
    text_append(&text, "}");
    const char *copy = arena_copy(&arena, text_view(&text));
    text_release(&text);
    return copy;
}

static void both_forms_print_as_they_were_read(void **state) {
    (void)state;
    struct manifest manifest = parsed(full_file);
    struct text line = {0}, file = {0};
    manifest_append_line(&line, &manifest);
    manifest_append_file(&file, &manifest);
    assert_string_equal(text_view(&line), full_line);
    assert_string_equal(text_view(&file), full_file);
    assert_int_equal(manifest_check_new(&manifest, NULL), STATUS_OK);
    text_release(&line);
    text_release(&file);
}

static void an_unsorted_one_with_more_keys_is_the_same(void **state) {
    (void)state;
    struct manifest a = parsed(with_field("dependencies", "{\"b\":\">=1.0.0 <2.0.0\",\"c\":\">=1.0.0 <2.0.0\"}"));
    struct manifest b = parsed(with_field("dependencies", "{\"c\":\">=1.0.0 <2.0.0\",\"b\":\">=1.0.0 <2.0.0\"}"));
    struct manifest c = parsed(with_field("dependencies", "{\"c\":\">=1.0.0 <2.0.1\",\"b\":\">=1.0.0 <2.0.0\"}"));
    struct manifest d = parsed(with_field("somethingElse", "[1,2]"));
    struct manifest e = parsed(with_field("description", "null"));
    assert_true(manifest_equal(&a, &b));
    assert_false(manifest_equal(&a, &c));
    assert_true(manifest_equal(&d, &e));
}

static void a_bad_field_is_named_by_its_path(void **state) {
    (void)state;
    static const struct {
        const char *key, *value, *path;
    } rows[] = {
        {"name", "\"A\"", "name"},
        {"name", "null", "name"},
        {"version", "\"v1.0.0\"", "version"},
        {"license", "7", "license"},
        {"description", "7", "description"},
        {"location", "{}", "location"},
        {"location", "{\"githubOwner\":\"o\"}", "location.githubRepo"},
        {"ref", "{}", "ref"},
        {"owners", "[]", "owners"},
        {"owners", "[{\"keytype\":\"k\"}]", "owners[0].public"},
        {"includeFiles", "[]", "includeFiles"},
        {"includeFiles", "[7]", "includeFiles"},
        {"excludeFiles", "\"x\"", "excludeFiles"},
        {"dependencies", "[]", "dependencies"},
        {"dependencies", "{\"b\":\"1.0.0\"}", "dependencies.b"},
        {"dependencies", "{\"b\":1}", "dependencies.b"},
        {"dependencies", "{\"B\":\">=1.0.0 <2.0.0\"}", "dependencies"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct manifest manifest;
        struct error err = {0};
        const char *text = with_field(rows[i].key, rows[i].value);
        assert_int_equal(manifest_parse(&manifest, text, strlen(text), "The test", &arena, &err), STATUS_INVALID);
        assert_string_equal(err.path, rows[i].path);
    }
}

static void old_data_is_read_and_refused_as_new(void **state) {
    (void)state;
    static const struct {
        const char *key, *value, *path;
    } rows[] = {
        {"license", "\"GPL-3.0\"", "license"},
        {"license", "\"Public Domain\"", "license"},
        {"location", "{\"gitUrl\":\"ssh://a/b\"}", "location.gitUrl"},
        {"owners", "[{\"keytype\":\"ssh-rsa\",\"public\":\"AAAA\"}]", "owners[0].public"},
        {"includeFiles", "[\"x\",\"\"]", "includeFiles"},
        {"excludeFiles", "[\"\"]", "excludeFiles"},
        {"dependencies", "{\"a\":\">=1.0.0 <2.0.0\"}", "dependencies.a"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct manifest manifest = parsed(with_field(rows[i].key, rows[i].value));
        struct error err = {0};
        assert_int_equal(manifest_check_new(&manifest, &err), STATUS_INVALID);
        assert_string_equal(err.path, rows[i].path);
    }
}

static void an_index_file_that_released_clients_cannot_read_is_not_written(void **state) {
    (void)state;
    static const struct {
        const char *key, *value, *path;
    } rows[] = {
        {"license", "\"MIT OR WordNet\"", "license"},
        {"license", "\"Public Domain\"", "license"},
        {"includeFiles", "[\"\"]", "includeFiles"},
        {"excludeFiles", "[\"x\",\"\"]", "excludeFiles"},
    };
    struct text out = {0};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct manifest manifest = parsed(with_field(rows[i].key, rows[i].value));
        struct error err = {0};
        assert_int_equal(index_file_put(&out, "", 0, &manifest, &err), STATUS_INVALID);
        assert_string_equal(err.path, rows[i].path);
    }
    assert_int_equal(out.length, 0);
    struct manifest old = parsed(with_field("license", "\"GPL-3.0\""));
    assert_int_equal(index_file_put(&out, "", 0, &old, NULL), STATUS_OK); /* refused as new, but clients read it */
    text_release(&out);
}

/* Released spagos cannot read an index file with a longer description. */
static void a_description_of_more_than_300_characters_is_refused(void **state) {
    (void)state;
    struct manifest manifest = parsed(with_field("ref", "\"v1\""));
    struct text text = {0};
    for (int i = 0; i < 300; i++)
        text_append(&text, "\xF0\x9F\x98\x80");
    manifest.description = text_view(&text);
    assert_int_equal(manifest_check_new(&manifest, NULL), STATUS_OK);
    text_append(&text, "x");
    manifest.description = text_view(&text);
    struct error err = {0};
    assert_int_equal(manifest_check_new(&manifest, &err), STATUS_INVALID);
    assert_string_equal(err.path, "description");
    assert_non_null(strstr(err.message, "has 301 characters, but package managers read no more than 300"));
    text_release(&text);
}

static void a_range_that_includes_nothing_is_refused(void **state) {
    (void)state;
    struct manifest manifest = parsed(with_field("ref", "\"v1\""));
    struct version last = {VERSION_NUMBER_MAX, VERSION_NUMBER_MAX, VERSION_NUMBER_MAX};
    struct dependency dependency = {"b", range_exact(last)};
    manifest.dependencies = &dependency;
    manifest.dependency_count = 1;
    assert_int_equal(manifest_check_new(&manifest, NULL), STATUS_INVALID);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(both_forms_print_as_they_were_read),
        cmocka_unit_test(an_unsorted_one_with_more_keys_is_the_same),
        cmocka_unit_test(a_bad_field_is_named_by_its_path),
        cmocka_unit_test(old_data_is_read_and_refused_as_new),
        cmocka_unit_test(an_index_file_that_released_clients_cannot_read_is_not_written),
        cmocka_unit_test(a_description_of_more_than_300_characters_is_refused),
        cmocka_unit_test(a_range_that_includes_nothing_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, release_arena);
}
