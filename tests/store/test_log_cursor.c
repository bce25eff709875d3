/* SPDX-License-Identifier: BSD-3-Clause
 * Cursors of log lines as text. */
#include "lib/store/job/log_cursor.h"

#include "tests/support/cmocka_all.h"

#include <string.h>

static const char job[] = "3f2c0d4e-1111-4222-8333-444455556666";

static void a_cursor_comes_back_as_it_was_printed(void **state) {
    (void)state;
    static const struct log_cursor cursors[] = {{1764000000123, 23}, {1, 0}, {999999999999999, 999999999999999}};
    for (size_t i = 0; i < sizeof cursors / sizeof cursors[0]; i++) {
        char text[LOG_CURSOR_TEXT_MAX];
        struct log_cursor cursor;
        struct error err;
        log_cursor_print(text, &cursors[i], job);
        if (i == 0) assert_string_equal(text, "1764000000123-23-3f2c0d4e");
        assert_int_equal(log_cursor_parse(&cursor, text, job, "after", &err), STATUS_OK);
        assert_true(cursor.time_ms == cursors[i].time_ms && cursor.ordinal == cursors[i].ordinal);
    }
}

static void anything_else_is_refused_with_the_name_of_the_parameter(void **state) {
    (void)state;
    static const struct {
        const char *text, *message;
    } rows[] = {
        {"", "must be the cursor of a log line"},
        {"1764000000123", "must be the cursor of a log line"},
        {"1764000000123-23", "must be the cursor of a log line"},
        {"1764000000123-23-", "must be the cursor of a log line"},
        {"1764000000123-23-3f2c0d4", "must be the cursor of a log line"},
        {"1764000000123-23-3f2c0d4e0", "must be the cursor of a log line"},
        {"1764000000123-23-3F2C0D4E", "must be the cursor of a log line"},
        {"1764000000123-23-3f2c0d4e ", "must be the cursor of a log line"},
        {"-1764000000123-23-3f2c0d4e", "must be the cursor of a log line"},
        {"+1764000000123-23-3f2c0d4e", "must be the cursor of a log line"},
        {"0-23-3f2c0d4e", "must be the cursor of a log line"},
        {"--3f2c0d4e", "must be the cursor of a log line"},
        {"1e9-23-3f2c0d4e", "must be the cursor of a log line"},
        {"99999999999999999999-1-3f2c0d4e", "must be the cursor of a log line"},
        {"1764000000123-23-00000000", "a job whose id begins with 00000000"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct log_cursor cursor;
        struct error err;
        assert_int_equal(log_cursor_parse(&cursor, rows[i].text, job, "before", &err), STATUS_INVALID);
        assert_string_equal(err.path, "before");
        if (!strstr(err.message, rows[i].message)) fail_msg("\"%s\": %s", rows[i].text, err.message);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_cursor_comes_back_as_it_was_printed),
        cmocka_unit_test(anything_else_is_refused_with_the_name_of_the_parameter),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
