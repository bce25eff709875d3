/* SPDX-License-Identifier: BSD-3-Clause
 *
 * A package set: versions that compile together (lib/domain/README.md, Package set); one file for each release.
 */
#ifndef LIB_DOMAIN_REGISTRY_PACKAGE_SET_H
#define LIB_DOMAIN_REGISTRY_PACKAGE_SET_H

#include "lib/domain/registry/package_versions.h"

struct text;

enum { DATE_TEXT_MAX = 11 }; /* `YYYY-MM-DD` with the NUL */

/* All pointers are owned by the arena that it was read into. */
struct package_set {
    struct version version;
    struct version compiler;
    char published[DATE_TEXT_MAX];
    struct package_versions packages;
};

/* STATUS_INVALID with the field as path. */
CHECK_RESULT enum status package_set_parse(struct package_set *out, const char *bytes, size_t length, struct arena *arena,
                                           struct error *err);
void package_set_append_file(struct text *out, const struct package_set *set);

#endif
