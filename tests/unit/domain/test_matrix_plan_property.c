/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The build matrix's plans, compared with brute force: on small random registries, and on the real one (skipped if it is not
 * available). Brute force plans every pair, builds the pairs with a plan, and starts over until nothing changes.
 *
 * MATRIX_PROPERTY_COUNT: number of registries (default 300); MATRIX_PROPERTY_SEED: the first one's number.
 */
#include "tests/support/cmocka_all.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/clock.h"
#include "lib/base/memory.h"
#include "lib/base/text.h"
#include "lib/domain/registry/manifest_index.h"
#include "tests/support/small_registry.h"
#include "tests/support/wave.h"

static const struct version compilers[] = {{0, 15, 1}, {0, 15, 2}, {0, 15, 3}, {0, 15, 4}};
enum { COMPILERS = sizeof compilers / sizeof compilers[0], PACKAGES = 8, VERSIONS = 3 };

/* --- registries --- */

static uint32_t random_state;

static int random_below(int limit) {
    random_state = random_state * 1664525U + 1013904223U;
    return (int)((random_state >> 8) % (uint32_t)limit);
}

/* Package 0 is the prelude; there are circles, too, and bounds that nothing fits. */
static const char *random_dependencies(int package, struct arena *arena, int density) {
    char *all = arena_copy(arena, "");
    for (int other = 0; other < PACKAGES; other++) {
        if (other == package || random_below(100) >= (other < package ? density : 4)) continue;
        int low = random_below(VERSIONS + 1);
        const char *name = other ? arena_format(arena, "p%d", other) : "prelude";
        all = arena_format(arena, "%s%s%s >=%d.0.0 <%d.0.0", all, *all ? ", " : "", name, low, low + 1 + random_below(3));
    }
    return all;
}

static const char *random_compilers(struct arena *arena) {
    char *all = arena_copy(arena, "");
    for (int c = 0; c < COMPILERS - 1; c++)
        if (random_below(3) == 0) all = arena_format(arena, "%s%s0.15.%d", all, *all ? " " : "", c + 1);
    return all;
}

/* How one version differs from the same one in the plain registry of that seed. */
enum deviation { NO_DEVIATION, WITHDRAWN, OTHER_BOUNDS };

/* No version lists the newest compiler yet. `deviating`: the number of the version that differs. */
static struct manifest_index *random_registry(uint32_t seed, enum deviation deviation, int deviating, struct arena *arena) {
    const char *rows[PACKAGES * VERSIONS];
    random_state = seed;
    int density = 15 + random_below(50);
    for (int i = 0; i < PACKAGES * VERSIONS; i++) {
        int package = i / VERSIONS;
        const char *name = package ? arena_format(arena, "p%d", package) : "prelude";
        const char *known = random_compilers(arena);
        const char *needs = random_dependencies(package, arena, density);
        const char *other_needs = random_dependencies(package, arena, density);
        rows[i] = arena_format(arena, "%s %d.0.0 [%s] %s", name, i % VERSIONS + 1,
                               i == deviating && deviation == WITHDRAWN ? "" : known,
                               i == deviating && deviation == OTHER_BOUNDS ? other_needs : needs);
    }
    return small_registry_create(rows, sizeof rows / sizeof rows[0]);
}

/* --- brute force --- */

/* Every pair that has a plan, by trying all. */
static void find_all(struct matrix_pairs *out, const struct manifest_index *index, const struct version *all, size_t count) {
    for (size_t i = 0; i < manifest_index_package_count(index); i++) {
        const struct indexed_package *package = manifest_index_package(index, manifest_index_by_name(index, i));
        for (size_t j = 0; j < package->version_count; j++)
            for (size_t k = 0; k < count; k++) {
                struct matrix_pair pair = {
                    .package = package->name, .version = package->versions[j].version, .compiler = all[k]};
                struct arena arena = {0};
                struct build_plan plan;
                bool has_plan = matrix_plan_solve(&plan, index, &pair, 0, &arena) == STATUS_OK;
                arena_release(&arena);
                if (!has_plan) continue;
                out->items = memory_resize(out->items, out->count + 1, sizeof out->items[0]);
                out->items[out->count] = pair;
                out->items[out->count++].package = arena_copy(&out->names, pair.package);
            }
    }
}

