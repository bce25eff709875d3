/* SPDX-License-Identifier: BSD-3-Clause */
#include "lib/domain/set/set_candidates.h"

#include <assert.h>
#include <stdbool.h>
#include <string.h>

#include "lib/base/arena.h"

#define NONE SIZE_MAX

/* ---- which ---- */

/* `positions` has, by package id, one more than the position of the version that is considered; 0: none any more. */
struct choosing {
    const struct set_members *members;
    size_t *positions;
};

static const struct indexed_version *considered(const struct choosing *choosing, uint32_t package) {
    size_t position = choosing->positions[package];
    return position ? &manifest_index_package(choosing->members->index, package)->versions[position - 1] : NULL;
}

/* Goes on to the newest version at or below the position that is newer than the set's and builds with its compiler. */
static void descend(struct choosing *choosing, uint32_t package) {
    const struct set_members *members = choosing->members;
    const struct indexed_version *member = members->chosen[package];
    for (size_t *position = &choosing->positions[package]; *position > 0; --*position) {
        const struct indexed_version *version = considered(choosing, package);
        if (member && version->packed <= member->packed)
            *position = 1; /* all others are older still */
        else if (version->is_published && set_members_builds(members, package, version->version, members->compiler))
            return;
    }
}

static bool is_within_reach(const struct choosing *choosing, const struct indexed_version *version) {
    for (size_t i = 1; i < version->need_count; i++) {
        uint32_t needed = version->needs[i].package;
        if (!choosing->members->chosen[needed] && !choosing->positions[needed]) return false;
    }
    return true;
}

/* A package that leaves may be what another needs, so this goes on until nothing leaves. Packages only ever leave, so the
 * outcome does not depend on their order. Within a package the newest version that stays is the one. */
static void settle(struct choosing *choosing) {
    bool has_changed = true;
    while (has_changed) {
        has_changed = false;
        for (uint32_t package = 0; package < choosing->members->package_count; package++) {
            const struct indexed_version *version;
            while ((version = considered(choosing, package)) && !is_within_reach(choosing, version)) {
                choosing->positions[package]--;
                descend(choosing, package);
                has_changed = true;
            }
        }
    }
}

/* ---- in which order ---- */

static int64_t published_ms(const struct set_members *members, const struct set_candidate *candidate) {
    const struct metadata *metadata = manifest_index_package(members->index, candidate->package)->metadata;
    const struct published_version *published =
        metadata ? metadata_find_published(metadata, candidate->version->version) : NULL;
    return published ? published->published_ms : 0;
}

static bool comes_before(const struct set_members *members, const struct set_candidate *a, const struct set_candidate *b) {
    if (a->published_ms != b->published_ms) return a->published_ms < b->published_ms;
    return strcmp(set_members_name(members, a->package), set_members_name(members, b->package)) < 0;
}

/* True if a dependency of the candidate is a candidate that is not placed yet. `places`: by package id, the candidate's place,
 * NONE for a package without a candidate; `count` of them are placed. */
static bool must_wait(const struct set_candidate *candidate, const size_t *places, size_t count) {
    for (size_t i = 1; i < candidate->version->need_count; i++) {
        size_t place = places[candidate->version->needs[i].package];
        if (place != NONE && place >= count && candidate->version->needs[i].package != candidate->package) return true;
    }
    return false;
}

/* The earliest of the candidates from `begin` on that need not wait; the earliest of all if each must (a circle). */
static size_t find_next(const struct set_candidates *candidates, const struct set_members *members, const size_t *places,
                        size_t begin) {
    size_t best = begin;
    bool best_waits = true;
    for (size_t i = begin; i < candidates->count; i++) {
        bool waits = must_wait(&candidates->items[i], places, begin);
        if (waits > best_waits) continue;
        if (waits < best_waits || comes_before(members, &candidates->items[i], &candidates->items[best])) best = i;
        best_waits = waits;
    }
    return best;
}

static void swap(struct set_candidates *candidates, size_t *places, size_t a, size_t b) {
    struct set_candidate kept = candidates->items[a];
    candidates->items[a] = candidates->items[b];
    candidates->items[b] = kept;
    places[candidates->items[a].package] = a;
    places[candidates->items[b].package] = b;
}

static void put_in_order(struct set_candidates *candidates, const struct set_members *members, size_t *places) {
    for (size_t i = 0; i < candidates->count; i++)
        swap(candidates, places, i, find_next(candidates, members, places, i));
}

/* ---- in which groups ---- */

struct grouping {
    const struct set_members *members;
    const struct set_candidates *candidates;
    const size_t *places;
    size_t *parents; /* by candidate: union-find */
    size_t *reached; /* by package id: a candidate because of which it is built; NONE: by none */
    uint32_t *queue; /* packages */
};

