/* SPDX-License-Identifier: BSD-3-Clause
 *
 * What is in the way of the next compiler: the members of a package set that are not known to build with it
 * (lib/domain/README.md, Daily package sets). No I/O; the caller holds the read lock of the index.
 */
#ifndef LIB_DOMAIN_SET_SET_OBSTACLES_H
#define LIB_DOMAIN_SET_SET_OBSTACLES_H

#include <stddef.h>
#include <stdint.h>

#include "lib/domain/set/set_members.h"

struct arena;

/* A member that is in the way of a compiler: its version is not known to build with it. */
struct set_obstacle {
    uint32_t package;
    const struct indexed_version *newer; /* a version above the set's that is known to build with it; NULL: none */
    const struct indexed_version *lower; /* the newest such version below; NULL: none */
    const uint32_t *through;             /* the members among its dependencies that are in the way, ids by name; none: it is
                                            in the way by itself */
    size_t through_count;
};

struct set_obstacles {
    struct set_obstacle *items; /* by name */
    size_t count;
};

void set_obstacles_find(struct set_obstacles *out, const struct set_members *members, struct version compiler,
                        struct arena *arena);

#endif
