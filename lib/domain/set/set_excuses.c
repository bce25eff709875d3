/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The verdict on a package that depends on others outside the set is theirs, so packages are judged depth first, dependencies
 * before their dependants; a circle counts as waiting.
 */
#include "lib/domain/set/set_excuses.h"

#include <ctype.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/arena.h"
#include "lib/base/clock.h"
#include "lib/base/text.h"
#include "lib/domain/solver/build_plan.h"

enum {
    DETAIL_MAX = 200, /* bytes of an error that a sentence shows */
    LOST_SHOWN = 3,   /* lost versions that a sentence names */
};

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
#define SET_PARTY(name, text) [SET_PARTY_##name] = text,
        SET_PARTY_TABLE(SET_PARTY)
#undef SET_PARTY
    };
    return texts[party];
}

/* ---- known builds ---- */

/* The version whose build decides, NULL: none does. */
static const struct indexed_version *find_unbuilt(const struct set_members *members, uint32_t package) {
    const struct indexed_version *member = members->chosen[package];
    const struct indexed_version *newest = set_members_find_newest(members, package, NULL);
    const struct indexed_version *building = set_members_find_newest(members, package, &members->compiler);
    bool is_candidate = building && (!member || building->packed > member->packed);
    return is_candidate || (newest && member && newest->packed <= member->packed) ? NULL : newest;
}

void set_excuses_list_builds(struct set_known_builds *out, const struct set_members *members, struct arena *arena) {
    *out = (struct set_known_builds){.items = arena_alloc(arena, members->package_count * sizeof *out->items)};
    for (size_t position = 0; position < members->package_count; position++) {
        uint32_t package = manifest_index_by_name(members->index, position);
        const struct indexed_version *version = find_unbuilt(members, package);
        if (version)
            out->items[out->count++] = (struct set_known_build){
                .package = arena_copy(arena, set_members_name(members, package)), .version = version->version};
    }
}

static int compare_package(const void *name, const void *build) {
    return strcmp(name, ((const struct set_known_build *)build)->package);
}

/* What is known about the build of this version; never NULL. */
static const struct set_known_build *find_known_build(const struct set_known_builds *builds, const char *package,
                                                      struct version version) {
    static const struct set_known_build unknown;
    if (builds->count == 0) return &unknown;
    const struct set_known_build *found =
        bsearch(package, builds->items, builds->count, sizeof *builds->items, compare_package);
    return found && version_equal(found->version, version) ? found : &unknown;
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
    const struct indexed_version **candidates; /* by package id; NULL: it has none */
    struct set_excuse *excuses;                /* the same */
    enum { NEW, OPEN, DONE } * marks;          /* the same */
    struct arena *arena;
    char set_version[VERSION_TEXT_MAX], compiler[VERSION_TEXT_MAX];
    /* That no set is released by itself, since versions are lost for which there is no candidate; "": none is. */
    const char *lost_note;
};

static void judge(struct judging *judging, uint32_t package);

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

/* ---- what updates and builds found out ---- */

/* `2026-12-01 04:30 UTC` */
static const char *print_minute(const struct judging *judging, int64_t time_ms) {
    char text[TIME_TEXT_MAX];
    time_print(time_ms, text);
    return arena_format(judging->arena, "%.10s %.5s UTC", text, text + 11);
}

/* What a sentence that depends on the last update ends with. */
static const char *note_age(const struct judging *judging) {
    const struct set_knowledge *knowledge = judging->knowledge;
    if (knowledge->checked_ms == 0) return " No update has tried the candidates yet.";
    if (knowledge->now_ms - knowledge->checked_ms <= SET_CHECK_AGE_MAX_MS) return "";
    return arena_format(judging->arena, " The last update that tried the candidates ended at %s, more than a day ago.",
                        print_minute(judging, knowledge->checked_ms));
}

