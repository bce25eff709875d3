/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Why packages are in the set or not, on registries defined here and on the real one (skipped if it is not available).
 */
#include "tests/support/cmocka_all.h"

#include <string.h>

#include "lib/base/clock.h"
#include "lib/base/text.h"
#include "lib/domain/registry/manifest_index.h"
#include "lib/domain/set/set_excuses.h"
#include "tests/support/small_registry.h"

#define CREATE(...)                                                                                                            \
    small_registry_create((const char *const[]){__VA_ARGS__}, sizeof(const char *const[]){__VA_ARGS__} / sizeof(const char *))
#define COMPILER                                                                                                               \
    { 0, 15, 15 }
#define NOW "2026-12-01T12:00:00Z"

struct scene {
    struct arena arena;
    struct manifest_index *index;
    struct package_set set;
    struct set_members members;
    struct set_changes candidates;
    struct set_findings findings;
    struct set_known_builds builds;
    struct set_knowledge knowledge;
    struct set_excuses excuses;
};

static int64_t at(const char *text) {
    int64_t time_ms;
    assert_true(time_parse(text, &time_ms));
    return time_ms;
}

/* An update has just decided, and the next one comes at 04:30. */
static void enter(struct scene *s, struct manifest_index *index, const char *set_text) {
    *s = (struct scene){.index = index};
    s->set = small_package_set(set_text, &s->arena);
    set_members_read(&s->members, index, &s->set, &s->arena);
    set_changes_find_candidates(&s->candidates, &s->members, &s->arena);
    set_excuses_list_builds(&s->builds, &s->members, &s->arena);
    s->knowledge = (struct set_knowledge){.findings = &s->findings,
                                          .builds = &s->builds,
                                          .now_ms = at(NOW),
                                          .checked_ms = at("2026-12-01T11:00:00Z"),
                                          .next_ms = at("2026-12-02T04:30:00Z")};
}

static void find(struct scene *s) {
    set_excuses_find(&s->excuses, &s->members, &s->set, &s->candidates, &s->knowledge, &s->arena);
}

static void leave(struct scene *s) {
    manifest_index_free(s->index);
    arena_release(&s->arena);
}

static struct set_known_build *build_of(const struct scene *s, const char *name) {
    for (size_t i = 0; i < s->builds.count; i++)
        if (strcmp(s->builds.items[i].package, name) == 0) return &s->builds.items[i];
    fail_msg("The build of %s does not matter.", name);
    return NULL;
}

static const struct set_excuse *excuse_of(const struct scene *s, const char *name) {
    for (size_t i = 0; i < s->excuses.count; i++)
        if (strcmp(set_members_name(&s->members, s->excuses.items[i].package), name) == 0) return &s->excuses.items[i];
    fail_msg("There is no excuse for %s.", name);
    return NULL;
}

static void assert_excuse(const struct scene *s, const char *name, enum set_verdict verdict, const char *sentence) {
    const struct set_excuse *excuse = excuse_of(s, name);
    assert_string_equal(set_verdict_text(excuse->verdict), set_verdict_text(verdict));
    assert_string_equal(excuse->sentence, sentence);
}

#define LOST " No set is released by itself until a trustee replaces or removes what is not published any more: lost@2.0.0."
#define TRIES(version) "The next update of the package set tries " version ". It starts at 2026-12-02 04:30 UTC."

static void each_package_has_its_verdict(void **state) {
    (void)state;
    struct scene s;
    enter(&s,
          CREATE("a 1.0.0 [0.15.15]", "b 1.0.0 [0.15.15]", "b 1.1.0 [0.15.15]", "c 1.0.0 [0.15.15]", "d 1.0.0 [0.15.14]",
                 "e 1.0.0 []", "lost 2.0.0 []"),
          "a 1.0.0 b 1.0.0 lost 2.0.0");
    find(&s);
    assert_int_equal(s.excuses.count, 6);
    assert_excuse(&s, "a", SET_VERDICT_IN_SET, "a@1.0.0 is in the package set 1.0.0.");
    assert_excuse(&s, "b", SET_VERDICT_WAITING, TRIES("b@1.1.0") LOST);
    assert_excuse(&s, "c", SET_VERDICT_WAITING, TRIES("c@1.0.0") LOST);
    assert_excuse(&s, "d", SET_VERDICT_NEVER_TRIED, "d@1.0.0 has not been built with compiler 0.15.15 yet.");
    assert_excuse(&s, "e", SET_VERDICT_UNPUBLISHED, "No version of e is published.");
    assert_excuse(
        &s, "lost", SET_VERDICT_NEEDS_TRUSTEE,
        "lost@2.0.0 in the package set 1.0.0 is not published any more, and no newer version can replace it. No update "
        "releases a set by itself until a trustee replaces or removes it.");
    leave(&s);
}

