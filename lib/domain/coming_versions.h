/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Versions that are being published, and whether a plan that cannot be made now could be made once they are there
 * (lib/domain/README.md, Publish, step 6).
 *
 * The manifests of such versions are not known yet, so each is assumed to depend on nothing and to build with every compiler.
 * If there is no plan even then, waiting for them cannot help; otherwise it may.
 */
#ifndef LIB_DOMAIN_COMING_VERSIONS_H
#define LIB_DOMAIN_COMING_VERSIONS_H

#include <stdbool.h>
#include <stddef.h>

#include "lib/domain/manifest.h"
#include "lib/domain/version.h"

struct arena;
struct manifest_index;

/* At most so many versions that fit some range are considered. */
enum { COMING_VERSIONS_MAX = 64 };

struct coming_version {
    const char *name;
    struct version version;
};

struct coming_versions {
    const struct coming_version *items; /* in the order in which they will come */
    size_t count;
    const struct manifest_index *index;
    const struct dependency *wanted; /* what the plan must have; each name once */
    size_t wanted_count;
    const struct version *compilers; /* the supported ones, ascending */
    size_t compiler_count;
    /* Is there a plan by this index? It has the packages of coming_versions_packages() alone. */
    bool (*has_plan)(void *context, const struct manifest_index *index);
    void *context;
};

/* The packages of which a plan may need some version: the wanted ones first, then what any version of them depends on,
 * transitively. Each once. The table is in the arena, the names are borrowed from `wanted` and the index. */
size_t coming_versions_packages(const char ***names, const struct manifest_index *index, const struct dependency *wanted,
                                size_t wanted_count, struct arena *arena);

/* Chooses which versions to wait for: the earliest ones with which there is a plan, less those without which there still is
 * one. Sets is_needed[i] for each item. False: there is no plan with all of them. Calls has_plan() less than 100 times. */
bool coming_versions_choose(const struct coming_versions *coming, bool *is_needed);

#endif
