/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Names of packed files: everybody must be able to unpack them, on whatever system.
 */
#ifndef LIB_SOURCE_PACKED_NAMES_H
#define LIB_SOURCE_PACKED_NAMES_H

#include <stddef.h>

#include "lib/base/error.h"

/* STATUS_REFUSED where a name of this path is none that every system can have (lib/tools/file_names.h). */
CHECK_RESULT enum status packed_name_check(const char *path, struct error *err);

/* STATUS_REFUSED where two of the paths (sorted by bytes), or of the folders in them, differ in case alone. "purs.json" counts
 * as one of them. */
CHECK_RESULT enum status packed_names_check_case(const char *const *paths, size_t count, struct error *err);

#endif
