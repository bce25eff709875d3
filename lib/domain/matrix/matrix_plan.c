/* SPDX-License-Identifier: BSD-3-Clause */
#include "lib/domain/matrix/matrix_plan.h"

#include <stdlib.h>
#include <string.h>

#include "lib/base/array.h"
#include "lib/domain/matrix/matrix_pairs.h"
#include "lib/domain/registry/manifest_index.h"
#include "lib/domain/solver/solver.h"

/* --- pairs --- */

void matrix_pairs_release(struct matrix_pairs *pairs) {
    free(pairs->items);
    arena_release(&pairs->names);
    *pairs = (struct matrix_pairs){0};
}

static void add_pair(struct matrix_pairs *pairs, const struct matrix_pair *pair) {
    /* Consecutive pairs of one package share the copy of its name. */
    const char *last = pairs->count ? pairs->items[pairs->count - 1].package : "";
    struct matrix_pair *added = array_add(pairs);
    *added = *pair;
    added->package = strcmp(last, pair->package) == 0 ? last : arena_copy(&pairs->names, pair->package);
}

bool matrix_version_is_possible(const struct indexed_version *version, unsigned __int128 compiler) {
    return version->is_published && packed_range_includes(version->needs[0].range, compiler);
}

/* True if each dependency has a version inside its range that is possible with the compiler. */
static bool may_have_plan(const struct manifest_index *index, const struct indexed_version *version,
                          unsigned __int128 compiler) {
    for (size_t i = 1; i < version->need_count; i++) {
        const struct indexed_need *need = &version->needs[i];
        const struct indexed_package *package = manifest_index_package(index, need->package);
        size_t at = indexed_package_position(package, need->range.high);
        bool is_satisfied = false;
        while (!is_satisfied && at-- > 0 && package->versions[at].packed >= need->range.low)
            is_satisfied = matrix_version_is_possible(&package->versions[at], compiler);
        if (!is_satisfied) return false;
    }
    return true;
}

void matrix_pairs_consider(struct matrix_pairs *out, const struct manifest_index *index, const struct indexed_package *package,
                           const struct indexed_version *version, struct version compiler, enum matrix_purpose purpose) {
    if (!version->is_published || metadata_has_compiler(package->metadata, version->version, compiler)) return;
    if (!may_have_plan(index, version, version_pack(compiler))) {
        out->rejected++;
        return;
    }
    add_pair(out, &(struct matrix_pair){
                      .package = package->name, .version = version->version, .compiler = compiler, .purpose = purpose});
}

void matrix_pairs_add_known(struct matrix_pairs *out, const struct indexed_package *package,
                            const struct indexed_version *version, struct version compiler) {
    if (!version->is_published || !metadata_has_compiler(package->metadata, version->version, compiler)) return;
    add_pair(out, &(struct matrix_pair){.package = package->name,
                                        .version = version->version,
                                        .compiler = compiler,
                                        .purpose = MATRIX_PURPOSE_REVISION});
}

/* --- in order of age --- */

/* The version of that age (0: the newest); NULL if the package has fewer versions. */
static const struct indexed_version *version_of_age(const struct indexed_package *package, size_t age) {
    return age < package->version_count ? &package->versions[package->version_count - 1 - age] : NULL;
}

static size_t find_most_versions(const struct manifest_index *index) {
    size_t most = 0;
    for (uint32_t id = 0; id < manifest_index_package_count(index); id++) {
        size_t count = manifest_index_package(index, id)->version_count;
        if (count > most) most = count;
    }
    return most;
}

bool matrix_plan_is_new_compiler(const struct manifest_index *index, struct version compiler) {
    const struct metadata *prelude = manifest_index_find_metadata(index, "prelude");
    if (!prelude || prelude->published_count == 0) return false;
    const struct published_version *newest = &prelude->published[prelude->published_count - 1];
    return newest->compiler_count == 0 || version_compare(compiler, newest->compilers[newest->compiler_count - 1]) > 0;
}

void matrix_plan_begin_wave(struct matrix_pairs *out, const struct manifest_index *index, struct version compiler) {
    size_t most = find_most_versions(index);
    for (size_t age = 0; age < most; age++)
        for (size_t i = 0; i < manifest_index_package_count(index); i++) {
            const struct indexed_package *package = manifest_index_package(index, manifest_index_by_name(index, i));
            const struct indexed_version *version = version_of_age(package, age);
            if (version && version->need_count == 1)
                matrix_pairs_consider(out, index, package, version, compiler, MATRIX_PURPOSE_WAVE);
        }
}

/* Advances the sweep to the next package, compiler or age. */
static void step_on(struct matrix_sweep *sweep, const struct manifest_index *index, size_t compiler_count) {
    if (++sweep->package < manifest_index_package_count(index)) return;
    sweep->package = 0;
    if (++sweep->compiler < compiler_count) return;
    sweep->compiler = 0;
    sweep->is_over = ++sweep->age >= find_most_versions(index);
}

void matrix_plan_sweep(struct matrix_pairs *out, struct matrix_sweep *sweep, const struct manifest_index *index,
                       const struct version *compilers, size_t compiler_count, size_t look_limit) {
    if (compiler_count == 0) sweep->is_over = true;
    for (size_t looks = 0; looks < look_limit && !sweep->is_over; step_on(sweep, index, compiler_count)) {
        if (sweep->package >= manifest_index_package_count(index)) continue;
        const struct indexed_package *package = manifest_index_package(index, manifest_index_by_name(index, sweep->package));
        const struct indexed_version *version = version_of_age(package, sweep->age);
        if (!version) continue;
        matrix_pairs_consider(out, index, package, version, compilers[compiler_count - 1 - sweep->compiler],
                              MATRIX_PURPOSE_SWEEP);
        looks++;
    }
}

/* --- planning --- */

/* As solver_solve(). */
static enum status solve(struct build_plan *out, const struct manifest_index *index, const struct indexed_package *instead,
                         const struct indexed_version *version, struct version compiler, uint64_t step_limit,
                         struct arena *arena) {
    struct solver_request request = {.required = version->manifest->dependencies,
                                     .required_count = version->manifest->dependency_count,
                                     .compilers = &compiler,
                                     .compiler_count = 1,
                                     .acceptable_compilers = range_exact(compiler),
                                     .step_limit = step_limit,
                                     .instead = instead,
                                     .is_quiet = true};
    return solver_solve(out, index, &request, arena, NULL);
}

enum matrix_loss matrix_plan_find_loss(const struct manifest_index *index, const struct indexed_package *revised,
                                       const struct matrix_pair *pair, uint64_t step_limit, struct arena *arena) {
    struct build_plan plan;
    const struct indexed_version *version = manifest_index_find(index, pair->package, pair->version);
    if (!version || !version->is_published) return MATRIX_KEPT;
    enum status status = solve(&plan, index, revised, version, pair->compiler, step_limit, arena);
    if (!status || solve(&plan, index, NULL, version, pair->compiler, step_limit, arena)) return MATRIX_KEPT;
    return status == STATUS_REFUSED ? MATRIX_LOST : MATRIX_UNDECIDED;
}

enum status matrix_plan_solve(struct build_plan *out, const struct manifest_index *index, const struct matrix_pair *pair,
                              uint64_t step_limit, struct arena *arena) {
    const struct indexed_version *version = manifest_index_find(index, pair->package, pair->version);
    if (!version || !version->is_published) return STATUS_REFUSED;
    if (metadata_has_compiler(manifest_index_find_metadata(index, pair->package), pair->version, pair->compiler))
        return STATUS_REFUSED;
    return solve(out, index, NULL, version, pair->compiler, step_limit, arena);
}
