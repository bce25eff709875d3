/* SPDX-License-Identifier: BSD-3-Clause
 *
 * matrix_plan_follow(): from versions that have changed to the pairs that may have a plan now because of them. The index knows
 * what a version depends on; here that is turned round once, and then followed from dependency to dependant, compiler by
 * compiler:
 *
 *   changed ◄── dependant, not possible yet with the compiler           to be planned; the way ends here
 *           ◄── dependant, possible ◄── its dependants, and so on       a plan may contain it, and through it what changed
 *
 * That finds every pair that has a plan now and had none before: such a plan contains what changed, so there is a way from
 * there to the pair through versions that the solver may choose with that compiler.
 */
#include <stdlib.h>
#include <string.h>

#include "lib/base/memory.h"
#include "lib/domain/matrix_pairs.h"

/* Somebody needs a package. */
struct use {
    uint32_t package;  /* whose */
    uint32_t position; /* version does */
    struct packed_range range;
};

/* A version on the way. */
struct step {
    uint32_t package;
    uint32_t position;
};

struct following {
    const struct manifest_index *index;
    struct matrix_pairs *out;
    uint32_t *first_use;     /* by package: where its uses begin; its end is the next one's beginning */
    struct use *uses;        /* by the package that is needed */
    uint32_t *first_version; /* by package: the number of its first version, all versions of all packages being counted */
    bool *is_met;            /* by that number: with this compiler */
    struct step *way;        /* each version is on it at most once */
    size_t way_begin, way_end;
};

/* --- turning the index round --- */

/* Calls `visit` with each need of each version, but those of a compiler. */
static void each_need(struct following *following, void (*visit)(struct following *, uint32_t needed, const struct use *use)) {
    for (uint32_t id = 0; id < manifest_index_package_count(following->index); id++) {
        const struct indexed_package *package = manifest_index_package(following->index, id);
        for (uint32_t i = 0; i < package->version_count; i++)
            for (size_t j = 1; package->versions[i].is_published && j < package->versions[i].need_count; j++) {
                const struct indexed_need *need = &package->versions[i].needs[j];
                visit(following, need->package, &(struct use){.package = id, .position = i, .range = need->range});
            }
    }
}

static void count_use(struct following *following, uint32_t needed, const struct use *use) {
    (void)use;
    following->first_use[needed]++;
}

static void put_use(struct following *following, uint32_t needed, const struct use *use) {
    following->uses[--following->first_use[needed]] = *use;
}

static void init_following(struct following *out, const struct manifest_index *index, struct matrix_pairs *pairs) {
    *out = (struct following){.index = index, .out = pairs};
    size_t package_count = manifest_index_package_count(index);
    out->first_use = memory_alloc((package_count + 1) * sizeof out->first_use[0]);
    out->first_version = memory_alloc((package_count + 1) * sizeof out->first_version[0]);
    each_need(out, count_use);
    uint32_t use_count = 0; /* so far: put_use() goes down from where each package's uses end */
    for (uint32_t id = 0; id < package_count; id++) {
        use_count += out->first_use[id];
        out->first_use[id] = use_count;
        out->first_version[id + 1] = out->first_version[id] + (uint32_t)manifest_index_package(index, id)->version_count;
    }
    out->first_use[package_count] = use_count;
    out->uses = memory_alloc(use_count * sizeof out->uses[0]);
    each_need(out, put_use);
    uint32_t version_count = out->first_version[package_count];
    out->is_met = memory_alloc(version_count * sizeof out->is_met[0]);
    out->way = memory_alloc(version_count * sizeof out->way[0]);
}

static void release_following(struct following *following) {
    free(following->way);
    free(following->is_met);
    free(following->uses);
    free(following->first_version);
    free(following->first_use);
}

/* --- following --- */

static const struct indexed_version *version_at(const struct following *following, struct step step) {
    return &manifest_index_package(following->index, step.package)->versions[step.position];
}

/* True for the first meeting with this compiler. */
static bool meet(struct following *following, struct step step) {
    bool *is_met = &following->is_met[following->first_version[step.package] + step.position];
    bool is_first = !*is_met;
    *is_met = true;
    return is_first;
}

static void consider(struct following *following, struct step step, struct version compiler, enum matrix_purpose purpose) {
    matrix_pairs_consider(following->out, following->index, manifest_index_package(following->index, step.package),
                          version_at(following, step), compiler, purpose);
}

/* Takes the way to its end. */
static void walk(struct following *following, struct version compiler, enum matrix_purpose purpose) {
    unsigned __int128 packed = version_pack(compiler);
    while (following->way_begin < following->way_end) {
        struct step from = following->way[following->way_begin++];
        unsigned __int128 needed = version_at(following, from)->packed;
        for (uint32_t i = following->first_use[from.package]; i < following->first_use[from.package + 1]; i++) {
            const struct use *use = &following->uses[i];
            struct step dependant = {.package = use->package, .position = use->position};
            if (!packed_range_includes(use->range, needed) || !meet(following, dependant)) continue;
            consider(following, dependant, compiler, purpose);
            if (matrix_version_is_possible(version_at(following, dependant), packed))
                following->way[following->way_end++] = dependant;
        }
    }
}

/* False where there is no such version (any more). */
static bool find_step(const struct manifest_index *index, const struct matrix_change *change, struct step *out) {
    out->package = manifest_index_find_package(index, change->package);
    if (out->package == PACKAGE_NONE) return false;
    const struct indexed_package *package = manifest_index_package(index, out->package);
    out->position = (uint32_t)indexed_package_position(package, version_pack(change->version));
    return out->position < package->version_count && package->versions[out->position].is_published &&
           package->versions[out->position].packed == version_pack(change->version);
}

static bool is_about(const struct matrix_change *change, struct version compiler) {
    return change->kind != MATRIX_BUILT || version_equal(change->compiler, compiler);
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

/* Forgets the way that was gone with another compiler. */
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
            for (int purpose = 0; purpose < MATRIX_PURPOSE_COUNT; purpose++)
                if (matrix_purpose_priority((enum matrix_purpose)purpose) == priority)
                    follow_purpose(&following, changes, change_count, compilers[i], (enum matrix_purpose)purpose);
    }
    if (out->count > first) qsort(&out->items[first], out->count - first, sizeof out->items[0], compare_pairs);
    release_following(&following);
}
