/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The verdict on a package that depends on others outside the set is theirs, so packages are judged depth first, dependencies
 * before their dependants; a circle counts as waiting.
 */
#include "lib/domain/set/set_excuses.h"

#include <string.h>

#include "lib/base/arena.h"

const char *set_verdict_text(enum set_verdict verdict) {
    static const char *const texts[] = {
#define SET_VERDICT(name, text, party, meaning) [SET_VERDICT_##name] = text,
        SET_VERDICT_TABLE(SET_VERDICT)
#undef SET_VERDICT
    };
    return texts[verdict];
}

const char *set_verdict_meaning(enum set_verdict verdict) {
    static const char *const texts[] = {
#define SET_VERDICT(name, text, party, meaning) [SET_VERDICT_##name] = meaning,
        SET_VERDICT_TABLE(SET_VERDICT)
#undef SET_VERDICT
    };
    return texts[verdict];
}

enum set_party set_verdict_party(enum set_verdict verdict) {
    static const enum set_party parties[] = {
#define SET_VERDICT(name, text, party, meaning) [SET_VERDICT_##name] = SET_PARTY_##party,
        SET_VERDICT_TABLE(SET_VERDICT)
#undef SET_VERDICT
    };
    return parties[verdict];
}

const char *set_party_text(enum set_party party) {
    static const char *const texts[] = {
        [SET_PARTY_NOBODY] = "nobody",
        [SET_PARTY_REGISTRY] = "the registry",
        [SET_PARTY_AUTHOR] = "its authors",
        [SET_PARTY_DEPENDENCY] = "the authors of its dependencies",
        [SET_PARTY_DEPENDANT] = "the authors of the packages that it breaks, or a trustee",
        [SET_PARTY_TRUSTEE] = "a trustee",
    };
    return texts[party];
}

/* ---- lists of packages ---- */

struct ids {
    uint32_t *items;
    size_t count;
};

/* `ids` has room. */
static void add_id(struct ids *ids, uint32_t id) {
    for (size_t i = 0; i < ids->count; i++)
        if (ids->items[i] == id) return;
    ids->items[ids->count++] = id;
}

static void sort_ids(struct ids *ids, const struct set_members *members) {
    for (size_t i = 1; i < ids->count; i++) /* short lists */
        for (size_t j = i; j > 0; j--) {
            uint32_t *pair = &ids->items[j - 1];
            if (strcmp(set_members_name(members, pair[0]), set_members_name(members, pair[1])) <= 0) break;
            uint32_t kept = pair[0];
            pair[0] = pair[1];
            pair[1] = kept;
        }
}

/* ---- excuses ---- */

struct judging {
    const struct set_members *members;
    const struct package_set *set;
    const struct set_knowledge *knowledge;
    struct set_excuse *excuses; /* by package id */
    enum { NEW, OPEN, DONE } * marks;
    struct arena *arena;
    char set_version[VERSION_TEXT_MAX], compiler[VERSION_TEXT_MAX];
};

static void judge(struct judging *judging, uint32_t package);

/* The newest version of the package that is published and, unless `compiler` is NULL, known to build with it. */
static const struct indexed_version *find_newest(const struct set_members *members, uint32_t package,
                                                 const struct version *compiler) {
    const struct indexed_package *indexed = manifest_index_package(members->index, package);
    for (size_t i = indexed->version_count; i-- > 0;) {
        const struct indexed_version *version = &indexed->versions[i];
        if (version->is_published && (!compiler || set_members_builds(members, package, version->version, *compiler)))
            return version;
    }
    return NULL;
}

static void say(struct set_excuse *excuse, enum set_verdict verdict, const char *sentence) {
    excuse->verdict = verdict;
    excuse->sentence = sentence;
}

/* `NAME@VERSION` of the version that the excuse is about. */
static const char *subject(const struct judging *judging, const struct set_excuse *excuse) {
    char version[VERSION_TEXT_MAX];
    version_print(excuse->version->version, version);
    return arena_format(judging->arena, "%s@%s", set_members_name(judging->members, excuse->package), version);
}