static const char *announce(const struct judging *judging) {
    const struct set_knowledge *knowledge = judging->knowledge;
    if (knowledge->hindrance) return knowledge->hindrance;
    if (knowledge->next_ms == 0) return "No update is scheduled.";
    if (knowledge->next_ms <= knowledge->now_ms) return "It is due now.";
    return arena_format(judging->arena, "It starts at %s.", print_minute(judging, knowledge->next_ms));
}

/* An error as the end of a sentence: in one line, not too long, with a full stop. */
static const char *shorten(const struct judging *judging, const char *detail) {
    struct text line = {0};
    size_t length = strlen(detail);
    for (size_t i = 0, step; i < length && line.length < DETAIL_MAX; i += step) {
        step = text_character_length(detail + i, length - i);
        if (step == 0) step = 1;
        bool is_space = isspace((unsigned char)detail[i]);
        if (!is_space)
            text_append_bytes(&line, detail + i, step);
        else if (line.length > 0 && line.bytes[line.length - 1] != ' ')
            text_append_character(&line, ' ');
    }
    while (line.length > 0 && line.bytes[line.length - 1] == ' ')
        line.bytes[--line.length] = '\0';
    const char *end = line.length >= DETAIL_MAX ? "…" : text_ends_with(text_view(&line), ".") ? "" : ".";
    const char *copy = arena_format(judging->arena, "%s%s", text_view(&line), end);
    text_release(&line);
    return copy;
}

/* `: DETAIL`, or a full stop. */
static const char *end_with(const struct judging *judging, const char *detail) {
    return detail && *detail ? arena_format(judging->arena, ": %s", shorten(judging, detail)) : ".";
}

/* The last update could not decide, since a build came to no result. */
static void judge_without_result(struct judging *judging, struct set_excuse *excuse, const struct set_finding *finding) {
    const char *whose = finding->breaks_others ? "the build of another package of the set with it" : "its build";
    say(excuse, SET_VERDICT_NO_RESULT,
        arena_format(judging->arena,
                     "%s is not in the package set %s yet, since %s came to no result%s The next update tries it again. %s%s",
                     subject(judging, excuse), judging->set_version, whose, end_with(judging, finding->detail),
                     announce(judging), note_age(judging)));
}

/* True if an update has tried this very version with the set's compiler, without success. */
static bool judge_finding(struct judging *judging, struct set_excuse *excuse) {
    const struct set_members *members = judging->members;
    const struct set_finding *finding =
        set_findings_find(judging->knowledge->findings, set_members_name(members, excuse->package));
    if (!finding || !version_equal(finding->version, excuse->version->version) ||
        !version_equal(finding->compiler, members->compiler))
        return false;
    const char *end = end_with(judging, finding->detail), *age = note_age(judging);
    excuse->job = finding->job;
    excuse->since_ms = finding->since_ms;
    if (finding->has_no_result)
        judge_without_result(judging, excuse, finding);
    else if (finding->breaks_others)
        say(excuse, SET_VERDICT_BREAKS,
            arena_format(judging->arena, "With %s another package of the set does not compile%s%s", subject(judging, excuse),
                         end, age));
    else
        say(excuse, SET_VERDICT_FAILS_WITH_SET,
            arena_format(judging->arena, "%s does not compile with the versions in the package set %s%s%s",
                         subject(judging, excuse), judging->set_version, end, age));
    return true;
}

/* A version builds with the set's compiler and is newer than the set's. */
static void judge_candidate(struct judging *judging, struct set_excuse *excuse) {
    excuse->since_ms = set_members_published_ms(judging->members, excuse->package, excuse->version->version);
    find_blockers(judging, excuse);
    if (excuse->blocker_count > 0)
        judge_blocked(judging, excuse);
    else if (!judge_finding(judging, excuse))
        say(excuse, SET_VERDICT_WAITING,
            arena_format(judging->arena, "The next update of the package set tries %s. %s%s%s", subject(judging, excuse),
                         announce(judging), note_age(judging), judging->lost_note));
}

