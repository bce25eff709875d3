/* SPDX-License-Identifier: BSD-3-Clause */
#include "lib/domain/solver/build_plan.h"

#include "lib/base/arena.h"
#include "lib/base/text.h"
#include "lib/domain/registry/manifest_index.h"

enum status build_plan_for_compiler(struct build_plan *out, const struct manifest_index *index, const struct manifest *manifest,
                                    struct version compiler, struct arena *arena, struct error *err) {
    struct solver_request request = {.required = manifest->dependencies,
                                     .required_count = manifest->dependency_count,
                                     .compilers = &compiler,
                                     .compiler_count = 1,
                                     .acceptable_compilers = range_exact(compiler)};
    return solver_solve(out, index, &request, arena, err);
}

static bool includes(const struct packed_range *range, unsigned __int128 packed) {
    return range->low <= packed && packed < range->high;
}

/* True if the need has a published version in its range that may be built with the compiler, by its own compilers. */
static bool may_be_met(const struct manifest_index *index, const struct indexed_need *need, unsigned __int128 compiler) {
    const struct indexed_package *package = manifest_index_package(index, need->package);
    for (size_t i = indexed_package_position(package, need->range.low); i < package->version_count; i++) {
        const struct indexed_version *version = &package->versions[i];
        if (version->packed >= need->range.high) return false;
        if (version->is_published && includes(&version->needs[0].range, compiler)) return true;
    }
    return false;
}

bool build_plan_exists(const struct manifest_index *index, const struct indexed_version *version, struct version compiler) {
    struct arena scratch = {0};
    struct build_plan plan;
    for (size_t i = 1; i < version->need_count; i++)
        if (!may_be_met(index, &version->needs[i], version_pack(compiler))) return false;
    bool exists = build_plan_for_compiler(&plan, index, version->manifest, compiler, &scratch, NULL) == STATUS_OK;
    arena_release(&scratch);
    return exists;
}

/* Appends a line to `problems` if the version for this dependency is missing or outside its range. */
static void check_dependency(struct text *problems, const struct dependency *dependency,
                             const struct package_versions *resolutions) {
    const struct package_version *chosen = package_versions_find(resolutions, dependency->name);
    if (chosen && range_includes(dependency->range, chosen->version)) return;
    char range[RANGE_TEXT_MAX];
    range_print(dependency->range, range);
    if (!chosen) {
        text_append_format(problems, "\n  %s is missing, a dependency with range %s", dependency->name, range);
        return;
    }
    char version[VERSION_TEXT_MAX];
    version_print(chosen->version, version);
    text_append_format(problems, "\n  %s@%s is outside its range %s", dependency->name, version, range);
}

static void check_is_registered(struct text *problems, const struct manifest_index *index,
                                const struct package_version *resolution) {
    const struct metadata *metadata = manifest_index_find_metadata(index, resolution->name);
    if (metadata && metadata_find_published(metadata, resolution->version)) return;
    char version[VERSION_TEXT_MAX];
    version_print(resolution->version, version);
    text_append_format(problems, "\n  %s@%s is not in the registry", resolution->name, version);
}

enum status build_plan_check_resolutions(const struct manifest_index *index, const struct manifest *manifest,
                                         const struct package_versions *resolutions, struct error *err) {
    struct text problems = {0};
    for (size_t i = 0; i < manifest->dependency_count; i++)
        check_dependency(&problems, &manifest->dependencies[i], resolutions);
    for (size_t i = 0; i < resolutions->count; i++)
        check_is_registered(&problems, index, &resolutions->items[i]);
    enum status status = STATUS_OK;
    if (problems.length)
        status = error_set_at(err, STATUS_REFUSED, "resolutions", "The resolutions do not fit the manifest:%s",
                              text_view(&problems));
    text_release(&problems);
    return status;
}
