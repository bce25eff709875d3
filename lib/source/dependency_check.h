/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Do a package's imports agree with the dependencies that it declares (lib/domain/README.md, Publish, step 8)? Goes by the
 * answer of `purs graph` over a folder in which each dependency is at `.registry/NAME-VERSION/`; the package's own files are
 * those elsewhere, or at `.registry/PACKAGE-VERSION/`.
 */
#ifndef LIB_SOURCE_DEPENDENCY_CHECK_H
#define LIB_SOURCE_DEPENDENCY_CHECK_H

#include <jansson.h>
#include <stddef.h>

#include "lib/base/arena.h"
#include "lib/base/error.h"

/* Names, sorted; in the caller's arena. */
struct dependency_findings {
    const char **unused; /* declared, and nothing is imported from it */
    size_t unused_count;
    const char **missing; /* something is imported from it, and it is not declared */
    size_t missing_count;
};

/* STATUS_INTERNAL: `graph` is not what `purs graph` prints. */
CHECK_RESULT enum status dependency_findings_make(struct dependency_findings *out, struct arena *arena, const json_t *graph,
                                                  const char *package, const char *const *declared, size_t declared_count,
                                                  struct error *err);

/* STATUS_REFUSED with a sentence that names them, where there are any. */
CHECK_RESULT enum status dependency_findings_check(const struct dependency_findings *findings, struct error *err);

#endif
