/* SPDX-License-Identifier: BSD-3-Clause
 *
 * One file of the index repository: the manifests of one package, one per line, ascending by version (lib/domain/README.md,
 * Index). Changes keep all other lines byte for byte, even those that this server would print differently.
 */
#ifndef LIB_DOMAIN_REGISTRY_INDEX_FILE_H
#define LIB_DOMAIN_REGISTRY_INDEX_FILE_H

#include <stdbool.h>
#include <stddef.h>

#include "lib/domain/package/manifest.h"
#include "lib/domain/package/package_name.h"

enum { INDEX_PATH_MAX = PACKAGE_NAME_MAX + 8 }; /* with the NUL */

/* `prelude` is at `pr/el/prelude`. `name` must be valid. */
void index_file_path(const char *name, char out[INDEX_PATH_MAX]);

/* The package whose file is at `path`, borrowed from `path`; NULL if `path` is not that of an entry. */
const char *index_file_package(const char *path);

/* All manifests of a file, in the arena, sorted by version. Each must be of package `name`, no version twice. STATUS_INVALID
 * names package and line. */
CHECK_RESULT enum status index_file_parse(struct manifest **out, size_t *count, const char *name, const char *bytes,
                                          size_t length, struct arena *arena, struct error *err);

/* Appends to `out` the file `bytes` (empty if there is no file yet) with this manifest added; a line of the same version is
 * replaced. STATUS_INVALID if a line of the file cannot be read, or released clients could not read the manifest
 * (manifest_check_readable()). */
CHECK_RESULT enum status index_file_put(struct text *out, const char *bytes, size_t length, const struct manifest *manifest,
                                        struct error *err);

/* Appends to `out` the file without that version; if nothing is appended, the caller must delete the file. STATUS_NOT_FOUND if
 * the version is not in it, STATUS_INVALID if a line cannot be read. */
CHECK_RESULT enum status index_file_remove(struct text *out, const char *name, const char *bytes, size_t length,
                                           struct version version, struct error *err);

#endif
