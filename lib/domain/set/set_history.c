/* SPDX-License-Identifier: BSD-3-Clause */
#include "lib/domain/set/set_history.h"

#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/arena.h"
#include "lib/base/array.h"
#include "lib/base/memory.h"

/* array_add() starts with a KiB, which is too much for a thousand packages of some ten runs. */
enum { RUNS_AT_ONCE = 4 };

/* Successive sets, by their positions from the oldest, both included. */
struct run {
    uint32_t first, last;
    struct version version;
};

/* Runs are ascending and disjoint; where one begins right after another, it has another version. A member has at least one,
 * except while a set is being added. */
struct member {
    char *name;
    struct run *runs;
    size_t count, capacity;
};

struct set_history {
    struct sets {
        struct released_set *items; /* by version, ascending */
        size_t count, capacity;
    } sets;
    struct members {
        struct member *items; /* by name */
        size_t count, capacity;
    } members;
};

struct set_history *set_history_create(void) {
    return memory_alloc(sizeof(struct set_history));
}

static void release_member(struct member *member) {
    free(member->name);
    free(member->runs);
}

void set_history_free(struct set_history *history) {
    if (!history) return;
    for (size_t i = 0; i < history->members.count; i++)
        release_member(&history->members.items[i]);
    free(history->members.items);
    free(history->sets.items);
    free(history);
}

/* ---- Finding ---- */

