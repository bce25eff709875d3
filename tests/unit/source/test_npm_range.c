/* SPDX-License-Identifier: BSD-3-Clause */
#include "tests/support/cmocka_all.h"

#include <string.h>

#include "lib/source/npm_range.h"

/* Each range as npm writes it, and the resulting range; or, if it is refused, some words of the reason. */
static const struct {
    const char *text, *expected;
} rows[] = {
    {"1.2.3", ">=1.2.3 <1.2.4"},
    {"=1.2.3", ">=1.2.3 <1.2.4"},
    {"v1.2.3", ">=1.2.3 <1.2.4"},
    {" 1.2.3 ", ">=1.2.3 <1.2.4"},
    {"1.2", ">=1.2.0 <1.3.0"},
    {"1", ">=1.0.0 <2.0.0"},
    {"1.x", ">=1.0.0 <2.0.0"},
    {"1.2.*", ">=1.2.0 <1.3.0"},
    {"1.X.3", ">=1.0.0 <2.0.0"},
    {"^1.2.3", ">=1.2.3 <2.0.0"},
    {"^0.2.3", ">=0.2.3 <0.3.0"},
    {"^0.0.3", ">=0.0.3 <0.0.4"},
    {"^0.0", ">=0.0.0 <0.1.0"},
    {"^0", ">=0.0.0 <1.0.0"},
    {"^1.2.x", ">=1.2.0 <2.0.0"},
    {"^0.x", ">=0.0.0 <1.0.0"},
    {"^1.0.0-rc.5", ">=1.0.0 <2.0.0"},
    {"^1.0.0+build.1", ">=1.0.0 <2.0.0"},
    {"^ 1.0.0", ">=1.0.0 <2.0.0"},
    {"^1.0.0rc1", ">=1.0.0 <2.0.0"},
    {"^01.02.3", ">=1.2.3 <2.0.0"},
    {"~1.2.3", ">=1.2.3 <1.3.0"},
    {"~1.2", ">=1.2.0 <1.3.0"},
    {"~1", ">=1.0.0 <2.0.0"},
    {"~>1.2.3", ">=1.2.3 <1.3.0"},
    {">=1.0.0 <2.0.0", ">=1.0.0 <2.0.0"},
    {">= 1.0.0 < 2", ">=1.0.0 <2.0.0"},
    {">=1.0.0<2.0.0", ">=1.0.0 <2.0.0"},
    {">1.0.0 <=2.0.0", ">=1.0.1 <2.0.1"},
    {">1.0 <=2.0", ">=1.1.0 <2.1.0"},
    {"<2.0.0", ">=0.0.0 <2.0.0"},
    {"<=1", ">=0.0.0 <2.0.0"},
    {"1.0.0 - 2.0.0", ">=1.0.0 <2.0.1"},
    {"1.0 - 2.3", ">=1.0.0 <2.4.0"},
    {"1 - 2", ">=1.0.0 <3.0.0"},
    {"^1.0.0 || ^2.0.0", ">=1.0.0 <3.0.0"},
    {"^2.0.0||^1.0.0", ">=1.0.0 <3.0.0"},
    {">=1.0.0-rc.1 <1.0.0", ">=1.0.0 <1.0.1"},
    {"^1.2.3 <1.5.0", ">=1.2.3 <1.5.0"},
    {"*", "no upper bound"},
    {"", "no upper bound"},
    {">=1.0.0", "no upper bound"},
    {">1", "no upper bound"},
    {"^1.0.0 || >=3.0.0", "no upper bound"},
    {">=2.0.0 <1.0.0", "contains no version"},
    {"^1.0.0 ^2.0.0", "contains no version"}, /* used to become >=2.0.0 <2.0.1 */
    {"^2.0.0 ^1.0.0", "contains no version"},
    {"~1.0.0 ~1.1.0", "contains no version"},
    {"1.0.0 1.0.1", "contains no version"},
    {"1.x 2.x", "contains no version"},
    {">1.0.0 <1.0.1", "contains no version"},
    {"<=1.0.0 >=1.0.1", "contains no version"},
    {">=2.0.0 ^1.0.0", "contains no version"},
    {"^1.0.0 || ^2.0.0 ^3.0.0", ">=1.0.0 <2.0.0"},
    {"^1.0.0 ^2.0.0 || ^4.0.0", ">=4.0.0 <5.0.0"},
    {"^1.0.0 ^2.0.0 || >=4.0.0", "no upper bound"},
    {"^2.0.0-rc.1 <2.0.0", ">=2.0.0 <2.0.1"},
    {">=1.0.0 <1.0.0", ">=1.0.0 <1.0.1"},
    {"master", "not a range"},
    {"1.2.3.4", "not a range"},
    {"^", "not a range"},
    {"1.", "not a range"},
    {"^1.0.0 |", "not a range"},
    {"99999999999.0.0", "not a range"},
    {"some/thing#^1.0.0", "not a range"},
    {"latest", "not a range"},
    {"1.2rc1", "not a range"},
    {"1.0.0 -", "not a range"},
};

static void ranges_are_reduced(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct range range;
        struct error err = {0};
        char printed[RANGE_TEXT_MAX];
        if (npm_range_parse(&range, rows[i].text, &err)) {
            if (!strstr(err.message, rows[i].expected)) fail_msg("\"%s\": %s", rows[i].text, err.message);
            continue;
        }
        range_print(range, printed);
        if (strcmp(printed, rows[i].expected) != 0) fail_msg("\"%s\" became %s", rows[i].text, printed);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(ranges_are_reduced)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