static size_t root_of(size_t *parents, size_t i) {
    while (parents[i] != i)
        i = parents[i] = parents[parents[i]];
    return i;
}

static void unite(struct grouping *grouping, size_t a, size_t b) {
    a = root_of(grouping->parents, a);
    b = root_of(grouping->parents, b);
    grouping->parents[a > b ? a : b] = a > b ? b : a;
}

/* True if the set's version of `user`, or its candidate, depends on the package. */
static bool uses(const struct grouping *grouping, uint32_t user, uint32_t package) {
    const struct indexed_version *member = grouping->members->chosen[user];
    size_t place = grouping->places[user];
    return (member && set_members_needs(member, package)) ||
           (place != NONE && set_members_needs(grouping->candidates->items[place].version, package));
}

/* Marks all that is built because of the candidate. What another has marked already was followed from there. */
static void spread(struct grouping *grouping, size_t candidate) {
    size_t begin = 0, end = 0;
    grouping->queue[end++] = grouping->candidates->items[candidate].package;
    while (begin < end) {
        uint32_t package = grouping->queue[begin++];
        if (grouping->reached[package] != NONE) {
            unite(grouping, candidate, grouping->reached[package]);
            continue;
        }
        grouping->reached[package] = candidate;
        const struct indexed_package *indexed = manifest_index_package(grouping->members->index, package);
        for (size_t i = 0; i < indexed->user_count; i++)
            if (uses(grouping, indexed->users[i], package) && grouping->reached[indexed->users[i]] != candidate)
                grouping->queue[end++] = indexed->users[i];
        assert(begin <= end);
    }
}

/* Each candidate enters a package into the queue at most once for each dependency of that package. */
static size_t longest_queue(const struct set_members *members, const struct set_candidates *candidates) {
    size_t count = 1;
    for (uint32_t package = 0; package < members->package_count; package++)
        if (members->chosen[package]) count += members->chosen[package]->need_count;
    for (size_t i = 0; i < candidates->count; i++)
        count += candidates->items[i].version->need_count;
    return count;
}

static void put_in_groups(struct set_candidates *candidates, const struct set_members *members, const size_t *places,
                          struct arena *scratch) {
    struct grouping grouping = {.members = members, .candidates = candidates, .places = places};
    grouping.parents = arena_alloc(scratch, candidates->count * sizeof *grouping.parents);
    grouping.reached = arena_alloc(scratch, members->package_count * sizeof *grouping.reached);
    grouping.queue = arena_alloc(scratch, longest_queue(members, candidates) * sizeof *grouping.queue);
    for (size_t i = 0; i < candidates->count; i++)
        grouping.parents[i] = i;
    for (size_t i = 0; i < members->package_count; i++)
        grouping.reached[i] = NONE;
    for (size_t i = 0; i < candidates->count; i++)
        spread(&grouping, i);
    candidates->group_count = 0;
    for (size_t i = 0; i < candidates->count; i++) { /* a root is the first of its group */
        size_t root = root_of(grouping.parents, i);
        candidates->items[i].group = root == i ? candidates->group_count++ : candidates->items[root].group;
    }
}

void set_candidates_arrange(struct set_candidates *candidates, const struct set_members *members) {
    struct arena scratch = {0};
    size_t *places = arena_alloc(&scratch, members->package_count * sizeof *places);
    for (size_t i = 0; i < members->package_count; i++)
        places[i] = NONE;
    for (size_t i = 0; i < candidates->count; i++) {
        candidates->items[i].published_ms = published_ms(members, &candidates->items[i]);
        places[candidates->items[i].package] = i;
    }
    put_in_order(candidates, members, places);
    put_in_groups(candidates, members, places, &scratch);
    arena_release(&scratch);
}

void set_candidates_find(struct set_candidates *out, const struct set_members *members, struct arena *arena) {
    struct arena scratch = {0};
    struct choosing choosing = {.members = members};
    choosing.positions = arena_alloc(&scratch, members->package_count * sizeof *choosing.positions);
    for (uint32_t package = 0; package < members->package_count; package++) {
        choosing.positions[package] = manifest_index_package(members->index, package)->version_count;
        descend(&choosing, package);
    }
    settle(&choosing);
    *out = (struct set_candidates){.items = arena_alloc(arena, members->package_count * sizeof *out->items)};
    for (uint32_t package = 0; package < members->package_count; package++)
        if (choosing.positions[package])
            out->items[out->count++] = (struct set_candidate){
                .package = package, .version = considered(&choosing, package), .replaced = members->chosen[package]};
    arena_release(&scratch);
    set_candidates_arrange(out, members);
}