/* The version where none that is newer than the set's is known to build, as the subject of a sentence. */
static const char *others_of(const struct set_excuse *excuse) {
    return excuse->member ? "no other version newer than the set's is" : "no other version of it is";
}

/* No build of the version has come to a result: usually none can be made. */
static void judge_untried(struct judging *judging, struct set_excuse *excuse, const struct set_known_build *build) {
    const char *name = subject(judging, excuse), *compiler = judging->compiler;
    if (build->detail)
        say(excuse, SET_VERDICT_NEVER_TRIED,
            arena_format(judging->arena, "The last build of %s with compiler %s came to no result%s", name, compiler,
                         end_with(judging, build->detail)));
    else if (build_plan_exists(judging->members->index, excuse->version, judging->members->compiler))
        say(excuse, SET_VERDICT_NEVER_TRIED,
            arena_format(judging->arena, "%s has not been built with compiler %s yet.", name, compiler));
    else
        say(excuse, SET_VERDICT_NO_VERSION_FOR_COMPILER,
            arena_format(judging->arena,
                         "%s cannot be built with compiler %s, since no choice of its dependencies' versions can, and %s known "
                         "to build with it.",
                         name, compiler, others_of(excuse)));
}

/* No version newer than the set's is known to build with its compiler. */
static void judge_unbuilt(struct judging *judging, struct set_excuse *excuse) {
    const struct set_known_build *build = find_known_build(
        judging->knowledge->builds, set_members_name(judging->members, excuse->package), excuse->version->version);
    const char *name = subject(judging, excuse), *compiler = judging->compiler;
    excuse->since_ms = build->since_ms ? build->since_ms
                                       : set_members_published_ms(judging->members, excuse->package, excuse->version->version);
    excuse->job = build->job;
    switch (build->state) {
    case SET_BUILD_UNTRIED: judge_untried(judging, excuse, build); return;
    case SET_BUILD_FAILED:
        say(excuse, SET_VERDICT_NO_VERSION_FOR_COMPILER,
            arena_format(judging->arena, "%s does not build with compiler %s, and %s known to%s", name, compiler,
                         others_of(excuse), end_with(judging, build->detail)));
        return;
    case SET_BUILD_SUCCEEDED:
        say(excuse, SET_VERDICT_WAITING,
            arena_format(judging->arena,
                         "%s builds with compiler %s. When its metadata says so, the next update of the package set tries it.",
                         name, compiler));
        return;
    }
}

/* `NAME@VERSION` of the set. */
static const char *print_lost(const struct judging *judging, const struct package_version *lost) {
    char version[VERSION_TEXT_MAX];
    version_print(lost->version, version);
    return arena_format(judging->arena, "%s@%s", lost->name, version);
}

/* The set's version is lost. If a newer one is tried, the verdict on that counts, unless it cannot come into the set. */
static void judge_lost(struct judging *judging, struct set_excuse *excuse, const struct package_version *lost) {
    const char *name = print_lost(judging, lost);
    const struct indexed_version *candidate = judging->candidates[excuse->package];
    if (!candidate) {
        say(excuse, SET_VERDICT_NEEDS_TRUSTEE,
            arena_format(judging->arena,
                         "%s in the package set %s is not published any more, and no newer version can replace it. No update "
                         "releases a set by itself until a trustee replaces or removes it.",
                         name, judging->set_version));
        return;
    }
    excuse->version = candidate;
    judge_candidate(judging, excuse);
    bool is_open = excuse->verdict == SET_VERDICT_WAITING || excuse->verdict == SET_VERDICT_NO_RESULT;
    say(excuse, is_open ? excuse->verdict : SET_VERDICT_NEEDS_TRUSTEE,
        arena_format(judging->arena,
                     "%s %s in the package set %s is not published any more: no update releases a set by itself until it is "
                     "replaced or removed.",
                     excuse->sentence, name, judging->set_version));
}

/* The version that an update tries; if there is none, but one that would be tried if its dependencies were in the set, that one;
 * else NULL. */
