/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The matches of each glob. That they are the same as fast-glob's is tested by tests/clients/run globs.
 */
#include "tests/support/cmocka_all.h"

#include <stdlib.h>
#include <string.h>

#include "lib/base/text.h"
#include "lib/source/glob.h"

static struct arena arena;

static int tear_down(void **state) {
    (void)state;
    arena_release(&arena);
    return 0;
}

static struct glob parse(const char *text) {
    struct glob glob;
    struct error err = {0};
    if (glob_parse(&glob, &arena, text, &err)) fail_msg("%s: %s", text, err.message);
    return glob;
}

static void globs_match_as_fast_glob_has_it(void **state) {
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
        {"*", ".a", false},
        {".*", ".a", true},
        {"*.js", "a.js", true},
        {"*.js", ".js", false},
        {"*.js", "a/a.js", false},
        {"**", "a", true},
        {"**", "a/b/c", true},
        {"**", "a/.b/c", false},
        {"**", ".b", false},
        {"**/*.js", "a.js", true},
        {"**/*.js", "a/b/c.js", true},
        {"**/*.js", "a/b.ts", false},
        {"a/**/b", "a/b", true},
        {"a/**/b", "a/x/y/b", true},
        {"a/**/b", "a/x/y/c", false},
        {"a/**/b", "a/.x/b", false},
        {"a/**", "a/b", true},
        {"a/**", "a", false},
        {"a/**", "b/a", false},
        {"./a", "a", true},
        {"./a/./b", "a/b", true},
        {"a*c*e", "abcde", true},
        {"a*c*e", "abcd", false},
        {"a**e", "abe", true},
        {"a**e", "a/e", false},
        {"a//b", "a/b", true},
        {"**/a/**/b", "x/a/y/a/z/b", true},
        {"**/a/*/b", "a/x/a/y/b", true},
        {"?", "a", true},
        {"?", ".", false},
        {"?", "ab", false},
        {"a?", "a.", true},
        {"??", "\xF0\x9F\x98\x80", true}, /* JavaScript's characters */
        {"?", "\xC3\xA4", true},
        {"[ab]", "a", true},
        {"[ab]", "c", false},
        {"[ab]", "[ab]", true},
        {"[a-c]x", "bx", true},
        {"[a-c]x", "[a-c]x", false},
        {"[!a]", "b", true},
        {"[!a]", "a", false},
        {"[^a]b", "cb", true},
        {"[!a]b", ".b", true},
        {"[.]a", ".a", true},
        {"[\xC3\xA4]", "\xC3\xA4", true},
        {"{a,b}", "a", true},
        {"{a,b}", "c", false},
        {"{a,b/**}/{c,d}", "b/x/d", true},
        {"{a,{b,c}d}", "cd", true},
        {"a{,b}", "a", true},
        {"{a,b}{c,}/x", "b/x", true},
        {"a,b", "a,b", true},
        {"{[ab],c}x", "bx", true},
        {"a.b", "axb", false},
        {"**/**/a", "a", true},
        {"*a", "aaab", false},
        {"a+@b", "a+@b", true},
        {"a/../b", "b", false},
        {"/a", "a", false},
        {"docs?", "docs", false},
        {"a/", "a", true},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct glob glob = parse(rows[i].glob);
        if (glob_matches(&glob, rows[i].path, false, NULL) != rows[i].matches) fail_msg("%s on %s", rows[i].glob, rows[i].path);
    }
}

static void some_globs_match_folders_only(void **state) {
    (void)state;
    static const struct {
        const char *glob, *path;
        bool as_file, as_folder;
    } rows[] = {
        {"a", "a", true, true},      {"*/", "a", false, true},       {"**/", "a/b", false, true}, {"*/**", "a", false, true},
        {"a/**", "a", false, false}, {"a/*/**", "a/b", false, true}, {".", "", false, true},      {"**/", ".a", false, false},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct glob glob = parse(rows[i].glob);
        if (rows[i].path[0]) assert_int_equal(glob_matches(&glob, rows[i].path, false, NULL), rows[i].as_file);
        if (glob_matches(&glob, rows[i].path, true, NULL) != rows[i].as_folder)
            fail_msg("%s on %s", rows[i].glob, rows[i].path);
    }
}

