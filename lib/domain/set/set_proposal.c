/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Every package begins with its best option. An option that needs a package without options left is given up for the next one,
 * which may take away an option that another needs, so this goes on until nothing changes; options are only ever given up, so
 * the outcome does not depend on the order.
 */
#include "lib/domain/set/set_proposal.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/arena.h"
#include "lib/domain/job/operation.h"
#include "lib/domain/set/set_obstacles.h"

struct options {
    const struct indexed_version **versions; /* the best first */
    size_t count;
    size_t next; /* the one that stands; `count`: none is left */
};

struct proposing {
    const struct set_members *members;
    struct version compiler;
    struct options *options;               /* by package id */
    const struct set_obstacle **obstacles; /* by package id; NULL: it is none */
    bool *is_in;                           /* by package id: in the proposed set */
    struct arena *arena;
};

static bool builds(const struct proposing *proposing, uint32_t package, const struct indexed_version *version) {
    return version->is_published && set_members_builds(proposing->members, package, version->version, proposing->compiler);
}

static const struct indexed_version *standing(const struct proposing *proposing, uint32_t package) {
    const struct options *options = &proposing->options[package];
    return options->next < options->count ? options->versions[options->next] : NULL;
}

/* ---- the options of each package ---- */

static void add(struct options *options, const struct indexed_version *version) {
    options->versions[options->count++] = version;
}

/* Adds the versions from `begin` to before `end` that are known to build, the newest first. */
static void add_range(struct proposing *proposing, uint32_t package, size_t begin, size_t end) {
    const struct indexed_package *indexed = manifest_index_package(proposing->members->index, package);
    for (size_t i = end; i-- > begin;)
        if (builds(proposing, package, &indexed->versions[i])) add(&proposing->options[package], &indexed->versions[i]);
}

static void list_options(struct proposing *proposing, uint32_t package) {
    const struct indexed_package *indexed = manifest_index_package(proposing->members->index, package);
    const struct indexed_version *member = proposing->members->chosen[package];
    const struct set_obstacle *obstacle = proposing->obstacles[package];
    struct options *options = &proposing->options[package];
    options->versions = arena_alloc(proposing->arena, indexed->version_count * sizeof *options->versions);
    size_t position = member ? (size_t)(member - indexed->versions) : 0;
    if (member && !obstacle) add(options, member);
    add_range(proposing, package, member ? position + 1 : 0, indexed->version_count);
    if (obstacle && obstacle->through_count > 0) add(options, member);
    if (member) add_range(proposing, package, 0, position);
}

/* ---- the choice ---- */

/* The first dependency that cannot be in the set; PACKAGE_NONE: all can. */
static uint32_t find_missing(const struct proposing *proposing, const struct indexed_version *version) {
    for (size_t i = 1; i < version->need_count; i++)
        if (!standing(proposing, version->needs[i].package)) return version->needs[i].package;
    return PACKAGE_NONE;
}

static void settle(struct proposing *proposing) {
    for (bool has_changed = true; has_changed;) {
        has_changed = false;
        for (uint32_t package = 0; package < proposing->members->package_count; package++) {
            const struct indexed_version *version;
            while ((version = standing(proposing, package)) && find_missing(proposing, version) != PACKAGE_NONE) {
                proposing->options[package].next++;
                has_changed = true;
            }
        }
    }
}

/* Marks the package and all that it needs. As deep as the longest chain of dependencies, some dozens. */
static void take_in(struct proposing *proposing, uint32_t package) {
    const struct indexed_version *version = standing(proposing, package);
    if (proposing->is_in[package]) return;
    proposing->is_in[package] = true;
    for (size_t i = 1; i < version->need_count; i++)
        take_in(proposing, version->needs[i].package);
}

/* ---- the proposal ---- */

static const char *print_version(const struct proposing *proposing, struct version version) {
    char text[VERSION_TEXT_MAX];
    version_print(version, text);
    return arena_copy(proposing->arena, text);
}

/* Why the member does not stay as it is. */
static const char *explain_member(const struct proposing *proposing, uint32_t package) {
    const struct indexed_version *member = proposing->members->chosen[package];
    const char *name = set_members_name(proposing->members, package);
    uint32_t missing = find_missing(proposing, member);
    const char *version = print_version(proposing, member->version);
    if (missing != PACKAGE_NONE)
        return arena_format(proposing->arena, "%s@%s depends on %s, which leaves.", name, version,
                            set_members_name(proposing->members, missing));
    return arena_format(proposing->arena, "%s@%s is not known to build with compiler %s.", name, version,
                        print_version(proposing, proposing->compiler));
}

