/* SPDX-License-Identifier: BSD-3-Clause
 *
 * A group of cmocka's tests, and the folders that its tests work in: one whose test failed is kept, and so are all where KEEP
 * is in the environment. cmocka leaves a failed test by longjmp and tells nobody, so each test runs with a setup and a teardown
 * of ours around its own. By the main thread only.
 */
#ifndef TESTS_SUPPORT_TEST_RUN_H
#define TESTS_SUPPORT_TEST_RUN_H

#include <stddef.h>

struct CMUnitTest;

/* cmocka_run_group_tests(), which is a macro for this (cmocka_all.h); the last two are the group's setup and teardown. */
int test_run_group(const char *name, const struct CMUnitTest *tests, size_t count, int (*start)(void **state),
                   int (*end)(void **state));

/* Must be called before a test is left by skip(), which is no failure. */
void test_run_skips(void);

/* Makes a folder, mode 0755, whose path is `path`, with its last six letters, XXXXXX, replaced. A process that ends with such
 * a folder tells where it is, and prints the logs in it. Ends the program where there can be none. */
void test_folder_make(char *path);

/* The test is done with it: removes the folder. Where a test failed since it was made, it is kept, and all is told that the end
 * of the process would tell. */
void test_folder_end(const char *path);

#endif
