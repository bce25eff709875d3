/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Which changes of a set are kept, compared with brute force on random registries: the right answer is that of adding one
 * change after the other, in order, and building everything each time.
 *
 * SET_TRIAL_COUNT: number of registries (default 500).
 */
#include "tests/support/cmocka_all.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/array.h"
#include "lib/base/text.h"
#include "lib/domain/registry/manifest_index.h"
#include "lib/domain/set/set_trial.h"
#include "tests/support/small_registry.h"

enum { PACKAGES = 14 };

static const struct version compiler = {0, 15, 15};

/* Version 2 of some packages never compiles, and version 2 of some does not compile with a certain dependant, at any version of
 * that. So a set of changes that does not compile does not with more changes, either. */
struct world {
    bool is_bad[PACKAGES];
    bool breaks[PACKAGES][PACKAGES]; /* [dependency][dependant] */
    const struct manifest_index *index;
    struct {
        char **items;
        size_t count, capacity;
    } built;      /* keys of builds that were made */
    bool is_slow; /* knows only the outcomes of builds that were made */
};

static int number_of(const char *name) {
    return atoi(name + 1);
}

static bool is_in_plan(const struct set_build *build, int package, struct version *version) {
    char name[8];
    snprintf(name, sizeof name, "p%d", package);
    const struct package_version *found = package_versions_find(&build->plan, name);
    if (found) *version = found->version;
    return found;
}

static bool compiles(const struct world *world, const struct set_build *build) {
    int package = number_of(manifest_index_package(world->index, build->package)->name);
    struct version version;
    if (build->version->version.major == 2 && world->is_bad[package]) return false;
    for (int i = 0; i < PACKAGES; i++)
        if (world->breaks[i][package] && is_in_plan(build, i, &version) && version.major == 2) return false;
    return true;
}

static char *key_of(const struct world *world, const struct set_build *build) {
    struct text key = {0};
    text_append_format(&key, "%s@%u", manifest_index_package(world->index, build->package)->name,
                       build->version->version.major);
    for (size_t i = 0; i < build->plan.count; i++)
        text_append_format(&key, " %s@%u", build->plan.items[i].name, build->plan.items[i].version.major);
    char *copy = strdup(text_view(&key));
    text_release(&key);
    return copy;
}

static bool was_built(const struct world *world, const char *key) {
    for (size_t i = 0; i < world->built.count; i++)
        if (strcmp(world->built.items[i], key) == 0) return true;
    return false;
}

static enum set_outcome look_up(void *context, const struct set_build *build, struct version with) {
    struct world *world = context;
    char *key = key_of(world, build);
    bool is_known = !world->is_slow || was_built(world, key);
    assert_true(version_equal(with, compiler));
    free(key);
    if (!is_known) return SET_OUTCOME_UNKNOWN;
    return compiles(world, build) ? SET_OUTCOME_COMPILES : SET_OUTCOME_FAILS;
}

static void make_builds(struct world *world, const struct set_builds *wanted) {
    for (size_t i = 0; i < wanted->count; i++) {
        char *key = key_of(world, &wanted->items[i]);
        assert_false(was_built(world, key)); /* nothing is built twice */
        *array_add(&world->built) = key;
    }
}

static bool set_compiles(struct world *world, const struct set_members *before, const struct set_members *after) {
    struct arena scratch = {0};
    struct set_builds builds = {0};
    uint32_t dependant, missing;
    bool does = !set_members_find_hole(after, &dependant, &missing);
    if (does) set_builds_find(&builds, before, after, &scratch);
    for (size_t i = 0; i < builds.count; i++)
        does = does && compiles(world, &builds.items[i]);
    arena_release(&scratch);
    return does;
}

static void one_by_one(bool *is_in, struct world *world, const struct set_members *members, const struct set_changes *changes) {
    memset(is_in, 0, changes->count * sizeof *is_in);
    for (size_t i = 0; i < changes->count; i++) {
        struct arena scratch = {0};
        struct set_members after;
        is_in[i] = true;
        set_changes_apply(&after, members, changes, is_in, compiler, &scratch);
        is_in[i] = set_compiles(world, members, &after);
        arena_release(&scratch);
    }
}

/* A package depends on some of the earlier ones, its version 2 on more of them. */
static struct manifest_index *random_index(bool may_repair, struct arena *arena) {
    const char *rows[PACKAGES * 2];
    for (int i = 0; i < PACKAGES; i++) {
        const char *first = "", *second = "";
        for (int other = 0; other < i; other++) {
            const char *need = arena_format(arena, "p%d >=1.0.0 <9.0.0", other);
            bool is_in_first = rand() % 5 == 0, is_in_second = rand() % 8 == 0 || (is_in_first && !may_repair);
            if (is_in_first) first = arena_format(arena, "%s%s%s", first, *first ? ", " : "", need);
            if (is_in_second) second = arena_format(arena, "%s%s%s", second, *second ? ", " : "", need);
        }
        rows[i * 2] = arena_format(arena, "p%d 1.0.0 [0.15.15] %s", i, first);
        rows[i * 2 + 1] = arena_format(arena, "p%d 2.0.0 [0.15.15] %s", i, second);
    }
    return small_registry_create(rows, PACKAGES * 2);
}

