/* SPDX-License-Identifier: BSD-3-Clause */
#include "tests/support/cmocka_all.h"

#include <time.h>

#include "lib/base/clock.h"

static void times_are_printed_with_three_digits_and_read_with_fewer(void **state) {
    (void)state;
    char text[TIME_TEXT_MAX];
    int64_t time_ms = 0;
    assert_true(time_parse("2026-07-25T15:11:12.686Z", &time_ms));
    time_print(time_ms, text);
    assert_string_equal(text, "2026-07-25T15:11:12.686Z");
    assert_true(time_parse("2026-07-25T15:11:12.6Z", &time_ms));
    time_print(time_ms, text);
    assert_string_equal(text, "2026-07-25T15:11:12.600Z");
    assert_true(time_parse("2024-02-29T00:00:00Z", &time_ms));
    time_print(time_ms, text);
    assert_string_equal(text, "2024-02-29T00:00:00.000Z");
    assert_true(time_parse("1970-01-01T00:00:00.000Z", &time_ms));
    assert_int_equal(time_ms, 0);
}

static void every_day_prints_as_the_c_library_does(void **state) {
    (void)state;
    for (int64_t day = 0; day < 300 * 366; day++) {
        char text[TIME_TEXT_MAX], expected[TIME_TEXT_MAX];
        time_t seconds = (time_t)(day * 86400 + day % 86400);
        struct tm parts;
        assert_non_null(gmtime_r(&seconds, &parts));
        strftime(expected, sizeof expected, "%Y-%m-%dT%H:%M:%S.007Z", &parts);
        time_print(seconds * 1000 + 7, text);
        assert_string_equal(text, expected);
    }
}

static void damaged_times_are_printed_as_the_nearest_there_is(void **state) {
    (void)state;
    char text[TIME_TEXT_MAX];
    time_print(-1, text);
    assert_string_equal(text, "1970-01-01T00:00:00.000Z");
    time_print(INT64_MAX, text);
    assert_string_equal(text, "9999-12-31T23:59:59.999Z");
}

static void malformed_times_are_refused(void **state) {
    (void)state;
    static const char *const bad[] = {
        "",
        "2026-07-25",
        "2026-07-25T15:11:12",
        "2026-07-25 15:11:12Z",
        "2026-07-25T15:11:12.Z",
        "2026-07-25T15:11:12.1234Z",
        "2026-07-25T15:11:12+00:00",
        "2026-02-30T00:00:00Z",
        "2025-02-29T00:00:00Z",
        "2026-13-01T00:00:00Z",
        "2026-00-01T00:00:00Z",
        "2026-07-25T24:00:00Z",
        "2026-07-25T23:60:00Z",
        "2026-07-25T23:59:60Z",
        "1969-12-31T23:59:59Z",
        "2026-07-25T15:11:12.686Zx",
        "-026-07-25T15:11:12Z",
    };
    int64_t time_ms;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_false(time_parse(bad[i], &time_ms));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(times_are_printed_with_three_digits_and_read_with_fewer),
        cmocka_unit_test(every_day_prints_as_the_c_library_does),
        cmocka_unit_test(damaged_times_are_printed_as_the_nearest_there_is),
        cmocka_unit_test(malformed_times_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
