/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The difference between two package sets, which decides the new set's version and the message of its commit
 * (lib/domain/README.md, Package set update).
 */
#ifndef LIB_DOMAIN_SET_SET_DIFFERENCE_H
#define LIB_DOMAIN_SET_SET_DIFFERENCE_H

#include <stddef.h>

#include "lib/domain/registry/package_set.h"

struct arena;
struct text;

struct set_update {
    const char *name;
    struct version from, to;
};

/* The size of an update: the first number of the version that is different, if the version grew. */
enum set_step { SET_STEP_MAJOR, SET_STEP_MINOR, SET_STEP_PATCH, SET_STEP_DOWNGRADE };

enum set_step set_update_step(const struct set_update *update);
const char *set_step_text(enum set_step step); /* "major", "minor", "patch", "downgrade" */

/* Each list by name; in the arena, and borrows the names from the two sets. */
struct set_difference {
    const struct package_version *added, *removed;
    size_t added_count, removed_count;
    const struct set_update *updated; /* also downgrades */
    size_t updated_count;
    struct version old_compiler, new_compiler;
};

void set_difference_find(struct set_difference *out, const struct package_set *from, const struct package_set *to,
                         struct arena *arena);

/* The version after `version` by the difference: the next major, minor or patch. */
struct version set_difference_next_version(const struct set_difference *difference, struct version version);

/* Appends the message of the commit that releases the set of that version: a subject, then a block for each list that is not
 * empty. Existing tools read this form. */
void set_difference_append_message(struct text *out, const struct set_difference *difference, struct version version);

#endif
