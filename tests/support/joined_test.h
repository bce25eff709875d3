/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Included by the compiler before a test that is one of several in a program (JOIN_TESTS in tests/CMakeLists.txt): its main()
 * becomes a function that tests/support/joined_main.c calls by the test's name, JOINED_NAME.
 */
#ifndef TESTS_SUPPORT_JOINED_TEST_H
#define TESTS_SUPPORT_JOINED_TEST_H

void joined_test_add(const char *name, int (*run)(void)); /* the name is borrowed */

#ifdef JOINED_NAME
#define main joined_test
static int joined_test(void);

__attribute__((constructor)) static void joined_test_register(void) {
    joined_test_add(JOINED_NAME, joined_test);
}
#endif

#endif
