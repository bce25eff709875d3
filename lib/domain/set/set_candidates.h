/* SPDX-License-Identifier: BSD-3-Clause
 *
 * What could come into the next package set by itself (lib/domain/README.md, Daily package sets), found from metadata alone.
 *
 *   every package with a published version that is newer than the set's (or the set has none), known to build with the set's
 *   compiler, and whose dependencies are in the set or candidates themselves: its newest such version
 *       │  ordered: dependencies before their dependants, ties by the time of publication
 *       ▼
 *   groups: two candidates are in one if some package would be built again because of both, itself or a dependency of its
 *           being one of them. Groups share nothing, so they can be tried side by side, and what compiles in each also
 *           compiles together (two packages that define one module apart, which the whole set's build finds)
 *
 * Real data: 80 candidates of 1,215 packages, in a fraction of a millisecond.
 */
#ifndef LIB_DOMAIN_SET_SET_CANDIDATES_H
#define LIB_DOMAIN_SET_SET_CANDIDATES_H

#include <stddef.h>
#include <stdint.h>

#include "lib/domain/set/set_members.h"

/* A version that may replace the set's version of its package, or be added. */
struct set_candidate {
    uint32_t package;
    const struct indexed_version *version;
    const struct indexed_version *replaced; /* NULL: the package is not in the set */
    int64_t published_ms;
    size_t group; /* from 0, ascending with the first candidate of each */
};

/* Borrows from index and arena. */
struct set_candidates {
    struct set_candidate *items;
    size_t count;
    size_t group_count;
};

/* Finds, orders and groups them. Deterministic. */
void set_candidates_find(struct set_candidates *out, const struct set_members *members, struct arena *arena);

/* The same for candidates that were chosen otherwise: `items` with package, version and replaced set, each package once. Sets
 * the rest, and orders them. */
void set_candidates_arrange(struct set_candidates *candidates, const struct set_members *members);

#endif
