/* SPDX-License-Identifier: BSD-3-Clause
 *
 * A package's modules as the compiler finds them: files that it could not read, files that it ignores, and module names that
 * another package of the same build has.
 */
#include "tests/support/cmocka_all.h"

#include <string.h>

#include "lib/base/text.h"
#include "lib/source/module_clash.h"
#include "lib/source/source_walk.h"
#include "tests/support/temporary_folder.h"

static struct temporary_folder folder;
static struct arena arena;

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

static void write(const char *path, const char *content) {
    temporary_folder_write(&folder, path, content);
}

static enum status read_modules(struct source_modules *out, const char *const *paths, bool headers_may_fail,
                                struct error *err) {
    size_t count = 0;
    while (paths[count])
        count++;
    return source_modules_read(out, &arena, folder.path, paths, count, headers_may_fail, err);
}

static void expect_refused(const char *const *paths, bool headers_may_fail, const char *sentence) {
    struct source_modules modules;
    struct error err = {0};
    assert_int_equal(read_modules(&modules, paths, headers_may_fail, &err), STATUS_REFUSED);
    assert_string_equal(err.message, sentence);
}

static void files_that_the_compiler_takes_for_modules(void **state) {
    (void)state;
    static const char *const modules[] = {"src/A.purs", "src/a/b/C.purs", "src/A.b.purs", "src/A.purs.purs", "src/a/.b/A.purs"};
    static const char *const others[] = {"src/A.js",      "bench/A.purs", "A.purs",     "src/.A.purs",     "src/.a/A.purs",
                                         "src/a/.A.purs", "src/.purs",    "src/A.PURS", "src/A.purs.orig", "lib/src/A.purs"};
    for (size_t i = 0; i < sizeof modules / sizeof modules[0]; i++)
        assert_true(source_is_module(modules[i]));
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++)
        if (source_is_module(others[i])) fail_msg("%s", others[i]);
}

static void a_folder_with_a_modules_name_is_refused_by_name(void **state) {
    (void)state;
    static const char *const bad[] = {"src/A.purs/note", "src/a/B.purs/c/d", "src/A.purs/B.purs", "src/a/.b/C.purs/note"};
    static const char *const good[] = {"src/A.purs",         "docs/A.purs/note", "src/.A.purs/note", "src/a/.A.purs/note",
                                       "src/.a/B.purs/note", "src/purs/note",    "src/.purs/note"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_int_equal(source_check_folders(bad[i], NULL), STATUS_REFUSED);
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++)
        if (source_check_folders(good[i], NULL)) fail_msg("%s", good[i]);
    expect_refused(
        (const char *const[]){"src/a/B.purs/c/d", NULL}, false,
        "The folder src/a/B.purs has a name that ends in .purs: the compiler would read it as a module. Give it another name.");
}

static void a_foreign_module_that_is_no_text_is_refused_by_name(void **state) {
    (void)state;
    static const char *const paths[] = {"src/A.js", "src/A.purs", NULL};
    write("src/A.purs", "module A where\n\nforeign import a :: Int\n");
    write("src/A.js", "// a\n// caf\xE9\n");
    expect_refused(paths, false, "The foreign module src/A.js: The file is not UTF-8 text: line 2 has the byte 0xE9.");
    expect_refused(paths, true, "The foreign module src/A.js: The file is not UTF-8 text: line 2 has the byte 0xE9.");

    struct source_modules modules;
    struct error err = {0};
    write("src/A.js", "// caf\xC3\xA9\n");
    assert_int_equal(read_modules(&modules, paths, false, &err), STATUS_OK);
    write("src/A.js", "// caf\xE9\n");
    write("src/A.purs", "module A where\n"); /* not read by the compiler then */
    assert_int_equal(read_modules(&modules, paths, false, &err), STATUS_OK);
}

/* Compilers before 0.15.0 may have another syntax, but they read the same bytes. */
static void a_module_that_is_no_text_is_refused_whatever_the_compiler(void **state) {
    (void)state;
    static const char *const paths[] = {"bench/B.purs", "src/A.purs", NULL};
    write("bench/B.purs", "module B where\n");
    write("src/A.purs", "module A where\n-- \xFF\n");
    expect_refused(paths, false, "The file src/A.purs: The file is not UTF-8 text: line 2 has the byte 0xFF.");
    expect_refused(paths, true, "The file src/A.purs: The file is not UTF-8 text: line 2 has the byte 0xFF.");

    struct source_modules modules; /* a file that the compiler does not see only has a malformed header */
    struct error err = {0};
    write("src/A.purs", "module A where\n");
    write("bench/B.purs", "module B where\n-- \xFF\n");
    assert_int_equal(read_modules(&modules, paths, true, &err), STATUS_OK);
    assert_int_equal(modules.problem_count, 1);
}

