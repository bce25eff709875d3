/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Decides whether a plan that cannot be made now may be possible once pending publications have succeeded, and which of them to
 * wait for (lib/domain/README.md, Publish, step 6).
 *
 * The manifests of such versions are not known yet, so each is assumed to have no dependencies and to build with every
 * compiler. If there is no plan even then, waiting cannot help; otherwise it may.
 */
#ifndef LIB_DOMAIN_REGISTRY_COMING_VERSIONS_H
#define LIB_DOMAIN_REGISTRY_COMING_VERSIONS_H

#include <stdbool.h>
#include <stddef.h>

#include "lib/domain/package/manifest.h"
#include "lib/domain/package/version.h"

struct arena;
struct manifest_index;

/* The maximum number of coming versions that are considered, of those that fit some range. */
enum { COMING_VERSIONS_MAX = 64 };

struct coming_version {
    const char *name;
    struct version version;
};

struct coming_versions {
    const struct coming_version *items; /* in the order in which they will be published */
    size_t count;
    const struct manifest_index *index;
    const struct dependency *wanted; /* required by the plan; each name once */
    size_t wanted_count;
    const struct version *compilers; /* the supported ones, ascending */
    size_t compiler_count;
    /* Whether there is a plan with this index, which has only the packages of coming_versions_packages(). */
    bool (*has_plan)(void *context, const struct manifest_index *index);
    void *context;
};

/* Lists the packages that a plan may contain: the wanted ones first, then the transitive dependencies of all their versions.
 * Each once. Returns their number; the table is in the arena, the names are borrowed from `wanted` and the index. */
size_t coming_versions_packages(const char ***names, const struct manifest_index *index, const struct dependency *wanted,
                                size_t wanted_count, struct arena *arena);

/* Chooses the versions to wait for: the shortest prefix of items with which there is a plan, without those that the plan does
 * not need. Sets is_needed[i] for each item. False: there is no plan even with all of them. Calls has_plan() fewer than 100
 * times. */
bool coming_versions_choose(const struct coming_versions *coming, bool *is_needed);

#endif
