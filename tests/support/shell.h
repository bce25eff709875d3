/* SPDX-License-Identifier: BSD-3-Clause
 *
 * For tests: shell commands, and waiting for a condition. Any failure fails the test (outside of a test it ends the program).
 */
#ifndef TESTS_SUPPORT_SHELL_H
#define TESTS_SUPPORT_SHELL_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/base/arena.h"

/* Runs a command by /bin/sh and returns its output, in the arena. Fails if it does not exit with 0. */
char *shell_output(struct arena *arena, const char *format, ...) __attribute__((format(printf, 2, 3)));
void shell_run(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Writes a file, with the folders that lead to it. */
void write_file(const char *path, const char *content);
char *read_file(struct arena *arena, const char *path); /* NULL if there is none */

/* Calls `is_so` again and again. False if it did not become true within `timeout_ms`. */
bool wait_until(bool (*is_so)(void *context), void *context, int64_t timeout_ms);

#endif