/* By a newer version, if that compiles; an older one would be a downgrade. */
static void a_lost_version_is_replaced_or_needs_a_trustee(void **state) {
    (void)state;
    struct scene s;
    struct set_finding finding = {"fails", {1, 1, 0}, COMPILER, false, NULL, NULL, 1000, false};
    enter(&s, CREATE("fails 1.1.0 [0.15.15]", "moved 1.1.0 [0.15.15]", "old 0.9.0 [0.15.15]"),
          "fails 1.0.0 moved 1.0.0 old 1.0.0");
    s.findings = (struct set_findings){&finding, 1};
    find(&s);
    assert_excuse(
        &s, "moved", SET_VERDICT_WAITING,
        TRIES("moved@1.1.0") " No set is released by itself until a trustee replaces or removes what is not published "
                             "any more: old@1.0.0. moved@1.0.0 in the package set 1.0.0 is not published any more: no "
                             "update releases a set by itself until it is replaced or removed.");
    assert_excuse(
        &s, "fails", SET_VERDICT_NEEDS_TRUSTEE,
        "fails@1.1.0 does not compile with the versions in the package set 1.0.0. fails@1.0.0 in the package set 1.0.0 is "
        "not published any more: no update releases a set by itself until it is replaced or removed.");
    assert_int_equal(excuse_of(&s, "old")->verdict, SET_VERDICT_NEEDS_TRUSTEE);
    leave(&s);
}

/* ---- Builds with the set's compiler ---- */

static void each_state_of_a_build_is_told(void **state) {
    (void)state;
    struct scene s;
    enter(&s,
          CREATE("failed 1.0.0 [0.15.14]", "member 1.0.0 [0.15.15]", "member 1.1.0 [0.15.16]",
                 "noplan 1.0.0 [0.15.14] old >=1.0.0 <2.0.0", "old 1.0.0 [0.15.13]", "soon 1.0.0 [0.15.14]",
                 "unclear 1.0.0 [0.15.14]"),
          "member 1.0.0");
    assert_int_equal(s.builds.count, 6);
    *build_of(&s, "failed") = (struct set_known_build){
        "failed", {1, 0, 0}, SET_BUILD_FAILED, .job = "job-1", .detail = "The compiler reports errors.", .since_ms = 5};
    *build_of(&s, "member") = (struct set_known_build){"member", {1, 1, 0}, SET_BUILD_FAILED, .job = "job-2"};
    build_of(&s, "soon")->state = SET_BUILD_SUCCEEDED;
    *build_of(&s, "unclear") = (struct set_known_build){
        "unclear", {1, 0, 0}, SET_BUILD_UNTRIED, .job = "job-3", .detail = "Its workers were lost several times."};
    find(&s);
    assert_excuse(&s, "failed", SET_VERDICT_NO_VERSION_FOR_COMPILER,
                  "failed@1.0.0 does not build with compiler 0.15.15, and no other version of it is known to: The compiler "
                  "reports errors.");
    assert_string_equal(excuse_of(&s, "failed")->job, "job-1");
    assert_int_equal(excuse_of(&s, "failed")->since_ms, 5);
    assert_excuse(&s, "member", SET_VERDICT_NO_VERSION_FOR_COMPILER,
                  "member@1.1.0 does not build with compiler 0.15.15, and no other version newer than the set's is known to.");
    assert_excuse(
        &s, "noplan", SET_VERDICT_NO_VERSION_FOR_COMPILER,
        "noplan@1.0.0 cannot be built with compiler 0.15.15, since no choice of its dependencies' versions can, and no "
        "other version of it is known to build with it.");
    assert_excuse(
        &s, "soon", SET_VERDICT_WAITING,
        "soon@1.0.0 builds with compiler 0.15.15. When its metadata says so, the next update of the package set tries "
        "it.");
    assert_excuse(&s, "unclear", SET_VERDICT_NEVER_TRIED,
                  "The last build of unclear@1.0.0 with compiler 0.15.15 came to no result: Its workers were lost several "
                  "times.");
    assert_string_equal(excuse_of(&s, "unclear")->job, "job-3");
    leave(&s);
}

static void a_build_counts_for_its_version_alone(void **state) {
    (void)state;
    struct scene s;
    enter(&s, CREATE("a 1.0.0 [0.15.14]"), "");
    *build_of(&s, "a") = (struct set_known_build){"a", {0, 9, 0}, SET_BUILD_FAILED, .job = "job"};
    find(&s);
    assert_excuse(&s, "a", SET_VERDICT_NEVER_TRIED, "a@1.0.0 has not been built with compiler 0.15.15 yet.");
    assert_null(excuse_of(&s, "a")->job);
    leave(&s);
}

