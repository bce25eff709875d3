/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The files that the compiler takes for modules in a package's folder: all names that end in `.purs`, in src/ and the folders
 * below it, except hidden names (with a leading dot) and the content of hidden folders directly in src/ (further down hidden
 * folders are like others). Folders with such a name are included: at these, and at a module or foreign module that is not
 * UTF-8, the compiler exits without a report and names no file. So this is checked before it runs.
 */
#ifndef LIB_SOURCE_SOURCE_WALK_H
#define LIB_SOURCE_SOURCE_WALK_H

#include <stdbool.h>
#include <stddef.h>

#include "lib/base/arena.h"
#include "lib/base/error.h"

struct text;

/* True if the compiler takes the file for a module; `path` is relative to the package's folder. */
bool source_is_module(const char *path);

/* STATUS_REFUSED: the compiler would take one of the folders in `path` (relative, of a file) for a module. */
CHECK_RESULT enum status source_check_folders(const char *path, struct error *err);

/* STATUS_REFUSED: the foreign module beside the module at `path` (relative to `folder`; `module` is its content) is not
 * UTF-8, and the compiler will read it. STATUS_OK if it is missing, or if the module has no foreign imports. */
CHECK_RESULT enum status source_check_foreign(const char *folder, const char *path, const struct text *module,
                                              struct error *err);

/* The paths of modules, relative to the package's folder, sorted by bytes; in the caller's arena. */
struct source_walk {
    const char **paths;
    size_t count, capacity;
};

/* Lists all modules of the package in `folder`. STATUS_REFUSED as source_check_folders(), but with the complete list;
 * STATUS_INTERNAL: the walk cannot start. Folders that cannot be read are skipped. */
CHECK_RESULT enum status source_walk_modules(struct source_walk *out, struct arena *arena, const char *folder,
                                             struct error *err);

#endif
