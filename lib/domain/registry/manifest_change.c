/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Adding, removing and revising single manifests of the index without leaving a dependency unsatisfied. The text of the
 * package's index file (lib/domain/registry/index_file.h) is printed again without the old manifest, and parsed as a whole.
 */
#include <assert.h>
#include <string.h>

#include "lib/base/arena.h"
#include "lib/base/text.h"
#include "lib/domain/registry/manifest_index.h"

/* Appends the lines of a package's index file, without that of `version`. */
static void append_other_lines(struct text *out, const struct manifest_index *index, const char *name, struct version version) {
    uint32_t id = manifest_index_find_package(index, name);
    if (id == PACKAGE_NONE) return;
    const struct indexed_package *package = manifest_index_package(index, id);
    for (size_t i = 0; i < package->version_count; i++) {
        if (version_equal(package->versions[i].version, version)) continue;
        manifest_append_line(out, package->versions[i].manifest);
        text_append_character(out, '\n');
    }
}

enum status manifest_index_insert(struct manifest_index *index, const struct manifest *manifest, struct error *err) {
    enum status status = manifest_index_check_dependencies(index, manifest, err);
    if (status) return status;
    struct text file = {0};
    append_other_lines(&file, index, manifest->name, manifest->version);
    manifest_append_line(&file, manifest);
    status = manifest_index_set_manifests(index, manifest->name, text_view(&file), file.length, err);
    text_release(&file);
    return status;
}

/* STATUS_REFUSED names each dependant that no other version would satisfy. */
static enum status check_not_needed(const struct manifest_index *index, const char *name, struct version version,
                                    struct error *err) {
    struct arena scratch = {0};
    struct text orphans = {0};
    struct dependant *found;
    enum status status = STATUS_OK;
    size_t count = manifest_index_find_orphans(&found, index, name, version, &scratch);
    for (size_t i = 0; i < count; i++) {
        char dependant[VERSION_TEXT_MAX], range[RANGE_TEXT_MAX];
        version_print(found[i].version, dependant);
        range_print(found[i].range, range);
        text_append_format(&orphans, "%s%s@%s (%s)", i ? ", " : "", found[i].name, dependant, range);
    }
    if (count > 0) {
        char removed[VERSION_TEXT_MAX];
        version_print(version, removed);
        status = error_set(err, STATUS_REFUSED, "%s@%s cannot be removed: no other version in the registry index satisfies %s.",
                           name, removed, text_view(&orphans));
    }
    text_release(&orphans);
    arena_release(&scratch);
    return status;
}

enum status manifest_index_delete(struct manifest_index *index, const char *name, struct version version, struct error *err) {
    if (!manifest_index_find(index, name, version)) {
        char missing[VERSION_TEXT_MAX];
        version_print(version, missing);
        return error_set(err, STATUS_NOT_FOUND, "The registry index has no %s@%s.", name, missing);
    }
    enum status status = check_not_needed(index, name, version, err);
    if (status) return status;
    struct text file = {0};
    append_other_lines(&file, index, name, version);
    if (file.length)
        status = manifest_index_set_manifests(index, name, text_view(&file), file.length, err);
    else
        manifest_index_remove_manifests(index, name);
    text_release(&file);
    return status;
}

void manifest_index_revise(struct indexed_package *out, const struct manifest_index *index, const struct manifest *revised,
                           struct arena *arena) {
    const struct indexed_package *package = manifest_index_package(index, manifest_index_find_package(index, revised->name));
    size_t position = indexed_package_position(package, version_pack(revised->version));
    assert(position < package->version_count && version_equal(package->versions[position].version, revised->version));
    struct indexed_version *versions = arena_alloc(arena, package->version_count * sizeof versions[0]);
    memcpy(versions, package->versions, package->version_count * sizeof versions[0]);

    struct indexed_version *version = &versions[position];
    struct indexed_need *needs = arena_alloc(arena, version->need_count * sizeof needs[0]);
    memcpy(needs, version->needs, version->need_count * sizeof needs[0]);
    for (size_t i = 1; i < version->need_count; i++) { /* [0] is the compiler */
        const char *name = manifest_index_package(index, needs[i].package)->name;
        const struct dependency *dependency = dependencies_find(revised->dependencies, revised->dependency_count, name);
        assert(dependency);
        needs[i].range = range_pack(dependency->range);
    }
    version->needs = needs;
    version->manifest = revised;
    *out = *package;
    out->versions = versions;
}