static void builds_matter_where_no_candidate_is_known(void **state) {
    (void)state;
    struct scene s;
    enter(&s,
          CREATE("both 1.0.0 [0.15.15]", "both 1.1.0 [0.15.16]", "member 1.0.0 [0.15.15]", "newer 1.0.0 [0.15.15]",
                 "newer 1.1.0 [0.15.16]", "old 0.9.0 [0.15.15]", "old 1.0.0 [0.15.14]", "old 1.1.0 []",
                 "older 1.0.0 [0.15.14]"),
          "member 1.0.0 newer 1.0.0 old 0.9.0");
    assert_int_equal(s.builds.count, 3);
    assert_int_equal(build_of(&s, "newer")->version.minor, 1);
    assert_int_equal(build_of(&s, "old")->version.major, 1);
    assert_int_equal(build_of(&s, "old")->version.minor, 0); /* 1.1.0 is not published */
    assert_non_null(build_of(&s, "older"));
    leave(&s);
}

static void an_older_version_that_builds_is_the_one_judged(void **state) {
    (void)state;
    struct scene s;
    enter(&s, CREATE("a 1.0.0 [0.15.15]", "a 1.1.0 [0.15.15]", "a 1.2.0 [0.15.16]"), "a 1.0.0");
    find(&s);
    assert_excuse(&s, "a", SET_VERDICT_WAITING, TRIES("a@1.1.0"));
    leave(&s);
}

/* ---- Findings of updates ---- */

static void a_finding_counts_for_its_version_and_compiler_alone(void **state) {
    (void)state;
    struct scene s;
    struct set_finding items[] = {
        {"a", {1, 0, 0}, COMPILER, false, "job-1", "  Module X\n  was not found", 1000, false},
        {"b", {2, 0, 0}, COMPILER, true, "job-2", "x: No type class instance.", 2000, false},
        {"c", {0, 9, 0}, COMPILER, false, "job-3", NULL, 3000, false},
        {"d", {1, 0, 0}, {0, 15, 16}, false, "job-4", NULL, 4000, false},
        {"e", {1, 0, 0}, COMPILER, false, NULL, NULL, 5000, false},
        {"f", {1, 0, 0}, COMPILER, true, NULL, NULL, 6000, false},
    };
    enter(&s,
          CREATE("a 1.0.0 [0.15.15]", "b 1.0.0 [0.15.15]", "b 2.0.0 [0.15.15]", "c 1.0.0 [0.15.15]", "d 1.0.0 [0.15.15]",
                 "e 1.0.0 [0.15.15]", "f 1.0.0 [0.15.15]"),
          "b 1.0.0");
    s.findings = (struct set_findings){items, 6};
    find(&s);
    assert_excuse(&s, "a", SET_VERDICT_FAILS_WITH_SET,
                  "a@1.0.0 does not compile with the versions in the package set 1.0.0: Module X was not found.");
    assert_string_equal(excuse_of(&s, "a")->job, "job-1");
    assert_int_equal(excuse_of(&s, "a")->since_ms, 1000);
    assert_excuse(&s, "b", SET_VERDICT_BREAKS,
                  "With b@2.0.0 another package of the set does not compile: x: No type class instance.");
    assert_excuse(&s, "c", SET_VERDICT_WAITING, TRIES("c@1.0.0"));
    assert_excuse(&s, "d", SET_VERDICT_WAITING, TRIES("d@1.0.0"));
    assert_excuse(&s, "e", SET_VERDICT_FAILS_WITH_SET, "e@1.0.0 does not compile with the versions in the package set 1.0.0.");
    assert_excuse(&s, "f", SET_VERDICT_BREAKS, "With f@1.0.0 another package of the set does not compile.");
    leave(&s);
}

