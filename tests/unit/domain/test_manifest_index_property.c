/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Changes of the index, one manifest at a time, on small random registries, compared with a table of all versions that is
 * searched by brute force.
 *
 * INDEX_PROPERTY_COUNT: number of registries (default 500); INDEX_PROPERTY_SEED: the first one's number.
 */
#include "tests/support/cmocka_all.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/text.h"
#include "lib/domain/registry/manifest_index.h"
#include "tests/support/small_registry.h"

enum { PACKAGES = 5, VERSIONS = 4, STEPS = 60 };

static const char *const names[PACKAGES] = {"a", "m", "q", "x", "z"};

struct bounds {
    int low, high; /* high == 0: none */
};

/* Version v of a package is v.0.0, from 0 on. */
struct table {
    bool exists[PACKAGES][VERSIONS];
    struct bounds needs[PACKAGES][VERSIONS][PACKAGES];
};

static uint32_t random_state;

static int random_below(int limit) {
    random_state = random_state * 1664525U + 1013904223U;
    return (int)((random_state >> 8) % (uint32_t)limit);
}

static void make_needs(struct bounds *needs, int density) {
    for (int d = 0; d < PACKAGES; d++) {
        int low = random_below(VERSIONS);
        needs[d] = (struct bounds){.low = low, .high = random_below(100) < density ? low + 1 + random_below(2) : 0};
    }
}

static bool includes(struct bounds bounds, int version) {
    return version >= bounds.low && version < bounds.high;
}

/* True if every dependency of every version is satisfied. */
static bool is_whole(const struct table *table) {
    for (int p = 0; p < PACKAGES; p++)
        for (int v = 0; v < VERSIONS; v++)
            for (int d = 0; table->exists[p][v] && d < PACKAGES; d++) {
                bool has_one = table->needs[p][v][d].high == 0;
                for (int w = 0; w < VERSIONS; w++)
                    has_one = has_one || (table->exists[d][w] && includes(table->needs[p][v][d], w));
                if (!has_one) return false;
            }
    return true;
}

/* --- the index --- */

static const char *list_needs(const struct bounds *needs, struct arena *arena) {
    char *all = arena_copy(arena, "");
    for (int d = 0; d < PACKAGES; d++)
        if (needs[d].high)
            all = arena_format(arena, "%s%s%s >=%d.0.0 <%d.0.0", all, *all ? ", " : "", names[d], needs[d].low, needs[d].high);
    return all;
}

static struct version version_of(int version) {
    return (struct version){.major = (uint32_t)version};
}

static struct manifest manifest_of(const struct table *table, int package, int version, struct arena *arena) {
    return small_registry_manifest(names[package], arena_format(arena, "%d.0.0", version),
                                   list_needs(table->needs[package][version], arena), arena);
}

static bool is_same(const struct table *table, const struct manifest_index *index, struct arena *arena) {
    for (int p = 0; p < PACKAGES; p++)
        for (int v = 0; v < VERSIONS; v++) {
            const struct indexed_version *found = manifest_index_find(index, names[p], version_of(v));
            if ((found != NULL) != table->exists[p][v]) return false;
            struct manifest expected = manifest_of(table, p, v, arena);
            if (found && !manifest_equal(found->manifest, &expected)) return false;
        }
    return true;
}

/* The package's index file without that version, and with `added` (NULL: none), replaces the one in the index. */
static void set_file(struct manifest_index *index, const char *name, struct version left_out, const struct manifest *added) {
    struct text file = {0};
    struct error err = {0};
    uint32_t id = manifest_index_find_package(index, name);
    const struct indexed_package *package = id == PACKAGE_NONE ? NULL : manifest_index_package(index, id);
    for (size_t i = 0; package && i < package->version_count; i++) {
        if (version_equal(package->versions[i].version, left_out)) continue;
        manifest_append_line(&file, package->versions[i].manifest);
        text_append_character(&file, '\n');
    }
    if (added) manifest_append_line(&file, added);
    if (!file.length)
        manifest_index_remove_manifests(index, name);
    else if (manifest_index_set_manifests(index, name, text_view(&file), file.length, &err))
        fail_msg("%s", err.message);
    text_release(&file);
}

