/* SPDX-License-Identifier: BSD-3-Clause
 *
 * One file of the index repository: the manifests of one package, one a line, ascending by version (lib/domain/README.md,
 * Index). Changes keep the bytes of all other lines, so that no line is ever rewritten because we would print it differently.
 */
#ifndef LIB_DOMAIN_INDEX_FILE_H
#define LIB_DOMAIN_INDEX_FILE_H

#include <stdbool.h>
#include <stddef.h>

#include "lib/domain/manifest.h"
#include "lib/domain/package_name.h"

enum { INDEX_PATH_MAX = PACKAGE_NAME_MAX + 8 }; /* with the NUL */

/* `prelude` is at `pr/el/prelude`. `name` is a valid name. */
void index_file_path(const char *name, char out[INDEX_PATH_MAX]);

/* The package that the file at `path` belongs to: borrowed from `path`; NULL where it is no path of an entry. */
const char *index_file_package(const char *path);

/* All manifests of a file, in the arena, sorted by version. Each must be of package `name`, no version twice. STATUS_INVALID
 * names package and line. */
CHECK_RESULT enum status index_file_parse(struct manifest **out, size_t *count, const char *name, const char *bytes,
                                          size_t length, struct arena *arena, struct error *err);

/* Appends to `out` the file `bytes` (may be empty: no file yet) with this manifest in it, in the place of its version: a line
 * of the same version is replaced. STATUS_INVALID where a line of the file cannot be read. */
CHECK_RESULT enum status index_file_put(struct text *out, const char *bytes, size_t length, const struct manifest *manifest,
                                        struct error *err);

/* Appends to `out` the file without that version. Nothing appended: the file is to be deleted. STATUS_NOT_FOUND where the
 * version is not in it. */
CHECK_RESULT enum status index_file_remove(struct text *out, const char *name, const char *bytes, size_t length,
                                           struct version version, struct error *err);

#endif