static void unsupported_syntax_is_refused_by_name(void **state) {
    (void)state;
    static const struct {
        const char *glob, *words;
    } rows[] = {
        {"", "A glob must not be empty"},
        {"!a", "a \"!\" in it"},
        {"a!b", "a \"!\" in it"},
        {"@(a|b)", "a parenthesis in it"},
        {"a)", "a parenthesis in it"},
        {"a|b", "a \"|\" in it"},
        {"a\\*", "a backslash in it"},
        {"\"a\"", "a quotation mark in it"},
        {"***", "three stars in a row"},
        {"{a,*}**", "three stars in a row"},
        {"[ab]+", "a \"+\" after a bracket"},
        {"${a,b}", "\"${\" in it"},
        {"{a,b}'", "an apostrophe next to braces"},
        {"{a}", "braces without a comma"},
        {"{a,{b}}", "braces without a comma"},
        {"{1..3}", "a range in braces"},
        {"{a,b", "an opening brace without a closing one"},
        {"a}", "a closing brace without an opening one"},
        {"[ab", "an opening bracket without a closing one"},
        {"ab]", "a closing bracket without an opening one"},
        {"[]", "empty brackets"},
        {"[b-a]", "brackets with a descending range"},
        {"[[:alpha:]]", "a special character in brackets"},
        {"[a/b]", "an opening bracket without a closing one"},
        {"a\tb", "a control character in it"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct glob glob;
        struct error err = {0};
        if (glob_parse(&glob, &arena, rows[i].glob, &err) != STATUS_INVALID) fail_msg("%s is taken", rows[i].glob);
        if (!strstr(err.message, rows[i].words)) fail_msg("%s: %s", rows[i].glob, err.message);
    }
}

static const char *repeat(const char *text, size_t count) {
    struct text out = {0};
    for (size_t i = 0; i < count; i++)
        text_append(&out, text);
    const char *copy = arena_copy(&arena, text_view(&out));
    text_release(&out);
    return copy;
}

/* By counting: no glob makes more comparisons than its length times the path's, with each combination of its braces. */
static void no_glob_takes_exponential_time(void **state) {
    (void)state;
    struct glob refused;
    struct error err = {0};
    const char *const globs[] = {repeat("*a", 900),    repeat("**/", 600), repeat("*/**/", 390),
                                 repeat("**/a/", 390), repeat("?*", 900),  repeat("[ab]*", 390)};
    const char *const paths[] = {repeat("a", 250), repeat("a/", 1990), repeat("ab/", 1300)};
    for (size_t i = 0; i < sizeof globs / sizeof *globs; i++)
        for (size_t j = 0; j < sizeof paths / sizeof *paths; j++) {
            struct glob glob = parse(arena_format(&arena, "%sb", globs[i]));
            uint64_t steps = 0;
            glob_matches(&glob, arena_format(&arena, "%sc", paths[j]), false, &steps);
            assert_in_range(steps, 1, 2 * (strlen(globs[i]) + 2) * (strlen(paths[j]) + 3));
        }
    assert_int_equal(glob_parse(&refused, &arena, repeat("{a,b}", 30), &err), STATUS_INVALID);
    assert_non_null(strstr(err.message, "more than 250 globs"));
    assert_int_equal(glob_parse(&refused, &arena, arena_format(&arena, "%sa%s", repeat("{", 400), repeat(",b}", 399)), &err),
                     STATUS_INVALID);
    assert_int_equal(glob_parse(&refused, &arena, repeat("a", GLOB_BYTES_MAX + 1), &err), STATUS_INVALID);
    assert_int_equal(parse(repeat("{a,b}", 7)).count, 128);
}

static void a_glob_tells_which_folder_it_is_about(void **state) {
    (void)state;
    struct glob below = parse("src/Test/**"), itself = parse("./src/"), anywhere = parse("**/src"), other = parse("srcs/*");
    struct glob one = parse("{docs,src}/*");
    assert_true(glob_names_folder(&below, "src"));
    assert_true(glob_names_folder(&below, "src/Test"));
    assert_false(glob_names_folder(&below, "src/Test/x"));
    assert_true(glob_names_folder(&itself, "src"));
    assert_false(glob_names_folder(&anywhere, "src"));
    assert_false(glob_names_folder(&other, "src"));
    assert_true(glob_names_folder(&one, "src"));
}

#define TEST(name) cmocka_unit_test_teardown(name, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(globs_match_as_fast_glob_has_it),       TEST(some_globs_match_folders_only),
        TEST(unsupported_syntax_is_refused_by_name), TEST(no_glob_takes_exponential_time),
        TEST(a_glob_tells_which_folder_it_is_about),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
