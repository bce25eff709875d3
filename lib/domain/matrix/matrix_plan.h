/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Finds the pairs that are worth building: a published version, and a compiler that it is not known to build with and for which
 * it has a plan (lib/domain/README.md, Build matrix). No I/O; services/build-matrix/planner makes jobs of the pairs.
 *
 *   an event ────────────┐
 *   a new compiler ──────┼──► pairs that may have a plan ──► matrix_plan_solve() ──► the plan, or none
 *   the daily sweep ─────┘    (some milliseconds for the     (0.1 ms each; the index may change
 *                              whole registry)                between two calls)
 *
 * A pair *may* have a plan if each dependency has a published version inside its range that is possible with the compiler,
 * in the sense of lib/domain/README.md, Solver. This check costs a thousandth of a solve, and most pairs fail it.
 *
 * All functions only read the index: the caller holds its read lock.
 */
#ifndef LIB_DOMAIN_MATRIX_MATRIX_PLAN_H
#define LIB_DOMAIN_MATRIX_MATRIX_PLAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/arena.h"
#include "lib/domain/job/job.h"
#include "lib/domain/job/job_event.h"
#include "lib/domain/package/version.h"
#include "lib/domain/solver/build_plan.h"

struct indexed_package;
struct manifest_index;

struct matrix_pair {
    const char *package;
    struct version version;
    struct version compiler;
    enum matrix_purpose purpose;
};

/* A growable list; a zeroed struct is an empty one. It has copies of the names, so it stays valid when the index changes. */
struct matrix_pairs {
    struct matrix_pair *items;
    size_t count, capacity;
    size_t rejected; /* number of pairs that were left out since they cannot have a plan */
    struct arena names;
};

void matrix_pairs_release(struct matrix_pairs *pairs); /* leaves an empty list */

/* ---- Events ---- */

struct matrix_change {
    enum job_event_kind kind;
    const char *package;
    struct version version;
    struct version compiler;     /* only for JOB_EVENT_BUILT */
    enum matrix_purpose purpose; /* of the resulting pairs */
};

/* Adds the following pairs, each once for all changes together:
 *   published, revised   the version with every compiler, and its dependants with each compiler that it is possible with
 *   built                its dependants with that compiler
 * Dependants are all versions whose plan could contain the version: those of a dependant that is possible with the compiler are
 * included. Pairs known to build are left out, and a change of a version that no longer exists is ignored. A pair that follows
 * from several changes gets the most urgent of their purposes. The list is sorted by urgency, then by compiler, newest first,
 * package, and version, newest first.
 * `compilers`: the supported ones, ascending; changes about others are ignored. */
void matrix_plan_follow(struct matrix_pairs *out, const struct manifest_index *index, const struct matrix_change *changes,
                        size_t change_count, const struct version *compilers, size_t compiler_count);

/* ---- A new compiler ---- */

/* True if it is above all compilers that the newest published prelude is known to build with. False without a prelude. */
bool matrix_plan_is_new_compiler(const struct manifest_index *index, struct version compiler);

/* Adds the pairs with which a wave begins: the published versions without dependencies, the newest of each package first, then
 * the second newest of each, and so on. */
void matrix_plan_begin_wave(struct matrix_pairs *out, const struct manifest_index *index, struct version compiler);

/* ---- The sweep ---- */

/* The progress of a sweep; a zeroed struct is its beginning. */
struct matrix_sweep {
    size_t age;      /* 0: the newest version of each package, 1: the second newest, … */
    size_t compiler; /* 0: the newest compiler */
    size_t package;  /* in alphabetical order */
    bool is_over;
};

/* Checks the next `look_limit` pairs of version and compiler (a thousand take less than a millisecond), and adds those that may
 * have a plan. Order: the newest versions of all packages first, and of these the newest compilers first. A pair may be checked
 * twice or missed if the index changes between two calls; the next sweep makes up for it. */
void matrix_plan_sweep(struct matrix_pairs *out, struct matrix_sweep *sweep, const struct manifest_index *index,
                       const struct version *compilers, size_t compiler_count, size_t look_limit);

/* ---- A change of bounds ---- */

/* Adds the pairs of another published version and a compiler that it is known to build with, whose plan may contain that
 * version: its dependants, theirs, and so on. In unspecified order. */
void matrix_plan_list_dependants(struct matrix_pairs *out, const struct manifest_index *index, const char *package,
                                 struct version version);

enum matrix_loss {
    MATRIX_KEPT,
    MATRIX_LOST,
    MATRIX_UNDECIDED, /* the solver has given up */
};

/* Whether the pair has a plan now, but none with `revised` (manifest_index_revise()) in place of the index's package. Each of
 * the two solves has the step limit; 0: SOLVER_STEP_LIMIT. */
enum matrix_loss matrix_plan_find_loss(const struct manifest_index *index, const struct indexed_package *revised,
                                       const struct matrix_pair *pair, uint64_t step_limit, struct arena *arena);

/* ---- Planning ---- */

/* Makes the plan, in the arena. STATUS_REFUSED: there is none, or the build is obsolete, since the version is gone, or known to
 * build with the compiler by now. STATUS_TOO_LARGE: the solver has given up at the step limit (0: SOLVER_STEP_LIMIT). */
CHECK_RESULT enum status matrix_plan_solve(struct build_plan *out, const struct manifest_index *index,
                                           const struct matrix_pair *pair, uint64_t step_limit, struct arena *arena);

#endif
