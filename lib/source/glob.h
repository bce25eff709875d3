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
 * A glob that matches a folder stands for all below it; that is the caller's to do. `*`, `?` and `**` do not match a dot at the
 * beginning of a name. `**` beside other characters is `*`. Characters are JavaScript's: those above U+FFFF count as two.
 * What else fast-glob reads is refused by name.
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
    const struct glob_pattern *patterns; /* one for each combination of what is in its braces */
    size_t count;
    size_t length; /* of all patterns together, in bytes: what they take of time and memory */
};

/* Everything is in the arena. STATUS_INVALID with what is not supported in it, or is wrong. */
CHECK_RESULT enum status glob_parse(struct glob *out, struct arena *arena, const char *text, struct error *err);

/* STATUS_INVALID for one that asks for what is not in the folder: absolute, or with a `..` in it. (It matches nothing.) */
CHECK_RESULT enum status glob_check_inside(const struct glob *glob, struct error *err);

/* `path` is relative, with single slashes, "" being the folder itself; shorter than PATH_MAX. *steps, where it is not NULL,
 * goes up by the comparisons that were made: at most the glob's length times the path's, for each combination of its braces. */
bool glob_matches(const struct glob *glob, const char *path, bool is_folder, uint64_t *steps);

/* Does it name the folder `path`, or things that are below it and nowhere else, in one of its alternatives? */
bool glob_names_folder(const struct glob *glob, const char *path);

#endif
