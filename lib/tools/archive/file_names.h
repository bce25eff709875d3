/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Rules for the names of files in packages, so that tarballs can be unpacked on every system of their users: some treat a
 * backslash as a slash, some do not distinguish `Data.purs` and `data.purs`, Windows has no `aux.js`.
 */
#ifndef LIB_TOOLS_ARCHIVE_FILE_NAMES_H
#define LIB_TOOLS_ARCHIVE_FILE_NAMES_H

#include <stdbool.h>
#include <stddef.h>

/* Why a packed file or folder must not have this name (a single path component), as the end of a sentence ("is empty");
 * NULL: it may. */
const char *file_name_fault(const char *name);

/* The same for names that must not even be written to a folder here. */
const char *file_name_danger(const char *name);

/* True if two of the names (of one folder) are equal except for case; sets *one and *other to their indexes. */
bool file_names_clash(const char *const *names, size_t count, size_t *one, size_t *other);

#endif
