/* SPDX-License-Identifier: BSD-3-Clause */
#include "tests/support/cmocka_all.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/text.h"
#include "lib/domain/package/manifest.h"
#include "lib/source/glob.h"
#include "lib/source/package_files.h"
#include "lib/source/source_modules.h"
#include "lib/tools/archive/archive.h"
#include "lib/tools/git/git_checkout.h"
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
    expect_refusal(GLOBS("@(a|b)"), &none, "includeFiles", "a parenthesis");
    expect_refusal(GLOBS("../other/*"), &none, "includeFiles", "\"..\"");
    expect_refusal(GLOBS("a/../../b"), &none, "includeFiles", "\"..\"");
    expect_refusal(GLOBS("/etc/passwd"), &none, "includeFiles", "absolute");
    expect_refusal(&none, GLOBS(""), "excludeFiles", "empty");
    expect_refusal(&none, GLOBS("!x"), "excludeFiles", "\"!\"");
}

static void excluded_links_may_lead_outside(void **state) {
    (void)state;
    WRITE("docs/a.md");
    expect(GLOBS("docs/*"), GLOBS("../docs/*", "/docs/a.md"), "docs/a.md src/A.purs");
}

/* ---- Links ---- */

static void expect_warning(const struct globs *include, const struct globs *exclude, const char *sentence) {
    struct error err = {0};
    struct package_files files;
    if (package_files_select(&files, &arena, folder.path, include, exclude, &err)) fail_msg("%s", err.message);
    for (size_t i = 0; i < files.warning_count; i++)
        if (strcmp(files.warnings[i], sentence) == 0) return;
    fail_msg("no \"%s\" among %zu warnings, the first of which is \"%s\"", sentence, files.warning_count,
             files.warning_count ? files.warnings[0] : "");
}

static void expect_no_warning(const struct globs *include, const struct globs *exclude) {
    struct error err = {0};
    struct package_files files;
    if (package_files_select(&files, &arena, folder.path, include, exclude, &err)) fail_msg("%s", err.message);
    if (files.warning_count) fail_msg("a warning: %s", files.warnings[0]);
}

/* The target of a link in the package is examined only if it would be packed. */
static void links_out_of_the_repository_are_refused_where_they_are_packed(void **state) {
    (void)state;
    temporary_folder_link(&folder, "data/passwd", "/etc/passwd");
    expect(&none, &none, "src/A.purs");
    expect(GLOBS("data/*"), GLOBS("data/passwd"), "src/A.purs");
    expect_refusal(GLOBS("data/*"), &none, "includeFiles",
                   "data/passwd, which is a link, but its target is not a file or folder");
    expect_refusal(GLOBS("data"), &none, "includeFiles", "data/passwd");
    temporary_folder_link(&folder, "LICENSE", "../LICENSE");
    expect_warning(
        &none, &none,
        "LICENSE is left out: it is a link, but its target is not a file or folder of the repository that can be packed.");
    temporary_folder_link(&folder, "src/B.purs", "../../outside.purs");
    expect_refusal(&none, &none, "", "src/B.purs");
}

static void a_link_to_a_file_or_folder_of_the_repository_is_packed_as_what_it_points_to(void **state) {
    (void)state;
    WRITE("docs/README.md", "docs/in/a.md", "more/B.purs");
    temporary_folder_link(&folder, "README.md", "docs/README.md");
    temporary_folder_link(&folder, "manual", "docs");
    temporary_folder_link(&folder, "src/more", "../more");
    expect(&none, &none, "README.md src/A.purs src/more/B.purs");
    expect(GLOBS("manual"), &none, "README.md manual/README.md manual/in/a.md src/A.purs src/more/B.purs");
    expect(GLOBS("manual/**/*.md"), &none, "README.md manual/README.md manual/in/a.md src/A.purs src/more/B.purs");
    expect_no_warning(&none, &none);
}

static void the_source_folder_may_be_a_link(void **state) {
    (void)state;
    struct temporary_folder other;
    struct error err = {0};
    struct package_files files;
    temporary_folder_make(&other);
    temporary_folder_write(&other, "lib/A.purs", "module A where\n");
    temporary_folder_link(&other, "src", "lib");
    assert_int_equal(package_files_select(&files, &arena, other.path, &none, &none, &err), STATUS_OK);
    assert_int_equal(files.count, 1);
    assert_string_equal(files.paths[0], "src/A.purs");
    temporary_folder_remove(&other);
}

