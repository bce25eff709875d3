/* SPDX-License-Identifier: BSD-3-Clause */
#include "tests/support/cmocka_all.h"

#include <string.h>

#include "lib/base/arena.h"
#include "services/gateway/http/query.h"

static struct arena arena;

static const struct query_parameter rows[] = {
    {.name = "t", .type = QUERY_TIME},
    {.name = "n", .type = QUERY_NUMBER, .initial = "7", .least = 1, .most = 30},
    {.name = "f", .type = QUERY_FLAG, .initial = "true"},
    {.name = "l", .type = QUERY_CHOICE, .initial = "INFO", .words = query_levels},
    {.name = "order", .type = QUERY_CHOICE, .words = query_orders},
    {.name = "x", .type = QUERY_TEXT},
    {.name = "v", .type = QUERY_VERSION},
    {.name = "h", .type = QUERY_HEADER},
    {.name = NULL},
};

static enum status parse(struct query *query, const char *text, struct error *err) {
    return query_parse(query, rows, text, strlen(text), &arena, err);
}

static void names_and_values_are_decoded(void **state) {
    (void)state;
    struct query query;
    struct error err;
    assert_int_equal(parse(&query, "a=1&b=x%20y+z&c&d=&a=2&%65=%E2%82%AC&=", &err), STATUS_OK);
    assert_string_equal(query_value(&query, "a"), "1");
    assert_string_equal(query_value(&query, "b"), "x y z");
    assert_null(query_value(&query, "c"));
    assert_null(query_value(&query, "d"));
    assert_string_equal(query_value(&query, "e"), "\xE2\x82\xAC");
    assert_null(query_value(&query, "f"));
    arena_release(&arena);
}

static void broken_encoding_is_refused_by_name(void **state) {
    (void)state;
    static const char *const bad[] = {"since=%", "since=%2", "since=%zz", "since=%FF", "since=a%00b"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct query query;
        struct error err;
        assert_int_equal(parse(&query, bad[i], &err), STATUS_INVALID);
        assert_string_equal(err.path, "since");
    }
    arena_release(&arena);
}

static void values_are_read(void **state) {
    (void)state;
    struct query query;
    struct error err;
    assert_int_equal(parse(&query, "t=2026-07-25T15%3A11%3A12.686Z&n=30&f=false&order=DESC&l=WARN&x=y&v=1.0.3&h=z&n=99", &err),
                     STATUS_OK);
    assert_int_equal(query_time(&query, "t"), 1784992272686);
    assert_int_equal(query_number(&query, "n"), 30);
    assert_false(query_flag(&query, "f"));
    assert_true(query_is_descending(&query));
    assert_int_equal(query_level(&query, "l"), LOG_WARN);
    assert_string_equal(query_text(&query, "l"), "WARN");
    assert_string_equal(query_text(&query, "x"), "y");
    assert_string_equal(query_text(&query, "v"), "1.0.3");
    arena_release(&arena);
}

static void absent_or_empty_parameters_have_their_rows_default(void **state) {
    (void)state;
    static const char *const texts[] = {"", "t=&n=&f=&l=&order=&x=&v="};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        struct query query;
        struct error err;
        assert_int_equal(parse(&query, texts[i], &err), STATUS_OK);
        assert_int_equal(query_time(&query, "t"), 0);
        assert_int_equal(query_number(&query, "n"), 7);
        assert_true(query_flag(&query, "f"));
        assert_int_equal(query_level(&query, "l"), LOG_INFO);
        assert_false(query_is_descending(&query));
        assert_null(query_text(&query, "order"));
        assert_null(query_text(&query, "x"));
        assert_null(query_text(&query, "v"));
    }
    arena_release(&arena);
}

static void a_value_of_another_type_is_refused_by_name(void **state) {
    (void)state;
    static const struct {
        const char *text;
        const char *path;
    } bad[] = {{"x=1&n=31", "n"},         {"n=0", "n"},    {"n=+5", "n"},     {"n=%2B5", "n"},
               {"n=%205", "n"},           {"n=5%20", "n"}, {"n=5x", "n"},     {"n=99999999999999999999", "n"},
               {"t=yesterday", "t"},      {"f=yes", "f"},  {"l=info", "l"},   {"l=", NULL},
               {"order=asc", "order"},    {"v=1.0", "v"},  {"v=latest", "v"}, {"h=anything", NULL},
               {"unknown=anything", NULL}};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct query query;
        struct error err = {0};
        assert_int_equal(parse(&query, bad[i].text, &err), bad[i].path ? STATUS_INVALID : STATUS_OK);
        if (bad[i].path) assert_string_equal(err.path, bad[i].path);
    }
    arena_release(&arena);
}

static void a_refused_choice_is_told_all_words(void **state) {
    (void)state;
    struct query query;
    struct error err;
    assert_int_equal(parse(&query, "l=LOUD", &err), STATUS_INVALID);
    assert_string_equal(err.message, "The parameter \"l\" must be DEBUG, INFO, WARN, NOTICE or ERROR, but it is \"LOUD\".");
    arena_release(&arena);
}

static void too_many_parameters_are_refused(void **state) {
    (void)state;
    char text[4 * (QUERY_PARAMETERS_MAX + 1) + 1] = "";
    for (int i = 0; i <= QUERY_PARAMETERS_MAX; i++)
        strcat(text, "a=1&");
    struct query query;
    struct error err;
    assert_int_equal(parse(&query, text, &err), STATUS_INVALID);
    arena_release(&arena);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_and_values_are_decoded),
        cmocka_unit_test(broken_encoding_is_refused_by_name),
        cmocka_unit_test(values_are_read),
        cmocka_unit_test(absent_or_empty_parameters_have_their_rows_default),
        cmocka_unit_test(a_value_of_another_type_is_refused_by_name),
        cmocka_unit_test(a_refused_choice_is_told_all_words),
        cmocka_unit_test(too_many_parameters_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
