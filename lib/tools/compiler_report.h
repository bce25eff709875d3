/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Reading what the compiler printed. Not for others than compiler.c and its tests.
 */
#ifndef LIB_TOOLS_COMPILER_REPORT_H
#define LIB_TOOLS_COMPILER_REPORT_H

#include <stdbool.h>

#include "lib/tools/compiler.h"

/* Finds the JSON with errors and warnings in what a run printed to stdout and stderr. False where there is none; what is not as
 * expected inside is read as absent. `succeeded` is left to the caller. */
bool compiler_report_read(struct compiler_report *out, struct arena *arena, const struct text *output,
                          const struct text *errors);

/* Whether the line says which module is being compiled: `Compiling Data.Maybe` or `[3 of 20] Compiling Data.Maybe`. */
bool compiler_report_is_progress(const char *line);

#endif
