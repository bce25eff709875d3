/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The modules of a package's source, from the headers of its files (lib/domain/README.md, Publish, step 7).
 */
#ifndef LIB_SOURCE_SOURCE_MODULES_H
#define LIB_SOURCE_SOURCE_MODULES_H

#include <stdbool.h>
#include <stddef.h>

#include "lib/base/arena.h"
#include "lib/base/error.h"

/* In the caller's arena. */
struct source_modules {
    const char **names; /* in the order of the given paths */
    const char **paths; /* the file of each module; borrowed from the given paths */
    size_t count;
    const char **problems; /* a sentence for each file whose header does not parse */
    size_t problem_count;
};

/* Reads those of `paths` (relative to `folder`) that end in `.purs`. STATUS_REFUSED: a module called `Main` or `Test.Main`,
 * one module name in two files of src/, a file that is too large, a file or folder that the compiler could not read
 * (source_walk.h), or, unless `headers_may_fail` (for compilers below 0.15.0), a header that does not parse. */
CHECK_RESULT enum status source_modules_read(struct source_modules *out, struct arena *arena, const char *folder,
                                             const char *const *paths, size_t path_count, bool headers_may_fail,
                                             struct error *err);

#endif
