/* SPDX-License-Identifier: BSD-3-Clause
 *
 * For tests: registries in memory, small ones written down as rows, and the real one from the folder of shared test data.
 */
#ifndef TESTS_SUPPORT_SMALL_REGISTRY_H
#define TESTS_SUPPORT_SMALL_REGISTRY_H

#include <stdbool.h>
#include <stddef.h>

#include "lib/base/arena.h"
#include "lib/domain/registry/manifest_index.h"
#include "lib/domain/registry/package_set.h"

/* A row is `NAME VERSION [COMPILER …] NAME RANGE, NAME RANGE, …`; without compilers (`[]`) the version is not published. Rows
 * of the same package are adjacent. A malformed row ends the program. */
struct manifest_index *small_registry_create(const char *const *rows, size_t row_count);

/* `NAME RANGE, NAME RANGE, …` as dependencies, in the arena. */
struct dependency *small_registry_dependencies(const char *text, size_t *count, struct arena *arena);

/* One manifest with dependencies in that form, in the arena. */
struct manifest small_registry_manifest(const char *name, const char *version, const char *dependencies, struct arena *arena);

/* The package set 1.0.0 for compiler 0.15.15 with the members `NAME VERSION NAME VERSION …`, in the arena. */
struct package_set small_package_set(const char *members, struct arena *arena);

/* The real registry of one day, from the folder REGISTRY_DATA (or, where that is not set, ../shared/data beside the sources).
 * NULL, and a message on standard output, if there is none. */
struct manifest_index *real_registry_create(void);

/* A package set of the real registry. False, and a message on standard output, if there is no such data. */
bool real_package_set_read(struct package_set *out, const char *version, struct arena *arena);

/* Every compiler in any metadata, ascending, in the arena. */
struct version *registry_compilers(const struct manifest_index *index, size_t *count, struct arena *arena);

#endif
