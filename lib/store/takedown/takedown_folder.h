/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Takedown cases on disk: a file DMCA_DIR/REFERENCE.json each, as in lib/domain/takedown/takedown.h, in a folder that only the
 * account of the programs can read. They are the second copy of takedown_store.h, which knows what belongs where.
 */
#ifndef LIB_STORE_TAKEDOWN_TAKEDOWN_FOLDER_H
#define LIB_STORE_TAKEDOWN_TAKEDOWN_FOLDER_H

#include "lib/domain/takedown/takedown.h"

struct takedown_list {
    struct takedown *items;
    size_t count;
};

/* Writes, or replaces, the case's file; it is on disk after STATUS_OK. Makes the folder. STATUS_INTERNAL. */
CHECK_RESULT enum status takedown_folder_write(const char *folder, const struct takedown *takedown, struct error *err);

/* Reads all cases into the arena, in no order; none if there is no folder. STATUS_INTERNAL or STATUS_INVALID name the file. */
CHECK_RESULT enum status takedown_folder_read(const char *folder, struct arena *arena, struct takedown_list *out,
                                              struct error *err);

#endif
