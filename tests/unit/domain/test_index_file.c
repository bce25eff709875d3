/* SPDX-License-Identifier: BSD-3-Clause */
#include "tests/support/cmocka_all.h"

#include <stdlib.h>
#include <string.h>

#include "lib/base/arena.h"
#include "lib/base/text.h"
#include "lib/domain/registry/index_file.h"

#define REST "\"license\":\"MIT\",\"location\":{\"githubOwner\":\"o\",\"githubRepo\":\"r\"},\"ref\":\"v\",\"dependencies\":{}}"
#define LINE(version) "{\"name\":\"aff\",\"version\":\"" version "\"," REST "\n"

/* The same manifest in another spelling, as another program may have written it. */
static const char odd_line[] = "{\"version\":\"2.0.0\", \"name\":\"aff\"," REST "\n";

static struct arena arena;

static int release_arena(void **state) {
    (void)state;
    arena_release(&arena);
    return 0;
}

static struct manifest manifest_of(const char *line) {
    struct manifest manifest;
    assert_int_equal(manifest_parse(&manifest, line, strlen(line), "The test", &arena, NULL), STATUS_OK);
    return manifest;
}

static void assert_put(const char *before, const char *line, const char *after) {
    struct text out = {0};
    struct manifest manifest = manifest_of(line);
    assert_int_equal(index_file_put(&out, before, strlen(before), &manifest, NULL), STATUS_OK);
    assert_string_equal(text_view(&out), after);
    text_release(&out);
}

static void a_path_is_made_of_the_names_first_letters(void **state) {
    (void)state;
    static const char *const rows[][2] = {{"a", "1/a"},
                                          {"ab", "2/ab"},
                                          {"aff", "3/a/aff"},
                                          {"pipe", "pi/pe/pipe"},
                                          {"prelude", "pr/el/prelude"},
                                          {"a-b-c", "a-/b-/a-b-c"}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char path[INDEX_PATH_MAX];
        index_file_path(rows[i][0], path);
        assert_string_equal(path, rows[i][1]);
        assert_string_equal(index_file_package(path), rows[i][0]);
    }
}

static void other_files_are_no_entries(void **state) {
    (void)state;
    static const char *const paths[] = {"README.md", "config.json", "prelude", "pr/el/aff",
                                        "3/b/aff",   "3/a/aff/x",   "1/",      ".git/config"};
    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++)
        assert_null(index_file_package(paths[i]));
}

static void manifests_come_sorted_by_version(void **state) {
    (void)state;
    static const char file[] = LINE("10.0.0") LINE("2.0.0") LINE("9.0.0");
    struct manifest *manifests;
    size_t count;
    assert_int_equal(index_file_parse(&manifests, &count, "aff", file, strlen(file), &arena, NULL), STATUS_OK);
    assert_int_equal(count, 3);
    assert_int_equal(manifests[0].version.major, 2);
    assert_int_equal(manifests[1].version.major, 9);
    assert_int_equal(manifests[2].version.major, 10);
}

static void a_bad_line_is_told_by_package_and_number(void **state) {
    (void)state;
    static const char *const files[] = {
        LINE("1.0.0") "{\n",
        LINE("1.0.0") "{\"name\":\"eff\",\"version\":\"2.0.0\"," REST "\n",
        LINE("1.0.0") LINE("1.0"),
    };
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        struct manifest *manifests;
        size_t count;
        struct error err = {0};
        struct text out = {0};
        assert_int_equal(index_file_parse(&manifests, &count, "aff", files[i], strlen(files[i]), &arena, &err), STATUS_INVALID);
        assert_non_null(strstr(err.message, "Manifest 2 in the index file of \"aff\""));
        struct manifest manifest = manifest_of(LINE("3.0.0"));
        assert_int_equal(index_file_put(&out, files[i], strlen(files[i]), &manifest, &err), STATUS_INVALID);
        text_release(&out);
    }
}

