/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Which builds show that a changed package set compiles (lib/domain/README.md, Package set update): those of the packages that
 * are new in it, and of those that depend on one, each with the versions of the set. All others were built before with the same
 * versions around them. A build is known by its package, compiler and plan, so one that some attempt has made serves all later
 * ones. No I/O; the caller holds the read lock of the index.
 */
#ifndef LIB_DOMAIN_SET_SET_BUILDS_H
#define LIB_DOMAIN_SET_SET_BUILDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/domain/registry/package_versions.h"
#include "lib/domain/set/set_changes.h"
#include "lib/domain/set/set_members.h"

struct arena;

struct set_build {
    uint32_t package;
    const struct indexed_version *version;
    struct package_versions plan; /* all that it depends on, also through others, as it is in the set */
};

/* Dependencies before their dependants; in the arena, and borrows from the index. */
struct set_builds {
    struct set_build *items;
    size_t count;
};

/* The builds that `after` needs and `before` did not: all of them where the compilers differ. `after` must be self-contained
 * (set_members_find_hole()). Packages that depend on each other in a circle are in their plans mutually. */
void set_builds_find(struct set_builds *out, const struct set_members *before, const struct set_members *after,
                     struct arena *arena);

/* The changes that may be why this build failed: suspects[i] is set to true for each change of the package itself, or of one in
 * its plan; the others are left as they are. */
void set_builds_suspect(const struct set_build *failed, const struct set_changes *changes, const struct set_members *members,
                        bool *suspects);

#endif
