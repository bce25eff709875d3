/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Globs: `*` matches any part of one name, `**` as a whole name matches any number of folders (also none), `.` as a name is
 * dropped, anything else stands for itself. No `?`, no brackets, no braces; `!` is refused by glob_check().
 */
#ifndef LIB_SOURCE_GLOB_H
#define LIB_SOURCE_GLOB_H

#include <stdbool.h>

#include "lib/base/error.h"

/* STATUS_INVALID for a glob that cannot be used: empty, or with `!`. */
CHECK_RESULT enum status glob_check(const char *glob, struct error *err);

/* STATUS_INVALID for one that asks for what is not in the folder: absolute, or with a `..` in it. (It matches nothing.) */
CHECK_RESULT enum status glob_check_inside(const char *glob, struct error *err);

/* `path` is relative, with single slashes. */
bool glob_matches(const char *glob, const char *path);

#endif
