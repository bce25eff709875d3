/* SPDX-License-Identifier: BSD-3-Clause
 *
 * A package set as the planning of the next one sees it (lib/domain/README.md, Package set update): for each package of the
 * registry in memory the version that is in the set. No I/O; the caller holds the read lock of the index.
 */
#ifndef LIB_DOMAIN_SET_SET_MEMBERS_H
#define LIB_DOMAIN_SET_SET_MEMBERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/domain/registry/manifest_index.h"
#include "lib/domain/registry/package_set.h"

struct arena;

/* Borrows from the index and the arena. */
struct set_members {
    const struct manifest_index *index;
    const struct indexed_version **chosen; /* by package id; NULL: not in the set */
    size_t package_count;                  /* of the index: the length of `chosen` */
    struct version compiler;
    const struct package_version **lost; /* those of the set that are not published, or not in the index, any more: they count
                                            as absent. By name; borrowed from the set */
    size_t lost_count;
};

/* Looks up every version of `set` in the index. */
void set_members_read(struct set_members *out, const struct manifest_index *index, const struct package_set *set,
                      struct arena *arena);

/* The version of the package in the set that is lost; NULL: none is. Borrowed from the set. */
const struct package_version *set_members_find_lost(const struct set_members *members, const char *name);

/* The name of a package of the index. */
const char *set_members_name(const struct set_members *members, uint32_t package);

/* The names of these packages for a sentence: `a, b`, the first ten of them; in the arena. */
const char *set_members_list(const struct set_members *members, const uint32_t *packages, size_t count, struct arena *arena);

/* The published version `version` of the package, if it is in the index; NULL if it is not. */
const struct indexed_version *set_members_find_published(const struct set_members *members, uint32_t package,
                                                         struct version version);

/* The newest version of the package that is published and in the index, and, unless `compiler` is NULL, known to build with it;
 * NULL: there is none. */
const struct indexed_version *set_members_find_newest(const struct set_members *members, uint32_t package,
                                                      const struct version *compiler);

/* True if the metadata says that this version builds with the compiler. */
bool set_members_builds(const struct set_members *members, uint32_t package, struct version version, struct version compiler);

/* When this version was published; 0: it is not. */
int64_t set_members_published_ms(const struct set_members *members, uint32_t package, struct version version);

/* True if this version depends on `package`, in whichever range: package sets ignore ranges. */
bool set_members_needs(const struct indexed_version *version, uint32_t package);

/* The first dependency of any member that is not in the set, with the member that has it; false: the set is self-contained. */
bool set_members_find_hole(const struct set_members *members, uint32_t *dependant, uint32_t *missing);

#endif
