/* SPDX-License-Identifier: BSD-3-Clause
 *
 * A topological order of all manifests of the index, dependencies before their dependants. It follows from ranges, not from
 * plans: a version comes after every version that the range of one of its dependencies includes.
 */
#ifndef LIB_DOMAIN_REGISTRY_MANIFEST_ORDER_H
#define LIB_DOMAIN_REGISTRY_MANIFEST_ORDER_H

#include <stddef.h>
#include <stdint.h>

#include "lib/domain/registry/manifest_index.h"

enum { ORDER_CYCLES_MAX = 16 };

struct ordered_version {
    uint32_t package;
    const struct indexed_version *version;
};

struct manifest_order {
    struct ordered_version *versions; /* all versions of the index, each once */
    size_t count;
    const char *cycles[ORDER_CYCLES_MAX]; /* "a@1.0.0 needs b@2.0.0 needs a@1.0.0" */
    size_t cycle_count;                   /* may exceed ORDER_CYCLES_MAX; further cycles are only counted */
};

/* Computes the order. It depends only on the manifests, not on the order in which they were added: by name and version, with
 * the dependencies of a version right before it. Versions of a dependency cycle are in it, too: at least one of them comes
 * before one of its dependencies, and `cycles` lists the cycles. The arrays and texts are in the arena, the versions are
 * borrowed from the index. */
void manifest_index_order(struct manifest_order *out, const struct manifest_index *index, struct arena *arena);

#endif
