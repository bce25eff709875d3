/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Parsing of the compiler's output. Only for compiler.c and its tests.
 */
#ifndef LIB_TOOLS_PURS_COMPILER_REPORT_H
#define LIB_TOOLS_PURS_COMPILER_REPORT_H

#include <stdbool.h>

#include "lib/tools/purs/compiler.h"

/* Finds the JSON with errors and warnings in the output (stdout) and errors (stderr) of a run. False: not found.
 * Malformed parts count as absent. The caller sets `succeeded`. */
bool compiler_report_read(struct compiler_report *out, struct arena *arena, const struct text *output,
                          const struct text *errors);

/* True for a progress line: `Compiling Data.Maybe` or `[3 of 20] Compiling Data.Maybe`. */
bool compiler_report_is_progress(const char *line);

#endif
