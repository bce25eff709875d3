/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Globs of `includeFiles` and `excludeFiles`, with the meaning that they have for the npm library fast-glob 3.3
 * (lib/source/README.md, Globs; tests/clients/run globs compares the two):
 *
 *   *        any part of one name             [ab] [a-z]   one of these characters ("[ab]" itself, too, as there)
 *   ?        one character of a name          [!a] [^a]    one other character
 *   **       as a name: any number of folders {a,b}        each of these
 *   NAME/    the folder                       ./ //        nothing
 *
 * A glob that matches a folder stands for everything below it, which the caller must apply. `*`, `?` and `**` do not match a
 * leading dot of a name. `**` beside other characters is `*`. Characters are JavaScript's: those above U+FFFF count as two.
 * Other syntax of fast-glob is refused by name.
 */
#ifndef LIB_SOURCE_GLOB_H
#define LIB_SOURCE_GLOB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/arena.h"
#include "lib/base/error.h"

enum {
    GLOB_BYTES_MAX = 2000,
    GLOB_ALTERNATIVES_MAX = 250, /* of all braces together */
};

struct glob_pattern;

struct glob {
    const char *text;                    /* as it was written */
    const struct glob_pattern *patterns; /* one per combination of its braces' alternatives */
    size_t count;
    size_t length; /* of all patterns, in bytes; bounds the time and memory that they take */
};

/* Everything is in the arena. STATUS_INVALID with the reason: malformed, or not supported. */
CHECK_RESULT enum status glob_parse(struct glob *out, struct arena *arena, const char *text, struct error *err);

/* STATUS_INVALID for a glob that leads out of the folder: absolute, or with a `..` in it. (It matches nothing.) */
CHECK_RESULT enum status glob_check_inside(const struct glob *glob, struct error *err);

/* `path` is relative, with single slashes ("" is the folder itself), and shorter than PATH_MAX. Adds the number of
 * comparisons to *steps (may be NULL): at most the glob's length times the path's, for each combination of its braces. */
bool glob_matches(const struct glob *glob, const char *path, bool is_folder, uint64_t *steps);

/* True if one of its alternatives names the folder `path`, or only paths below it. */
bool glob_names_folder(const struct glob *glob, const char *path);

#endif