static void build_by_brute_force(struct wave *wave) {
    struct matrix_pairs pairs = {0};
    for (find_all(&pairs, wave->index, wave->compilers, wave->compiler_count); pairs.count > 0;
         find_all(&pairs, wave->index, wave->compilers, wave->compiler_count)) {
        wave_build(wave, &pairs);
        matrix_pairs_release(&pairs);
    }
    matrix_pairs_release(&pairs);
}

static void assert_same_compilers(const struct manifest_index *a, const struct manifest_index *b, uint32_t seed) {
    for (size_t i = 0; i < manifest_index_package_count(a); i++) {
        const char *name = manifest_index_package(a, (uint32_t)i)->name;
        const struct metadata *left = manifest_index_find_metadata(a, name);
        const struct metadata *right = manifest_index_find_metadata(b, name);
        if (!left) continue;
        struct text left_file = {0};
        struct text right_file = {0};
        metadata_append_file(&left_file, left);
        metadata_append_file(&right_file, right);
        if (strcmp(text_view(&left_file), text_view(&right_file)) != 0)
            fail_msg("seed %u (MATRIX_PROPERTY_SEED): %s differs", seed, name);
        text_release(&left_file);
        text_release(&right_file);
    }
}

/* --- small registries --- */

static int read_number(const char *name, int otherwise) {
    const char *text = getenv(name);
    return text ? atoi(text) : otherwise;
}

static void each_registry(void (*check)(uint32_t seed)) {
    uint32_t first = (uint32_t)read_number("MATRIX_PROPERTY_SEED", 1);
    uint32_t count = (uint32_t)read_number("MATRIX_PROPERTY_COUNT", 300);
    for (uint32_t seed = first; seed < first + count; seed++)
        check(seed);
}

static bool contains(const struct matrix_pairs *pairs, const struct matrix_pair *pair) {
    for (size_t i = 0; i < pairs->count; i++)
        if (strcmp(pairs->items[i].package, pair->package) == 0 && version_equal(pairs->items[i].version, pair->version) &&
            version_equal(pairs->items[i].compiler, pair->compiler))
            return true;
    return false;
}

static size_t total_jobs; /* shows that the checks had something to check */

/* The wave of the newest compiler. */
static void check_wave(uint32_t seed) {
    struct arena arena = {0};
    const struct version *newest = &compilers[COMPILERS - 1];
    struct wave wave = {.index = random_registry(seed, NO_DEVIATION, 0, &arena), .compilers = newest, .compiler_count = 1};
    struct wave brute = {.index = random_registry(seed, NO_DEVIATION, 0, &arena), .compilers = newest, .compiler_count = 1};
    struct matrix_pairs pairs = {0};
    matrix_plan_begin_wave(&pairs, wave.index, *newest);
    wave_run(&wave, &pairs);
    build_by_brute_force(&brute);
    assert_same_compilers(wave.index, brute.index, seed);
    assert_int_equal(wave.jobs, brute.jobs);
    total_jobs += wave.jobs;
    manifest_index_free(wave.index);
    manifest_index_free(brute.index);
    arena_release(&arena);
}

static void a_wave_reaches_all_that_brute_force_reaches(void **state) {
    (void)state;
    total_jobs = 0;
    each_registry(check_wave);
    printf("%zu jobs\n", total_jobs);
    assert_true(total_jobs > 1000);
}

static void sweep_all(struct matrix_pairs *out, struct wave *wave, size_t look_limit) {
    struct matrix_sweep sweep = {0};
    while (!sweep.is_over)
        matrix_plan_sweep(out, &sweep, wave->index, wave->compilers, wave->compiler_count, look_limit);
    wave_plan(wave, out);
}

