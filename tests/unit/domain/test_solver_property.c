/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The solver compared with two others on small random registries: one that tries every combination, and so knows whether any
 * plan exists, and one that follows the description (lib/domain/README.md, Solver) literally, and so knows the right plan.
 *
 * SOLVER_PROPERTY_COUNT: number of registries (default 2,000); SOLVER_PROPERTY_SEED: the first one's number.
 */
#include "tests/support/cmocka_all.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/domain/solver/solver.h"
#include "tests/support/small_registry.h"

enum {
    PACKAGES = 6, /* with the compiler */
    COMPILER = 3, /* its place in alphabetical order */
    VERSIONS = 4, /* 1 to 3 */
    ABSENT = 0,   /* a package that is not in a plan has this version */
};

static const char *const names[PACKAGES] = {"a", "m", "o", "purs", "x", "z"};

struct bounds {
    int low, high; /* high == 0: none */
};

/* Version v of a package is v.0.0, of the compiler 0.15.v. */
struct tiny_registry {
    bool exists[PACKAGES][VERSIONS];
    struct bounds needs[PACKAGES][VERSIONS][PACKAGES];
    struct bounds required[PACKAGES];
};

static uint32_t random_state;

static int random_below(int limit) {
    random_state = random_state * 1664525U + 1013904223U;
    return (int)((random_state >> 8) % (uint32_t)limit);
}

static struct bounds random_bounds(void) {
    int low = random_below(VERSIONS);
    return (struct bounds){.low = low, .high = low + 1 + random_below(3)};
}

static void make_registry(struct tiny_registry *out, uint32_t seed) {
    *out = (struct tiny_registry){0};
    random_state = seed;
    int density = 15 + random_below(40);
    for (int p = 0; p < PACKAGES; p++)
        for (int v = 1; v < VERSIONS; v++) {
            out->exists[p][v] = p == COMPILER || random_below(100) < 75;
            for (int d = 0; p != COMPILER && d < PACKAGES; d++)
                if (d != p && random_below(100) < density) out->needs[p][v][d] = random_bounds();
            int lowest = 1 + random_below(VERSIONS - 1);
            int above = lowest + 1 + random_below(VERSIONS - lowest);
            if (p != COMPILER) out->needs[p][v][COMPILER] = (struct bounds){.low = lowest, .high = above};
        }
    for (int p = 0; p < PACKAGES; p++)
        if (random_below(3) == 0) out->required[p] = random_bounds();
    out->required[COMPILER] = (struct bounds){.low = 0, .high = VERSIONS};
    if (random_below(3) == 0) out->required[COMPILER] = (struct bounds){.low = 1 + random_below(2), .high = VERSIONS};
}

/* --- every combination --- */

static bool fits(const struct bounds *bounds, const int *plan) {
    for (int d = 0; d < PACKAGES; d++)
        if (bounds[d].high && (plan[d] == ABSENT || plan[d] < bounds[d].low || plan[d] >= bounds[d].high)) return false;
    return true;
}

/* True if these versions exist, and satisfy the request and each other's dependencies. */
static bool is_plan(const struct tiny_registry *registry, const int *plan) {
    if (!fits(registry->required, plan)) return false;
    for (int p = 0; p < PACKAGES; p++)
        if (plan[p] != ABSENT && !(registry->exists[p][plan[p]] && fits(registry->needs[p][plan[p]], plan))) return false;
    return true;
}

static bool any_plan_exists(const struct tiny_registry *registry, int *plan, int package) {
    if (package == PACKAGES) return is_plan(registry, plan);
    for (plan[package] = ABSENT; plan[package] < VERSIONS; plan[package]++)
        if (any_plan_exists(registry, plan, package + 1)) return true;
    return false;
}

/* --- the words of the specification --- */

static bool is_empty(struct bounds bounds) {
    return bounds.low >= bounds.high;
}

static struct bounds intersect(struct bounds a, struct bounds known) {
    if (known.high == 0) return a;
    return (struct bounds){.low = a.low > known.low ? a.low : known.low, .high = a.high < known.high ? a.high : known.high};
}

static bool is_inside(const struct tiny_registry *registry, const struct bounds *known, int package, int version) {
    return registry->exists[package][version] && version >= known[package].low && version < known[package].high;
}

static bool counts(const struct tiny_registry *registry, const struct bounds *known, int package, int version) {
    if (!is_inside(registry, known, package, version)) return false;
    for (int d = 0; d < PACKAGES; d++) {
        struct bounds need = registry->needs[package][version][d];
        if (need.high && is_empty(intersect(need, known[d]))) return false;
    }
    return true;
}

/* The loosest bounds on `dependency` of the versions that count; `high` is 0 if not all of them depend on it. */
static struct bounds find_loosest(const struct tiny_registry *registry, const struct bounds *known, int package,
                                  int dependency) {
    struct bounds loosest = {.low = VERSIONS, .high = 0};
    for (int v = 1; v < VERSIONS; v++) {
        if (!counts(registry, known, package, v)) continue;
        struct bounds need = registry->needs[package][v][dependency];
        if (need.high == 0) return (struct bounds){0};
        if (need.low < loosest.low) loosest.low = need.low;
        if (need.high > loosest.high) loosest.high = need.high;
    }
    return loosest;
}