static void a_description_that_spago_cannot_read_is_not_written(void **state) {
    (void)state;
    struct manifest manifest = manifest_of(LINE("3.0.0"));
    struct text out = {0};
    struct error err = {0};
    char description[302] = "";
    memset(description, 'x', 301);
    manifest.description = description;
    assert_int_equal(index_file_put(&out, "", 0, &manifest, &err), STATUS_INVALID);
    assert_string_equal(err.path, "description");
    assert_int_equal(out.length, 0);
    description[300] = '\0';
    assert_int_equal(index_file_put(&out, "", 0, &manifest, &err), STATUS_OK);
    text_release(&out);
}

static void a_version_twice_is_refused(void **state) {
    (void)state;
    static const char file[] = LINE("1.0.0") LINE("1.0.0");
    struct manifest *manifests;
    size_t count;
    assert_int_equal(index_file_parse(&manifests, &count, "aff", file, strlen(file), &arena, NULL), STATUS_INVALID);
}

static void a_manifest_is_put_in_its_place(void **state) {
    (void)state;
    assert_put("", LINE("1.0.0"), LINE("1.0.0"));
    assert_put(LINE("1.0.0"), LINE("2.0.0"), LINE("1.0.0") LINE("2.0.0"));
    assert_put(LINE("2.0.0") LINE("10.0.0"), LINE("9.0.0"), LINE("2.0.0") LINE("9.0.0") LINE("10.0.0"));
    assert_put(LINE("2.0.0"), LINE("1.0.0"), LINE("1.0.0") LINE("2.0.0"));
}

static void a_line_of_the_same_version_is_replaced(void **state) {
    (void)state;
    assert_put(odd_line, LINE("2.0.0"), LINE("2.0.0"));
    assert_put(LINE("1.0.0") LINE("2.0.0") LINE("3.0.0"), LINE("2.0.0"), LINE("1.0.0") LINE("2.0.0") LINE("3.0.0"));
}

static void other_lines_keep_their_bytes(void **state) {
    (void)state;
    struct text expected = {0};
    text_append_format(&expected, "%s%s", odd_line, LINE("3.0.0"));
    assert_put(odd_line, LINE("3.0.0"), text_view(&expected));
    text_release(&expected);
}

static void a_missing_last_newline_is_mended(void **state) {
    (void)state;
    char before[] = LINE("1.0.0");
    before[strlen(before) - 1] = '\0';
    assert_put(before, LINE("2.0.0"), LINE("1.0.0") LINE("2.0.0"));
}

static void removing_the_last_version_leaves_nothing(void **state) {
    (void)state;
    static const char file[] = LINE("1.0.0") LINE("2.0.0");
    struct text out = {0};
    assert_int_equal(index_file_remove(&out, "aff", file, strlen(file), (struct version){1, 0, 0}, NULL), STATUS_OK);
    assert_string_equal(text_view(&out), LINE("2.0.0"));
    char *rest = strdup(out.bytes);
    text_clear(&out);
    assert_int_equal(index_file_remove(&out, "aff", rest, strlen(rest), (struct version){2, 0, 0}, NULL), STATUS_OK);
    assert_int_equal(out.length, 0);
    struct error err = {0};
    assert_int_equal(index_file_remove(&out, "aff", rest, strlen(rest), (struct version){3, 0, 0}, &err), STATUS_NOT_FOUND);
    assert_string_equal(err.message, "The index has no manifest of aff@3.0.0.");
    free(rest);
    text_release(&out);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_path_is_made_of_the_names_first_letters),
        cmocka_unit_test(other_files_are_no_entries),
        cmocka_unit_test(manifests_come_sorted_by_version),
        cmocka_unit_test(a_bad_line_is_told_by_package_and_number),
        cmocka_unit_test(a_description_that_spago_cannot_read_is_not_written),
        cmocka_unit_test(a_version_twice_is_refused),
        cmocka_unit_test(a_manifest_is_put_in_its_place),
        cmocka_unit_test(a_line_of_the_same_version_is_replaced),
        cmocka_unit_test(other_lines_keep_their_bytes),
        cmocka_unit_test(a_missing_last_newline_is_mended),
        cmocka_unit_test(removing_the_last_version_leaves_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, release_arena);
}
