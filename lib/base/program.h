/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Start-up common to all programs of the server.
 */
#ifndef LIB_BASE_PROGRAM_H
#define LIB_BASE_PROGRAM_H

#include <stdbool.h>

#include "lib/base/settings.h"

/* A command-line option of a program; the list ends with a row without a name. An option sets `flag`, or the environment
 * variable `variable` to its value, which replaces the inherited value and is checked in the same way. */
struct program_option {
    const char *name;     /* without dashes */
    const char *argument; /* name of its value in the help; NULL: a flag */
    const char *help;
    const char *variable;
    bool *flag;
};

/* Reads the command line by getopt_long(): `options` (NULL: none), --help and --version. These two exit with 0; an unknown
 * option, a missing value or an unexpected argument exits with 2 and a message on stderr. */
void program_read_options(const char *name, int count, char **arguments, const struct program_option *options);

/* Must be the first call of main(): reads the options, sets up the process (process_start), loads the program's settings and
 * configures its log. STATUS_INVALID names the setting. The caller releases `out` in any case. */
CHECK_RESULT enum status program_begin(struct settings *out, enum program program, int count, char **arguments,
                                       const struct program_option *options, struct error *err);

#endif