static bool insert(struct manifest_index *index, const struct manifest *manifest) {
    if (manifest_index_check_dependencies(index, manifest, NULL)) return false;
    set_file(index, manifest->name, manifest->version, manifest);
    return true;
}

static bool take_out(struct manifest_index *index, const char *name, struct version version, struct arena *arena) {
    struct dependant *orphans;
    if (!manifest_index_find(index, name, version)) return false;
    if (manifest_index_find_orphans(&orphans, index, name, version, arena) > 0) return false;
    set_file(index, name, version, NULL);
    return true;
}

/* Adds one version to both, or removes it, unless that leaves a dependency unsatisfied. True if it was done. */
static bool change_both(struct table *table, struct manifest_index *index, struct arena *arena) {
    struct table changed = *table;
    int package = random_below(PACKAGES), version = random_below(VERSIONS);
    bool was_there = true, is_done;
    if (random_below(5) < 2) {
        was_there = table->exists[package][version];
        changed.exists[package][version] = false;
        is_done = take_out(index, names[package], version_of(version), arena);
    } else {
        make_needs(changed.needs[package][version], 25);
        changed.needs[package][version][package] = (struct bounds){0};
        changed.exists[package][version] = true;
        struct manifest manifest = manifest_of(&changed, package, version, arena);
        is_done = insert(index, &manifest);
    }
    assert_int_equal(is_done, was_there && is_whole(&changed));
    if (is_done) *table = changed;
    return is_done;
}

/* --- the users --- */

static bool mentions(const struct indexed_package *package, uint32_t id) {
    for (size_t i = 0; i < package->mention_count; i++)
        if (package->mentions[i] == id) return true;
    return false;
}

/* True if each package's users are the packages that depend on it, in order. */
static bool are_users_right(const struct manifest_index *index) {
    size_t count = manifest_index_package_count(index);
    for (uint32_t id = PACKAGE_COMPILER + 1; id < count; id++) {
        const struct indexed_package *package = manifest_index_package(index, id);
        size_t seen = 0;
        for (uint32_t other = 0; other < count; other++) {
            if (!mentions(manifest_index_package(index, other), id)) continue;
            if (seen == package->user_count || package->users[seen++] != other) return false;
        }
        if (seen != package->user_count) return false;
    }
    return true;
}

/* --- the tests --- */

static int read_number(const char *name, int otherwise) {
    const char *text = getenv(name);
    return text ? atoi(text) : otherwise;
}

static void no_change_leaves_a_need_without_anybody(void **state) {
    (void)state;
    int count = read_number("INDEX_PROPERTY_COUNT", 500), seed = read_number("INDEX_PROPERTY_SEED", 1);
    int done = 0, refused = 0;
    for (int i = 0; i < count; i++) {
        struct table table = {0};
        struct manifest_index *index = manifest_index_create();
        struct arena arena = {0};
        random_state = (uint32_t)(seed + i);
        for (int step = 0; step < STEPS; step++) {
            bool is_done = change_both(&table, index, &arena);
            done += is_done;
            refused += !is_done;
            if (!is_whole(&table)) fail_msg("step %d with seed %d (INDEX_PROPERTY_SEED) goes wrong", step, seed + i);
        }
        if (!is_same(&table, index, &arena)) fail_msg("the index with seed %d (INDEX_PROPERTY_SEED) is another", seed + i);
        if (!are_users_right(index)) fail_msg("the users with seed %d (INDEX_PROPERTY_SEED) are others", seed + i);
        arena_release(&arena);
        manifest_index_free(index);
    }
    print_message("%d registries, %d changes, %d refused\n", count, done, refused);
    assert_true(done > count && refused > count); /* both kinds occurred */
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_change_leaves_a_need_without_anybody),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
