/* SPDX-License-Identifier: BSD-3-Clause
 *
 * What is worth building: pairs of a published version and a compiler that it is not known to build with, and for which a plan
 * exists (lib/domain/README.md, Build matrix). Pure; who makes jobs of them is services/build-matrix/planner.
 *
 *   what has happened ───┐
 *   a new compiler ──────┼──► pairs that may have a plan ──► matrix_plan_solve() ──► the plan, or there is none
 *   nothing has happened ┘    (some milliseconds for the     (0.1 ms each: can be done in pieces,
 *   for long: a sweep          whole registry)                the index may change between them)
 *
 * A pair *may* have a plan where each dependency has a published version inside its range that is possible with the compiler,
 * in the sense of lib/domain/README.md, Solver. That costs a thousandth of a solve, and most pairs fail it.
 *
 * All here only read the index: the caller holds the lock of whoever owns it.
 */
#ifndef LIB_DOMAIN_MATRIX_PLAN_H
#define LIB_DOMAIN_MATRIX_PLAN_H

#include <stdbool.h>
#include <stddef.h>

#include "lib/base/arena.h"
#include "lib/domain/build_plan.h"
#include "lib/domain/job.h"
#include "lib/domain/version.h"

struct indexed_package;
struct manifest_index;

struct matrix_pair {
    const char *package;
    struct version version;
    struct version compiler;
    enum matrix_purpose purpose;
};

/* A list that grows; zeroed, an empty one. It has its own copies of the names, so it outlives changes of the index. */
struct matrix_pairs {
    struct matrix_pair *items;
    size_t count, capacity;
    size_t rejected; /* pairs that were looked at and cannot have a plan: they are not in the list */
    struct arena names;
};

void matrix_pairs_release(struct matrix_pairs *pairs); /* empty again */

/* ---- What follows from what has happened ---- */

enum matrix_change_kind {
    MATRIX_PUBLISHED, /* the version is there */
    MATRIX_BUILT,     /* the version was found to build with `compiler`, too */
    MATRIX_REVISED,   /* the version has other bounds */
};

struct matrix_change {
    enum matrix_change_kind kind;
    const char *package;
    struct version version;
    struct version compiler;     /* of MATRIX_BUILT; of the others it has no meaning */
    enum matrix_purpose purpose; /* of what comes of it */
};

/* Adds, once each, for all changes together:
 *   published, revised   the version with every compiler, and its dependants with each that it is possible with
 *   built                its dependants with that compiler
 * Dependants are all whose plan could contain the version: where one is possible with the compiler itself, its own dependants
 * are among them. What is known to build is left out; a change of a version that is not there leads to nothing. Where several
 * changes lead to a pair, it has the most urgent of their purposes. The most urgent pairs come first, then the newest
 * compilers, and of each package the newest versions.
 * `compilers`: the supported ones, ascending; changes about others lead to nothing. */
void matrix_plan_follow(struct matrix_pairs *out, const struct manifest_index *index, const struct matrix_change *changes,
                        size_t change_count, const struct version *compilers, size_t compiler_count);

/* ---- A new compiler ---- */

/* Is it above all those that the newest published prelude is known to build with? False where there is no prelude. */
bool matrix_plan_is_new_compiler(const struct manifest_index *index, struct version compiler);

/* Adds what a wave begins with: the published versions without dependencies, the newest of each package first, then the second
 * newest of each, and so on. */
void matrix_plan_begin_wave(struct matrix_pairs *out, const struct manifest_index *index, struct version compiler);

/* ---- The sweep ---- */

/* How far a sweep has come. Zeroed: at its beginning. */
struct matrix_sweep {
    size_t age;      /* 0: the newest version of each package, 1: the second newest, … */
    size_t compiler; /* 0: the newest compiler */
    size_t package;  /* in alphabetical order */
    bool is_over;
};

/* Looks at the next `look_limit` versions (each with one compiler; a thousand take less than a millisecond), and adds the pairs
 * that may have a plan. First come the newest versions of all packages, each with the newest compilers first. What the index
 * loses or gets between two calls may be met twice or not at all: there is another sweep. */
void matrix_plan_sweep(struct matrix_pairs *out, struct matrix_sweep *sweep, const struct manifest_index *index,
                       const struct version *compilers, size_t compiler_count, size_t look_limit);

/* ---- A change of bounds ---- */

/* Adds the pairs of another published version and a compiler that it is known to build with, of whose plan that version can be
 * a part: its dependants, theirs, and so on. In no order that means anything. */
void matrix_plan_list_dependants(struct matrix_pairs *out, const struct manifest_index *index, const char *package,
                                 struct version version);

/* Has the pair a plan now, and none with `revised` (manifest_index_revise()) in place of the index's package? */
bool matrix_plan_is_lost(const struct manifest_index *index, const struct indexed_package *revised,
                         const struct matrix_pair *pair, struct arena *arena);

/* ---- Planning ---- */

/* The plan, in the arena. False: there is none, or the pair is not worth a build any more: the version is gone, or known to
 * build with the compiler by now. */
bool matrix_plan_solve(struct build_plan *out, const struct manifest_index *index, const struct matrix_pair *pair,
                       struct arena *arena);

#endif
