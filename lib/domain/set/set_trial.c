/* SPDX-License-Identifier: BSD-3-Clause */
#include "lib/domain/set/set_trial.h"

#include <assert.h>
#include <stdint.h>

#include "lib/base/arena.h"
#include "lib/base/array.h"

/* ---- Changes that need others ---- */

struct needs {
    struct set_search_need *items;
    size_t count, capacity;
};

/* The number in the group of the change of this package; SIZE_MAX: the group has none. */
static size_t find_in_group(const struct set_trial *trial, const struct set_trial_group *group, uint32_t package) {
    for (size_t i = 0; i < group->search.count; i++)
        if (trial->changes->items[group->changes[i]].package == package) return i;
    return SIZE_MAX;
}

static void add_need(struct needs *needs, size_t change, size_t needed, struct arena *arena) {
    if (needed != SIZE_MAX && needed != change) *array_add_in(arena, needs) = (struct set_search_need){change, needed};
}

/* An addition or update needs the additions that bring its dependencies; a removal needs the changes by which the members that
 * depend on the package go, or depend on it no longer. */
static void find_needs(const struct set_trial *trial, const struct set_trial_group *group, size_t number, struct needs *needs,
                       struct arena *arena) {
    const struct set_members *members = &trial->members;
    const struct set_change *change = &trial->changes->items[group->changes[number]];
    for (size_t i = 1; change->version && i < change->version->need_count; i++) {
        uint32_t needed = change->version->needs[i].package;
        if (!members->chosen[needed]) add_need(needs, number, find_in_group(trial, group, needed), arena);
    }
    const struct indexed_package *package = manifest_index_package(members->index, change->package);
    for (size_t i = 0; !change->version && i < package->user_count; i++) {
        const struct indexed_version *user = members->chosen[package->users[i]];
        if (user && set_members_needs(user, change->package))
            add_need(needs, number, find_in_group(trial, group, package->users[i]), arena);
    }
}

/* ---- groups ---- */

static void init_group(struct set_trial *trial, size_t number, struct arena *arena) {
    struct set_trial_group *group = &trial->groups[number];
    size_t count = 0;
    struct needs needs = {0};
    group->changes = arena_alloc(arena, trial->changes->count * sizeof *group->changes);
    for (size_t i = 0; i < trial->changes->count; i++)
        if (trial->changes->items[i].group == number) group->changes[count++] = i;
    group->is_in = arena_alloc(arena, count * sizeof *group->is_in);
    group->search.count = count;
    for (size_t i = 0; i < count; i++)
        find_needs(trial, group, i, &needs, arena);
    set_search_init(&group->search, count, needs.items, needs.count, arena);
}

void set_trial_init(struct set_trial *out, const struct set_members *members, const struct set_changes *changes,
                    struct version compiler, const struct set_oracle *oracle, struct arena *arena) {
    *out = (struct set_trial){.members = *members, .changes = changes, .oracle = oracle};
    out->members.compiler = compiler;
    out->groups = arena_alloc(arena, changes->group_count * sizeof *out->groups);
    out->states = arena_alloc(arena, changes->count * sizeof *out->states);
    out->causes = arena_alloc(arena, changes->count * sizeof *out->causes);
    out->failures = arena_alloc(arena, changes->count * sizeof *out->failures);
    for (size_t i = 0; i < changes->group_count; i++)
        init_group(out, i, arena);
}

/* ---- attempts ---- */

/* The state of one attempt, while its builds are looked up. */
struct attempt {
    struct set_members after;
    struct set_builds builds;
    bool *has_failed;   /* by package id: it failed, or cannot be built since one that it needs failed */
    bool *is_suspected; /* by change of the group */
    bool fails, is_open;
    struct set_failure failure; /* the first */
};

/* Where the package itself is changed, that change is the last without which the build would not have failed: those of its
 * dependencies come before it. */
static void fail(struct set_trial *trial, const struct set_trial_group *group, struct attempt *attempt,
                 const struct set_build *build) {
    struct set_change *items = trial->changes->items;
    if (!attempt->fails) attempt->failure = (struct set_failure){build->package, build->version};
    attempt->fails = true;
    attempt->has_failed[build->package] = true;
    size_t own = find_in_group(trial, group, build->package);
    if (own != SIZE_MAX && group->is_in[own]) {
        attempt->is_suspected[own] = true;
        return;
    }
    for (size_t i = 0; i < group->search.count; i++) {
        struct set_changes change = {.items = &items[group->changes[i]], .count = 1};
        if (group->is_in[i]) set_builds_suspect(build, &change, &attempt->after, &attempt->is_suspected[i]);
    }
}

