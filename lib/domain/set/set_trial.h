/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Finds which changes of a package set compile together, from the outcomes of builds (lib/domain/README.md, Package set
 * update). Each group of changes (set_changes.h) is searched by itself (set_search.h), all side by side; an attempt compiles if
 * all of its builds do (set_builds.h). The caller makes the builds:
 *
 *   while (set_trial_next(&trial, &wanted, &scratch)) {
 *       start the wanted builds, and wait until the outcome of one or more is known
 *   }
 *
 * Outcomes are asked for by a function each time, so outcomes known from elsewhere (earlier updates, other instances) save
 * builds. No I/O; the caller holds the read lock of the index during each call.
 */
#ifndef LIB_DOMAIN_SET_SET_TRIAL_H
#define LIB_DOMAIN_SET_SET_TRIAL_H

#include <stdbool.h>
#include <stddef.h>

#include "lib/domain/set/set_builds.h"
#include "lib/domain/set/set_changes.h"
#include "lib/domain/set/set_search.h"

struct arena;

enum set_outcome { SET_OUTCOME_UNKNOWN, SET_OUTCOME_COMPILES, SET_OUTCOME_FAILS };

struct set_oracle {
    /* The known outcome of a build with the compiler. The same build never both compiles and fails. */
    enum set_outcome (*look_up)(void *context, const struct set_build *build, struct version compiler);
    void *context;
};

/* Why a change was refused. */
struct set_failure {
    uint32_t package; /* that did not compile: the change's own, or one that depends on it; PACKAGE_NONE: the set would not be
                         self-contained */
    const struct indexed_version *version;
};

/* The state of one group. */
struct set_trial_group {
    struct set_search search;
    size_t *changes; /* the number of each in the trial, ascending */
    bool *is_in;     /* by its number in the group: the current attempt */
    bool has_attempt;
    struct set_failure failure; /* of the last attempt that did not compile */
};

/* Memory is of the arena; borrows from members and changes. */
struct set_trial {
    struct set_members members; /* with the compiler of the new set */
    const struct set_changes *changes;
    const struct set_oracle *oracle;
    struct set_trial_group *groups;
    enum set_search_state *states; /* by change: the outcome, once set_trial_next() has returned false */
    size_t *causes;                /* by change: of a blocked one, the change that it cannot be without */
    struct set_failure *failures;  /* by change: of a refused one */
    size_t attempts;               /* how many there were, in all groups */
};

/* `changes` are arranged. Without any of them the members are self-contained and compile with `compiler`, whichever they were
 * released with: that is for the caller to know. */
void set_trial_init(struct set_trial *out, const struct set_members *members, const struct set_changes *changes,
                    struct version compiler, const struct set_oracle *oracle, struct arena *arena);

/* Decides as much as the known outcomes allow, and lists the builds that are wanted next, in the scratch arena: none that would
 * need a package that failed. False: all is decided. */
bool set_trial_next(struct set_trial *trial, struct set_builds *wanted, struct arena *scratch);

/* The members with all changes that are kept, in the arena. */
void set_trial_result(struct set_members *out, const struct set_trial *trial, struct arena *arena);

#endif
