/* SPDX-License-Identifier: BSD-3-Clause
 *
 * A map from packages to one version each, as JSON `{NAME: VERSION}`: the content of a package set, of a build plan, or of a
 * publisher's `resolutions`.
 */
#ifndef LIB_DOMAIN_REGISTRY_PACKAGE_VERSIONS_H
#define LIB_DOMAIN_REGISTRY_PACKAGE_VERSIONS_H

#include <jansson.h>
#include <stddef.h>

#include "lib/domain/package/version.h"

struct arena;
struct json_writer;
struct text;

struct package_version {
    const char *name;
    struct version version;
};

/* Sorted by name, each name once. A zeroed struct is an empty map. Owned by the arena that it was read into. */
struct package_versions {
    struct package_version *items;
    size_t count;
};

/* Reads a JSON object. STATUS_INVALID, with the package's name as path if it is a valid name. */
CHECK_RESULT enum status package_versions_read(struct package_versions *out, const json_t *object, struct arena *arena,
                                               struct error *err);
void package_versions_write(struct json_writer *writer, const struct package_versions *versions);
void package_versions_append_json(struct text *out, const struct package_versions *versions);

/* Sorts items that were added in any order. Names must be distinct. */
void package_versions_sort(struct package_versions *versions);

/* NULL if the package is not in it. Borrowed from `versions`. */
const struct package_version *package_versions_find(const struct package_versions *versions, const char *name);

#endif
