/* SPDX-License-Identifier: BSD-3-Clause
 *
 * What files of a package may be called, so that its tarball can be unpacked on every system that its users have: some take a
 * backslash for a slash, some do not tell `Data.purs` from `data.purs`, Windows has no `aux.js`.
 */
#ifndef LIB_TOOLS_FILE_NAMES_H
#define LIB_TOOLS_FILE_NAMES_H

#include <stdbool.h>
#include <stddef.h>

/* Why no packed file or folder may be called `name`, as the end of a sentence ("is empty"); NULL: it may. A name is one part of
 * a path. */
const char *file_name_fault(const char *name);

/* The same for names that must not even be written to a folder here. */
const char *file_name_danger(const char *name);

/* Finds two of the names (which are one folder's) that differ in nothing but upper and lower case, or not at all. */
bool file_names_clash(const char *const *names, size_t count, size_t *one, size_t *other);

#endif