static void a_folder_that_a_link_puts_into_itself_is_harmless_unless_it_is_packed(void **state) {
    (void)state;
    WRITE("docs/a.md");
    temporary_folder_link(&folder, "loop", ".");
    temporary_folder_link(&folder, "docs/up", "..");
    temporary_folder_link(&folder, "etc", "/etc");
    expect(GLOBS("docs/*.md"), &none, "docs/a.md src/A.purs");
    expect_refusal(GLOBS("**"), &none, "includeFiles", "is a link");
    expect_refusal(GLOBS("docs"), &none, "includeFiles", "docs/up");
    temporary_folder_link(&folder, "src/all", "..");
    expect_refusal(&none, &none, "", "src/all");
}

/* Twenty folders, each with two links to the next one: 2^20 copies of the last one's files. */
static void folders_that_double_by_links_are_not_followed_without_bound(void **state) {
    (void)state;
    for (int i = 0; i < 20; i++) {
        temporary_folder_link(&folder, arena_format(&arena, "d%d/x", i), arena_format(&arena, "../d%d", i + 1));
        temporary_folder_link(&folder, arena_format(&arena, "d%d/y", i), arena_format(&arena, "../d%d", i + 1));
    }
    WRITE("d20/a.md");
    expect(GLOBS("d20/*.md"), &none, "d20/a.md src/A.purs");
}

/* ---- Only packed files are checked ---- */

static const char pointer[] = "version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n";

static void an_lfs_pointer_is_refused_only_as_a_source(void **state) {
    (void)state;
    temporary_folder_write(&folder, "docs/logo.png", pointer);
    temporary_folder_write(&folder, "README.md", pointer);
    expect(GLOBS("docs"), &none, "README.md docs/logo.png src/A.purs");
    temporary_folder_write(&folder, "test/Main.purs", pointer); /* a source if it is packed */
    expect(GLOBS("docs"), &none, "README.md docs/logo.png src/A.purs");
    expect_refusal(GLOBS("test"), &none, "", "'test/Main.purs' is stored in Git LFS");
    temporary_folder_write(&folder, "src/A.js", pointer);
    expect_refusal(&none, &none, "", "'src/A.js' is stored in Git LFS");
}

static void a_submodule_is_refused_only_where_it_would_be_packed(void **state) {
    (void)state;
    temporary_folder_link(&folder, "vendor/lib", GIT_CHECKOUT_SUBMODULE);
    expect(GLOBS("docs"), &none, "src/A.purs");
    expect_refusal(GLOBS("vendor"), &none, "includeFiles", "vendor/lib, which is a submodule");
    expect_refusal(GLOBS("vendor/lib/*.js"), &none, "includeFiles", "vendor/lib, which is a submodule");
    expect(GLOBS("vendor"), GLOBS("vendor/lib"), "src/A.purs");
    temporary_folder_link(&folder, "src/lib", GIT_CHECKOUT_SUBMODULE);
    expect_refusal(&none, &none, "", "src/lib is a submodule");
}

static void names_that_windows_cannot_have_are_refused_where_they_are_packed(void **state) {
    (void)state;
    static const char *const names[] = {"aux.js", "a:b", "what?.md", "a\\b", "end.", "blank ", "com1", "tab\t", "nul.tar.gz"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        const char *path = arena_format(&arena, "docs/%s", names[i]);
        temporary_folder_write(&folder, path, "");
        expect(&none, &none, "src/A.purs");
        expect_refusal(GLOBS("docs"), &none, "", "cannot be packed: the name");
        unlink(arena_format(&arena, "%s/%s", folder.path, path));
    }
    temporary_folder_write(&folder, "docs/auxiliary.js", "");
    expect(GLOBS("docs"), &none, "docs/auxiliary.js src/A.purs");
}