/* Adds the dependencies that are not in the set and do not wait to come into it, and where their own chains end. */
static void find_blockers(struct judging *judging, struct set_excuse *excuse) {
    const struct indexed_version *version = excuse->version;
    struct ids blockers = {.items = arena_alloc(judging->arena, version->need_count * sizeof(uint32_t))};
    size_t room = 0;
    for (size_t i = 1; i < version->need_count; i++) {
        uint32_t needed = version->needs[i].package;
        if (judging->members->chosen[needed]) continue;
        judge(judging, needed);
        if (judging->marks[needed] == OPEN || judging->excuses[needed].verdict == SET_VERDICT_WAITING) continue;
        add_id(&blockers, needed);
        room += judging->excuses[needed].root_count + 1;
    }
    struct ids roots = {.items = arena_alloc(judging->arena, room * sizeof(uint32_t))};
    for (size_t i = 0; i < blockers.count; i++) {
        const struct set_excuse *blocker = &judging->excuses[blockers.items[i]];
        for (size_t j = 0; j < blocker->root_count; j++)
            add_id(&roots, blocker->roots[j]);
        if (blocker->root_count == 0) add_id(&roots, blockers.items[i]);
        if (blocker->since_ms > excuse->since_ms) excuse->since_ms = blocker->since_ms;
    }
    sort_ids(&blockers, judging->members);
    sort_ids(&roots, judging->members);
    excuse->blockers = blockers.items;
    excuse->blocker_count = blockers.count;
    excuse->roots = roots.items;
    excuse->root_count = roots.count;
}

static void judge_blocked(struct judging *judging, struct set_excuse *excuse) {
    const char *direct = set_members_list(judging->members, excuse->blockers, excuse->blocker_count, judging->arena);
    const char *roots = set_members_list(judging->members, excuse->roots, excuse->root_count, judging->arena);
    say(excuse, SET_VERDICT_BLOCKED_BY,
        strcmp(direct, roots) == 0 ? arena_format(judging->arena, "%s depends on %s, not in the package set %s.",
                                                  subject(judging, excuse), direct, judging->set_version)
                                   : arena_format(judging->arena, "%s depends on %s, not in the package set %s because of %s.",
                                                  subject(judging, excuse), direct, judging->set_version, roots));
}

/* An update has tried this very version, without success. */
static bool judge_trial(struct judging *judging, struct set_excuse *excuse) {
    const struct set_trial *trial =
        judging->knowledge->trials ? &judging->knowledge->trials[excuse->package] : &(const struct set_trial){0};
    if (trial->outcome == SET_TRIAL_NONE || !version_equal(trial->version, excuse->version->version)) return false;
    excuse->job = trial->job;
    excuse->since_ms = trial->since_ms;
    if (trial->outcome == SET_TRIAL_BROKE)
        say(excuse, SET_VERDICT_BREAKS,
            arena_format(judging->arena, "With %s other packages of the set do not compile%s%s.", subject(judging, excuse),
                         trial->detail ? ": " : "", trial->detail ? trial->detail : ""));
    else
        say(excuse, SET_VERDICT_FAILS_WITH_SET,
            arena_format(judging->arena, "%s does not compile with the versions in the package set %s%s%s",
                         subject(judging, excuse), judging->set_version, trial->detail ? ": " : ".",
                         trial->detail ? trial->detail : ""));
    return true;
}

/* A version builds with the set's compiler and is newer than the set's. */
static void judge_candidate(struct judging *judging, struct set_excuse *excuse) {
    excuse->since_ms = set_members_published_ms(judging->members, excuse->package, excuse->version->version);
    find_blockers(judging, excuse);
    if (excuse->blocker_count > 0)
        judge_blocked(judging, excuse);
    else if (!judge_trial(judging, excuse))
        say(excuse, SET_VERDICT_WAITING,
            arena_format(judging->arena, "The next update of the package set tries %s.", subject(judging, excuse)));
}

/* No version newer than the set's is known to build with its compiler. */
static void judge_unbuilt(struct judging *judging, struct set_excuse *excuse) {
    const struct set_known_build *build = judging->knowledge->builds ? &judging->knowledge->builds[excuse->package] : NULL;
    excuse->since_ms = build && build->since_ms
                           ? build->since_ms
                           : set_members_published_ms(judging->members, excuse->package, excuse->version->version);
    excuse->job = build ? build->job : NULL;
    if (build && !build->is_tried)
        say(excuse, SET_VERDICT_NEVER_TRIED,
            arena_format(judging->arena, "%s has not been built with compiler %s yet.", subject(judging, excuse),
                         judging->compiler));
    else
        say(excuse, SET_VERDICT_NO_VERSION_FOR_COMPILER,
            arena_format(judging->arena,
                         "%s does not build with compiler %s, and no other version newer than the set's does%s%s",
                         subject(judging, excuse), judging->compiler, build && build->detail ? ": " : ".",
                         build && build->detail ? build->detail : ""));
}

