/* SPDX-License-Identifier: BSD-3-Clause */
#include "tests/support/cmocka_all.h"

#include <string.h>

#include "lib/base/arena.h"
#include "services/gateway/query.h"

static struct arena arena;

static enum status parse(struct query *query, const char *text, struct error *err) {
    return query_parse(query, text, strlen(text), &arena, err);
}

static void names_and_values_are_decoded(void **state) {
    (void)state;
    struct query query;
    struct error err;
    assert_int_equal(parse(&query, "a=1&b=x%20y+z&c&d=&a=2&%65=%E2%82%AC&=", &err), STATUS_OK);
    assert_string_equal(query_text(&query, "a"), "1");
    assert_string_equal(query_text(&query, "b"), "x y z");
    assert_null(query_text(&query, "c"));
    assert_null(query_text(&query, "d"));
    assert_string_equal(query_text(&query, "e"), "\xE2\x82\xAC");
    assert_null(query_text(&query, "f"));
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

static void values_are_checked(void **state) {
    (void)state;
    struct query query;
    struct error err;
    int64_t time_ms = 5, number = 7;
    bool flag = false, descending = false;
    enum log_level level = LOG_INFO;
    assert_int_equal(parse(&query, "t=2026-07-25T15%3A11%3A12.686Z&n=30&f=true&order=DESC&l=WARN&bad=nope", &err), STATUS_OK);
    assert_int_equal(query_time(&query, "t", &time_ms, &err), STATUS_OK);
    assert_int_equal(time_ms, 1784992272686);
    assert_int_equal(query_number(&query, "n", 1, 30, &number, &err), STATUS_OK);
    assert_int_equal(number, 30);
    assert_int_equal(query_flag(&query, "f", &flag, &err), STATUS_OK);
    assert_true(flag);
    assert_int_equal(query_order(&query, &descending, &err), STATUS_OK);
    assert_true(descending);
    assert_int_equal(query_level(&query, "l", &level, &err), STATUS_OK);
    assert_int_equal(level, LOG_WARN);

    assert_int_equal(query_number(&query, "n", 1, 29, &number, &err), STATUS_INVALID);
    assert_string_equal(err.path, "n");
    assert_int_equal(query_number(&query, "bad", 1, 29, &number, &err), STATUS_INVALID);
    assert_int_equal(query_time(&query, "bad", &time_ms, &err), STATUS_INVALID);
    assert_int_equal(query_flag(&query, "bad", &flag, &err), STATUS_INVALID);
    assert_int_equal(query_level(&query, "bad", &level, &err), STATUS_INVALID);
    assert_int_equal(query_time(&query, "absent", &time_ms, &err), STATUS_OK);
    assert_int_equal(time_ms, 1784992272686);
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
        cmocka_unit_test(values_are_checked),
        cmocka_unit_test(too_many_parameters_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