static void names_that_differ_in_case_alone_are_refused_where_they_are_packed(void **state) {
    (void)state;
    WRITE("docs/a.md", "docs/A.md", "docs/x/b", "docs/X/c", "old/Data/b", "old/data/c");
    expect(&none, &none, "src/A.purs");
    expect_refusal(GLOBS("docs/*.md"), &none, "", "'docs/A.md' and 'docs/a.md' differ only in");
    expect_refusal(GLOBS("old"), &none, "", "'old/Data' and 'old/data' differ");
    expect(GLOBS("docs/x", "docs/a.md"), &none, "docs/a.md docs/x/b src/A.purs");
    WRITE("Purs.json");
    expect_refusal(GLOBS("Purs.json"), &none, "", "'Purs.json' and 'purs.json'");
}

static void the_unpacked_size_has_a_limit_and_a_warning_before_it(void **state) {
    (void)state;
    char *path = arena_format(&arena, "%s/docs/large", folder.path); /* a sparse file */
    WRITE("docs/large");
    expect_no_warning(GLOBS("docs"), &none);
    assert_int_equal(truncate(path, 5000000), 0);
    expect_warning(GLOBS("docs"), &none,
                   "The files that are packed have 5000015 bytes, more than the recommended 5000000. Consider excludeFiles.");
    assert_int_equal(truncate(path, 50000000 - 15), 0);
    expect(GLOBS("docs"), &none, "docs/large src/A.purs");
    assert_int_equal(truncate(path, 50000000 - 14), 0);
    expect_refusal(GLOBS("docs"), &none, "", "have 50000001 bytes; more than 50000000 are not allowed");
    expect(&none, &none, "src/A.purs");
}

/* ---- Globs that do nothing ---- */

static void an_include_that_matches_nothing_is_a_warning_with_its_text(void **state) {
    (void)state;
    WRITE("docs/a.md", "README.md", "node_modules/a.js");
    expect_no_warning(GLOBS("docs/*.md", "README.md", "src/**/*.purs"), GLOBS("test", "docs/b.md"));
    expect_warning(GLOBS("docs", "src/**/*.purs src/**/*.js"), &none,
                   "includeFiles: \"src/**/*.purs src/**/*.js\" matches no file that can be packed.");
    expect_warning(GLOBS("node_modules"), &none, "includeFiles: \"node_modules\" matches no file that can be packed.");
}

/* 31 manifests of the real registry have such an exclude. */
static void an_exclude_that_names_what_is_always_in_is_a_warning_with_its_text(void **state) {
    (void)state;
    WRITE("src/A.test.purs", "README.md", "docs/a.md");
    expect(&none, GLOBS("src/**/*.test.purs"), "README.md src/A.purs src/A.test.purs");
    expect_warning(
        &none, GLOBS("src/**/*.test.purs"),
        "excludeFiles: \"src/**/*.test.purs\" matches src/A.test.purs, which is always packed, and is not left out.");
    expect_warning(&none, GLOBS("src/Test/**"),
                   "excludeFiles: \"src/Test/**\" matches files in src, which is always packed whole.");
    expect_warning(GLOBS("docs"), GLOBS("**/*.md"),
                   "excludeFiles: \"**/*.md\" matches README.md, which is always packed, and is not left out.");
    expect_no_warning(GLOBS("docs"), GLOBS("docs/*.md", "test", ".github"));
}

static void a_folder_stands_for_all_that_is_in_it(void **state) {
    (void)state;
    WRITE("docs/a.md", "docs/.hidden", "docs/in/.b/c.md", "test/A.purs", "notes.md");
    expect(GLOBS("docs"), &none, "docs/.hidden docs/a.md docs/in/.b/c.md src/A.purs");
    expect(GLOBS("docs/"), &none, "docs/.hidden docs/a.md docs/in/.b/c.md src/A.purs");
    expect(GLOBS("./docs"), &none, "docs/.hidden docs/a.md docs/in/.b/c.md src/A.purs");
    expect(GLOBS("d?cs", "[n]*"), GLOBS("docs/in"), "docs/.hidden docs/a.md notes.md src/A.purs");
    expect(GLOBS("docs/**"), &none, "docs/a.md docs/in/.b/c.md src/A.purs");
    expect(GLOBS("."), GLOBS("{docs,test}"), "notes.md src/A.purs");
}

