/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The trial index is a copy of the part of the registry that a plan can reach, with the coming versions added. It borrows
 * everything but its tables, so building it takes about a millisecond, and each trial rebuilds only the packages that change.
 */
#include "lib/domain/registry/coming_versions.h"

#include <stdlib.h>
#include <string.h>

#include "lib/base/arena.h"
#include "lib/domain/registry/manifest_index.h"

struct trial {
    const struct coming_versions *coming;
    const char **packages;
    size_t package_count;
    size_t usable[COMING_VERSIONS_MAX]; /* positions of items */
    size_t usable_count;
    bool is_included[COMING_VERSIONS_MAX]; /* of `usable` */
    struct manifest_index *index;
    struct version *compilers;
    struct arena arena;
};

/* ---- Packages ---- */

static bool has_name(const char *const *names, size_t count, const char *name) {
    for (size_t i = 0; i < count; i++)
        if (strcmp(names[i], name) == 0) return true;
    return false;
}

size_t coming_versions_packages(const char ***names, const struct manifest_index *index, const struct dependency *wanted,
                                size_t wanted_count, struct arena *arena) {
    size_t known = manifest_index_package_count(index), count = 0;
    bool *is_listed = arena_alloc(arena, known * sizeof *is_listed);
    *names = arena_alloc(arena, (wanted_count + known) * sizeof **names);
    is_listed[PACKAGE_COMPILER] = true;
    for (size_t i = 0; i < wanted_count; i++) {
        uint32_t id = manifest_index_find_package(index, wanted[i].name);
        if (id == PACKAGE_COMPILER || has_name(*names, count, wanted[i].name)) continue;
        if (id != PACKAGE_NONE) is_listed[id] = true;
        (*names)[count++] = wanted[i].name;
    }
    for (size_t next = 0; next < count; next++) {
        uint32_t id = manifest_index_find_package(index, (*names)[next]);
        if (id == PACKAGE_NONE) continue;
        const struct indexed_package *package = manifest_index_package(index, id);
        for (size_t i = 0; i < package->mention_count; i++) {
            if (is_listed[package->mentions[i]]) continue;
            is_listed[package->mentions[i]] = true;
            (*names)[count++] = manifest_index_package(index, package->mentions[i])->name;
        }
    }
    return count;
}

/* ---- Usable versions ---- */

/* True if any version of the package has a range for `id` that includes `packed`. */
static bool is_asked_for_by(const struct indexed_package *package, uint32_t id, unsigned __int128 packed) {
    for (size_t i = 0; i < package->version_count; i++)
        for (size_t j = 1; j < package->versions[i].need_count; j++) {
            const struct indexed_need *need = &package->versions[i].needs[j];
            if (need->package == id && packed_range_includes(need->range, packed)) return true;
        }
    return false;
}

static bool is_asked_for(const struct trial *trial, const struct coming_version *item) {
    const struct coming_versions *coming = trial->coming;
    for (size_t i = 0; i < coming->wanted_count; i++)
        if (strcmp(coming->wanted[i].name, item->name) == 0) return range_includes(coming->wanted[i].range, item->version);
    uint32_t id = manifest_index_find_package(coming->index, item->name);
    if (id == PACKAGE_NONE) return false;
    const struct indexed_package *package = manifest_index_package(coming->index, id);
    for (size_t i = 0; i < package->user_count; i++) {
        const struct indexed_package *user = manifest_index_package(coming->index, package->users[i]);
        if (has_name(trial->packages, trial->package_count, user->name) &&
            is_asked_for_by(user, id, version_pack(item->version)))
            return true;
    }
    return false;
}

/* False for a version that exists already (its publication only completes it) or was unpublished (it will be refused). */
static bool is_new(const struct manifest_index *index, const struct coming_version *item) {
    const struct metadata *metadata = manifest_index_find_metadata(index, item->name);
    if (!metadata) return true;
    if (metadata_find_unpublished(metadata, item->version)) return false;
    return !metadata_find_published(metadata, item->version) || !manifest_index_find(index, item->name, item->version);
}

static void list_usable(struct trial *trial) {
    const struct coming_versions *coming = trial->coming;
    for (size_t i = 0; i < coming->count && trial->usable_count < COMING_VERSIONS_MAX; i++)
        if (is_new(coming->index, &coming->items[i]) && is_asked_for(trial, &coming->items[i]))
            trial->usable[trial->usable_count++] = i;
}

/* ---- The trial index ---- */

static int compare_manifests(const void *left, const void *right) {
    return version_compare(((const struct manifest *)left)->version, ((const struct manifest *)right)->version);
}

static int compare_published(const void *left, const void *right) {
    return version_compare(((const struct published_version *)left)->version,
                           ((const struct published_version *)right)->version);
}

