/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Checks that a package's imports agree with its declared dependencies (lib/domain/README.md, Publish, step 8). Uses the output
 * of `purs graph` for a folder in which each dependency is at `.registry/NAME-VERSION/`; the package's own files are at
 * `.registry/PACKAGE-VERSION/`, or outside of `.registry`.
 */
#ifndef LIB_SOURCE_DEPENDENCY_CHECK_H
#define LIB_SOURCE_DEPENDENCY_CHECK_H

#include <jansson.h>
#include <stddef.h>

#include "lib/base/arena.h"
#include "lib/base/error.h"

/* Names, sorted; in the caller's arena. */
struct dependency_findings {
    const char **unused; /* declared, but nothing is imported from it */
    size_t unused_count;
    const char **missing; /* imported from, but not declared */
    size_t missing_count;
};

/* Finds both lists. STATUS_INTERNAL: `graph` is malformed. */
CHECK_RESULT enum status dependency_findings_make(struct dependency_findings *out, struct arena *arena, const json_t *graph,
                                                  const char *package, const char *const *declared, size_t declared_count,
                                                  struct error *err);

/* STATUS_REFUSED, with a sentence that names them, if there are findings. */
CHECK_RESULT enum status dependency_findings_check(const struct dependency_findings *findings, struct error *err);

#endif
