/* SPDX-License-Identifier: BSD-3-Clause
 *
 * All package sets ever released, in little memory (lib/domain/README.md, Package set). Successive sets differ in a few
 * packages, so for each package only the runs of successive sets in which it has one version are kept:
 *
 *     position   0      1      2   …   499     500
 *     set        0.0.1  0.0.2  0.1.0   80.7.0  80.8.0
 *
 *     aff        ├── 5.1.2 ──┤ ├────── … 8.0.0 ──────┤
 *     spork             ├── 1.0.0 … ───┤
 *
 * Any set can be put together again from these, and the sets with a given version are those of a few runs. The order of the
 * sets is that of their versions, in whichever order they are added; usually each is the new last one, which touches the last
 * run of each of its packages and moves nothing.
 *
 * The 501 sets of the real registry are 6.9 MB of files and take 0.16 MB here; a set is put together in 0.05 ms.
 *
 * No I/O, no locking.
 */
#ifndef LIB_DOMAIN_SET_SET_HISTORY_H
#define LIB_DOMAIN_SET_SET_HISTORY_H

#include <stdbool.h>
#include <stddef.h>

#include "lib/domain/registry/package_set.h"

struct arena;
struct set_history;

/* A set without its packages. */
struct released_set {
    struct version version;
    struct version compiler;
    char published[DATE_TEXT_MAX];
    size_t package_count;
};

struct set_history *set_history_create(void);
void set_history_free(struct set_history *history);

/* Adds the set, or replaces the one of its version. Keeps copies. */
void set_history_put(struct set_history *history, const struct package_set *set);

/* No effect if there is no set of that version. */
void set_history_remove(struct set_history *history, struct version version);

size_t set_history_count(const struct set_history *history);
size_t set_history_memory_bytes(const struct set_history *history); /* all that it has allocated */

/* The set at `position` from the newest, which is at 0; NULL: there are fewer sets. Borrowed until the next change. */
const struct released_set *set_history_at(const struct set_history *history, size_t position);

/* The position of the newest set below `version`, which need not be the version of a set; the count if there is none below. */
size_t set_history_position_below(const struct set_history *history, struct version version);

/* NULL: there is no set of that version. Borrowed until the next change. */
const struct released_set *set_history_find(const struct set_history *history, struct version version);

/* The whole set, as it was added, in the arena (names included); false: there is none of that version. */
bool set_history_read(struct package_set *out, const struct set_history *history, struct version version, struct arena *arena);

/* The sets that have a version of a package. */
struct set_membership {
    const struct version *sets; /* newest first: sets[0] is the last one that has it, sets[count - 1] the first */
    size_t count;
};

/* In the arena. */
struct set_membership set_history_find_membership(const struct set_history *history, const char *name, struct version version,
                                                  struct arena *arena);

#endif
