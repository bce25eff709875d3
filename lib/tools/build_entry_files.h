/* SPDX-License-Identifier: BSD-3-Clause
 *
 * An entry of the build store (lib/tools/build_store.h) as files: copying what the compiler wrote into one, and seeing whether
 * one is what its entry.json says. Everything goes by open folders, never through a link.
 *
 * The compiler believes in times (an equal one is not looked behind, a newer one compiles again), so time stamps count as
 * content: all are 0, and an entry where one is not is damaged.
 */
#ifndef LIB_TOOLS_BUILD_ENTRY_FILES_H
#define LIB_TOOLS_BUILD_ENTRY_FILES_H

#include <time.h>

#include "lib/tools/build_entry.h"

#define ENTRY_JSON "entry.json"
#define ENTRY_OUTPUT "output"
#define ENTRY_USED "used"

enum entry_state {
    ENTRY_WHOLE,
    ENTRY_DAMAGED,    /* the error says how */
    ENTRY_UNREADABLE, /* that is our trouble, not the entry's: no memory, no file descriptors */
};

/* What changes when any file or folder of an entry does, in content or otherwise (but for `used`): made of the sizes, modes,
 * times and inodes of all of them. */
struct entry_stamp {
    unsigned char bytes[SHA256_BYTES];
    struct timespec newest; /* of all ctimes: when the entry was touched last */
};

/* What so many bytes take up: whole blocks, as the disk counts. */
int64_t build_entry_disk_bytes(int64_t size_bytes);

/* Copies the files of `from`/MODULE to `to`/MODULE, which is made: read-only, time stamp 0, none of it flushed to the disk.
 * Fills `content` (sorted by name) and adds to *disk_bytes. STATUS_REFUSED: there is no such folder, or something in it is no
 * plain file; STATUS_TOO_LARGE; STATUS_INTERNAL. */
CHECK_RESULT enum status build_entry_copy_module(struct entry_module *content, int to, int from, const char *module,
                                                 struct arena *arena, int64_t *disk_bytes, struct error *err);

/* Writes a file into an open folder: read-only, time stamp 0. */
CHECK_RESULT enum status build_entry_write(int folder, const char *name, const void *bytes, size_t length, struct error *err);

/* Appends the content of a plain file in an open folder. False, with errno: it is not there, not one, or over the limit. */
bool build_entry_read(struct text *out, int folder, const char *name, int64_t limit_bytes);

/* Appends the content of entry.json. */
enum entry_state build_entry_read_json(struct text *out, int entry, struct error *err);

/* How much the entry takes up, as `used` in its folder says; 0 where that says nothing. */
int64_t build_entry_read_disk_bytes(int entry);

/* Looks at the sizes, kinds, modes and times of all that the record names, without opening anything. */
enum entry_state build_entry_look(struct entry_stamp *out, int entry, const struct entry_record *record, struct error *err);

/* Reads everything: all contents are those of the record, and nothing else is there. */
enum entry_state build_entry_verify(int entry, const struct entry_record *record, struct error *err);

#endif
