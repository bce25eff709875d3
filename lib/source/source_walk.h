/* SPDX-License-Identifier: BSD-3-Clause
 *
 * What the compiler takes for modules in a package's folder: whatever has a name that ends in `.purs`, in src/ and all folders
 * below it, but for hidden names (those that begin with a dot) and what is in a hidden folder of src/ itself (further down
 * hidden folders are like others). That includes folders of such a name: at these, and at a module or foreign module that is
 * not UTF-8, it ends without a report and names no file. So they are looked for before it runs.
 */
#ifndef LIB_SOURCE_SOURCE_WALK_H
#define LIB_SOURCE_SOURCE_WALK_H

#include <stdbool.h>
#include <stddef.h>

#include "lib/base/arena.h"
#include "lib/base/error.h"

struct text;

/* Whether the compiler takes the file for a module; `path` is relative to the package's folder. */
bool source_is_module(const char *path);

/* STATUS_REFUSED: one of the folders in `path` (relative, of a file) would be taken for a module. */
CHECK_RESULT enum status source_check_folders(const char *path, struct error *err);

/* STATUS_REFUSED: the compiler will read the foreign module beside the module at `path` (relative to `folder`), whose content
 * is `module`, and it is not UTF-8. Where there is none, or the module imports nothing from it, that is fine. */
CHECK_RESULT enum status source_check_foreign(const char *folder, const char *path, const struct text *module,
                                              struct error *err);

/* Relative to the package's folder, sorted by bytes; in the caller's arena. */
struct source_walk {
    const char **paths;
    size_t count;
};

/* All modules of the package in `folder`. STATUS_REFUSED as source_check_folders(), with the list complete all the same;
 * STATUS_INTERNAL: it cannot be read. */
CHECK_RESULT enum status source_walk_modules(struct source_walk *out, struct arena *arena, const char *folder,
                                             struct error *err);

#endif
