/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The state of a solve, and its operations: put a bound on a package, carry bounds over to its dependencies, and undo all
 * changes since a choice (backtracking). Private to the solver: solver.c chooses, solver_state.c propagates bounds,
 * solver_explanation.c explains a failure.
 *
 * A package that a solve encounters gets a slot, so that the state, except slot_of_package, grows with the packages involved
 * and not with the registry. A slot is *needed* once a bound was put on it; before that its bounds are undefined.
 *
 *   bound on B ──► queue: B, if it lost a version, and all packages that mention B (its watchers) ──► for each, the versions
 *                  that count, and the needs common to all of those ──► bounds on these, and so on until the queue is empty
 *
 * Every step only removes versions, so the result does not depend on the order of the queue.
 */
#ifndef LIB_DOMAIN_SOLVER_SOLVER_STATE_H
#define LIB_DOMAIN_SOLVER_SOLVER_STATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/domain/registry/manifest_index.h"
#include "lib/domain/solver/solver.h"

struct text;

enum { SLOT_NONE = UINT32_MAX };

/* The origin of a bound. */
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

/* A range with the source of each end. */
struct sourced_range {
    struct packed_range range;
    struct bound_source low_source;
    struct bound_source high_source;
};

struct slot {
    const struct indexed_package *package;
    struct sourced_range bounds;
    uint32_t first, end; /* the versions inside the bounds are [first, end) */
    uint32_t watchers;   /* head of the list of slots that mention this package, see struct watch */
    uint32_t latest;     /* the newest version that counts; set and used by solver.c alone */
    bool is_needed;
    bool is_queued;
    /* During inspect_package() of another package: the number of its counting versions that need this one, and their loosest
     * bounds. */
    uint64_t inspection;
    uint32_t wanted_by_count;
    struct sourced_range loosest;
};

/* `watcher` must be checked again when the bounds of `watched`, which it mentions, change. */
struct watch {
    uint32_t watched; /* slot */
    uint32_t watcher; /* slot */
    uint32_t next;
};

/* An undo record: a slot before a bound was put on it. */
struct change {
    uint32_t slot;
    uint32_t first, end;
    bool was_needed;
    struct sourced_range bounds;
};

/* A state to which solver_undo() can return. */
struct solver_mark {
    size_t change_count;
    size_t watch_count;
    size_t needed_count;
};

struct solver {
    const struct manifest_index *index;
    struct indexed_package compiler;           /* `purs`, with the supported compilers as versions */
    struct indexed_version *compiler_versions; /* the same memory as compiler.versions */
    const struct indexed_package *instead;     /* replaces the index's package `instead_of`; NULL: none */
    uint32_t instead_of;
    uint32_t *slot_of_package; /* by id; SLOT_NONE: no slot yet */
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
    uint64_t inspection;      /* number of the current inspect_package(), so that slots need not be reset */
    uint64_t steps_left;      /* of the request's limit */
    struct text *explanation; /* NULL: not wanted */
    int depth;                /* of the explanation: number of nested trials */
};

void solver_init(struct solver *solver, const struct manifest_index *index, const struct solver_request *request);
void solver_release(struct solver *solver);

/* The slot of a package, created if it has none. */
uint32_t solver_find_slot(struct solver *solver, uint32_t package);

/* Puts a bound on a package, which is needed from now on. False: its bounds are empty now, a conflict. */
bool solver_put_bound(struct solver *solver, uint32_t slot, const struct sourced_range *bound);

/* Carries bounds over until nothing changes. False: a conflict, or steps_left is 0. */
bool solver_carry_bounds(struct solver *solver);

/* The first need of a version that is incompatible with the current bounds; NULL: none, so the version counts. */
const struct indexed_need *solver_find_obstacle(const struct solver *solver, const struct indexed_version *version);

struct solver_mark solver_mark(const struct solver *solver);
void solver_undo(struct solver *solver, struct solver_mark mark);

static inline struct slot *solver_slot_of(const struct solver *solver, uint32_t package) {
    return &solver->slots[solver->slot_of_package[package]];
}

/* --- solver_explanation.c: each appends to solver->explanation, and does nothing if that is NULL --- */

/* The bounds of the slot would be empty. */
void solver_explain_clash(struct solver *solver, uint32_t slot, const struct sourced_range *bounds);

/* None of the versions inside the slot's bounds counts, or there is none inside. */
void solver_explain_dead_end(struct solver *solver, uint32_t slot);

/* Begin the list of tried versions, and an item of it; the reason for its failure goes below the item. */
void solver_explain_trials(struct solver *solver, uint32_t slot);
void solver_explain_trial(struct solver *solver, uint32_t slot, uint32_t version);

/* True once the explanation is long enough: further trials are left out. */
bool solver_is_explained(const struct solver *solver);

#endif