/* Version 1 of some packages, self-contained. */
static struct package_set random_set(const struct manifest_index *index, struct arena *arena) {
    const char *all = "";
    bool is_in[PACKAGES] = {false};
    for (int i = 0; i < PACKAGES; i++) {
        char name[8];
        snprintf(name, sizeof name, "p%d", i);
        const struct indexed_version *version = manifest_index_find(index, name, (struct version){1, 0, 0});
        is_in[i] = rand() % 3 > 0;
        for (size_t j = 1; j < version->need_count; j++)
            is_in[i] &= is_in[number_of(manifest_index_package(index, version->needs[j].package)->name)];
        if (is_in[i]) all = arena_format(arena, "%s %s 1.0.0", all, name);
    }
    return small_package_set(all, arena);
}

static void random_world(struct world *out, const struct manifest_index *index) {
    *out = (struct world){.index = index, .is_slow = true};
    for (int i = 0; i < PACKAGES; i++) {
        out->is_bad[i] = rand() % 6 == 0;
        for (int j = i + 1; j < PACKAGES; j++)
            out->breaks[i][j] = rand() % 8 == 0;
    }
}

static void run(struct set_trial *trial, struct world *world) {
    for (bool is_open = true; is_open;) {
        struct arena scratch = {0};
        struct set_builds wanted;
        is_open = set_trial_next(trial, &wanted, &scratch);
        assert_true(!is_open || wanted.count > 0);
        make_builds(world, &wanted);
        arena_release(&scratch);
    }
}

static void check_outcome(const struct set_trial *trial, const bool *expected) {
    for (size_t i = 0; i < trial->changes->count; i++) {
        assert_int_equal(trial->states[i] == SET_SEARCH_KEPT, expected[i]);
        if (trial->states[i] == SET_SEARCH_BLOCKED) assert_false(expected[trial->causes[i]]);
        if (trial->states[i] == SET_SEARCH_REFUSED) assert_non_null(trial->failures[i].version);
    }
}

/* `may_repair`: version 2 of a package may drop the dependency that broke its version 1. Then more changes can be kept than by
 * adding them one by one. */
static void try_random_registry(bool may_repair) {
    struct arena arena = {0};
    struct manifest_index *index = random_index(may_repair, &arena);
    struct package_set set = random_set(index, &arena);
    struct world world;
    struct set_members members, result;
    struct set_changes changes;
    struct set_trial trial;
    const struct set_oracle oracle = {look_up, &world};
    bool expected[PACKAGES];
    random_world(&world, index);
    set_members_read(&members, index, &set, &arena);
    set_changes_find_candidates(&changes, &members, &arena);
    one_by_one(expected, &world, &members, &changes);
    set_trial_init(&trial, &members, &changes, compiler, &oracle, &arena);
    run(&trial, &world);
    if (!may_repair) check_outcome(&trial, expected);
    set_trial_result(&result, &trial, &arena);
    assert_true(set_compiles(&world, &members, &result));
    for (size_t i = 0; i < world.built.count; i++)
        free(world.built.items[i]);
    free(world.built.items);
    manifest_index_free(index);
    arena_release(&arena);
}

static void keeps_what_adding_one_by_one_keeps(void **state) {
    (void)state;
    const char *text = getenv("SET_TRIAL_COUNT");
    srand(7);
    for (int i = text ? atoi(text) : 500; i > 0; i--)
        try_random_registry(false);
}

static void keeps_what_compiles_where_later_changes_repair_earlier_ones(void **state) {
    (void)state;
    srand(8);
    for (int i = 0; i < 200; i++)
        try_random_registry(true);
}

/* An update that breaks a member, and an update of that member which repairs it: together they are kept. */
static enum set_outcome only_new_with_new(void *context, const struct set_build *build, struct version with) {
    (void)context, (void)with;
    bool needs_new = build->plan.count > 0 && build->plan.items[0].version.major == 2;
    return build->plan.count > 0 && needs_new != (build->version->version.major == 2) ? SET_OUTCOME_FAILS
                                                                                      : SET_OUTCOME_COMPILES;
}

static void keeps_updates_that_need_each_other(void **state) {
    (void)state;
    static const char *const rows[] = {"a 1.0.0 [0.15.15]", "a 2.0.0 [0.15.15]", "b 1.0.0 [0.15.15] a >=1.0.0 <2.0.0",
                                       "b 2.0.0 [0.15.15] a >=2.0.0 <3.0.0"};
    struct arena arena = {0}, scratch = {0};
    struct manifest_index *index = small_registry_create(rows, 4);
    const struct package_set set = small_package_set("a 1.0.0 b 1.0.0", &arena);
    struct set_members members;
    struct set_changes changes;
    struct set_trial trial;
    struct set_builds wanted;
    const struct set_oracle oracle = {only_new_with_new, NULL};
    set_members_read(&members, index, &set, &arena);
    set_changes_find_candidates(&changes, &members, &arena);
    set_trial_init(&trial, &members, &changes, compiler, &oracle, &arena);
    assert_false(set_trial_next(&trial, &wanted, &scratch));
    assert_int_equal(trial.attempts, 1);
    for (size_t i = 0; i < changes.count; i++)
        assert_int_equal(trial.states[i], SET_SEARCH_KEPT);
    arena_release(&scratch);
    arena_release(&arena);
    manifest_index_free(index);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keeps_what_adding_one_by_one_keeps),
        cmocka_unit_test(keeps_what_compiles_where_later_changes_repair_earlier_ones),
        cmocka_unit_test(keeps_updates_that_need_each_other),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
