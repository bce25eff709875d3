/* SPDX-License-Identifier: BSD-3-Clause
 *
 * A registry's files, for offline commands. Each of its two repositories is looked up in a folder: NAME.git is a bare git
 * repository, whose branch is read; else NAME is a folder, whose files are read from the disk.
 */
#ifndef OPS_REGISTRYCTL_REGISTRY_FILES_H
#define OPS_REGISTRYCTL_REGISTRY_FILES_H

#include "lib/store/registry/registry_repo.h"

struct manifest_index;

enum registry_part {
    PART_REGISTRY, /* `registry`: metadata/, package-sets/ */
    PART_INDEX,    /* `registry-index` */
    PART_COUNT
};

extern const char *const registry_part_names[PART_COUNT];

/* Visits each plain file below `folder` of a repository (NULL: all), in an order that depends only on the paths. Hidden
 * files and folders are skipped. STATUS_NOT_FOUND: there is no such repository in `registry`. */
CHECK_RESULT enum status registry_files_visit(const char *registry, enum registry_part part, const char *folder,
                                              registry_visit *visit, void *context, struct error *err);

/* The package of a metadata file, in the arena; NULL if the path is not one of these. */
const char *registry_metadata_package(const char *path, struct arena *arena);

/* Loads the whole registry; the caller owns *out. Files that cannot be parsed are skipped, as by the server, and named on
 * stderr. */
CHECK_RESULT enum status registry_files_load(struct manifest_index **out, const char *registry, struct error *err);

#endif
