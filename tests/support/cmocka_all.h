/* SPDX-License-Identifier: BSD-3-Clause
 *
 * cmocka, with the headers that must be included before its own; groups of tests run by test_run.h, which keeps the folders of
 * failed tests; and groups that need fault points (lib/base/fault.h). */
#ifndef TESTS_SUPPORT_CMOCKA_ALL_H
#define TESTS_SUPPORT_CMOCKA_ALL_H

/* <cmocka.h> needs these and does not include them. */
/* clang-format off */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
/* clang-format on */

#include <stdio.h>

#include "tests/support/test_run.h"

#undef cmocka_run_group_tests
#define cmocka_run_group_tests(tests, start, end) test_run_group(#tests, tests, sizeof(tests) / sizeof((tests)[0]), start, end)
#undef skip
#define skip() (test_run_skips(), _skip(__FILE__, __LINE__))

/* cmocka_run_group_tests(); in a build without fault points it prints that the tests are skipped, and returns 0. */
#ifdef FAULT_POINTS
#define run_fault_tests(tests, start, end) cmocka_run_group_tests(tests, start, end)
#else
#define run_fault_tests(tests, start, end)                                                                                     \
    ((void)(start), (void)(end),                                                                                               \
     printf("[  SKIPPED ] %zu test(s), listed below: this build has no fault points (-DFAULTS=ON)\n",                          \
            sizeof(tests) / sizeof((tests)[0])) < 0)
#endif

#endif
