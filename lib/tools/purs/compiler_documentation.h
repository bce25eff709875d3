/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The documentation as `purs publish` prints it: JSON in the last line, after progress lines. Only for compiler.c and its
 * tests.
 */
#ifndef LIB_TOOLS_PURS_COMPILER_DOCUMENTATION_H
#define LIB_TOOLS_PURS_COMPILER_DOCUMENTATION_H

#include "lib/base/error.h"

struct text;

/* Appends the documentation on one line. The compiler's `sourceSpan`s have absolute paths below `folder` (as the compiler
 * sees it), from which Pursuit makes links into the package's repository; so they become relative to the package, and those
 * of other packages relative to theirs. STATUS_INTERNAL: it is no JSON object. */
CHECK_RESULT enum status compiler_documentation_take(struct text *out, const struct text *printed, const char *folder,
                                                     struct error *err);

#endif
