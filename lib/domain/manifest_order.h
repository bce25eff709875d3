/* SPDX-License-Identifier: BSD-3-Clause
 *
 * All manifests of the index in an order in which dependencies come before their dependants, for who builds them one after the
 * other. Ranges count, plans do not: a version comes after every version of a dependency that its range includes.
 */
#ifndef LIB_DOMAIN_MANIFEST_ORDER_H
#define LIB_DOMAIN_MANIFEST_ORDER_H

#include <stddef.h>
#include <stdint.h>

#include "lib/domain/manifest_index.h"

enum { ORDER_CYCLES_MAX = 16 };

struct ordered_version {
    uint32_t package;
    const struct indexed_version *version;
};

struct manifest_order {
    struct ordered_version *versions; /* every one of the index, once */
    size_t count;
    const char *cycles[ORDER_CYCLES_MAX]; /* "a@1.0.0 needs b@2.0.0 needs a@1.0.0" */
    size_t cycle_count;                   /* 0: there is no cycle; more than ORDER_CYCLES_MAX are not told */
};

/* The order; the same for the same manifests, however they came into the index: by name and version, but for what a version
 * needs, which comes right before it. Versions that need one another in a circle are in it, too: some of them come before
 * something that they need, and `cycles` says which circles these are. The arrays and texts are in the arena, the versions
 * borrowed from the index. */
void manifest_index_order(struct manifest_order *out, const struct manifest_index *index, struct arena *arena);

#endif