static void check_sweep(uint32_t seed) {
    struct arena arena = {0};
    struct wave wave = {
        .index = random_registry(seed, NO_DEVIATION, 0, &arena), .compilers = compilers, .compiler_count = COMPILERS};
    struct matrix_pairs found = {0};
    struct matrix_pairs all = {0};
    sweep_all(&found, &wave, 1 + seed % 7);
    find_all(&all, wave.index, compilers, COMPILERS);
    assert_int_equal(found.count, all.count);
    for (size_t i = 0; i < all.count; i++)
        if (!contains(&found, &all.items[i])) fail_msg("seed %u: the sweep missed %s", seed, all.items[i].package);
    total_jobs += all.count;
    matrix_pairs_release(&all);
    matrix_pairs_release(&found);
    manifest_index_free(wave.index);
    arena_release(&arena);
}

static void a_sweep_finds_the_untried_pairs_that_have_a_plan_and_no_others(void **state) {
    (void)state;
    total_jobs = 0;
    each_registry(check_sweep);
    assert_true(total_jobs > 1000);
}

/* Sweeps, and the pairs that follow from each, until a sweep finds nothing. */
static void check_days(uint32_t seed) {
    struct arena arena = {0};
    struct wave wave = {
        .index = random_registry(seed, NO_DEVIATION, 0, &arena), .compilers = compilers, .compiler_count = COMPILERS};
    struct wave brute = wave;
    brute.index = random_registry(seed, NO_DEVIATION, 0, &arena);
    struct matrix_pairs pairs = {0};
    for (sweep_all(&pairs, &wave, 5); pairs.count > 0; sweep_all(&pairs, &wave, 5))
        wave_run(&wave, &pairs);
    matrix_pairs_release(&pairs);
    build_by_brute_force(&brute);
    assert_same_compilers(wave.index, brute.index, seed);
    manifest_index_free(wave.index);
    manifest_index_free(brute.index);
    arena_release(&arena);
}

static void sweeps_bring_what_brute_force_reaches_with_all_compilers(void **state) {
    (void)state;
    each_registry(check_days);
}

/* Every pair with a plan in `after` and without one in `before` must follow from the change. `compiler` not NULL: only pairs of
 * that compiler. */
static void assert_follows(uint32_t seed, const struct manifest_index *before, const struct manifest_index *after,
                           const struct matrix_change *changes, size_t change_count, const struct version *compiler) {
    struct matrix_pairs had_plan = {0};
    struct matrix_pairs have_plan = {0};
    struct matrix_pairs follow = {0};
    find_all(&had_plan, before, compilers, COMPILERS);
    find_all(&have_plan, after, compilers, COMPILERS);
    matrix_plan_follow(&follow, after, changes, change_count, compilers, COMPILERS);
    for (size_t i = 0; i < have_plan.count; i++) {
        const struct matrix_pair *pair = &have_plan.items[i];
        if (contains(&had_plan, pair) || (compiler && !version_equal(pair->compiler, *compiler))) continue;
        if (!contains(&follow, pair)) fail_msg("seed %u: %s@%u has been missed", seed, pair->package, pair->version.major);
        total_jobs++;
    }
    matrix_pairs_release(&follow);
    matrix_pairs_release(&have_plan);
    matrix_pairs_release(&had_plan);
}

static struct matrix_change change_of(enum job_event_kind kind, int number, struct version compiler, struct arena *arena) {
    int package = number / VERSIONS;
    return (struct matrix_change){.kind = kind,
                                  .package = package ? arena_format(arena, "p%d", package) : "prelude",
                                  .version = {(uint32_t)(number % VERSIONS + 1), 0, 0},
                                  .compiler = compiler,
                                  .purpose = MATRIX_PURPOSE_PUBLICATION};
}