static const struct indexed_version *find_candidate(const struct judging *judging, uint32_t package) {
    const struct set_members *members = judging->members;
    const struct indexed_version *member = members->chosen[package];
    if (judging->candidates[package]) return judging->candidates[package];
    const struct indexed_version *building = set_members_find_newest(members, package, &members->compiler);
    return building && (!member || building->packed > member->packed) ? building : NULL;
}

static void judge_package(struct judging *judging, struct set_excuse *excuse) {
    const struct set_members *members = judging->members;
    const char *name = set_members_name(members, excuse->package);
    const struct package_version *lost = set_members_find_lost(members, name);
    excuse->member = members->chosen[excuse->package];
    excuse->version = set_members_find_newest(members, excuse->package, NULL);
    if (lost) {
        judge_lost(judging, excuse, lost);
    } else if (!excuse->version) {
        say(excuse, SET_VERDICT_UNPUBLISHED, arena_format(judging->arena, "No version of %s is published.", name));
    } else if (excuse->version == excuse->member) {
        excuse->since_ms = set_members_published_ms(members, excuse->package, excuse->version->version);
        say(excuse, SET_VERDICT_IN_SET,
            arena_format(judging->arena, "%s is in the package set %s.", subject(judging, excuse), judging->set_version));
    } else {
        const struct indexed_version *candidate = find_candidate(judging, excuse->package);
        if (candidate) excuse->version = candidate;
        if (candidate)
            judge_candidate(judging, excuse);
        else
            judge_unbuilt(judging, excuse);
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

/* Once the candidates are known. */
static const char *note_lost(const struct judging *judging) {
    const struct set_members *members = judging->members;
    struct text list = {0};
    size_t count = 0;
    for (size_t i = 0; i < members->lost_count; i++) {
        uint32_t package = manifest_index_find_package(members->index, members->lost[i]->name);
        if (package != PACKAGE_NONE && judging->candidates[package]) continue;
        if (count++ < LOST_SHOWN)
            text_append_format(&list, "%s%s", list.length ? ", " : "", print_lost(judging, members->lost[i]));
    }
    if (count > LOST_SHOWN) text_append_format(&list, " and %zu more", count - LOST_SHOWN);
    const char *note = count == 0
                           ? ""
                           : arena_format(judging->arena,
                                          " No set is released by itself until a trustee replaces or removes what is not "
                                          "published any more: %s.",
                                          list.bytes);
    text_release(&list);
    return note;
}

static void begin(struct judging *judging, const struct set_changes *candidates, struct arena *scratch) {
    size_t count = judging->members->package_count;
    version_print(judging->set->version, judging->set_version);
    version_print(judging->members->compiler, judging->compiler);
    judging->candidates = arena_alloc(scratch, count * sizeof *judging->candidates);
    judging->excuses = arena_alloc(scratch, count * sizeof *judging->excuses);
    judging->marks = arena_alloc(scratch, count * sizeof *judging->marks);
    for (size_t i = 0; i < candidates->count; i++)
        judging->candidates[candidates->items[i].package] = candidates->items[i].version;
    judging->lost_note = note_lost(judging);
}

void set_excuses_find(struct set_excuses *out, const struct set_members *members, const struct package_set *set,
                      const struct set_changes *candidates, const struct set_knowledge *knowledge, struct arena *arena) {
    struct judging judging = {.members = members, .set = set, .knowledge = knowledge, .arena = arena};
    struct arena scratch = {0};
    begin(&judging, candidates, &scratch);
    *out = (struct set_excuses){.items = arena_alloc(arena, members->package_count * sizeof *out->items)};
    for (size_t position = 0; position < members->package_count; position++) {
        uint32_t package = manifest_index_by_name(members->index, position);
        if (!manifest_index_package(members->index, package)->metadata) continue;
        judge(&judging, package);
        out->items[out->count++] = judging.excuses[package];
    }
    arena_release(&scratch);
}