static bool is_lost(const struct judging *judging, const char *name) {
    return package_versions_find(&judging->set->packages, name);
}

static void judge_package(struct judging *judging, struct set_excuse *excuse) {
    const struct set_members *members = judging->members;
    const char *name = set_members_name(members, excuse->package);
    excuse->member = members->chosen[excuse->package];
    excuse->version = find_newest(members, excuse->package, NULL);
    if (!excuse->member && is_lost(judging, name)) {
        say(excuse, SET_VERDICT_NEEDS_TRUSTEE,
            arena_format(judging->arena,
                         "The version of %s in the package set %s is not published any more: it must be replaced or removed.",
                         name, judging->set_version));
    } else if (!excuse->version) {
        say(excuse, SET_VERDICT_UNPUBLISHED, arena_format(judging->arena, "No version of %s is published.", name));
    } else if (excuse->version == excuse->member) {
        excuse->since_ms = set_members_published_ms(members, excuse->package, excuse->version->version);
        say(excuse, SET_VERDICT_IN_SET,
            arena_format(judging->arena, "%s is in the package set %s.", subject(judging, excuse), judging->set_version));
    } else {
        const struct indexed_version *building = find_newest(members, excuse->package, &members->compiler);
        if (!building || (excuse->member && building->packed <= excuse->member->packed)) {
            judge_unbuilt(judging, excuse);
        } else {
            excuse->version = building;
            judge_candidate(judging, excuse);
        }
    }
}

static void judge(struct judging *judging, uint32_t package) {
    if (judging->marks[package] != NEW) return;
    judging->marks[package] = OPEN;
    judging->excuses[package].package = package;
    if (manifest_index_package(judging->members->index, package)->metadata)
        judge_package(judging, &judging->excuses[package]);
    else
        judging->excuses[package].verdict = SET_VERDICT_UNPUBLISHED;
    judging->marks[package] = DONE;
}

void set_excuses_find(struct set_excuses *out, const struct set_members *members, const struct package_set *set,
                      const struct set_knowledge *knowledge, struct arena *arena) {
    struct judging judging = {.members = members, .set = set, .knowledge = knowledge, .arena = arena};
    version_print(set->version, judging.set_version);
    version_print(set->compiler, judging.compiler);
    struct arena scratch = {0};
    judging.excuses = arena_alloc(&scratch, members->package_count * sizeof *judging.excuses);
    judging.marks = arena_alloc(&scratch, members->package_count * sizeof *judging.marks);
    *out = (struct set_excuses){.items = arena_alloc(arena, members->package_count * sizeof *out->items)};
    for (size_t position = 0; position < members->package_count; position++) {
        uint32_t package = manifest_index_by_name(members->index, position);
        if (!manifest_index_package(members->index, package)->metadata) continue;
        judge(&judging, package);
        out->items[out->count++] = judging.excuses[package];
    }
    arena_release(&scratch);
}

/* ---- the next compiler ---- */

static const struct indexed_version *find_lower(const struct set_members *members, uint32_t package, struct version compiler) {
    const struct indexed_package *indexed = manifest_index_package(members->index, package);
    for (size_t i = indexed_package_position(indexed, members->chosen[package]->packed); i-- > 0;)
        if (indexed->versions[i].is_published && set_members_builds(members, package, indexed->versions[i].version, compiler))
            return &indexed->versions[i];
    return NULL;
}

static void describe_obstacle(struct set_obstacle *out, const struct set_members *members, const bool *is_in_the_way,
                              struct version compiler, struct arena *arena) {
    const struct indexed_version *member = members->chosen[out->package];
    const struct indexed_version *newest = find_newest(members, out->package, &compiler);
    struct ids through = {.items = arena_alloc(arena, member->need_count * sizeof(uint32_t))};
    for (size_t i = 1; i < member->need_count; i++)
        if (is_in_the_way[member->needs[i].package]) add_id(&through, member->needs[i].package);
    sort_ids(&through, members);
    if (newest && newest->packed > member->packed) out->newer = newest;
    out->lower = find_lower(members, out->package, compiler);
    out->through = through.items;
    out->through_count = through.count;
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
        describe_obstacle(&out->items[i], members, is_in_the_way, compiler, arena);
    arena_release(&scratch);
}