static void check_change(uint32_t seed, enum job_event_kind kind, enum deviation before) {
    for (int number = 0; number < PACKAGES * VERSIONS; number += 5) {
        struct arena arena = {0};
        struct manifest_index *old = random_registry(seed, before, number, &arena);
        struct manifest_index *new = random_registry(seed, NO_DEVIATION, number, &arena);
        struct matrix_change change = change_of(kind, number, compilers[0], &arena);
        assert_follows(seed, old, new, &change, 1, NULL);
        manifest_index_free(old);
        manifest_index_free(new);
        arena_release(&arena);
    }
}

static void check_publication(uint32_t seed) {
    check_change(seed, JOB_EVENT_PUBLISHED, WITHDRAWN);
}

static void check_revision(uint32_t seed) {
    check_change(seed, JOB_EVENT_REVISED, OTHER_BOUNDS);
}

/* Some pairs, with a plan or without, build with one compiler. */
static void check_builds(uint32_t seed) {
    struct arena arena = {0};
    struct manifest_index *before = random_registry(seed, NO_DEVIATION, 0, &arena);
    struct wave wave = {.index = random_registry(seed, NO_DEVIATION, 0, &arena)};
    struct version compiler = compilers[random_below(COMPILERS)];
    struct matrix_change changes[PACKAGES * VERSIONS];
    struct matrix_pair built[PACKAGES * VERSIONS];
    size_t count = 0;
    for (int number = 0; number < PACKAGES * VERSIONS; number++) {
        struct matrix_change change = change_of(JOB_EVENT_BUILT, number, compiler, &arena);
        const struct indexed_version *version = manifest_index_find(before, change.package, change.version);
        if (!version->is_published || random_below(2) == 0) continue;
        built[count] = (struct matrix_pair){.package = change.package, .version = change.version, .compiler = compiler};
        changes[count++] = change;
    }
    wave_build(&wave, &(struct matrix_pairs){.items = built, .count = count});
    assert_follows(seed, before, wave.index, changes, count, &compiler);
    manifest_index_free(before);
    manifest_index_free(wave.index);
    arena_release(&arena);
}

static void nothing_that_has_a_plan_after_a_change_and_had_none_before_is_missed(void **state) {
    (void)state;
    void (*const checks[])(uint32_t) = {check_publication, check_revision, check_builds};
    for (size_t i = 0; i < sizeof checks / sizeof checks[0]; i++) {
        total_jobs = 0;
        each_registry(checks[i]);
        printf("%zu pairs\n", total_jobs);
        assert_true(total_jobs > 100);
    }
}

/* --- a change of bounds --- */

/* The manifest with ranges at random. */
static struct manifest other_ranges(const struct manifest *manifest, struct arena *arena) {
    struct manifest revised = *manifest;
    revised.dependencies = arena_alloc(arena, revised.dependency_count * sizeof revised.dependencies[0]);
    for (size_t i = 0; i < revised.dependency_count; i++) {
        uint32_t low = (uint32_t)random_below(VERSIONS + 1);
        struct range range = {.low = {low, 0, 0}, .high = {low + 1 + (uint32_t)random_below(3), 0, 0}};
        revised.dependencies[i] = (struct dependency){.name = manifest->dependencies[i].name, .range = range};
    }
    return revised;
}

/* Replaces the manifest without a check that dependencies are satisfied. */
static void put_revised(struct manifest_index *index, const struct manifest *revised) {
    const struct indexed_package *package = manifest_index_package(index, manifest_index_find_package(index, revised->name));
    struct text file = {0};
    for (size_t i = 0; i < package->version_count; i++) {
        const struct manifest *manifest = package->versions[i].manifest;
        manifest_append_line(&file, version_equal(manifest->version, revised->version) ? revised : manifest);
        text_append_character(&file, '\n');
    }
    assert_int_equal(manifest_index_set_manifests(index, revised->name, text_view(&file), file.length, NULL), STATUS_OK);
    text_release(&file);
}

