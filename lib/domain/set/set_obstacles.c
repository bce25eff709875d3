/* SPDX-License-Identifier: BSD-3-Clause */
#include "lib/domain/set/set_obstacles.h"

#include <stdbool.h>

#include "lib/base/arena.h"

static const struct indexed_version *find_lower(const struct set_members *members, uint32_t package, struct version compiler) {
    const struct indexed_package *indexed = manifest_index_package(members->index, package);
    for (size_t i = indexed_package_position(indexed, members->chosen[package]->packed); i-- > 0;)
        if (indexed->versions[i].is_published && set_members_builds(members, package, indexed->versions[i].version, compiler))
            return &indexed->versions[i];
    return NULL;
}

static void describe(struct set_obstacle *out, const struct set_members *members, const bool *is_in_the_way,
                     struct version compiler, struct arena *arena) {
    const struct indexed_version *member = members->chosen[out->package];
    const struct indexed_version *newest = set_members_find_newest(members, out->package, &compiler);
    uint32_t *through = arena_alloc(arena, member->need_count * sizeof *through);
    for (size_t i = 1; i < member->need_count; i++) /* by name */
        if (is_in_the_way[member->needs[i].package]) through[out->through_count++] = member->needs[i].package;
    if (newest && newest->packed > member->packed) out->newer = newest;
    out->lower = find_lower(members, out->package, compiler);
    out->through = through;
}

void set_obstacles_find(struct set_obstacles *out, const struct set_members *members, struct version compiler,
                        struct arena *arena) {
    struct arena scratch = {0};
    bool *is_in_the_way = arena_alloc(&scratch, members->package_count * sizeof *is_in_the_way);
    *out = (struct set_obstacles){.items = arena_alloc(arena, members->package_count * sizeof *out->items)};
    for (size_t position = 0; position < members->package_count; position++) {
        uint32_t package = manifest_index_by_name(members->index, position);
        const struct indexed_version *member = members->chosen[package];
        if (!member || set_members_builds(members, package, member->version, compiler)) continue;
        is_in_the_way[package] = true;
        out->items[out->count++].package = package;
    }
    for (size_t i = 0; i < out->count; i++)
        describe(&out->items[i], members, is_in_the_way, compiler, arena);
    arena_release(&scratch);
}
