/* SPDX-License-Identifier: BSD-3-Clause
 *
 * A change of a package set to a higher compiler, as a ready request for a trustee (lib/domain/README.md, Daily package sets):
 * which members would leave, and which would move up or down. It is found from metadata alone, so only a build can show that
 * the set then compiles. No I/O; the caller holds the read lock of the index.
 *
 * Of each member this version, in this order of preference, so that all dependencies are in the set:
 *
 *   its own          if that is known to build with the compiler
 *   a newer one      that is known to, the newest first
 *   its own          if it is not known to, but through others alone (set_obstacles.h): these may move
 *   an older one     that is known to, the newest first
 *
 * and if there is none, it leaves. A package that is not in the set is added, in its newest version, if one of these needs it.
 */
#ifndef LIB_DOMAIN_SET_SET_PROPOSAL_H
#define LIB_DOMAIN_SET_SET_PROPOSAL_H

#include <stddef.h>
#include <stdint.h>

#include "lib/domain/set/set_changes.h"
#include "lib/domain/set/set_members.h"

struct arena;
struct package_set_request;

struct set_proposal {
    struct version compiler;
    struct set_changes changes; /* by name; those of `version` NULL leave */
    const char **reasons;       /* by change: a sentence */
    const uint32_t *unproven;   /* members that stay, although they are not known to build with the compiler, ids by name */
    size_t unproven_count;
};

/* In the arena; borrows from the index. `compiler` is higher than the set's. Members that are lost leave, too. */
void set_proposal_find(struct set_proposal *out, const struct set_members *members, struct version compiler,
                       struct arena *arena);

/* The request for it, in the arena; names are borrowed from the index, and from the set of the members. */
void set_proposal_request(struct package_set_request *out, const struct set_proposal *proposal,
                          const struct set_members *members, struct arena *arena);

#endif
