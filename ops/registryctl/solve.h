/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The questions of `registryctl solve`, one per line of its output, and their answers.
 */
#ifndef OPS_REGISTRYCTL_SOLVE_H
#define OPS_REGISTRYCTL_SOLVE_H

#include <stdbool.h>
#include <stddef.h>

#include "lib/domain/package/manifest.h"

struct manifest_index;
struct text;

enum { SOLVE_THREADS_MAX = 256 };

struct compilers {
    struct version *items; /* ascending */
    size_t count;
};

/* A question; everything is borrowed. */
struct question {
    const char *name;               /* NULL: only `required` */
    struct version version;         /* of `name` */
    const struct version *compiler; /* NULL: any */
    const struct dependency *required;
    size_t required_count;
};

/* Appends the line with the answer; false: there is no plan. */
bool solve_append_answer(struct text *out, const struct manifest_index *index, const struct compilers *compilers,
                         const struct question *question);

/* Appends the line for a version that is not in the index. */
void solve_append_absence(struct text *out, const struct question *question);

/* Solves every published version with each compiler in its metadata, or with `compiler` alone unless that is NULL. Prints
 * the answers by name, version and compiler to standard output, and a line of times to standard error. False: some have no
 * plan. */
bool solve_all(const struct manifest_index *index, const struct compilers *compilers, const struct version *compiler,
               int thread_count);

#endif
