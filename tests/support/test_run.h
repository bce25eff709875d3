/* SPDX-License-Identifier: BSD-3-Clause
 *
 * A group of cmocka's tests, and the folders that its tests work in: the folder of a failed test is kept, and all are with KEEP
 * in the environment. cmocka leaves a failed test by longjmp without a notice, so each test gets a setup and a teardown of ours
 * around its own. Main thread only.
 */
#ifndef TESTS_SUPPORT_TEST_RUN_H
#define TESTS_SUPPORT_TEST_RUN_H

#include <stddef.h>

struct CMUnitTest;

/* cmocka_run_group_tests(), which is a macro for this (cmocka_all.h); the last two are the group's setup and teardown. */
int test_run_group(const char *name, const struct CMUnitTest *tests, size_t count, int (*start)(void **state),
                   int (*end)(void **state));

/* Must be called before skip(), which also leaves the test by longjmp, but is no failure. */
void test_run_skips(void);

/* Makes a folder, mode 0755, whose path is `path`, with its last six letters, XXXXXX, replaced. A process that ends with such a
 * folder prints its path and the logs in it. Ends the program if the folder cannot be made. */
void test_folder_make(char *path);

/* Removes the folder. If a test failed since it was made, keeps it instead, and prints its path and logs at once. */
void test_folder_end(const char *path);

#endif
