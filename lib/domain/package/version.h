/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Versions (lib/domain/README.md, Version): exactly `MAJOR.MINOR.PATCH`. The looser forms of other package managers and of git
 * tags are not accepted here.
 */
#ifndef LIB_DOMAIN_PACKAGE_VERSION_H
#define LIB_DOMAIN_PACKAGE_VERSION_H

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

/* STATUS_INVALID gives the reason. */
CHECK_RESULT enum status version_parse(struct version *out, const char *text, struct error *err);
void version_print(struct version version, char out[VERSION_TEXT_MAX]);

/* Negative, zero or positive, by major, then minor, then patch. */
int version_compare(struct version a, struct version b);
bool version_equal(struct version a, struct version b);
bool version_is_among(struct version version, const struct version *versions, size_t count);

/* The version with that place incremented and the later ones zero. A place that is at VERSION_NUMBER_MAX carries into the one
 * before it; if the major is at it, the version is returned unchanged (so a range up to it is empty, see range_is_valid()). */
struct version version_bump_major(struct version version);
struct version version_bump_minor(struct version version);
struct version version_bump_patch(struct version version);

#endif
