/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Runs one of our programs to completion, with an explicit environment, and captures its output.
 */
#ifndef TESTS_SUPPORT_RUN_PROGRAM_H
#define TESTS_SUPPORT_RUN_PROGRAM_H

#include "lib/tools/sandbox/run_command.h"

struct program_call {
    const char *program;          /* its file's name in the build's bin/ */
    const char *const *arguments; /* NULL at the end */
    const char *setting;          /* NAME=VALUE, or NULL */
    const char *folder;           /* working directory */
    const char *input;            /* NULL: none */
};

/* Overwrites *result, which must be all zero before the first call; release it with command_result_release(). Returns the exit
 * status; a program that runs for more than five minutes, or is ended by a signal, fails the test. */
int run_program(struct command_result *result, const struct program_call *call);

#endif
