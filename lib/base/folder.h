/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Folders and small files of our own: made, removed, read and written whole.
 */
#ifndef LIB_BASE_FOLDER_H
#define LIB_BASE_FOLDER_H

#include <stdbool.h>
#include <stddef.h>

#include "lib/base/error.h"

struct text;

/* Makes the folder and those above it, mode 0755; fine where it is there. STATUS_INTERNAL names it and the reason. */
CHECK_RESULT enum status folder_make(const char *path, struct error *err);

/* A hint to the file system, for a folder in which many others come and go: those have little to do with each other, and are
 * best spread over the disk. (ext4 looks for a free inode near the folder's others, and passes over all that were freed in the
 * last seconds: where a thousand files a second come and go in one place, that is most of what the machine does.) */
void folder_spread(const char *path);

/* Removes the folder with all that is in it, never following links; fine where there is none. What cannot be removed is logged
 * and left. */
void folder_remove(const char *path);

/* Brings what was made or renamed in the folder onto the disk; false, with errno, where that cannot be done. */
bool folder_sync(const char *path);

/* Makes the folder where it is missing, and takes it for this process until it closes *file (-1 after a failure). Waits a
 * little for a process that is ending. STATUS_BUSY: another one has it. */
CHECK_RESULT enum status folder_claim(int *file, const char *path, struct error *err);

/* Appends the file's content. STATUS_NOT_FOUND, STATUS_INTERNAL; STATUS_TOO_LARGE above `limit_bytes`. */
CHECK_RESULT enum status file_read(const char *path, size_t limit_bytes, struct text *out, struct error *err);

/* The same for what strangers' code left in `folder` (the compiler, which works on what anybody may send): no link is followed,
 * neither at the end of `path` nor on the way, and only a plain file with one name is read. STATUS_REFUSED where that is what
 * it is not. */
CHECK_RESULT enum status file_read_below(const char *folder, const char *path, size_t limit_bytes, struct text *out,
                                         struct error *err);

/* Opens what is at `path` below the open folder, with the flags of open() but those that make a file: links are followed as long
 * as they stay below it. -1 with errno: EXDEV, ELOOP where they do not. */
int file_open_below(int folder, const char *path, int flags);

/* Writes the file whole, in place of one that is there, and on the disk when it answers: beside it first, then renamed. */
CHECK_RESULT enum status file_write(const char *path, const void *bytes, size_t length, struct error *err);

/* Writes all of it to the open file; false, with errno. */
bool file_write_all(int file, const void *bytes, size_t length);

#endif
