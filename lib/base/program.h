/* SPDX-License-Identifier: BSD-3-Clause
 *
 * How every program of the server begins.
 */
#ifndef LIB_BASE_PROGRAM_H
#define LIB_BASE_PROGRAM_H

#include <stdbool.h>

#include "lib/base/settings.h"

/* An option of a program's own; the last one has no name. Each sets `flag`, or the environment variable `variable` to its
 * value, which wins over what the environment had and is checked like it. */
struct program_option {
    const char *name;     /* without dashes */
    const char *argument; /* as the help names its value; NULL: a flag */
    const char *help;
    const char *variable;
    bool *flag;
};

/* Reads the command line by getopt_long(): `options` (NULL: none), --help and --version. These two end the program with 0; an
 * unknown option, one without its value, or any other argument ends it with 2, said on stderr. */
void program_read_options(const char *name, int count, char **arguments, const struct program_option *options);

/* The first that main() does: reads the options, prepares the process (process_start), reads the program's settings, and sets
 * up its log. The caller releases `out` in any case. */
CHECK_RESULT enum status program_begin(struct settings *out, enum program program, int count, char **arguments,
                                       const struct program_option *options, struct error *err);

#endif
