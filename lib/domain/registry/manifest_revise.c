/* SPDX-License-Identifier: BSD-3-Clause
 *
 * A package of the index with other bounds, for a trial.
 */
#include <assert.h>
#include <string.h>

#include "lib/base/arena.h"
#include "lib/domain/registry/manifest_index.h"

void manifest_index_revise(struct indexed_package *out, const struct manifest_index *index, const struct manifest *revised,
                           struct arena *arena) {
    const struct indexed_package *package = manifest_index_package(index, manifest_index_find_package(index, revised->name));
    size_t position = indexed_package_position(package, version_pack(revised->version));
    assert(position < package->version_count && version_equal(package->versions[position].version, revised->version));
    struct indexed_version *versions = arena_alloc(arena, package->version_count * sizeof versions[0]);
    memcpy(versions, package->versions, package->version_count * sizeof versions[0]);

    struct indexed_version *version = &versions[position];
    struct indexed_need *needs = arena_alloc(arena, version->need_count * sizeof needs[0]);
    memcpy(needs, version->needs, version->need_count * sizeof needs[0]);
    for (size_t i = 1; i < version->need_count; i++) { /* [0] is the compiler */
        const char *name = manifest_index_package(index, needs[i].package)->name;
        const struct dependency *dependency = dependencies_find(revised->dependencies, revised->dependency_count, name);
        assert(dependency);
        needs[i].range = range_pack(dependency->range);
    }
    version->needs = needs;
    version->manifest = revised;
    *out = *package;
    out->versions = versions;
}
