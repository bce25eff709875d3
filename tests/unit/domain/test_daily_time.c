/* SPDX-License-Identifier: BSD-3-Clause */
#include "tests/support/cmocka_all.h"

#include <string.h>

#include "lib/base/clock.h"
#include "lib/domain/job/daily_time.h"

static int64_t at(const char *text) {
    int64_t time_ms;
    assert_true(time_parse(text, &time_ms));
    return time_ms;
}

static void the_last_time_is_of_today_or_yesterday_the_next_of_today_or_tomorrow(void **state) {
    (void)state;
    static const struct {
        const char *now, *last, *next;
    } cases[] = {
        {"2026-03-01T04:29:59.999Z", "2026-02-28T04:30:00Z", "2026-03-01T04:30:00Z"},
        {"2026-03-01T04:30:00.000Z", "2026-03-01T04:30:00Z", "2026-03-02T04:30:00Z"},
        {"2026-03-31T23:59:59.999Z", "2026-03-31T04:30:00Z", "2026-04-01T04:30:00Z"},
        {"1970-01-01T04:30:00.001Z", "1970-01-01T04:30:00Z", "1970-01-02T04:30:00Z"},
    };
    struct daily_time time;
    struct error err = {0};
    assert_int_equal(daily_time_parse(&time, "04:30", "X", &err), STATUS_OK);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_int_equal(daily_time_last(&time, at(cases[i].now)), at(cases[i].last));
        assert_int_equal(daily_time_next(&time, at(cases[i].now)), at(cases[i].next));
    }
    assert_int_equal(daily_time_last(&time, at("1970-01-01T00:00:01Z")), 0);
}

static void midnight_and_the_last_minute_are_times(void **state) {
    (void)state;
    struct daily_time time;
    struct error err = {0};
    assert_int_equal(daily_time_parse(&time, "00:00", "X", &err), STATUS_OK);
    assert_int_equal(daily_time_last(&time, at("2026-03-01T00:00:00Z")), at("2026-03-01T00:00:00Z"));
    assert_int_equal(daily_time_parse(&time, "23:59", "X", &err), STATUS_OK);
    assert_int_equal(daily_time_last(&time, at("2026-03-01T00:00:00Z")), at("2026-02-28T23:59:00Z"));
}

static void never_has_no_time(void **state) {
    (void)state;
    struct daily_time time;
    struct error err = {0};
    assert_int_equal(daily_time_parse(&time, "never", "X", &err), STATUS_OK);
    assert_int_equal(daily_time_last(&time, at("2026-03-01T00:00:00Z")), 0);
    assert_int_equal(daily_time_next(&time, at("2026-03-01T00:00:00Z")), 0);
}

static void anything_else_is_refused_with_its_variable(void **state) {
    (void)state;
    static const char *const texts[] = {"",       "4:30",  "04.30", "24:00", "12:60", "12:3",
                                        "12:345", "-1:00", "1a:00", "Never", " 04:30"};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        struct daily_time time;
        struct error err = {0};
        assert_int_equal(daily_time_parse(&time, texts[i], "PACKAGE_SET_TIME", &err), STATUS_INVALID);
        assert_string_equal(err.path, "PACKAGE_SET_TIME");
        assert_non_null(strstr(err.message, "must be a time of day in UTC such as 04:30, or never"));
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_last_time_is_of_today_or_yesterday_the_next_of_today_or_tomorrow),
        cmocka_unit_test(midnight_and_the_last_minute_are_times),
        cmocka_unit_test(never_has_no_time),
        cmocka_unit_test(anything_else_is_refused_with_its_variable),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
