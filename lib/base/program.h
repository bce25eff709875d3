/* SPDX-License-Identifier: BSD-3-Clause
 *
 * How every program of the server begins.
 */
#ifndef LIB_BASE_PROGRAM_H
#define LIB_BASE_PROGRAM_H

#include "lib/base/settings.h"

/* The first that main() does: prepares the process (process_start), reads the program's settings, and sets up its log. The
 * caller releases `out` in any case. */
CHECK_RESULT enum status program_begin(struct settings *out, enum program program, struct error *err);

#endif