static void a_folder_is_walked_as_the_compiler_walks_it(void **state) {
    (void)state;
    struct source_walk walk;
    struct error err = {0};
    write("p/src/B.purs", "");
    write("p/src/a/A.purs", "");
    write("p/src/A.js", "");
    write("p/src/.c/C.purs", "");
    write("p/src/.D.purs", "");
    write("p/src/a/.c/C.purs", "");
    write("p/test/E.purs", "");
    const char *package = arena_format(&arena, "%s/p", folder.path);
    assert_int_equal(source_walk_modules(&walk, &arena, package, &err), STATUS_OK);
    assert_int_equal(walk.count, 3);
    assert_string_equal(walk.paths[0], "src/B.purs");
    assert_string_equal(walk.paths[1], "src/a/.c/C.purs");
    assert_string_equal(walk.paths[2], "src/a/A.purs");
    write("p/src/F.purs/note", "");
    assert_int_equal(source_walk_modules(&walk, &arena, package, &err), STATUS_REFUSED);
    assert_non_null(strstr(err.message, "The folder src/F.purs has a name that ends in .purs"));
    assert_int_equal(walk.count, 3);
}

/* ---- One name in two packages ---- */

static enum status check_clash(struct error *err) {
    static const char *const own[] = {"bench/Bench.purs", "src/A.purs", "src/B.purs", NULL};
    struct source_modules modules;
    assert_int_equal(read_modules(&modules, own, false, err), STATUS_OK);
    const struct module_package packages[] = {{"maybe@6.0.0", arena_format(&arena, "%s/maybe-6.0.0", folder.path)},
                                              {"other@1.0.0", arena_format(&arena, "%s/other-1.0.0", folder.path)}};
    return module_clash_check(&modules, packages, 2, &arena, err);
}

static void a_module_that_another_package_has_is_refused_naming_both_files(void **state) {
    (void)state;
    struct error err = {0};
    write("bench/Bench.purs", "module Data.Maybe where\n"); /* the compiler does not see it */
    write("src/A.purs", "module A where\n");
    write("src/B.purs", "module B where\n");
    write("maybe-6.0.0/src/Data/Maybe.purs", "module Data.Maybe where\n");
    write("maybe-6.0.0/src/Old.purs", "old syntax\n");
    write("other-1.0.0/src/Other.purs", "module Other where\n");
    assert_int_equal(check_clash(&err), STATUS_OK);

    write("src/B.purs", "module {- mine -} Data.Maybe where\n");
    assert_int_equal(check_clash(&err), STATUS_REFUSED);
    assert_string_equal(
        err.message,
        "The module Data.Maybe is in src/B.purs, and also in its dependency maybe@6.0.0, in src/Data/Maybe.purs. Two modules "
        "with the same name cannot be compiled together: rename yours, or remove it and depend on that package.");

    write("src/B.purs", "module DATA.MAYBE where\n"); /* the compiler tells them apart */
    assert_int_equal(check_clash(&err), STATUS_OK);

    write("other-1.0.0/src/Maybe.purs", "module Data.Maybe where\n");
    assert_int_equal(check_clash(&err), STATUS_REFUSED);
    assert_string_equal(err.message, "The module Data.Maybe is in two dependencies of this package: in src/Data/Maybe.purs of "
                                     "maybe@6.0.0 and in src/Maybe.purs of other@1.0.0. Two modules with the same name cannot "
                                     "be compiled together: depend on other versions, or on only one of them.");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(files_that_the_compiler_takes_for_modules),
        TEST(a_folder_with_a_modules_name_is_refused_by_name),
        TEST(a_foreign_module_that_is_no_text_is_refused_by_name),
        TEST(a_module_that_is_no_text_is_refused_whatever_the_compiler),
        TEST(a_folder_is_walked_as_the_compiler_walks_it),
        TEST(a_module_that_another_package_has_is_refused_naming_both_files),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
