/* SPDX-License-Identifier: BSD-3-Clause */
#include "tests/support/cmocka_all.h"

#include <stdlib.h>
#include <string.h>

#include "lib/base/text.h"
#include "lib/domain/manifest.h"
#include "lib/source/glob.h"
#include "lib/source/package_files.h"
#include "lib/source/source_modules.h"
#include "lib/tools/archive.h"
#include "tests/support/temporary_folder.h"

static const struct globs none;
#define GLOBS(...)                                                                                                             \
    &(struct globs) {                                                                                                          \
        .items = (const char *[]){__VA_ARGS__}, .count = sizeof((const char *[]){__VA_ARGS__}) / sizeof(char *)                \
    }

static struct temporary_folder folder;
static struct arena arena;

static int set_up(void **state) {
    (void)state;
    temporary_folder_make(&folder);
    temporary_folder_write(&folder, "src/A.purs", "module A where\n");
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    temporary_folder_remove(&folder);
    arena_release(&arena);
    return 0;
}

static void write_all(const char *const *paths) {
    for (; *paths; paths++)
        temporary_folder_write(&folder, *paths, "");
}
#define WRITE(...) write_all((const char *const[]){__VA_ARGS__, NULL})

/* Expects these files, joined by blanks. */
static void expect(const struct globs *include, const struct globs *exclude, const char *expected) {
    struct error err = {0};
    struct package_files files;
    struct text joined = {0};
    if (package_files_select(&files, &arena, folder.path, include, exclude, &err)) fail_msg("%s", err.message);
    for (size_t i = 0; i < files.count; i++)
        text_append_format(&joined, "%s%s", i ? " " : "", files.paths[i]);
    assert_string_equal(joined.bytes, expected);
    text_release(&joined);
}

static void expect_refusal(const struct globs *include, const struct globs *exclude, const char *path, const char *word) {
    struct error err = {0};
    struct package_files files;
    assert_int_equal(package_files_select(&files, &arena, folder.path, include, exclude, &err), STATUS_REFUSED);
    assert_string_equal(err.path, path);
    if (!strstr(err.message, word)) fail_msg("\"%s\" says nothing of \"%s\"", err.message, word);
}

