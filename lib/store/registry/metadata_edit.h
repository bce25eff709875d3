/* SPDX-License-Identifier: BSD-3-Clause
 *
 * A package's metadata file in a change to the registry repository: parses its current content, and writes the edited metadata
 * back (registry_edit_function). The caller makes the change itself.
 */
#ifndef LIB_STORE_REGISTRY_METADATA_EDIT_H
#define LIB_STORE_REGISTRY_METADATA_EDIT_H

#include "lib/domain/registry/metadata.h"
#include "lib/store/registry/registry_repo.h"

/* STATUS_INTERNAL: the package has no such file (any more), or it cannot be parsed. */
CHECK_RESULT enum status metadata_edit_read(struct metadata *out, const char *package, const struct registry_file *current,
                                            struct arena *arena, struct error *err);

void metadata_edit_write(struct registry_edit *out, const struct metadata *metadata, struct arena *arena);

#endif