/* The globs in a manifest of a megabyte can take gigabytes when their braces are expanded. */
static void more_globs_than_anybody_needs_are_refused(void **state) {
    (void)state;
    enum { MANY = 1001, COMBINATIONS = 6 * 6 * 6, SUFFIX = 1900 };
    static const char *items[MANY];
    static char braces[] = "{a,b,c,d,e,f}";
    char suffix[SUFFIX + 1] = "";
    for (int i = 0; i < MANY; i++)
        items[i] = "docs/*.md";
    WRITE("docs/a.md");
    expect(&(struct globs){items, MANY - 1}, &none, "docs/a.md src/A.purs");
    expect_refusal(&(struct globs){items, MANY}, &none, "includeFiles", "includeFiles has 1001 globs; more than 1000 are not");
    expect_refusal(&none, &(struct globs){items, MANY}, "excludeFiles", "excludeFiles has 1001 globs");
    memset(suffix, 'x', SUFFIX);
    expect_refusal(GLOBS(arena_format(&arena, "%s%s%s%s", braces, braces, braces, suffix)), &none, "includeFiles",
                   "The globs of includeFiles have more than 100000 bytes");
    for (int i = 0; i < MANY; i++)
        items[i] = arena_format(&arena, "%s%s%s", braces, braces, braces);
    expect(&(struct globs){items, 100000 / (COMBINATIONS * 3)}, &none, "src/A.purs");
    expect_refusal(&none, &(struct globs){items, 100000 / (COMBINATIONS * 3) + 1}, "excludeFiles",
                   "The globs of excludeFiles have more than 100000 bytes");
}

/* Globs that cannot match are counted, too: many of them on many files take long. */
static void globs_that_are_told_at_a_look_count_as_time(void **state) {
    (void)state;
    struct glob glob;
    struct error err = {0};
    uint64_t steps = 0;
    assert_int_equal(glob_parse(&glob, &arena, "{a,b}/c/d/*", &err), STATUS_OK);
    assert_false(glob_matches(&glob, "e/f", false, &steps));
    assert_int_equal(steps, 2 + strlen("e/f") + 1);
}

/* Ten thousand stars on a thousand files would take minutes. */
static void globs_that_take_too_long_are_refused(void **state) {
    (void)state;
    struct text glob = {0}, name = {0};
    const char *items[20];
    text_append(&glob, "many/");
    for (int i = 0; i < 900; i++)
        text_append(&glob, "*a");
    text_append(&glob, "b");
    for (int i = 0; i < 200; i++)
        text_append_character(&name, 'a');
    for (int i = 0; i < 20; i++)
        items[i] = text_view(&glob);
    for (int i = 0; i < 200; i++)
        temporary_folder_write(&folder, arena_format(&arena, "many/%s%d", text_view(&name), i), "");
    expect_refusal(&(struct globs){items, 20}, &none, "includeFiles", "take too long to match");
    text_release(&glob);
    text_release(&name);
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
        TEST(some_files_are_always_in),
        TEST(some_files_are_never_in),
        TEST(globs_add_and_take_away),
        TEST(globs_that_cannot_be_used_are_refused),
        TEST(excluded_links_may_lead_outside),
        TEST(links_out_of_the_repository_are_refused_where_they_are_packed),
        TEST(a_link_to_a_file_or_folder_of_the_repository_is_packed_as_what_it_points_to),
        TEST(the_source_folder_may_be_a_link),
        TEST(a_folder_that_a_link_puts_into_itself_is_harmless_unless_it_is_packed),
        TEST(folders_that_double_by_links_are_not_followed_without_bound),
        TEST(an_lfs_pointer_is_refused_only_as_a_source),
        TEST(a_submodule_is_refused_only_where_it_would_be_packed),
        TEST(names_that_windows_cannot_have_are_refused_where_they_are_packed),
        TEST(names_that_differ_in_case_alone_are_refused_where_they_are_packed),
        TEST(the_unpacked_size_has_a_limit_and_a_warning_before_it),
        TEST(an_include_that_matches_nothing_is_a_warning_with_its_text),
        TEST(an_exclude_that_names_what_is_always_in_is_a_warning_with_its_text),
        TEST(a_folder_stands_for_all_that_is_in_it),
        TEST(more_globs_than_anybody_needs_are_refused),
        TEST(globs_that_are_told_at_a_look_count_as_time),
        TEST(globs_that_take_too_long_are_refused),
        TEST(a_source_without_modules_is_refused),
        TEST(the_tarball_has_the_printed_manifest),
        TEST(a_tarball_has_its_size),
        TEST(module_names_are_checked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
