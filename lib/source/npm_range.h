/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Ranges as npm and Bower write them, reduced to one `>=LOW <HIGH` (lib/domain/README.md, Publish, step 3):
 *
 *   range      = alternative { "||" alternative }          all of them together: the lowest LOW and the highest HIGH
 *   alternative = partial " - " partial | { comparator }   what is in every comparator
 *   comparator = ("^" | "~" | ">=" | ">" | "<=" | "<" | "=" | "") ["v"] partial
 *   partial    = NUMBER | NUMBER.NUMBER | NUMBER.NUMBER.NUMBER [PRERELEASE] [BUILD]     with "x", "X" or "*" for a number
 *
 * Loosely, as npm says: blanks behind a comparator, zeros in front of a number and a prerelease without its "-" are fine.
 * Prereleases and builds are dropped, since the registry has none; where the ends of `>=A <B` are equal then, B's patch goes
 * up. What contains no version stays so: `^1.0.0 ^2.0.0`.
 */
#ifndef LIB_SOURCE_NPM_RANGE_H
#define LIB_SOURCE_NPM_RANGE_H

#include "lib/base/error.h"
#include "lib/domain/range.h"

/* STATUS_INVALID: it is no such range, has no upper bound, or contains no version. */
CHECK_RESULT enum status npm_range_parse(struct range *out, const char *text, struct error *err);

#endif
