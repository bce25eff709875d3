/* SPDX-License-Identifier: BSD-3-Clause
 *
 * What a solve knows at one moment, and the three things that happen to it: a bound is put on a package, bounds are carried
 * over to what it needs, and everything since a choice is taken back. Private to the solver's files: solver.c chooses,
 * solver_state.c carries, solver_explanation.c words what went wrong.
 *
 * Packages that a solve meets get a slot, so that its memory is that of the packages in question and not of the registry. A
 * slot is *needed* once a bound was put on it; only then its bounds mean anything.
 *
 *   bound on B ──► queue: B, where it lost a version, and who mentions B (its watchers) ──► look at each: which of its versions
 *                  count, and what all of those need ──► bounds on that, and so on until the queue is empty
 *
 * Every step only takes versions away, so the order of the queue does not change where this ends.
 */
#ifndef LIB_DOMAIN_SOLVER_STATE_H
#define LIB_DOMAIN_SOLVER_STATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/domain/manifest_index.h"
#include "lib/domain/solver.h"

struct text;

enum { SLOT_NONE = UINT32_MAX };

/* Where a bound comes from. */
enum bound_origin {
    BOUND_DECLARED, /* the request */
    BOUND_WANTED,   /* a dependency of `version` (a position) in `slot` */
    BOUND_TRIED,    /* the version is being tried */
};

struct bound_source {
    enum bound_origin origin;
    uint32_t slot;
    uint32_t version;
};

/* A range in which each end knows where it comes from. */
struct sourced_range {
    struct packed_range range;
    struct bound_source low_source;
    struct bound_source high_source;
};

struct slot {
    const struct indexed_package *package;
    struct sourced_range bounds;
    uint32_t first, end; /* the versions inside the bounds are [first, end) */
    uint32_t watchers;   /* head of the list of those who mention this package, see struct watch */
    uint32_t latest;     /* the newest version that counts; set and used by solver.c alone */
    bool is_needed;
    bool is_queued;
    /* While one package's versions are looked at: how many of those that count need this one, and their loosest bounds. */
    uint64_t look;
    uint32_t wanted_by_count;
    struct sourced_range loosest;
};

/* A package that has to be looked at again when the bounds of what it mentions change. */
struct watch {
    uint32_t watched; /* slot */
    uint32_t watcher; /* slot */
    uint32_t next;
};

/* What a slot was before a bound was put on it. */
struct change {
    uint32_t slot;
    uint32_t first, end;
    bool was_needed;
    struct sourced_range bounds;
};

/* The place in time to which solver_undo() goes back. */
struct solver_mark {
    size_t change_count;
    size_t watch_count;
    size_t needed_count;
};

struct solver {
    const struct manifest_index *index;
    struct indexed_package compiler;           /* `purs`, its versions the supported compilers, */
    struct indexed_version *compiler_versions; /* which are these */
    const struct indexed_package *instead;     /* of the index's package `instead_of`; NULL: none */
    uint32_t instead_of;
    uint32_t *slot_of_package; /* by id; SLOT_NONE where it has none yet */
    struct slot *slots;
    size_t slot_count, slot_capacity;
    struct watch *watches;
    size_t watch_count, watch_capacity;
    struct change *changes;
    size_t change_count, change_capacity;
    uint32_t *needed; /* slots in the order in which they became needed */
    size_t needed_count, needed_capacity;
    uint32_t *queue;
    size_t queue_begin, queue_end, queue_capacity;
    uint64_t look;            /* counts the looks, so that no slot has to be cleared for the next */
    uint64_t steps_left;      /* of the request's limit */
    struct text *explanation; /* NULL while nobody wants to know why */
    int depth;                /* of the explanation: versions being tried */
};

void solver_init(struct solver *solver, const struct manifest_index *index, const struct solver_request *request);
void solver_release(struct solver *solver);

/* The slot of a package, made where it has none. */
uint32_t solver_find_slot(struct solver *solver, uint32_t package);

/* Puts a bound on a package, which is needed from now on. False: nothing is left of its bounds, a conflict. */
bool solver_put_bound(struct solver *solver, uint32_t slot, const struct sourced_range *bound);

/* Carries bounds over until nothing changes. False: a conflict, or steps_left is 0. */
bool solver_carry_bounds(struct solver *solver);

/* The first need of a version that is not possible within the bounds, or NULL: then the version counts. */
const struct indexed_need *solver_find_obstacle(const struct solver *solver, const struct indexed_version *version);

struct solver_mark solver_mark(const struct solver *solver);
void solver_undo(struct solver *solver, struct solver_mark mark);

static inline struct slot *solver_slot_of(const struct solver *solver, uint32_t package) {
    return &solver->slots[solver->slot_of_package[package]];
}

/* --- solver_explanation.c: each appends to solver->explanation, and does nothing where that is NULL --- */

/* The two ends leave nothing between them. */
void solver_explain_clash(struct solver *solver, uint32_t slot, const struct sourced_range *bounds);

/* None of the versions inside the bounds counts, or there is none inside. */
void solver_explain_dead_end(struct solver *solver, uint32_t slot);

/* Begins the list of versions tried, and an item of it, below which the next explanation goes. */
void solver_explain_trials(struct solver *solver, uint32_t slot);
void solver_explain_trial(struct solver *solver, uint32_t slot, uint32_t version);

/* True once there is more than anybody would read. */
bool solver_is_explained(const struct solver *solver);

#endif
