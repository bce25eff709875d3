/* SPDX-License-Identifier: BSD-3-Clause */
#include "lib/domain/set/set_members.h"

#include <stdlib.h>
#include <string.h>

#include "lib/base/arena.h"
#include "lib/base/text.h"

enum { NAMES_MAX = 10 }; /* that a sentence lists */

void set_members_read(struct set_members *out, const struct manifest_index *index, const struct package_set *set,
                      struct arena *arena) {
    *out =
        (struct set_members){.index = index, .package_count = manifest_index_package_count(index), .compiler = set->compiler};
    out->chosen = arena_alloc(arena, out->package_count * sizeof *out->chosen);
    out->lost = arena_alloc(arena, set->packages.count * sizeof *out->lost);
    for (size_t i = 0; i < set->packages.count; i++) {
        const struct package_version *member = &set->packages.items[i];
        uint32_t package = manifest_index_find_package(index, member->name);
        const struct indexed_version *version =
            package == PACKAGE_NONE ? NULL : set_members_find_published(out, package, member->version);
        if (version)
            out->chosen[package] = version;
        else
            out->lost[out->lost_count++] = member;
    }
}

static int compare_name(const void *name, const void *lost) {
    return strcmp(name, (*(const struct package_version *const *)lost)->name);
}

const struct package_version *set_members_find_lost(const struct set_members *members, const char *name) {
    if (members->lost_count == 0) return NULL;
    const struct package_version **found =
        bsearch(name, members->lost, members->lost_count, sizeof *members->lost, compare_name);
    return found ? *found : NULL;
}

const char *set_members_name(const struct set_members *members, uint32_t package) {
    return manifest_index_package(members->index, package)->name;
}

const char *set_members_list(const struct set_members *members, const uint32_t *packages, size_t count, struct arena *arena) {
    struct text names = {0};
    for (size_t i = 0; i < count && i < NAMES_MAX; i++)
        text_append_format(&names, "%s%s", i ? ", " : "", set_members_name(members, packages[i]));
    if (count > NAMES_MAX) text_append_format(&names, " and %zu more", count - NAMES_MAX);
    const char *list = arena_copy(arena, text_view(&names));
    text_release(&names);
    return list;
}

const struct indexed_version *set_members_find_published(const struct set_members *members, uint32_t package,
                                                         struct version version) {
    const struct indexed_version *found = indexed_package_find(manifest_index_package(members->index, package), version);
    return found && found->is_published ? found : NULL;
}

const struct indexed_version *set_members_find_newest(const struct set_members *members, uint32_t package,
                                                      const struct version *compiler) {
    const struct indexed_package *indexed = manifest_index_package(members->index, package);
    for (size_t i = indexed->version_count; i-- > 0;) {
        const struct indexed_version *version = &indexed->versions[i];
        if (version->is_published && (!compiler || set_members_builds(members, package, version->version, *compiler)))
            return version;
    }
    return NULL;
}

bool set_members_builds(const struct set_members *members, uint32_t package, struct version version, struct version compiler) {
    return metadata_has_compiler(manifest_index_package(members->index, package)->metadata, version, compiler);
}

int64_t set_members_published_ms(const struct set_members *members, uint32_t package, struct version version) {
    const struct metadata *metadata = manifest_index_package(members->index, package)->metadata;
    const struct published_version *published = metadata ? metadata_find_published(metadata, version) : NULL;
    return published ? published->published_ms : 0;
}

bool set_members_needs(const struct indexed_version *version, uint32_t package) {
    for (size_t i = 1; i < version->need_count; i++) /* [0] is the compiler */
        if (version->needs[i].package == package) return true;
    return false;
}

bool set_members_find_hole(const struct set_members *members, uint32_t *dependant, uint32_t *missing) {
    for (size_t position = 0; position < members->package_count; position++) {
        uint32_t package = manifest_index_by_name(members->index, position);
        const struct indexed_version *version = members->chosen[package];
        for (size_t i = 1; version && i < version->need_count; i++) {
            if (members->chosen[version->needs[i].package]) continue;
            *dependant = package;
            *missing = version->needs[i].package;
            return true;
        }
    }
    return false;
}
