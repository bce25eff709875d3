/* SPDX-License-Identifier: BSD-3-Clause
 *
 * main() of a program with several tests: `PROGRAM NAME` runs one of them, as its own program would. Without a name it prints
 * all names.
 */
#include "tests/support/joined_test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { TESTS_MAX = 200 };

static struct {
    const char *name;
    int (*run)(void);
} tests[TESTS_MAX];
static int count;

void joined_test_add(const char *name, int (*run)(void)) {
    if (count == TESTS_MAX) abort();
    tests[count].name = name;
    tests[count++].run = run;
}

int main(int argument_count, char **arguments) {
    for (int i = 0; argument_count == 2 && i < count; i++)
        if (strcmp(tests[i].name, arguments[1]) == 0) return tests[i].run();
    fprintf(stderr, "usage: %s NAME\n", arguments[0]);
    for (int i = 0; i < count; i++)
        fprintf(stderr, "  %s\n", tests[i].name);
    return 2;
}
