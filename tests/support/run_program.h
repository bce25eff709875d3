/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Runs one of our programs to its end, with an environment of its own, and keeps what it printed.
 */
#ifndef TESTS_SUPPORT_RUN_PROGRAM_H
#define TESTS_SUPPORT_RUN_PROGRAM_H

#include "lib/tools/sandbox/run_command.h"

struct program_call {
    const char *program;          /* its file's name in the build's bin/ */
    const char *const *arguments; /* NULL at the end */
    const char *setting;          /* NAME=VALUE, or NULL */
    const char *folder;           /* where it runs */
    const char *input;            /* NULL: none */
};

/* Replaces *result, which is all zero before the first call; release it with command_result_release(). Returns the exit status;
 * a program that does not end in five minutes, or by a signal, fails the test. */
int run_program(struct command_result *result, const struct program_call *call);

#endif