static void globs_match_as_written(void **state) {
    (void)state;
    static const struct {
        const char *glob, *path;
        bool matches;
    } rows[] = {
        {"a", "a", true},
        {"a", "b", false},
        {"a", "a/b", false},
        {"a/b", "a", false},
        {"*", "a", true},
        {"*", "a/b", false},
        {"*.js", "a.js", true},
        {"*.js", "a/a.js", false},
        {"**", "a", true},
        {"**", "a/b/c", true},
        {"**/*.js", "a.js", true},
        {"**/*.js", "a/b/c.js", true},
        {"**/*.js", "a/b.ts", false},
        {"a/**/b", "a/b", true},
        {"a/**/b", "a/x/y/b", true},
        {"a/**/b", "a/x/y/c", false},
        {"a/**", "a/b", true},
        {"a/**", "b/a", false},
        {"./a", "a", true},
        {"./a/./b", "a/b", true},
        {"a*c*e", "abcde", true},
        {"a*c*e", "abcd", false},
        {"a**e", "abe", true},
        {"a//b", "a/b", true},
        {"**/a/**/b", "x/a/y/a/z/b", true},
        {"**/a/*/b", "a/x/a/y/b", true},
        {"?", "a", false},
        {"[a]", "a", false},
        {"{a,b}", "a", false},
        {"a.b", "axb", false},
        {"**/**/a", "a", true},
        {"*a", "aaab", false},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        if (glob_matches(rows[i].glob, rows[i].path) != rows[i].matches) fail_msg("%s on %s", rows[i].glob, rows[i].path);
}

static void some_files_are_always_in(void **state) {
    (void)state;
    WRITE("src/A.js", "src/deep/er/B.purs", "purs.json", "spago.yaml", "spago.dhall", "packages.dhall", "bower.json",
          "package.json", "README.md", "readme", "LICENSE", "licence.txt", "LICENSE-MIT", "test/Main.purs", "docs/README.md",
          "CHANGELOG.md", "other.json", "spago.lock");
    static const char all[] =
        "LICENSE LICENSE-MIT README.md bower.json licence.txt package.json packages.dhall purs.json readme "
        "spago.dhall spago.yaml src/A.js src/A.purs src/deep/er/B.purs";
    expect(&none, &none, all);
    expect(&none, GLOBS("**"), all); /* cannot be excluded */
}

static void some_files_are_never_in(void **state) {
    (void)state;
    WRITE(".git/config", "CVS/a", "cvs/a", ".svn/a", ".hg/a", "_darcs/a", ".fossil", ".jj/a", ".pijul/a", ".psci",
          ".psci_modules/a", ".spago/a", "node_modules/a/b.js", "Node_Modules/a", "bower_components/a", "package-lock.json",
          "yarn.lock", "pnpm-lock.yaml", "a/.x.y.swp", "src/.A.purs.swp", "._a", "src/._A.purs", ".DS_Store", "src/.ds_store",
          "b/node_modules/c", "b/yarn.lock");
    expect(GLOBS("**"), &none, "b/node_modules/c b/yarn.lock src/A.purs"); /* folders and lock files at the root only */
}

static void globs_add_and_take_away(void **state) {
    (void)state;
    WRITE("docs/a.md", "docs/b.md", "docs/in/c.md", "assets/x.png", "CHANGELOG.md");
    expect(GLOBS("docs/*.md", "./CHANGELOG.md"), &none, "CHANGELOG.md docs/a.md docs/b.md src/A.purs");
    expect(GLOBS("docs/**", "nothing/**"), GLOBS("**/b.md"), "docs/a.md docs/in/c.md src/A.purs");
}

static void globs_that_cannot_be_used_are_refused(void **state) {
    (void)state;
    expect_refusal(GLOBS("docs", "!x"), &none, "includeFiles", "\"!\"");
    expect_refusal(GLOBS("../other/*"), &none, "includeFiles", "\"..\"");
    expect_refusal(GLOBS("a/../../b"), &none, "includeFiles", "\"..\"");
    expect_refusal(GLOBS("/etc/passwd"), &none, "includeFiles", "absolute");
    expect_refusal(&none, GLOBS(""), "excludeFiles", "empty");
    expect_refusal(&none, GLOBS("!x"), "excludeFiles", "\"!\"");
}

static void what_is_excluded_may_be_outside(void **state) {
    (void)state;
    WRITE("docs/a.md");
    expect(GLOBS("docs/*"), GLOBS("../docs/*", "/docs/a.md"), "docs/a.md src/A.purs");
}

static void links_to_the_outside_are_refused(void **state) {
    (void)state;
    temporary_folder_link(&folder, "data/passwd", "/etc/passwd");
    expect(&none, &none, "src/A.purs");
    expect(GLOBS("data/*"), GLOBS("data/passwd"), "src/A.purs");
    expect_refusal(GLOBS("data/*"), &none, "includeFiles", "data/passwd");
    temporary_folder_link(&folder, "src/B.purs", "../../outside.purs");
    expect_refusal(&none, &none, "", "src/B.purs");
}

static void a_folder_reached_by_a_link_is_not_walked(void **state) {
    (void)state;
    temporary_folder_link(&folder, "loop", ".");
    temporary_folder_link(&folder, "etc", "/etc");
    expect(GLOBS("nothing"), &none, "src/A.purs");
    expect_refusal(GLOBS("**"), &none, "includeFiles", "is a link");
    temporary_folder_link(&folder, "src/all", "..");
    expect_refusal(&none, &none, "", "src/all");
}

static void links_inside_are_followed_and_stray_licences_left_out(void **state) {
    (void)state;
    struct error err = {0};
    struct package_files files;
    WRITE("docs/README.md");
    temporary_folder_link(&folder, "README.md", "docs/README.md");
    temporary_folder_link(&folder, "LICENSE", "../LICENSE");
    expect(&none, &none, "README.md src/A.purs");
    assert_int_equal(package_files_select(&files, &arena, folder.path, &none, &none, &err), STATUS_OK);
    assert_int_equal(files.left_out_count, 1);
    assert_string_equal(files.left_out[0], "LICENSE");
}

static void a_source_without_modules_is_refused(void **state) {
    (void)state;
    struct temporary_folder empty;
    struct error err = {0};
    struct package_files files;
    temporary_folder_make(&empty);
    temporary_folder_write(&empty, "A.purs", "module A where\n");
    temporary_folder_write(&empty, "src/A.js", "");
    assert_int_equal(package_files_select(&files, &arena, empty.path, &none, &none, &err), STATUS_REFUSED);
    assert_string_equal(err.message, "The package has no .purs file in its folder src/.");
    temporary_folder_remove(&empty);
}

static void the_tarball_has_the_printed_manifest(void **state) {
    (void)state;
    struct error err = {0};
    struct package_files files;
    struct text packed = {0}, again = {0}, content = {0};
    static const struct archive_limits limits = {.bytes = 100000, .entries = 100};
    assert_int_equal(package_files_select(&files, &arena, folder.path, &none, &none, &err), STATUS_OK);
    assert_int_equal(package_files_pack(&packed, folder.path, &files, "a-1.0.0", "printed\n", 100000, &err), STATUS_OK);
    temporary_folder_write(&folder, "purs.json", "as it was written");
    assert_int_equal(package_files_select(&files, &arena, folder.path, &none, &none, &err), STATUS_OK);
    assert_int_equal(package_files_pack(&again, folder.path, &files, "a-1.0.0", "printed\n", 100000, &err), STATUS_OK);
    assert_int_equal(packed.length, again.length);
    assert_memory_equal(packed.bytes, again.bytes, packed.length);
    assert_int_equal(archive_read_file(&content, packed.bytes, packed.length, "a-1.0.0", "purs.json", &limits, &err),
                     STATUS_OK);
    assert_string_equal(content.bytes, "printed\n");
    text_release(&packed);
    text_release(&again);
    text_release(&content);
}

static void a_tarball_has_its_size(void **state) {
    (void)state;
    struct error err = {0};
    assert_int_equal(package_files_check_size(29, &err), STATUS_REFUSED);
    assert_string_equal(err.message, "Packing failed: the tarball has only 29 bytes.");
    assert_int_equal(package_files_check_size(30, &err), STATUS_OK);
    assert_int_equal(package_files_check_size(2000000, &err), STATUS_OK);
    assert_int_equal(package_files_check_size(2000001, &err), STATUS_REFUSED);
}

/* source_modules_read(), on the same folder. */
static void expect_modules(bool headers_may_fail, enum status expected, size_t problem_count, const char *word) {
    struct error err = {0};
    struct source_modules modules;
    static const char *const paths[] = {"bench/C.purs", "bench/D.purs", "src/A.js", "src/A.purs", "src/B.purs"};
    assert_int_equal(source_modules_read(&modules, &arena, folder.path, paths, 5, headers_may_fail, &err), expected);
    assert_int_equal(modules.problem_count, problem_count);
    if (expected && !strstr(err.message, word)) fail_msg("\"%s\" says nothing of \"%s\"", err.message, word);
    if (!expected) assert_string_equal(modules.names[modules.count - 1], word);
}

static void module_names_are_checked(void **state) {
    (void)state;
    temporary_folder_write(&folder, "bench/C.purs", "module A where\n"); /* the compiler never sees these two */
    temporary_folder_write(&folder, "bench/D.purs", "module A where\n");
    temporary_folder_write(&folder, "src/B.purs", "module B.C where\n");
    expect_modules(false, STATUS_OK, 0, "B.C");
    temporary_folder_write(&folder, "src/B.purs", "module Main where\n");
    expect_modules(false, STATUS_REFUSED, 0, "src/B.purs has a module called Main");
    expect_modules(true, STATUS_REFUSED, 0, "Main");
    temporary_folder_write(&folder, "src/B.purs", "module Test.Main where\n");
    expect_modules(false, STATUS_REFUSED, 0, "Test.Main");
    temporary_folder_write(&folder, "src/B.purs", "module A where\n");
    expect_modules(false, STATUS_REFUSED, 0, "The module A is in two files: src/A.purs and src/B.purs.");
    temporary_folder_write(&folder, "src/B.purs", "");
    expect_modules(false, STATUS_REFUSED, 1, "The file src/B.purs: The module header does not parse");
    expect_modules(true, STATUS_OK, 1, "A"); /* old syntax for old compilers */
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(globs_match_as_written),
        TEST(some_files_are_always_in),
        TEST(some_files_are_never_in),
        TEST(globs_add_and_take_away),
        TEST(globs_that_cannot_be_used_are_refused),
        TEST(what_is_excluded_may_be_outside),
        TEST(links_to_the_outside_are_refused),
        TEST(a_folder_reached_by_a_link_is_not_walked),
        TEST(links_inside_are_followed_and_stray_licences_left_out),
        TEST(a_source_without_modules_is_refused),
        TEST(the_tarball_has_the_printed_manifest),
        TEST(a_tarball_has_its_size),
        TEST(module_names_are_checked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
