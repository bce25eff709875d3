/* SPDX-License-Identifier: BSD-3-Clause
 *
 * A choice of one version for each of some packages, as JSON `{NAME: VERSION}`: what a package set holds, what a build plan or
 * a publisher's `resolutions` says.
 */
#ifndef LIB_DOMAIN_PACKAGE_VERSIONS_H
#define LIB_DOMAIN_PACKAGE_VERSIONS_H

#include <jansson.h>
#include <stddef.h>

#include "lib/domain/version.h"

struct arena;
struct json_writer;

struct package_version {
    const char *name;
    struct version version;
};

/* Sorted by name, each name once. A zeroed struct is an empty choice. Belongs to the arena that it was read into. */
struct package_versions {
    struct package_version *items;
    size_t count;
};

/* Reads a JSON object. STATUS_INVALID with the package's name as path, where it is a name. */
CHECK_RESULT enum status package_versions_read(struct package_versions *out, const json_t *object, struct arena *arena,
                                               struct error *err);
void package_versions_write(struct json_writer *writer, const struct package_versions *versions);

/* Sorts items that were collected in any order. Names must differ. */
void package_versions_sort(struct package_versions *versions);

/* NULL where the package is not in it. Borrowed from `versions`. */
const struct package_version *package_versions_find(const struct package_versions *versions, const char *name);

#endif
