/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The documentation as `purs publish` prints it: the last line, JSON, after lines of progress. Not for others than compiler.c
 * and its tests.
 */
#ifndef LIB_TOOLS_COMPILER_DOCUMENTATION_H
#define LIB_TOOLS_COMPILER_DOCUMENTATION_H

#include "lib/base/error.h"

struct text;

/* Appends it on one line. The compiler finds the sources of the package by absolute paths, below `folder` as it sees that, and
 * has them in each `sourceSpan`; Pursuit makes links into the package's repository of these, so they become paths within the
 * package, and those of other packages paths within theirs. STATUS_INTERNAL: it is no JSON object. */
CHECK_RESULT enum status compiler_documentation_take(struct text *out, const struct text *printed, const char *folder,
                                                     struct error *err);

#endif