/* The position from the oldest of the first set that is not below `version`; the count if there is none. */
static size_t find_set(const struct set_history *history, struct version version) {
    size_t low = 0, high = history->sets.count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (version_compare(history->sets.items[middle].version, version) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static bool is_at(const struct set_history *history, size_t position, struct version version) {
    return position < history->sets.count && version_equal(history->sets.items[position].version, version);
}

/* The position of the first member whose name is not before `name`. */
static size_t find_member(const struct set_history *history, const char *name) {
    size_t low = 0, high = history->members.count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (strcmp(history->members.items[middle].name, name) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* The number of the first run that does not end before `position`. */
static size_t find_run(const struct member *member, size_t position) {
    size_t low = 0, high = member->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (member->runs[middle].last < position)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* The run that has the set at `position`; NULL: the package is not in it. */
static const struct run *run_at(const struct member *member, size_t position) {
    size_t i = find_run(member, position);
    return i < member->count && member->runs[i].first <= position ? &member->runs[i] : NULL;
}

/* ---- Changing runs ---- */

static void insert_run(struct member *member, size_t i, struct run run) {
    if (member->count == member->capacity) {
        member->capacity += RUNS_AT_ONCE;
        member->runs = memory_resize(member->runs, member->capacity, sizeof *member->runs);
    }
    array_move_up(member->runs, member->count++, i, sizeof *member->runs);
    member->runs[i] = run;
}

static void remove_run(struct member *member, size_t i) {
    member->count--;
    memmove(&member->runs[i], &member->runs[i + 1], (member->count - i) * sizeof *member->runs);
}

/* Makes one of runs i and i + 1 if they touch and have the same version. */
static void join_runs(struct member *member, size_t i) {
    if (i + 1 >= member->count) return;
    struct run *run = &member->runs[i], *next = &member->runs[i + 1];
    if (run->last + 1 != next->first || !version_equal(run->version, next->version)) return;
    run->last = next->last;
    remove_run(member, i + 1);
}

/* Moves all from `position` on up by one: the package is not in the set there. */
static void open_gap(struct member *member, uint32_t position) {
    for (size_t i = member->count; i-- > 0 && member->runs[i].last >= position;) {
        struct run *run = &member->runs[i];
        run->last++;
        if (run->first >= position) {
            run->first++;
        } else {
            struct run rest = {.first = position + 1, .last = run->last, .version = run->version};
            run->last = position - 1;
            insert_run(member, i + 1, rest);
        }
    }
}

/* Puts a version into the gap at `position`. */
static void fill_gap(struct member *member, uint32_t position, struct version version) {
    size_t i = find_run(member, position);
    insert_run(member, i, (struct run){.first = position, .last = position, .version = version});
    join_runs(member, i);
    if (i > 0) join_runs(member, i - 1);
}

/* Removes the set at `position`, and moves all after it down by one. */
static void take_out(struct member *member, uint32_t position) {
    size_t i = find_run(member, position);
    bool is_in = i < member->count && member->runs[i].first <= position;
    bool is_empty = is_in && member->runs[i].first == member->runs[i].last;
    for (size_t j = i; j < member->count; j++) {
        member->runs[j].last--;
        if (j > i || !is_in) member->runs[j].first--;
    }
    if (is_empty) remove_run(member, i);
    if (i > 0) join_runs(member, i - 1);
}

/* ---- Changing sets ---- */

static struct member *need_member(struct set_history *history, const char *name) {
    size_t i = find_member(history, name);
    if (i < history->members.count && strcmp(history->members.items[i].name, name) == 0) return &history->members.items[i];
    struct member *member = array_insert(&history->members, i);
    *member = (struct member){.name = memory_copy_text(name)};
    return member;
}

static void remove_at(struct set_history *history, size_t position) {
    size_t kept = 0;
    for (size_t i = 0; i < history->members.count; i++) {
        struct member *member = &history->members.items[i];
        take_out(member, (uint32_t)position);
        if (member->count > 0)
            history->members.items[kept++] = *member;
        else
            release_member(member);
    }
    history->members.count = kept;
    history->sets.count--;
    memmove(&history->sets.items[position], &history->sets.items[position + 1],
            (history->sets.count - position) * sizeof *history->sets.items);
}

static void insert_at(struct set_history *history, size_t position, const struct package_set *set) {
    assert(history->sets.count < UINT32_MAX);
    struct released_set *released = array_insert(&history->sets, position);
    *released = (struct released_set){.version = set->version, .compiler = set->compiler, .package_count = set->packages.count};
    memcpy(released->published, set->published, sizeof released->published);
    for (size_t i = 0; i < history->members.count; i++)
        open_gap(&history->members.items[i], (uint32_t)position);
    for (size_t i = 0; i < set->packages.count; i++)
        fill_gap(need_member(history, set->packages.items[i].name), (uint32_t)position, set->packages.items[i].version);
}

void set_history_remove(struct set_history *history, struct version version) {
    size_t position = find_set(history, version);
    if (is_at(history, position, version)) remove_at(history, position);
}

void set_history_put(struct set_history *history, const struct package_set *set) {
    set_history_remove(history, set->version);
    insert_at(history, find_set(history, set->version), set);
}

/* ---- Reading ---- */

size_t set_history_count(const struct set_history *history) {
    return history->sets.count;
}

size_t set_history_memory_bytes(const struct set_history *history) {
    size_t bytes = sizeof *history + history->sets.capacity * sizeof *history->sets.items +
                   history->members.capacity * sizeof *history->members.items;
    for (size_t i = 0; i < history->members.count; i++) {
        const struct member *member = &history->members.items[i];
        bytes += strlen(member->name) + 1 + member->capacity * sizeof *member->runs;
    }
    return bytes;
}

const struct released_set *set_history_at(const struct set_history *history, size_t position) {
    return position < history->sets.count ? &history->sets.items[history->sets.count - 1 - position] : NULL;
}

size_t set_history_position_below(const struct set_history *history, struct version version) {
    return history->sets.count - find_set(history, version);
}

const struct released_set *set_history_find(const struct set_history *history, struct version version) {
    size_t position = find_set(history, version);
    return is_at(history, position, version) ? &history->sets.items[position] : NULL;
}

bool set_history_read(struct package_set *out, const struct set_history *history, struct version version, struct arena *arena) {
    size_t position = find_set(history, version);
    *out = (struct package_set){0};
    if (!is_at(history, position, version)) return false;
    const struct released_set *released = &history->sets.items[position];
    out->version = released->version;
    out->compiler = released->compiler;
    memcpy(out->published, released->published, sizeof out->published);
    out->packages.items = arena_alloc(arena, released->package_count * sizeof *out->packages.items);
    for (size_t i = 0; i < history->members.count; i++) {
        const struct member *member = &history->members.items[i];
        const struct run *run = run_at(member, position);
        if (!run) continue;
        out->packages.items[out->packages.count++] =
            (struct package_version){.name = arena_copy(arena, member->name), .version = run->version};
    }
    assert(out->packages.count == released->package_count);
    return true;
}

struct set_membership set_history_find_membership(const struct set_history *history, const char *name, struct version version,
                                                  struct arena *arena) {
    size_t at = find_member(history, name), count = 0;
    if (at == history->members.count || strcmp(history->members.items[at].name, name) != 0) return (struct set_membership){0};
    const struct member *member = &history->members.items[at];
    for (size_t i = 0; i < member->count; i++)
        if (version_equal(member->runs[i].version, version)) count += member->runs[i].last - member->runs[i].first + 1;
    struct version *sets = arena_alloc(arena, count * sizeof *sets);
    struct set_membership out = {.sets = sets};
    for (size_t i = member->count; i-- > 0;) {
        const struct run *run = &member->runs[i];
        if (!version_equal(run->version, version)) continue;
        for (size_t position = (size_t)run->last + 1; position-- > run->first;)
            sets[out.count++] = history->sets.items[position].version;
    }
    return out;
}
