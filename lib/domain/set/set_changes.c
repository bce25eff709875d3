/* SPDX-License-Identifier: BSD-3-Clause */
#include "lib/domain/set/set_changes.h"

#include <stdbool.h>
#include <string.h>

#include "lib/base/arena.h"
#include "lib/base/text.h"

#define NONE SIZE_MAX

/* ---- the candidates ---- */

/* `positions` has, by package id, one more than the position of the version that is considered; 0: none any more. */
struct choosing {
    const struct set_members *members;
    size_t *positions;
};

static const struct indexed_version *considered(const struct choosing *choosing, uint32_t package) {
    size_t position = choosing->positions[package];
    return position ? &manifest_index_package(choosing->members->index, package)->versions[position - 1] : NULL;
}

/* Goes on to the newest version at or below the position that is newer than the set's, also than one that is lost, and builds
 * with the set's compiler. */
static void descend(struct choosing *choosing, uint32_t package) {
    const struct set_members *members = choosing->members;
    const struct indexed_version *member = members->chosen[package];
    const struct package_version *lost = member ? NULL : set_members_find_lost(members, set_members_name(members, package));
    for (size_t *position = &choosing->positions[package]; *position > 0; --*position) {
        const struct indexed_version *version = considered(choosing, package);
        bool is_newer =
            (!member || version->packed > member->packed) && (!lost || version_compare(version->version, lost->version) > 0);
        if (!is_newer)
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

/* Another package may need one that leaves, so this is repeated until none leaves. Packages only ever leave, so the outcome
 * does not depend on their order. Within a package the newest version that stays is chosen. */
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

/* By package id, the place of its change; NONE: it has none. */
static size_t *find_places(const struct set_changes *changes, const struct set_members *members, struct arena *scratch) {
    size_t *places = arena_alloc(scratch, members->package_count * sizeof *places);
    for (size_t i = 0; i < members->package_count; i++)
        places[i] = NONE;
    for (size_t i = 0; i < changes->count; i++)
        places[changes->items[i].package] = i;
    return places;
}

static bool comes_before(const struct set_members *members, const struct set_change *a, const struct set_change *b) {
    if (!a->version != !b->version) return a->version;
    if (a->published_ms != b->published_ms) return a->published_ms < b->published_ms;
    return strcmp(set_members_name(members, a->package), set_members_name(members, b->package)) < 0;
}

static bool depends(const struct indexed_version *version, const struct set_change *other) {
    return version && set_members_needs(version, other->package);
}

/* True if the change has to come after one of those from `begin` on, by their dependencies. */
static bool must_wait(const struct set_changes *changes, size_t change, size_t begin) {
    const struct set_change *this = &changes->items[change];
    for (size_t i = begin; i < changes->count; i++) {
        const struct set_change *other = &changes->items[i];
        if (i == change || !this->version != !other->version) continue;
        if (this->version ? depends(this->version, other) : depends(other->replaced, this)) return true;
    }
    return false;
}

/* The first of the changes from `begin` on that need not wait; the first of all if each must (a circle). */
static size_t find_next(const struct set_changes *changes, const struct set_members *members, size_t begin) {
    size_t best = begin;
    bool best_waits = must_wait(changes, begin, begin);
    for (size_t i = begin + 1; i < changes->count; i++) {
        bool is_earlier = comes_before(members, &changes->items[i], &changes->items[best]);
        if (!is_earlier && !best_waits) continue;
        bool waits = must_wait(changes, i, begin);
        if (waits > best_waits || (waits == best_waits && !is_earlier)) continue;
        best = i;
        best_waits = waits;
    }
    return best;
}

static void put_in_order(struct set_changes *changes, const struct set_members *members) {
    for (size_t i = 0; i < changes->count; i++) {
        struct set_change *change = &changes->items[i];
        change->published_ms =
            change->version ? set_members_published_ms(members, change->package, change->version->version) : 0;
    }
    for (size_t i = 0; i < changes->count; i++) {
        size_t next = find_next(changes, members, i);
        struct set_change kept = changes->items[i];
        changes->items[i] = changes->items[next];
        changes->items[next] = kept;
    }
}

/* ---- in which groups ---- */

struct grouping {
    const struct set_members *members;
    const struct set_changes *changes;
    const size_t *places;
    size_t *parents; /* by change: union-find */
    size_t *reached; /* by package id: a change because of which it is built again; NONE: by none */
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

/* True if `user` depends on the package, in its version in the set or in its new one. */
static bool uses(const struct grouping *grouping, uint32_t user, uint32_t package) {
    const struct indexed_version *member = grouping->members->chosen[user];
    size_t place = grouping->places[user];
    const struct indexed_version *coming = place == NONE ? NULL : grouping->changes->items[place].version;
    return (member && set_members_needs(member, package)) || (coming && set_members_needs(coming, package));
}

/* Marks all packages that are built again because of the change. Those after a package that another change has marked are
 * marked already. */
static void spread(struct grouping *grouping, size_t change) {
    size_t begin = 0, end = 0;
    grouping->queue[end++] = grouping->changes->items[change].package;
    while (begin < end) {
        uint32_t package = grouping->queue[begin++];
        if (grouping->reached[package] != NONE) {
            unite(grouping, change, grouping->reached[package]);
            continue;
        }
        grouping->reached[package] = change;
        const struct indexed_package *indexed = manifest_index_package(grouping->members->index, package);
        for (size_t i = 0; i < indexed->user_count; i++)
            if (uses(grouping, indexed->users[i], package)) grouping->queue[end++] = indexed->users[i];
    }
}

/* A package enters the queue once for each package that is marked and that it uses, and each is marked once. */
static size_t longest_queue(const struct set_members *members, const struct set_changes *changes) {
    size_t count = 1;
    for (uint32_t package = 0; package < members->package_count; package++)
        if (members->chosen[package]) count += members->chosen[package]->need_count;
    for (size_t i = 0; i < changes->count; i++)
        if (changes->items[i].version) count += changes->items[i].version->need_count;
    return count;
}

static void put_in_groups(struct set_changes *changes, const struct set_members *members, struct arena *scratch) {
    struct grouping grouping = {.members = members, .changes = changes, .places = find_places(changes, members, scratch)};
    grouping.parents = arena_alloc(scratch, changes->count * sizeof *grouping.parents);
    grouping.reached = arena_alloc(scratch, members->package_count * sizeof *grouping.reached);
    grouping.queue = arena_alloc(scratch, longest_queue(members, changes) * sizeof *grouping.queue);
    for (size_t i = 0; i < changes->count; i++)
        grouping.parents[i] = i;
    for (size_t i = 0; i < members->package_count; i++)
        grouping.reached[i] = NONE;
    for (size_t i = 0; i < changes->count; i++)
        spread(&grouping, i);
    changes->group_count = 0;
    for (size_t i = 0; i < changes->count; i++) { /* a root is the first of its group */
        size_t root = root_of(grouping.parents, i);
        changes->items[i].group = root == i ? changes->group_count++ : changes->items[root].group;
    }
}

void set_changes_arrange(struct set_changes *changes, const struct set_members *members) {
    struct arena scratch = {0};
    put_in_order(changes, members);
    put_in_groups(changes, members, &scratch);
    arena_release(&scratch);
}

void set_changes_join_groups(struct set_changes *changes) {
    for (size_t i = 0; i < changes->count; i++)
        changes->items[i].group = 0;
    changes->group_count = changes->count > 0;
}

static void append_version(struct text *out, const struct set_members *members, uint32_t package,
                           const struct indexed_version *version) {
    char printed[VERSION_TEXT_MAX] = "-";
    if (version) version_print(version->version, printed);
    text_append_format(out, "%s %s\n", set_members_name(members, package), printed);
}

void set_changes_hash(const struct set_changes *changes, const struct set_members *members, char out[SHA256_HEX_MAX]) {
    struct text all = {0};
    char compiler[VERSION_TEXT_MAX];
    version_print(members->compiler, compiler);
    text_append_format(&all, "%s\n", compiler);
    for (size_t position = 0; position < members->package_count; position++) {
        uint32_t package = manifest_index_by_name(members->index, position);
        if (members->chosen[package]) append_version(&all, members, package, members->chosen[package]);
    }
    text_append_character(&all, '\n');
    for (size_t i = 0; i < changes->count; i++)
        append_version(&all, members, changes->items[i].package, changes->items[i].version);
    hash_sha256_hex(all.bytes, all.length, out);
    text_release(&all);
}

int64_t set_changes_newest_ms(const struct set_changes *changes) {
    int64_t newest_ms = 0;
    for (size_t i = 0; i < changes->count; i++)
        if (changes->items[i].published_ms > newest_ms) newest_ms = changes->items[i].published_ms;
    return newest_ms;
}

void set_changes_apply(struct set_members *out, const struct set_members *members, const struct set_changes *changes,
                       const bool *is_in, struct version compiler, struct arena *arena) {
    *out = *members;
    out->compiler = compiler;
    out->chosen = arena_alloc(arena, members->package_count * sizeof *out->chosen);
    memcpy(out->chosen, members->chosen, members->package_count * sizeof *out->chosen);
    for (size_t i = 0; i < changes->count; i++)
        if (!is_in || is_in[i]) out->chosen[changes->items[i].package] = changes->items[i].version;
}

void set_changes_find_candidates(struct set_changes *out, const struct set_members *members, struct arena *arena) {
    struct arena scratch = {0};
    struct choosing choosing = {.members = members};
    choosing.positions = arena_alloc(&scratch, members->package_count * sizeof *choosing.positions);
    for (uint32_t package = 0; package < members->package_count; package++) {
        choosing.positions[package] = manifest_index_package(members->index, package)->version_count;
        descend(&choosing, package);
    }
    settle(&choosing);
    *out = (struct set_changes){.items = arena_alloc(arena, members->package_count * sizeof *out->items)};
    for (uint32_t package = 0; package < members->package_count; package++)
        if (choosing.positions[package])
            out->items[out->count++] = (struct set_change){
                .package = package, .version = considered(&choosing, package), .replaced = members->chosen[package]};
    arena_release(&scratch);
    set_changes_arrange(out, members);
}
