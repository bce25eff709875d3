/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The files of a build store entry (lib/tools/purs/build_store.h): copying the compiler's output into an entry, and verifying
 * an entry against its entry.json. All access is relative to open folders and follows no links.
 *
 * The compiler trusts time stamps (files with equal ones are not compared, newer ones are compiled again), so they count as
 * content: all are 0, and an entry with any other is damaged.
 */
#ifndef LIB_TOOLS_PURS_BUILD_ENTRY_FILES_H
#define LIB_TOOLS_PURS_BUILD_ENTRY_FILES_H

#include <time.h>

#include "lib/tools/purs/build_entry.h"

#define ENTRY_JSON "entry.json"
#define ENTRY_OUTPUT "output"
#define ENTRY_USED "used"

enum entry_state {
    ENTRY_WHOLE,
    ENTRY_DAMAGED,    /* the error says how */
    ENTRY_UNREADABLE, /* a fault of this process, not of the entry: no memory, no file descriptors */
};

/* Changes whenever a file or folder of the entry does, in content or metadata (`used` excepted): a hash over the sizes,
 * modes, times and inodes of all of them. */
struct entry_stamp {
    unsigned char bytes[SHA256_BYTES];
    struct timespec newest; /* the newest ctime: when the entry was last changed */
};

/* The disk space of a file of this size: rounded up to whole blocks. */
int64_t build_entry_disk_bytes(int64_t size_bytes);

/* Copies the files of `from`/MODULE to the new folder `to`/MODULE: read-only, time stamp 0, not flushed to the disk. Fills
 * `content` (sorted by name) and adds to *disk_bytes. STATUS_REFUSED: there is no such folder, or it holds something other
 * than plain files; STATUS_TOO_LARGE; STATUS_INTERNAL. */
CHECK_RESULT enum status build_entry_copy_module(struct entry_module *content, int to, int from, const char *module,
                                                 struct arena *arena, int64_t *disk_bytes, struct error *err);

/* Writes a file into an open folder: read-only, time stamp 0. */
CHECK_RESULT enum status build_entry_write(int folder, const char *name, const void *bytes, size_t length, struct error *err);

/* Appends the content of a plain file in an open folder. False, with errno: it is missing, no plain file, or over the limit
 * (EFBIG). */
bool build_entry_read(struct text *out, int folder, const char *name, int64_t limit_bytes);

/* Appends the content of entry.json. */
enum entry_state build_entry_read_json(struct text *out, int entry, struct error *err);

/* The entry's disk space according to its file `used`; 0 if that holds no number. */
int64_t build_entry_read_disk_bytes(int entry);

/* Checks sizes, types, modes and times of everything in the record, without opening files. */
enum entry_state build_entry_inspect(struct entry_stamp *out, int entry, const struct entry_record *record, struct error *err);

/* Reads all files: their contents must match the record, and nothing else may be there. */
enum entry_state build_entry_verify(int entry, const struct entry_record *record, struct error *err);

#endif
