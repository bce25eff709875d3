/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Ranges of versions (lib/domain/README.md, Range): `>=LOW <HIGH`, LOW included, HIGH excluded. This is the only form in the
 * registry's files; lib/source converts those of npm and spago to it.
 */
#ifndef LIB_DOMAIN_PACKAGE_RANGE_H
#define LIB_DOMAIN_PACKAGE_RANGE_H

#include "lib/domain/package/version.h"

enum { RANGE_TEXT_MAX = 2 * VERSION_TEXT_MAX + 4 }; /* with the NUL */

/* Small, and passed by value. */
struct range {
    struct version low, high; /* low < high if range_is_valid() */
};

/* STATUS_INVALID gives the reason. */
CHECK_RESULT enum status range_parse(struct range *out, const char *text, struct error *err);
void range_print(struct range range, char out[RANGE_TEXT_MAX]);

/* False for an empty range, for instance the exact range of the highest possible version (version.h). */
bool range_is_valid(struct range range);

struct range range_exact(struct version version); /* `>=v <bumpPatch(v)` */

bool range_includes(struct range range, struct version version);
bool range_equal(struct range a, struct range b);
struct range range_union(struct range a, struct range b); /* the lower LOW, the higher HIGH */

#endif