/* One sweep; false: a conflict. */
static bool carry_once(const struct tiny_registry *registry, struct bounds *known, bool *changed) {
    for (int p = 0; p < PACKAGES; p++) {
        if (known[p].high == 0) continue;
        bool any_counts = false;
        for (int v = 1; v < VERSIONS; v++)
            any_counts = any_counts || counts(registry, known, p, v);
        if (!any_counts) return false;
        for (int d = 0; d < PACKAGES; d++) {
            struct bounds loosest = find_loosest(registry, known, p, d);
            if (loosest.high == 0) continue;
            struct bounds tighter = intersect(loosest, known[d]);
            if (is_empty(tighter)) return false;
            *changed = *changed || tighter.low != known[d].low || tighter.high != known[d].high;
            known[d] = tighter;
        }
    }
    return true;
}

static bool plain_solve(const struct tiny_registry *registry, const struct bounds *start, int *plan) {
    struct bounds known[PACKAGES];
    memcpy(known, start, sizeof known);
    for (bool changed = true; changed;) {
        changed = false;
        if (!carry_once(registry, known, &changed)) return false;
    }
    int choice = -1; /* the first with more than one version inside its bounds */
    for (int p = 0; p < PACKAGES; p++) {
        int inside = 0;
        plan[p] = ABSENT;
        for (int v = 1; v < VERSIONS && known[p].high; v++)
            if (is_inside(registry, known, p, v)) {
                inside++;
                plan[p] = v;
            }
        if (inside > 1 && choice < 0) choice = p;
    }
    if (is_plan(registry, plan)) return true;
    for (int v = VERSIONS - 1; choice >= 0 && v > 0; v--) {
        if (!is_inside(registry, known, choice, v)) continue;
        struct bounds tried[PACKAGES];
        memcpy(tried, known, sizeof tried);
        tried[choice] = (struct bounds){.low = v, .high = v + 1};
        if (plain_solve(registry, tried, plan)) return true;
    }
    return false;
}

/* --- the solver --- */

static const char *list_needs(const struct bounds *needs, struct arena *arena) {
    char *all = arena_copy(arena, "");
    for (int d = 0; d < PACKAGES; d++)
        if (d != COMPILER && needs[d].high)
            all = arena_format(arena, "%s%s%s >=%d.0.0 <%d.0.0", all, *all ? ", " : "", names[d], needs[d].low, needs[d].high);
    return all;
}

static struct manifest_index *create_index(const struct tiny_registry *registry, struct arena *arena) {
    const char *rows[PACKAGES * VERSIONS];
    size_t count = 0;
    for (int p = 0; p < PACKAGES; p++)
        for (int v = 1; v < VERSIONS; v++) {
            if (p == COMPILER) continue;
            struct bounds compilers = registry->needs[p][v][COMPILER];
            const char *highest = compilers.high - 1 > compilers.low ? arena_format(arena, " 0.15.%d", compilers.high - 1) : "";
            const char *known = arena_format(arena, "0.15.%d%s", compilers.low, highest);
            rows[count++] = arena_format(arena, "%s %d.0.0 [%s] %s", names[p], v, registry->exists[p][v] ? known : "",
                                         list_needs(registry->needs[p][v], arena));
        }
    return small_registry_create(rows, count);
}

static bool real_solve(const struct tiny_registry *registry, struct arena *arena, int *plan) {
    static const struct version compilers[] = {{0, 15, 1}, {0, 15, 2}, {0, 15, 3}};
    struct manifest_index *index = create_index(registry, arena);
    struct bounds asked = registry->required[COMPILER];
    struct solver_request request = {
        .compilers = compilers,
        .compiler_count = VERSIONS - 1,
        .acceptable_compilers = {.low = {0, 15, (uint32_t)asked.low}, .high = {0, 15, (uint32_t)asked.high}}};
    request.required = small_registry_dependencies(list_needs(registry->required, arena), &request.required_count, arena);
    struct build_plan found = {0};
    struct error err = {0};
    enum status status = solver_solve(&found, index, &request, arena, &err);
    manifest_index_free(index);
    if (status != STATUS_OK) {
        assert_int_equal(status, STATUS_REFUSED);
        assert_true(strlen(err.message) > 0);
        return false;
    }
    for (int p = 0; p < PACKAGES; p++) {
        const struct package_version *chosen = package_versions_find(&found.packages, names[p]);
        plan[p] = chosen ? (int)chosen->version.major : ABSENT;
    }
    plan[COMPILER] = (int)found.compiler.patch;
    return true;
}

static int read_number(const char *name, int otherwise) {
    const char *text = getenv(name);
    return text ? atoi(text) : otherwise;
}

static void the_answer_is_that_of_the_specification(void **state) {
    (void)state;
    int count = read_number("SOLVER_PROPERTY_COUNT", 2000);
    int seed = read_number("SOLVER_PROPERTY_SEED", 1);
    int solved = 0;
    for (int i = 0; i < count; i++) {
        struct tiny_registry registry;
        struct arena arena = {0};
        int any[PACKAGES], plain[PACKAGES], real[PACKAGES];
        make_registry(&registry, (uint32_t)(seed + i));
        bool exists = any_plan_exists(&registry, any, 0);
        bool is_plain = plain_solve(&registry, registry.required, plain);
        bool is_real = real_solve(&registry, &arena, real);
        if (exists != is_plain || exists != is_real || (exists && memcmp(plain, real, sizeof plain) != 0))
            fail_msg("the registry with seed %d (SOLVER_PROPERTY_SEED) has another answer", seed + i);
        if (exists) assert_true(is_plan(&registry, real));
        solved += exists;
        arena_release(&arena);
    }
    printf("%d registries, %d with a plan\n", count, solved);
    assert_true(solved > count / 5 && solved < count); /* both kinds occurred */
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(the_answer_is_that_of_the_specification)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
