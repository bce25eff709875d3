/* SPDX-License-Identifier: BSD-3-Clause */
#include "lib/domain/search/package_search.h"

#include <string.h>

#include "lib/base/arena.h"
#include "tests/support/cmocka_all.h"

static int score(const char *typed, const char *name, const char *description) {
    struct arena arena = {0};
    struct package_search search;
    package_search_read(&search, typed, &arena);
    int score = package_search_score(&search, name, description);
    assert_in_range(score, 0, (1 << SEARCH_SCORE_BITS) - 1);
    arena_release(&arena);
    return score;
}

static void names_go_before_parts_of_names_before_descriptions(void **state) {
    (void)state;
    static const char *const names[] = {"aff", "aff-promise", "run-aff", "run-affjax", "chaff", "arf", "fetch"};
    int last = 1 << SEARCH_SCORE_BITS;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        int found = score("aff", names[i], "Effects for Aff.");
        if (found <= 0 || found >= last) fail_msg("%s: %d after %d", names[i], found, last);
        last = found;
    }
    assert_int_equal(score("aff", "prelude", "No staff here."), 0);
    assert_int_equal(score("aff", "prelude", NULL), 0);
}

static void every_word_must_match(void **state) {
    (void)state;
    assert_true(score("web dom", "web-dom", NULL) > score("web dom", "web-dom-parser", NULL));
    assert_true(score("dom web", "web-dom", NULL) > 0);
    assert_true(score("web parser", "web-dom-parser", NULL) > score("web parser", "web-dom", "A parser for pages."));
    assert_true(score("web parser", "web-dom", "A parser for pages.") > 0);
    assert_int_equal(score("web socket", "web-dom", "A parser for pages."), 0);
}

static void spelling_does_not_matter_where_it_means_nothing(void **state) {
    (void)state;
    assert_int_equal(score("  Web.DOM! ", "web-dom", NULL), score("web-dom", "web-dom", NULL));
    assert_int_equal(score("purescript-aff", "aff", NULL), score("aff", "aff", NULL));
    assert_true(score("purescript", "purescript-compiler-backend-utilities", NULL) > 0);
}

static void typing_errors_are_forgiven_more_in_longer_names(void **state) {
    (void)state;
    assert_true(score("preldue", "prelude", NULL) > 0);
    assert_true(score("prelud", "prelude", NULL) > 0);
    assert_true(score("haloegn", "halogen-store", NULL) > 0);
    assert_true(score("preldue", "prelude", NULL) > score("rpeldue", "prelude", NULL));
    assert_int_equal(score("a", "b", NULL), 0);
    assert_int_equal(score("run", "css", NULL), 0);
    assert_int_equal(score("effect", "aff", NULL), 0);
}

static void anything_may_be_typed(void **state) {
    (void)state;
    char long_text[2000];
    memset(long_text, 'a', sizeof long_text - 1);
    long_text[sizeof long_text - 1] = '\0';
    static const char *const rows[] = {"", " ", "---", "\xff\xfe", "<script>", "%s%n", "\n\t", "()[]{}.*+?"};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        assert_int_equal(score(rows[i], "prelude", "Nothing."), 0);
    assert_int_equal(score(long_text, "prelude", "aaa aa a"), 0);
    assert_true(score("\xc3\xa9t\xc3\xa9", "prelude", "En \xc3\xa9t\xc3\xa9.") > 0);
    for (size_t i = 0; i < sizeof long_text - 1; i += 2)
        long_text[i] = ' ';
    assert_true(score(long_text, "a", NULL) > 0); /* as many words as there can be */
}

static size_t distance(const char *one, const char *other, size_t most) {
    size_t there = edit_distance(one, strlen(one), other, strlen(other), most);
    assert_int_equal(there, edit_distance(other, strlen(other), one, strlen(one), most));
    return there;
}

static void a_distance_counts_what_was_typed_wrong(void **state) {
    (void)state;
    assert_int_equal(distance("", "", 3), 0);
    assert_int_equal(distance("aff", "aff", 0), 0);
    assert_int_equal(distance("aff", "", 3), 3);
    assert_int_equal(distance("kitten", "sitting", 5), 3);
    assert_int_equal(distance("arrays", "arrasy", 5), 1);
    assert_int_equal(distance("ab", "ba", 0), 1);
    assert_int_equal(distance("abcdef", "uvwxyz", 2), 3); /* more than that */
}

int main(void) {
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_go_before_parts_of_names_before_descriptions),
        cmocka_unit_test(every_word_must_match),
        cmocka_unit_test(spelling_does_not_matter_where_it_means_nothing),
        cmocka_unit_test(typing_errors_are_forgiven_more_in_longer_names),
        cmocka_unit_test(anything_may_be_typed),
        cmocka_unit_test(a_distance_counts_what_was_typed_wrong),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
