/* SPDX-License-Identifier: BSD-3-Clause */
#include "services/gateway/http/header_lists.h"
#include "tests/support/cmocka_all.h"

static void gzip_is_used_where_it_is_accepted(void **state) {
    (void)state;
    static const struct {
        const char *header;
        bool accepts;
    } rows[] = {
        {NULL, false},
        {"", false},
        {"identity", false},
        {"gzip", true},
        {"GZip", true},
        {"deflate, gzip, br, zstd", true},
        {"deflate,gzip;q=1.0, *;q=0.5", true},
        {"br;q=1.0, gzip ; q=0.001", true},
        {"gzip;q=0", false},
        {"gzip;Q=0.000, *", false},
        {"*", true},
        {"*;q=0", false},
        {"*;q=0, gzip", true},
        {"gzipped, xgzip", false},
        {"br;q=0.5;gzip", false},
        {",, ,gzip", true},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (header_list_accepts_gzip(rows[i].header) != rows[i].accepts)
            fail_msg("%s", rows[i].header ? rows[i].header : "NULL");
}

static void a_client_has_what_it_names(void **state) {
    (void)state;
    assert_false(header_list_has_tag(NULL, "\"a\""));
    assert_false(header_list_has_tag("\"b\"", "\"a\""));
    assert_true(header_list_has_tag("\"a\"", "\"a\""));
    assert_true(header_list_has_tag("\"b\", W/\"a\"", "\"a\""));
    assert_true(header_list_has_tag("*", "\"a\""));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gzip_is_used_where_it_is_accepted),
        cmocka_unit_test(a_client_has_what_it_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