/* Puts the package's manifests and those of the included versions, without dependencies, into the trial index. */
static void put_manifests(struct trial *trial, const char *name, const struct indexed_package *known) {
    struct arena memory = {0};
    size_t count = 0, known_count = known ? known->version_count : 0;
    struct manifest *manifests = arena_alloc(&memory, (known_count + trial->usable_count) * sizeof *manifests);
    for (size_t i = 0; i < known_count; i++)
        manifests[count++] = *known->versions[i].manifest;
    for (size_t i = 0; i < trial->usable_count; i++) {
        const struct coming_version *item = &trial->coming->items[trial->usable[i]];
        struct manifest manifest = {.name = name, .version = item->version};
        if (!trial->is_included[i] || strcmp(item->name, name) != 0) continue;
        bool is_there = false;
        for (size_t j = 0; j < count && !is_there; j++)
            is_there = version_equal(manifests[j].version, item->version);
        if (!is_there) manifests[count++] = manifest;
    }
    qsort(manifests, count, sizeof *manifests, compare_manifests);
    manifest_index_put_manifests(trial->index, name, manifests, count, &memory);
}

/* Puts the package's metadata with the included versions, as built with every compiler, into the trial index. */
static void put_metadata(struct trial *trial, const char *name, const struct indexed_package *known) {
    struct arena memory = {0};
    struct metadata metadata = {0};
    if (known && known->metadata) metadata = *known->metadata;
    struct published_version *published =
        arena_alloc(&memory, (metadata.published_count + trial->usable_count) * sizeof *published);
    for (size_t i = 0; i < metadata.published_count; i++)
        published[i] = metadata.published[i];
    metadata.published = published;
    for (size_t i = 0; i < trial->usable_count; i++) {
        const struct coming_version *item = &trial->coming->items[trial->usable[i]];
        if (!trial->is_included[i] || strcmp(item->name, name) != 0) continue;
        if (metadata_find_published(&metadata, item->version)) continue;
        published[metadata.published_count++] = (struct published_version){
            .version = item->version, .compilers = trial->compilers, .compiler_count = trial->coming->compiler_count};
        qsort(published, metadata.published_count, sizeof *published, compare_published);
    }
    manifest_index_put_metadata(trial->index, name, &metadata, &memory);
}

static void put_package(struct trial *trial, const char *name) {
    uint32_t id = manifest_index_find_package(trial->coming->index, name);
    const struct indexed_package *known = id == PACKAGE_NONE ? NULL : manifest_index_package(trial->coming->index, id);
    put_manifests(trial, name, known);
    put_metadata(trial, name, known);
}

static bool has_plan(struct trial *trial) {
    for (size_t i = 0; i < trial->usable_count; i++)
        put_package(trial, trial->coming->items[trial->usable[i]].name);
    return trial->coming->has_plan(trial->coming->context, trial->index);
}

/* ---- The choice ---- */

static bool has_plan_with_first(struct trial *trial, size_t count) {
    for (size_t i = 0; i < trial->usable_count; i++)
        trial->is_included[i] = i < count;
    return has_plan(trial);
}

/* The length of the shortest prefix of usable versions with which there is a plan, by binary search. There must be one with
 * all of them. */
static size_t find_earliest(struct trial *trial) {
    size_t too_few = 0, enough = trial->usable_count;
    while (enough - too_few > 1) {
        size_t middle = too_few + (enough - too_few) / 2;
        if (has_plan_with_first(trial, middle))
            enough = middle;
        else
            too_few = middle;
    }
    return enough;
}

static void leave_out_needless(struct trial *trial, size_t count) {
    for (size_t i = 0; i < trial->usable_count; i++)
        trial->is_included[i] = i < count;
    for (size_t i = count - 1; i-- > 0;) { /* the last one is needed: no shorter prefix has a plan */
        trial->is_included[i] = false;
        trial->is_included[i] = !has_plan(trial);
    }
}

bool coming_versions_choose(const struct coming_versions *coming, bool *is_needed) {
    struct trial trial = {.coming = coming};
    memset(is_needed, 0, coming->count * sizeof *is_needed);
    trial.package_count =
        coming_versions_packages(&trial.packages, coming->index, coming->wanted, coming->wanted_count, &trial.arena);
    list_usable(&trial);
    bool can_help = trial.usable_count > 0 && coming->compiler_count > 0;
    if (can_help) {
        trial.compilers = arena_alloc(&trial.arena, coming->compiler_count * sizeof *trial.compilers);
        memcpy(trial.compilers, coming->compilers, coming->compiler_count * sizeof *trial.compilers);
        trial.index = manifest_index_create();
        for (size_t i = 0; i < trial.package_count; i++)
            put_package(&trial, trial.packages[i]);
        can_help = has_plan_with_first(&trial, trial.usable_count);
        if (can_help) leave_out_needless(&trial, find_earliest(&trial));
        for (size_t i = 0; can_help && i < trial.usable_count; i++)
            is_needed[trial.usable[i]] = trial.is_included[i];
        manifest_index_free(trial.index);
    }
    arena_release(&trial.arena);
    return can_help;
}