static bool has_plan(const struct manifest_index *index, const struct matrix_pair *pair) {
    struct arena arena = {0};
    struct build_plan plan;
    const struct manifest *manifest = manifest_index_find(index, pair->package, pair->version)->manifest;
    enum status status = build_plan_for_compiler(&plan, index, manifest, pair->compiler, &arena, NULL);
    arena_release(&arena);
    return status == STATUS_OK;
}

/* Counts the listed pairs that lose their plan by the change, except those of the revised version; `found` must have each. */
static size_t count_lost(const struct manifest_index *old, const struct manifest_index *new, const struct manifest *revised,
                         const struct matrix_pairs *found, uint32_t seed) {
    size_t lost = 0;
    for (uint32_t id = 0; id < manifest_index_package_count(old); id++) {
        const struct indexed_package *package = manifest_index_package(old, id);
        for (size_t i = 0; package->metadata && i < package->metadata->published_count; i++) {
            const struct published_version *published = &package->metadata->published[i];
            bool is_itself = strcmp(package->name, revised->name) == 0 && version_equal(published->version, revised->version);
            for (size_t j = 0; !is_itself && j < published->compiler_count; j++) {
                struct matrix_pair pair = {
                    .package = package->name, .version = published->version, .compiler = published->compilers[j]};
                if (!has_plan(old, &pair) || has_plan(new, &pair)) continue;
                lost++;
                if (!contains(found, &pair)) fail_msg("seed %u (MATRIX_PROPERTY_SEED): %s is missed", seed, pair.package);
            }
        }
    }
    return lost;
}

static void check_bounds_of(uint32_t seed, struct manifest_index *old, struct manifest_index *new,
                            const struct indexed_version *version, struct arena *arena) {
    struct manifest revised = other_ranges(version->manifest, arena);
    struct indexed_package instead;
    struct matrix_pairs pairs = {0};
    struct matrix_pairs found = {0};
    manifest_index_revise(&instead, old, &revised, arena);
    matrix_plan_list_dependants(&pairs, old, revised.name, revised.version);
    found.items = memory_alloc((pairs.count + 1) * sizeof found.items[0]);
    for (size_t i = 0; i < pairs.count; i++)
        if (matrix_plan_find_loss(old, &instead, &pairs.items[i], 0, arena) == MATRIX_LOST)
            found.items[found.count++] = pairs.items[i];
    put_revised(new, &revised);
    assert_int_equal(count_lost(old, new, &revised, &found, seed), found.count);
    total_jobs += found.count;
    put_revised(new, version->manifest);
    matrix_pairs_release(&found);
    matrix_pairs_release(&pairs);
}

static void check_bounds(uint32_t seed) {
    struct arena arena = {0};
    struct manifest_index *old = random_registry(seed, NO_DEVIATION, 0, &arena);
    struct manifest_index *new = random_registry(seed, NO_DEVIATION, 0, &arena);
    for (uint32_t id = 0; id < manifest_index_package_count(old); id++) {
        const struct indexed_package *package = manifest_index_package(old, id);
        for (size_t i = 0; i < package->version_count; i++)
            if (package->versions[i].is_published && package->versions[i].need_count > 1)
                check_bounds_of(seed, old, new, &package->versions[i], &arena);
    }
    manifest_index_free(old);
    manifest_index_free(new);
    arena_release(&arena);
}

static void the_plans_that_a_change_of_bounds_takes_away_are_those_of_brute_force(void **state) {
    (void)state;
    total_jobs = 0;
    each_registry(check_bounds);
    printf("%zu pairs\n", total_jobs);
    assert_true(total_jobs > 100);
}

/* --- the real registry --- */

static struct manifest_index *real;

