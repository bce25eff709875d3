/* SPDX-License-Identifier: BSD-3-Clause
 *
 * matrix_plan_follow(): a breadth-first search, per compiler, from changed versions to the pairs that may have a plan now
 * because of them, from dependency to dependant:
 *
 *   changed ◄── dependant, not possible with the compiler yet           a candidate; the path ends here
 *           ◄── dependant, possible ◄── its dependants, and so on       a plan may contain it, and thereby the changed version
 *
 * This finds every pair that has a plan now and had none before: such a plan contains a changed version, so there is a path
 * from that to the pair through versions that the solver may choose with the compiler. matrix_plan_list_dependants() finds the
 * pairs that may lose their plan by the same search.
 */
#include <stdlib.h>
#include <string.h>

#include "lib/base/array.h"
#include "lib/base/memory.h"
#include "lib/domain/matrix/matrix_pairs.h"

/* A version on the queue. */
struct step {
    uint32_t package;
    uint32_t position;
};

struct following {
    const struct manifest_index *index;
    struct matrix_pairs *out;
    bool wants_known;        /* collect the pairs known to build, instead of those worth planning */
    uint32_t *first_version; /* by package: the number of its first version, counting all versions of all packages */
    bool *is_met;            /* by that number: visited with this compiler */
    struct step *way;        /* the queue: each version is on it at most once */
    size_t way_begin, way_end;
};

static void init_following(struct following *out, const struct manifest_index *index, struct matrix_pairs *pairs) {
    *out = (struct following){.index = index, .out = pairs};
    size_t package_count = manifest_index_package_count(index);
    out->first_version = memory_alloc((package_count + 1) * sizeof out->first_version[0]);
    for (uint32_t id = 0; id < package_count; id++)
        out->first_version[id + 1] = out->first_version[id] + (uint32_t)manifest_index_package(index, id)->version_count;
    uint32_t version_count = out->first_version[package_count];
    out->is_met = memory_alloc(version_count * sizeof out->is_met[0]);
    out->way = memory_alloc(version_count * sizeof out->way[0]);
}

static void release_following(struct following *following) {
    free(following->way);
    free(following->is_met);
    free(following->first_version);
}

/* --- following --- */

static const struct indexed_version *version_at(const struct following *following, struct step step) {
    return &manifest_index_package(following->index, step.package)->versions[step.position];
}

/* Marks the version as visited; true on the first visit with this compiler. */
static bool meet(struct following *following, struct step step) {
    bool *is_met = &following->is_met[following->first_version[step.package] + step.position];
    bool is_first = !*is_met;
    *is_met = true;
    return is_first;
}

static void consider(struct following *following, struct step step, struct version compiler, enum matrix_purpose purpose) {
    const struct indexed_package *package = manifest_index_package(following->index, step.package);
    const struct indexed_version *version = version_at(following, step);
    if (following->wants_known)
        matrix_pairs_add_known(following->out, package, version, compiler);
    else
        matrix_pairs_consider(following->out, following->index, package, version, compiler, purpose);
}

static bool needs(const struct indexed_version *version, uint32_t package, unsigned __int128 packed) {
    for (size_t i = 1; i < version->need_count; i++) /* [0] is the compiler */
        if (version->needs[i].package == package && packed_range_includes(version->needs[i].range, packed)) return true;
    return false;
}

/* Visits the versions of the package `user` that need the version `from`. */
static void go_on(struct following *following, struct step from, uint32_t user, struct version compiler,
                  enum matrix_purpose purpose) {
    const struct indexed_package *package = manifest_index_package(following->index, user);
    unsigned __int128 needed = version_at(following, from)->packed, packed = version_pack(compiler);
    for (uint32_t i = 0; i < package->version_count; i++) {
        const struct indexed_version *version = &package->versions[i];
        struct step dependant = {.package = user, .position = i};
        if (!version->is_published || !needs(version, from.package, needed) || !meet(following, dependant)) continue;
        consider(following, dependant, compiler, purpose);
        if (matrix_version_is_possible(version, packed)) following->way[following->way_end++] = dependant;
    }
}

/* Processes the queue until it is empty. */
static void walk(struct following *following, struct version compiler, enum matrix_purpose purpose) {
    while (following->way_begin < following->way_end) {
        struct step from = following->way[following->way_begin++];
        const struct indexed_package *package = manifest_index_package(following->index, from.package);
        for (size_t i = 0; i < package->user_count; i++)
            go_on(following, from, package->users[i], compiler, purpose);
    }
}

