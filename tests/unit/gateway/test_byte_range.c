/* SPDX-License-Identifier: BSD-3-Clause */
#include "tests/support/cmocka_all.h"

#include "services/gateway/http/byte_range.h"

static void ranges_are_read(void **state) {
    (void)state;
    static const struct {
        const char *header;
        int64_t size;
        enum byte_range kind;
        int64_t offset, length;
    } rows[] = {
        {NULL, 100, BYTE_RANGE_WHOLE, 0, 0},
        {"bytes=0-9", 100, BYTE_RANGE_PART, 0, 10},
        {"bytes=90-", 100, BYTE_RANGE_PART, 90, 10},
        {"bytes=-10", 100, BYTE_RANGE_PART, 90, 10},
        {"bytes=-1000", 100, BYTE_RANGE_PART, 0, 100},
        {"bytes=50-1000", 100, BYTE_RANGE_PART, 50, 50},
        {"bytes=99-99", 100, BYTE_RANGE_PART, 99, 1},
        {"bytes=100-", 100, BYTE_RANGE_IMPOSSIBLE, 0, 0},
        {"bytes=-0", 100, BYTE_RANGE_IMPOSSIBLE, 0, 0},
        {"bytes=99999999999999999999999-", 100, BYTE_RANGE_IMPOSSIBLE, 0, 0},
        {"bytes=0-99999999999999999999999", 100, BYTE_RANGE_PART, 0, 100},
        {"bytes=9-5", 100, BYTE_RANGE_WHOLE, 0, 0},
        {"bytes=0-1,5-6", 100, BYTE_RANGE_WHOLE, 0, 0},
        {"bytes=-", 100, BYTE_RANGE_WHOLE, 0, 0},
        {"bytes=", 100, BYTE_RANGE_WHOLE, 0, 0},
        {"bytes=a-b", 100, BYTE_RANGE_WHOLE, 0, 0},
        {"lines=1-2", 100, BYTE_RANGE_WHOLE, 0, 0},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        int64_t offset = 0, length = 0;
        assert_int_equal(byte_range_parse(rows[i].header, rows[i].size, &offset, &length), rows[i].kind);
        assert_int_equal(offset, rows[i].offset);
        assert_int_equal(length, rows[i].length);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(ranges_are_read)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