static void a_sweep_over_the_real_registry_finds_all_that_has_a_plan(void **state) {
    (void)state;
    if (!real) skip();
    static const struct version compiler = {0, 15, 10};
    struct wave wave = {.index = real, .compilers = &compiler, .compiler_count = 1};
    struct matrix_pairs found = {0};
    struct matrix_pairs all = {0};
    sweep_all(&found, &wave, 1000);
    find_all(&all, real, &compiler, 1);
    printf("%zu untried pairs\n", all.count);
    assert_true(all.count > 0);
    assert_int_equal(found.count, all.count);
    for (size_t i = 0; i < all.count; i++)
        if (!contains(&found, &all.items[i])) fail_msg("the sweep missed %s", all.items[i].package);
    matrix_pairs_release(&all);
    matrix_pairs_release(&found);
}

static void a_wave_over_the_real_registry_leaves_nothing_that_has_a_plan(void **state) {
    (void)state;
    if (!real) skip();
    static const struct version compiler = {0, 15, 99};
    struct wave wave = {.index = real, .compilers = &compiler, .compiler_count = 1};
    struct matrix_pairs pairs = {0};
    matrix_plan_begin_wave(&pairs, real, compiler);
    wave_run(&wave, &pairs);
    printf("%zu jobs in %zu levels\n", wave.jobs, wave.levels);
    assert_true(wave.jobs > 5000);
    find_all(&pairs, real, &compiler, 1);
    for (size_t i = 0; i < pairs.count; i++)
        fail_msg("%s has a plan, too", pairs.items[i].package);
    matrix_pairs_release(&pairs);
}

/* The worst case: nearly every package depends on it. */
static void the_dependants_of_a_change_of_bounds_in_the_real_registry_are_looked_at_in_seconds(void **state) {
    (void)state;
    if (!real) skip();
    struct arena arena = {0};
    struct matrix_pairs pairs = {0};
    const struct indexed_version *effect = manifest_index_find(real, "effect", (struct version){4, 0, 0});
    assert_non_null(effect);
    struct manifest revised = *effect->manifest;
    struct dependency prelude = {.name = "prelude", .range = {.low = {6, 0, 1}, .high = {6, 0, 2}}};
    struct indexed_package instead;
    size_t lost = 0;
    assert_int_equal(revised.dependency_count, 1);
    revised.dependencies = &prelude;
    int64_t begun_ms = clock_monotonic_ms();
    manifest_index_revise(&instead, real, &revised, &arena);
    matrix_plan_list_dependants(&pairs, real, "effect", effect->version);
    int64_t listed_ms = clock_monotonic_ms();
    for (size_t i = 0; i < pairs.count; i++) {
        struct arena scratch = {0};
        lost += matrix_plan_find_loss(real, &instead, &pairs.items[i], 0, &scratch) == MATRIX_LOST;
        arena_release(&scratch);
    }
    printf("%zu pairs, listed in %lld ms, %zu lost, all looked at in %lld ms\n", pairs.count, (long long)(listed_ms - begun_ms),
           lost, (long long)(clock_monotonic_ms() - begun_ms));
    assert_true(pairs.count > 1000);
    matrix_pairs_release(&pairs);
    arena_release(&arena);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_wave_reaches_all_that_brute_force_reaches),
        cmocka_unit_test(a_sweep_finds_the_untried_pairs_that_have_a_plan_and_no_others),
        cmocka_unit_test(sweeps_bring_what_brute_force_reaches_with_all_compilers),
        cmocka_unit_test(nothing_that_has_a_plan_after_a_change_and_had_none_before_is_missed),
        cmocka_unit_test(the_plans_that_a_change_of_bounds_takes_away_are_those_of_brute_force),
        cmocka_unit_test(a_sweep_over_the_real_registry_finds_all_that_has_a_plan),
        cmocka_unit_test(the_dependants_of_a_change_of_bounds_in_the_real_registry_are_looked_at_in_seconds),
        cmocka_unit_test(a_wave_over_the_real_registry_leaves_nothing_that_has_a_plan),
    };
    real = real_registry_create();
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    manifest_index_free(real);
    return failed;
}