static void a_build_without_a_result_is_no_failure(void **state) {
    (void)state;
    struct scene s;
    struct set_finding items[] = {
        {"a", {1, 0, 0}, COMPILER, false, "job-1", "Its workers were lost several times.", 1000, true},
        {"b", {1, 0, 0}, COMPILER, true, "job-2", "user: Storage answers 503", 2000, true},
        {"c", {1, 0, 0}, COMPILER, false, NULL, NULL, 3000, true},
    };
    enter(&s, CREATE("a 1.0.0 [0.15.15]", "b 1.0.0 [0.15.15]", "c 1.0.0 [0.15.15]"), "");
    s.findings = (struct set_findings){items, 3};
    find(&s);
    assert_excuse(
        &s, "a", SET_VERDICT_NO_RESULT,
        "a@1.0.0 is not in the package set 1.0.0 yet, since its build came to no result: Its workers were lost several "
        "times. The next update tries it again. It starts at 2026-12-02 04:30 UTC.");
    assert_string_equal(excuse_of(&s, "a")->job, "job-1");
    assert_int_equal(excuse_of(&s, "a")->since_ms, 1000);
    assert_string_equal(set_party_text(set_verdict_party(SET_VERDICT_NO_RESULT)), "the registry");
    assert_excuse(
        &s, "b", SET_VERDICT_NO_RESULT,
        "b@1.0.0 is not in the package set 1.0.0 yet, since the build of another package of the set with it came to no "
        "result: user: Storage answers 503. The next update tries it again. It starts at 2026-12-02 04:30 UTC.");
    s.knowledge.next_ms = 0;
    find(&s);
    assert_excuse(
        &s, "c", SET_VERDICT_NO_RESULT,
        "c@1.0.0 is not in the package set 1.0.0 yet, since its build came to no result. The next update tries it again. "
        "No update is scheduled.");
    leave(&s);
}

static void a_long_error_is_cut(void **state) {
    (void)state;
    struct scene s;
    char detail[1000] = "";
    struct set_finding finding = {"a", {1, 0, 0}, COMPILER, false, "job-1", detail, 1000, false};
    for (int i = 0; i < 100; i++)
        strcat(detail, "wörd ");
    enter(&s, CREATE("a 1.0.0 [0.15.15]"), "");
    s.findings = (struct set_findings){&finding, 1};
    find(&s);
    const char *sentence = excuse_of(&s, "a")->sentence;
    assert_in_range(strlen(sentence), 200, 300);
    assert_true(text_is_utf8(sentence, strlen(sentence)));
    assert_true(text_ends_with(sentence, "…"));
    leave(&s);
}

static void says_when_the_next_update_comes_and_how_old_the_last_one_is(void **state) {
    (void)state;
    static const struct {
        const char *checked, *next, *waits, *fails;
    } cases[] = {
        {"2026-11-30T11:00:00Z", "2026-12-01T12:00:00Z", "It is due now.", ""},
        {"2026-11-30T10:59:00Z", NULL,
         "No update is scheduled. The last update that tried the candidates ended at 2026-11-30 10:59 UTC, more than a day "
         "ago.",
         " The last update that tried the candidates ended at 2026-11-30 10:59 UTC, more than a day ago."},
        {NULL, "2026-12-01T13:00:00Z", "It starts at 2026-12-01 13:00 UTC. No update has tried the candidates yet.",
         " No update has tried the candidates yet."},
    };
    struct scene s;
    struct set_finding finding = {"b", {1, 0, 0}, COMPILER, false, NULL, NULL, 1000, false};
    enter(&s, CREATE("a 1.0.0 [0.15.15]", "b 1.0.0 [0.15.15]"), "");
    s.findings = (struct set_findings){&finding, 1};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        s.knowledge.checked_ms = cases[i].checked ? at(cases[i].checked) : 0;
        s.knowledge.next_ms = cases[i].next ? at(cases[i].next) : 0;
        find(&s);
        assert_excuse(&s, "a", SET_VERDICT_WAITING,
                      arena_format(&s.arena, "The next update of the package set tries a@1.0.0. %s", cases[i].waits));
        assert_excuse(
            &s, "b", SET_VERDICT_FAILS_WITH_SET,
            arena_format(&s.arena, "b@1.0.0 does not compile with the versions in the package set 1.0.0.%s", cases[i].fails));
    }
    leave(&s);
}

/* ---- Blocked packages ---- */

