/* SPDX-License-Identifier: BSD-3-Clause */
#include "lib/domain/set/set_difference.h"

#include <string.h>

#include "lib/base/arena.h"
#include "lib/base/text.h"

void set_difference_find(struct set_difference *out, const struct package_set *from, const struct package_set *to,
                         struct arena *arena) {
    const struct package_versions *old = &from->packages, *new = &to->packages;
    struct package_version *added = arena_alloc(arena, new->count * sizeof *added);
    struct package_version *removed = arena_alloc(arena, old->count * sizeof *removed);
    struct set_update *updated = arena_alloc(arena, old->count * sizeof *updated);
    *out = (struct set_difference){
        .added = added, .removed = removed, .updated = updated, .old_compiler = from->compiler, .new_compiler = to->compiler};
    for (size_t i = 0, j = 0; i < old->count || j < new->count;) { /* both are sorted by name */
        int order = i == old->count ? 1 : j == new->count ? -1 : strcmp(old->items[i].name, new->items[j].name);
        if (order < 0) {
            removed[out->removed_count++] = old->items[i++];
        } else if (order > 0) {
            added[out->added_count++] = new->items[j++];
        } else {
            if (!version_equal(old->items[i].version, new->items[j].version))
                updated[out->updated_count++] =
                    (struct set_update){new->items[j].name, old->items[i].version, new->items[j].version};
            i++, j++;
        }
    }
}

enum set_step set_update_step(const struct set_update *update) {
    struct version from = update->from, to = update->to;
    if (version_compare(to, from) < 0) return SET_STEP_DOWNGRADE;
    if (to.major > from.major) return SET_STEP_MAJOR;
    return to.minor > from.minor ? SET_STEP_MINOR : SET_STEP_PATCH;
}

const char *set_step_text(enum set_step step) {
    static const char *const texts[] = {
        [SET_STEP_MAJOR] = "major", [SET_STEP_MINOR] = "minor", [SET_STEP_PATCH] = "patch", [SET_STEP_DOWNGRADE] = "downgrade"};
    return texts[step];
}

static bool has_update(const struct set_difference *difference, enum set_step step) {
    for (size_t i = 0; i < difference->updated_count; i++)
        if (set_update_step(&difference->updated[i]) == step) return true;
    return false;
}

static bool has_major_change(const struct set_difference *difference) {
    struct version old = difference->old_compiler, new = difference->new_compiler;
    bool is_newer_compiler = new.major > old.major || (new.major == old.major &&new.minor > old.minor);
    return difference->removed_count > 0 || is_newer_compiler || has_update(difference, SET_STEP_MAJOR);
}

static bool has_minor_change(const struct set_difference *difference) {
    return difference->added_count > 0 || version_compare(difference->new_compiler, difference->old_compiler) > 0 ||
           has_update(difference, SET_STEP_MINOR);
}

struct version set_difference_next_version(const struct set_difference *difference, struct version version) {
    if (has_major_change(difference)) return version_bump_major(version);
    if (has_minor_change(difference)) return version_bump_minor(version);
    return version_bump_patch(version);
}

static void append_versions(struct text *out, const char *heading, const struct package_version *items, size_t count) {
    if (count > 0) text_append_format(out, "\n\n%s:", heading);
    for (size_t i = 0; i < count; i++) {
        char version[VERSION_TEXT_MAX];
        version_print(items[i].version, version);
        text_append_format(out, "\n  - %s@%s", items[i].name, version);
    }
}

void set_difference_append_message(struct text *out, const struct set_difference *difference, struct version version) {
    char printed[VERSION_TEXT_MAX];
    version_print(version, printed);
    text_append_format(out, "Release %s package set.", printed);
    append_versions(out, "New packages", difference->added, difference->added_count);
    if (difference->updated_count > 0) text_append(out, "\n\nUpdated packages:");
    for (size_t i = 0; i < difference->updated_count; i++) {
        char from[VERSION_TEXT_MAX], to[VERSION_TEXT_MAX];
        version_print(difference->updated[i].from, from);
        version_print(difference->updated[i].to, to);
        text_append_format(out, "\n  - %s@%s -> %s", difference->updated[i].name, from, to);
    }
    append_versions(out, "Removed packages", difference->removed, difference->removed_count);
}
