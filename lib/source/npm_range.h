/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Ranges as npm and Bower write them, reduced to one `>=LOW <HIGH` (lib/domain/README.md, Publish, step 3):
 *
 *   range      = alternative { "||" alternative }          the union, from the lowest LOW to the highest HIGH
 *   alternative = partial " - " partial | { comparator }   the intersection of all comparators
 *   comparator = ("^" | "~" | ">=" | ">" | "<=" | "<" | "=" | "") ["v"] partial
 *   partial    = NUMBER | NUMBER.NUMBER | NUMBER.NUMBER.NUMBER [PRERELEASE] [BUILD]     with "x", "X" or "*" for a number
 *
 * Lenient like npm: blanks after a comparator, leading zeros and a prerelease without its "-" are accepted. Prereleases and
 * builds are dropped, since the registry has none; if that makes the ends of `>=A <B` equal, B's patch is incremented. A range
 * without versions stays empty: `^1.0.0 ^2.0.0`.
 */
#ifndef LIB_SOURCE_NPM_RANGE_H
#define LIB_SOURCE_NPM_RANGE_H

#include "lib/base/error.h"
#include "lib/domain/package/range.h"

/* STATUS_INVALID: the range is malformed, has no upper bound, or contains no version. */
CHECK_RESULT enum status npm_range_parse(struct range *out, const char *text, struct error *err);

#endif
