/* SPDX-License-Identifier: BSD-3-Clause
 *
 * For tests and benchmarks: the build matrix in memory, where every build succeeds at once. The planned jobs are built level by
 * level: all jobs of a level have succeeded before the next level is planned.
 */
#ifndef TESTS_SUPPORT_WAVE_H
#define TESTS_SUPPORT_WAVE_H

#include "lib/domain/matrix/matrix_plan.h"

struct manifest_index;

struct wave {
    struct manifest_index *index;
    const struct version *compilers; /* the supported ones, ascending */
    size_t compiler_count;
    size_t jobs, levels; /* so far */
    size_t solves;       /* pairs that might have had a plan; the others were rejected */
    size_t rejected;
};

/* Solves the pairs, and keeps those that have a plan. */
void wave_plan(struct wave *wave, struct matrix_pairs *pairs);

/* Records that all of them build. */
void wave_build(struct wave *wave, const struct matrix_pairs *pairs);

/* Finds the pairs that follow from the builds of `built`; they are not planned yet. */
void wave_follow(struct wave *wave, const struct matrix_pairs *built, struct matrix_pairs *out);

/* Plans and builds `pairs` and all that follows, until there are no more. `pairs` is empty afterwards. */
void wave_run(struct wave *wave, struct matrix_pairs *pairs);

#endif
