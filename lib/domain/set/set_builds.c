/* SPDX-License-Identifier: BSD-3-Clause */
#include "lib/domain/set/set_builds.h"

#include <assert.h>
#include <string.h>

#include "lib/base/arena.h"

struct listing {
    const struct set_members *before, *after;
    bool *is_placed; /* by package id: visited, and in `order` once its dependencies are */
    uint32_t *order; /* members, dependencies before their dependants */
    size_t order_count;
    bool *is_changed; /* by package id: it must be built */
    bool *is_met;     /* for one plan */
    uint32_t *stack;
    struct arena *arena;
};

/* Depth first. As deep as the longest chain of dependencies in a set, some dozens. */
static void place(struct listing *listing, uint32_t package) {
    const struct indexed_version *version = listing->after->chosen[package];
    if (!version || listing->is_placed[package]) return;
    listing->is_placed[package] = true;
    for (size_t i = 1; i < version->need_count; i++)
        place(listing, version->needs[i].package);
    listing->order[listing->order_count++] = package;
}

static bool is_to_be_built(const struct listing *listing, uint32_t package) {
    const struct indexed_version *version = listing->after->chosen[package];
    if (version != listing->before->chosen[package] || !version_equal(listing->before->compiler, listing->after->compiler))
        return true;
    for (size_t i = 1; i < version->need_count; i++)
        if (listing->is_changed[version->needs[i].package]) return true;
    return false;
}

/* In a circle a package may come before its dependencies, so this is repeated until nothing changes. */
static size_t mark_changed(struct listing *listing) {
    size_t count = 0;
    for (bool has_changed = true; has_changed;) {
        has_changed = false;
        for (size_t i = 0; i < listing->order_count; i++) {
            uint32_t package = listing->order[i];
            if (listing->is_changed[package] || !is_to_be_built(listing, package)) continue;
            listing->is_changed[package] = has_changed = true;
            count++;
        }
    }
    return count;
}

static void add_needs(struct listing *listing, uint32_t package, size_t *depth) {
    const struct indexed_version *version = listing->after->chosen[package];
    assert(version); /* the set is self-contained */
    for (size_t i = 1; i < version->need_count; i++) {
        uint32_t needed = version->needs[i].package;
        if (listing->is_met[needed]) continue;
        listing->is_met[needed] = true;
        listing->stack[(*depth)++] = needed;
    }
}

static void make_plan(struct listing *listing, struct set_build *build) {
    size_t depth = 0, count = 0, package_count = listing->after->package_count;
    memset(listing->is_met, 0, package_count * sizeof *listing->is_met);
    listing->is_met[build->package] = true;
    add_needs(listing, build->package, &depth);
    while (depth > 0) {
        count++;
        add_needs(listing, listing->stack[--depth], &depth);
    }
    build->plan.items = arena_alloc(listing->arena, count * sizeof *build->plan.items);
    for (size_t position = 0; position < package_count; position++) { /* sorted by name */
        uint32_t package = manifest_index_by_name(listing->after->index, position);
        if (!listing->is_met[package] || package == build->package) continue;
        build->plan.items[build->plan.count++] =
            (struct package_version){set_members_name(listing->after, package), listing->after->chosen[package]->version};
    }
}

void set_builds_find(struct set_builds *out, const struct set_members *before, const struct set_members *after,
                     struct arena *arena) {
    struct arena scratch = {0};
    size_t count = after->package_count;
    struct listing listing = {.before = before,
                              .after = after,
                              .is_placed = arena_alloc(&scratch, count * sizeof(bool)),
                              .order = arena_alloc(&scratch, count * sizeof(uint32_t)),
                              .is_changed = arena_alloc(&scratch, count * sizeof(bool)),
                              .is_met = arena_alloc(&scratch, count * sizeof(bool)),
                              .stack = arena_alloc(&scratch, count * sizeof(uint32_t)),
                              .arena = arena};
    for (size_t position = 0; position < count; position++)
        place(&listing, manifest_index_by_name(after->index, position));
    *out = (struct set_builds){.items = arena_alloc(arena, mark_changed(&listing) * sizeof *out->items)};
    for (size_t i = 0; i < listing.order_count; i++) {
        uint32_t package = listing.order[i];
        if (!listing.is_changed[package]) continue;
        struct set_build *build = &out->items[out->count++];
        *build = (struct set_build){.package = package, .version = after->chosen[package]};
        make_plan(&listing, build);
    }
    arena_release(&scratch);
}

void set_builds_suspect(const struct set_build *failed, const struct set_changes *changes, const struct set_members *members,
                        bool *suspects) {
    for (size_t i = 0; i < changes->count; i++) {
        uint32_t package = changes->items[i].package;
        if (package == failed->package || package_versions_find(&failed->plan, set_members_name(members, package)))
            suspects[i] = true;
    }
}