/* False if the version does not exist, or is not published (any more). */
static bool find_step(const struct manifest_index *index, const struct matrix_change *change, struct step *out) {
    out->package = manifest_index_find_package(index, change->package);
    if (out->package == PACKAGE_NONE) return false;
    const struct indexed_package *package = manifest_index_package(index, out->package);
    out->position = (uint32_t)indexed_package_position(package, version_pack(change->version));
    return out->position < package->version_count && package->versions[out->position].is_published &&
           package->versions[out->position].packed == version_pack(change->version);
}

static bool is_about(const struct matrix_change *change, struct version compiler) {
    return change->kind != JOB_EVENT_BUILT || version_equal(change->compiler, compiler);
}

static void begin_way(struct following *following, const struct matrix_change *change, struct version compiler) {
    struct step step;
    if (!find_step(following->index, change, &step) || !meet(following, step)) return;
    consider(following, step, compiler, change->purpose);
    if (matrix_version_is_possible(version_at(following, step), version_pack(compiler)))
        following->way[following->way_end++] = step;
}

static void follow_purpose(struct following *following, const struct matrix_change *changes, size_t change_count,
                           struct version compiler, enum matrix_purpose purpose) {
    for (size_t i = 0; i < change_count; i++)
        if (changes[i].purpose == purpose && is_about(&changes[i], compiler)) begin_way(following, &changes[i], compiler);
    walk(following, compiler, purpose);
}

/* Resets the search for the next compiler. */
static void start_over(struct following *following) {
    size_t version_count = following->first_version[manifest_index_package_count(following->index)];
    memset(following->is_met, 0, version_count * sizeof following->is_met[0]);
    following->way_begin = following->way_end = 0;
}

static int compare_pairs(const void *a, const void *b) {
    const struct matrix_pair *left = a;
    const struct matrix_pair *right = b;
    int order = matrix_purpose_priority(left->purpose) - matrix_purpose_priority(right->purpose);
    if (order == 0) order = version_compare(right->compiler, left->compiler);
    if (order == 0) order = strcmp(left->package, right->package);
    return order ? order : version_compare(right->version, left->version);
}

void matrix_plan_follow(struct matrix_pairs *out, const struct manifest_index *index, const struct matrix_change *changes,
                        size_t change_count, const struct version *compilers, size_t compiler_count) {
    struct following following;
    init_following(&following, index, out);
    size_t first = out->count;
    for (size_t i = 0; i < compiler_count; i++) {
        start_over(&following);
        for (int priority = 0; priority < MATRIX_PRIORITIES; priority++)
            for (int purpose = MATRIX_PURPOSE_NONE + 1; purpose < MATRIX_PURPOSE_COUNT; purpose++)
                if (matrix_purpose_priority((enum matrix_purpose)purpose) == priority)
                    follow_purpose(&following, changes, change_count, compilers[i], (enum matrix_purpose)purpose);
    }
    if (out->count > first) qsort(&out->items[first], out->count - first, sizeof out->items[0], compare_pairs);
    release_following(&following);
}

/* --- a change of bounds --- */

struct compilers {
    struct version *items;
    size_t count, capacity;
};

static void add_compiler(struct compilers *compilers, struct version compiler) {
    for (size_t i = compilers->count; i-- > 0;)
        if (version_equal(compilers->items[i], compiler)) return;
    *array_add(compilers) = compiler;
}

/* Lists the compilers with which any version is known to build and `version` is possible. */
static void list_compilers(struct compilers *out, const struct manifest_index *index, const struct indexed_version *version) {
    for (uint32_t id = 0; id < manifest_index_package_count(index); id++) {
        const struct metadata *metadata = manifest_index_package(index, id)->metadata;
        for (size_t i = 0; metadata && i < metadata->published_count; i++)
            for (size_t j = 0; j < metadata->published[i].compiler_count; j++) {
                struct version compiler = metadata->published[i].compilers[j];
                if (matrix_version_is_possible(version, version_pack(compiler))) add_compiler(out, compiler);
            }
    }
}

void matrix_plan_list_dependants(struct matrix_pairs *out, const struct manifest_index *index, const char *package,
                                 struct version version) {
    struct step changed;
    const struct matrix_change change = {.kind = JOB_EVENT_REVISED, .package = package, .version = version};
    if (!find_step(index, &change, &changed)) return;
    struct following following;
    struct compilers compilers = {0};
    init_following(&following, index, out);
    following.wants_known = true;
    list_compilers(&compilers, index, version_at(&following, changed));
    for (size_t i = 0; i < compilers.count; i++) {
        start_over(&following);
        meet(&following, changed); /* not a result itself */
        following.way[following.way_end++] = changed;
        walk(&following, compilers.items[i], MATRIX_PURPOSE_REVISION);
    }
    free(compilers.items);
    release_following(&following);
}
