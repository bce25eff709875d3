/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Versions (lib/domain/README.md, Version): `MAJOR.MINOR.PATCH`, nothing before or after. The looser spellings of other package
 * managers and of git tags are not read here.
 */
#ifndef LIB_DOMAIN_VERSION_H
#define LIB_DOMAIN_VERSION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/error.h"

#define VERSION_NUMBER_MAX UINT32_C(2147483647)
enum { VERSION_TEXT_MAX = 33 }; /* with the NUL */

/* Small, and passed by value. */
struct version {
    uint32_t major, minor, patch; /* each at most VERSION_NUMBER_MAX */
};

/* STATUS_INVALID with what is wrong. */
CHECK_RESULT enum status version_parse(struct version *out, const char *text, struct error *err);
void version_print(struct version version, char out[VERSION_TEXT_MAX]);

/* Negative, zero or positive, by major, then minor, then patch. */
int version_compare(struct version a, struct version b);
bool version_equal(struct version a, struct version b);
bool version_is_among(struct version version, const struct version *versions, size_t count);

/* The next version of that place. A place that is at VERSION_NUMBER_MAX carries into the one before it; where the major is at
 * it, there is no next one, and the version comes back unchanged (range_is_valid() tells). */
struct version version_bump_major(struct version version);
struct version version_bump_minor(struct version version);
struct version version_bump_patch(struct version version);
struct version version_bump_highest(struct version version); /* the first place that is not zero */

#endif