static void a_blocked_package_names_its_dependencies_and_the_roots(void **state) {
    (void)state;
    struct scene s;
    struct set_finding finding = {"fails", {1, 0, 0}, COMPILER, false, NULL, NULL, 1000, false};
    enter(&s,
          CREATE("a 1.0.0 [0.15.14]", "b 1.0.0 [0.15.15] a >=1.0.0 <2.0.0", "c 1.0.0 [0.15.15] b >=1.0.0 <2.0.0",
                 "d 1.0.0 [0.15.15] waits >=1.0.0 <2.0.0", "e 1.0.0 [0.15.15] c >=1.0.0 <2.0.0, fails >=1.0.0 <2.0.0",
                 "fails 1.0.0 [0.15.15]", "waits 1.0.0 [0.15.15]"),
          "");
    s.findings = (struct set_findings){&finding, 1};
    find(&s);
    assert_excuse(&s, "b", SET_VERDICT_BLOCKED_BY, "b@1.0.0 depends on a, not in the package set 1.0.0.");
    assert_excuse(&s, "c", SET_VERDICT_BLOCKED_BY, "c@1.0.0 depends on b, not in the package set 1.0.0 because of a.");
    assert_excuse(&s, "d", SET_VERDICT_WAITING, TRIES("d@1.0.0"));
    assert_excuse(&s, "e", SET_VERDICT_BLOCKED_BY,
                  "e@1.0.0 depends on c, fails, not in the package set 1.0.0 because of a, fails.");
    assert_int_equal(excuse_of(&s, "c")->root_count, 1);
    assert_int_equal(excuse_of(&s, "e")->blocker_count, 2);
    leave(&s);
}

/* The newest version needs what is not there, so an update tries the one before it. */
static void the_version_that_an_update_tries_is_the_one_judged(void **state) {
    (void)state;
    struct scene s;
    enter(&s,
          CREATE("a 1.0.0 [0.15.15]", "a 1.1.0 [0.15.15]", "a 1.2.0 [0.15.15] b >=1.0.0 <2.0.0", "b 1.0.0 [0.15.14]",
                 "c 1.0.0 [0.15.15]", "c 1.1.0 [0.15.15] b >=1.0.0 <2.0.0"),
          "a 1.0.0 c 1.0.0");
    find(&s);
    assert_excuse(&s, "a", SET_VERDICT_WAITING, TRIES("a@1.1.0"));
    assert_excuse(&s, "c", SET_VERDICT_BLOCKED_BY, "c@1.1.0 depends on b, not in the package set 1.0.0.");
    leave(&s);
}

static void a_circle_waits(void **state) {
    (void)state;
    struct scene s;
    enter(&s, CREATE("a 1.0.0 [0.15.15] b >=1.0.0 <2.0.0", "b 1.0.0 [0.15.15] a >=1.0.0 <2.0.0"), "");
    find(&s);
    assert_int_equal(excuse_of(&s, "a")->verdict, SET_VERDICT_WAITING);
    assert_int_equal(excuse_of(&s, "b")->verdict, SET_VERDICT_WAITING);
    leave(&s);
}

/* ---- The real registry ---- */

static void the_real_registry(void **state) {
    (void)state;
    struct arena arena = {0};
    struct package_set set;
    struct scene s;
    size_t counts[SET_VERDICT_COUNT] = {0};
    if (!real_package_set_read(&set, "80.8.0", &arena)) {
        arena_release(&arena);
        skip();
    }
    enter(&s, real_registry_create(), "");
    s.set = set;
    set_members_read(&s.members, s.index, &s.set, &s.arena);
    set_changes_find_candidates(&s.candidates, &s.members, &s.arena);
    find(&s);
    for (size_t i = 0; i < s.excuses.count; i++) {
        assert_non_null(s.excuses.items[i].sentence);
        counts[s.excuses.items[i].verdict]++;
    }
    assert_int_equal(s.excuses.count, 1215);
    assert_int_equal(counts[SET_VERDICT_NO_VERSION_FOR_COMPILER], 420);
    assert_int_equal(counts[SET_VERDICT_NEVER_TRIED], 10);
    assert_int_equal(counts[SET_VERDICT_WAITING], 82); /* 80 absent ones, and newer versions of two members */
    assert_int_equal(s.candidates.count, 82);
    assert_in_range(counts[SET_VERDICT_IN_SET], 600, 646);
    leave(&s);
    arena_release(&arena);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_package_has_its_verdict),
        cmocka_unit_test(a_lost_version_is_replaced_or_needs_a_trustee),
        cmocka_unit_test(each_state_of_a_build_is_told),
        cmocka_unit_test(a_build_counts_for_its_version_alone),
        cmocka_unit_test(builds_matter_where_no_candidate_is_known),
        cmocka_unit_test(an_older_version_that_builds_is_the_one_judged),
        cmocka_unit_test(a_finding_counts_for_its_version_and_compiler_alone),
        cmocka_unit_test(a_build_without_a_result_is_no_failure),
        cmocka_unit_test(a_long_error_is_cut),
        cmocka_unit_test(says_when_the_next_update_comes_and_how_old_the_last_one_is),
        cmocka_unit_test(a_blocked_package_names_its_dependencies_and_the_roots),
        cmocka_unit_test(the_version_that_an_update_tries_is_the_one_judged),
        cmocka_unit_test(a_circle_waits),
        cmocka_unit_test(the_real_registry),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