static bool needs_failed(const struct attempt *attempt, const struct set_build *build) {
    for (size_t i = 1; i < build->version->need_count; i++)
        if (attempt->has_failed[build->version->needs[i].package]) return true;
    return false;
}

/* Looks up the builds, dependencies first, and adds those that are wanted to `wanted`, which has room. */
static void look_up(struct set_trial *trial, const struct set_trial_group *group, struct attempt *attempt,
                    struct set_builds *wanted) {
    for (size_t i = 0; i < attempt->builds.count; i++) {
        const struct set_build *build = &attempt->builds.items[i];
        if (needs_failed(attempt, build)) {
            attempt->has_failed[build->package] = true;
            continue;
        }
        enum set_outcome outcome = trial->oracle->look_up(trial->oracle->context, build, attempt->after.compiler);
        if (outcome == SET_OUTCOME_FAILS) fail(trial, group, attempt, build);
        if (outcome != SET_OUTCOME_UNKNOWN) continue;
        attempt->is_open = true;
        wanted->items[wanted->count++] = *build;
    }
}

static void prepare(const struct set_trial *trial, const struct set_trial_group *group, struct attempt *out,
                    struct arena *scratch) {
    *out = (struct attempt){.failure = {.package = PACKAGE_NONE}};
    bool *is_in = arena_alloc(scratch, trial->changes->count * sizeof *is_in);
    for (size_t i = 0; i < group->search.count; i++)
        is_in[group->changes[i]] = group->is_in[i];
    set_changes_apply(&out->after, &trial->members, trial->changes, is_in, trial->members.compiler, scratch);
    out->has_failed = arena_alloc(scratch, trial->members.package_count * sizeof *out->has_failed);
    out->is_suspected = arena_alloc(scratch, group->search.count * sizeof *out->is_suspected);
    uint32_t dependant, missing;
    out->fails = set_members_find_hole(&out->after, &dependant, &missing); /* of a circle, or a set that had one before */
    if (!out->fails) set_builds_find(&out->builds, &trial->members, &out->after, scratch);
}

static void conclude(struct set_trial *trial, struct set_trial_group *group, const struct attempt *attempt) {
    if (attempt->fails) group->failure = attempt->failure;
    size_t refused = set_search_report(&group->search, !attempt->fails, attempt->is_suspected);
    if (refused != SET_SEARCH_NONE) trial->failures[group->changes[refused]] = group->failure;
    group->has_attempt = false;
}

/* Goes on with a group until builds are wanted or all is decided; false: it is. */
static bool advance(struct set_trial *trial, struct set_trial_group *group, struct set_builds *wanted, struct arena *scratch) {
    while (group->has_attempt || set_search_next(&group->search, group->is_in)) {
        struct attempt attempt;
        struct set_builds more = {0};
        trial->attempts += !group->has_attempt;
        group->has_attempt = true;
        prepare(trial, group, &attempt, scratch);
        more.items = arena_alloc(scratch, attempt.builds.count * sizeof *more.items);
        look_up(trial, group, &attempt, &more);
        if (!attempt.is_open) {
            conclude(trial, group, &attempt);
            continue;
        }
        struct set_build *all = arena_alloc(scratch, (wanted->count + more.count) * sizeof *all);
        for (size_t i = 0; i < wanted->count + more.count; i++)
            all[i] = i < wanted->count ? wanted->items[i] : more.items[i - wanted->count];
        *wanted = (struct set_builds){all, wanted->count + more.count};
        return true;
    }
    for (size_t i = 0; i < group->search.count; i++) {
        trial->states[group->changes[i]] = group->search.states[i];
        if (group->search.states[i] == SET_SEARCH_BLOCKED)
            trial->causes[group->changes[i]] = group->changes[group->search.causes[i]];
    }
    return false;
}

bool set_trial_next(struct set_trial *trial, struct set_builds *wanted, struct arena *scratch) {
    bool is_open = false;
    *wanted = (struct set_builds){0};
    for (size_t i = 0; i < trial->changes->group_count; i++)
        is_open |= advance(trial, &trial->groups[i], wanted, scratch);
    return is_open;
}

void set_trial_result(struct set_members *out, const struct set_trial *trial, struct arena *arena) {
    bool *is_in = arena_alloc(arena, trial->changes->count * sizeof *is_in);
    for (size_t i = 0; i < trial->changes->count; i++)
        is_in[i] = trial->states[i] == SET_SEARCH_KEPT;
    set_changes_apply(out, &trial->members, trial->changes, is_in, trial->members.compiler, arena);
}
