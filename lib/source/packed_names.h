/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Checks the names of packed files: every system must be able to unpack them.
 */
#ifndef LIB_SOURCE_PACKED_NAMES_H
#define LIB_SOURCE_PACKED_NAMES_H

#include <stddef.h>

#include "lib/base/error.h"

/* STATUS_REFUSED: a name in this path is not allowed on every system (lib/tools/archive/file_names.h). */
CHECK_RESULT enum status packed_name_check(const char *path, struct error *err);

/* STATUS_REFUSED: two of the paths (sorted by bytes), or of the folders in them, are equal except for case. "purs.json" is
 * counted as one of them. */
CHECK_RESULT enum status packed_names_check_case(const char *const *paths, size_t count, struct error *err);

#endif