/* Why no other version takes the place of one that leaves. */
static const char *explain_removal(const struct proposing *proposing, uint32_t package) {
    const struct options *options = &proposing->options[package];
    size_t others = 0;
    for (size_t i = 0; i < options->count; i++)
        others += options->versions[i] != proposing->members->chosen[package];
    return arena_format(proposing->arena, "%s %s", explain_member(proposing, package),
                        others ? "Its versions that are known to build with that compiler depend on packages that leave."
                               : "No other version is known to build with that compiler.");
}

static const char *explain(const struct proposing *proposing, uint32_t package) {
    const char *name = set_members_name(proposing->members, package);
    if (!proposing->members->chosen[package])
        return arena_format(proposing->arena, "Another version of a member depends on %s.", name);
    return standing(proposing, package) ? explain_member(proposing, package) : explain_removal(proposing, package);
}

static void propose(struct set_proposal *out, const struct proposing *proposing, uint32_t package) {
    const struct indexed_version *member = proposing->members->chosen[package];
    const struct indexed_version *version = proposing->is_in[package] ? standing(proposing, package) : NULL;
    if (version == member) return;
    out->reasons[out->changes.count] = explain(proposing, package);
    out->changes.items[out->changes.count++] = (struct set_change){.package = package, .version = version, .replaced = member};
}

static void list_all(struct set_proposal *out, const struct proposing *proposing) {
    const struct set_members *members = proposing->members;
    uint32_t *unproven = arena_alloc(proposing->arena, members->package_count * sizeof *unproven);
    out->changes.items = arena_alloc(proposing->arena, members->package_count * sizeof *out->changes.items);
    out->reasons = arena_alloc(proposing->arena, members->package_count * sizeof *out->reasons);
    for (size_t position = 0; position < members->package_count; position++) {
        uint32_t package = manifest_index_by_name(members->index, position);
        propose(out, proposing, package);
        if (proposing->obstacles[package] && standing(proposing, package) == members->chosen[package])
            unproven[out->unproven_count++] = package;
    }
    out->unproven = unproven;
}

static void find_obstacles(struct proposing *proposing) {
    struct set_obstacles found;
    set_obstacles_find(&found, proposing->members, proposing->compiler, proposing->arena);
    proposing->obstacles = arena_alloc(proposing->arena, proposing->members->package_count * sizeof *proposing->obstacles);
    for (size_t i = 0; i < found.count; i++)
        proposing->obstacles[found.items[i].package] = &found.items[i];
}

void set_proposal_find(struct set_proposal *out, const struct set_members *members, struct version compiler,
                       struct arena *arena) {
    struct proposing proposing = {.members = members, .compiler = compiler, .arena = arena};
    proposing.options = arena_alloc(arena, members->package_count * sizeof *proposing.options);
    proposing.is_in = arena_alloc(arena, members->package_count * sizeof *proposing.is_in);
    *out = (struct set_proposal){.compiler = compiler};
    find_obstacles(&proposing);
    for (uint32_t package = 0; package < members->package_count; package++)
        list_options(&proposing, package);
    settle(&proposing);
    for (uint32_t package = 0; package < members->package_count; package++)
        if (members->chosen[package] && standing(&proposing, package)) take_in(&proposing, package);
    list_all(out, &proposing);
}

/* ---- the request ---- */

/* A lost member may come back in another version, since another member needs it. */
static bool is_changed(const struct package_set_request *request, const char *name) {
    for (size_t i = 0; i < request->change_count; i++)
        if (strcmp(request->changes[i].name, name) == 0) return true;
    return false;
}

static int compare_changes(const void *a, const void *b) {
    return strcmp(((const struct package_set_change *)a)->name, ((const struct package_set_change *)b)->name);
}

void set_proposal_request(struct package_set_request *out, const struct set_proposal *proposal,
                          const struct set_members *members, struct arena *arena) {
    *out = (struct package_set_request){.has_compiler = true, .compiler = proposal->compiler, .is_restricted = true};
    out->changes = arena_alloc(arena, (proposal->changes.count + members->lost_count + 1) * sizeof *out->changes);
    for (size_t i = 0; i < proposal->changes.count; i++) {
        const struct set_change *change = &proposal->changes.items[i];
        out->changes[out->change_count++] =
            (struct package_set_change){.name = set_members_name(members, change->package),
                                        .version = change->version ? change->version->version : (struct version){0},
                                        .is_removal = !change->version};
    }
    for (size_t i = 0; i < members->lost_count; i++)
        if (!is_changed(out, members->lost[i]->name))
            out->changes[out->change_count++] = (struct package_set_change){.name = members->lost[i]->name, .is_removal = true};
    if (out->change_count > 1) qsort(out->changes, out->change_count, sizeof *out->changes, compare_changes);
}
