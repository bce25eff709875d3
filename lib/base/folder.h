/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Folders and small files: creating, locking and removing folders; reading and writing whole files.
 */
#ifndef LIB_BASE_FOLDER_H
#define LIB_BASE_FOLDER_H

#include <stdbool.h>
#include <stddef.h>

#include "lib/base/error.h"
#include "lib/base/text.h"

/* Creates the folder and its parents, mode 0755; an existing one is fine. STATUS_INTERNAL names the folder and the reason. */
CHECK_RESULT enum status folder_make(const char *path, struct error *err);

/* Tells the file system to spread this folder's subfolders over the disk (FS_TOPDIR_FL), for a folder in which many unrelated
 * ones are created and removed. (ext4 looks for a free inode near the folder's others and skips those freed in the last
 * seconds: with a thousand files created and removed per second in one place, that search dominates the CPU time.) Failures
 * are ignored. */
void folder_spread(const char *path);

/* Removes the folder (or file) with its content, without following links; a missing one is fine. A failure is logged, and the
 * rest is left. */
void folder_remove(const char *path);

/* Syncs the folder itself, i.e. the names of files that were created or renamed in it; false, with errno, on failure. */
bool folder_sync(const char *path);

/* Creates the folder if it is missing and locks it for this process, until *file (-1 after a failure) is closed. Waits up to
 * CLAIM_WAIT_MS for a process that is ending. STATUS_BUSY: another process holds the lock; STATUS_INTERNAL. */
CHECK_RESULT enum status folder_claim(int *file, const char *path, struct error *err);

/* Appends the file's content. STATUS_NOT_FOUND, STATUS_INTERNAL; STATUS_TOO_LARGE above `limit_bytes`. */
CHECK_RESULT enum status file_read(const char *path, size_t limit_bytes, struct text *out, struct error *err);

/* The same for files left in `folder` by a process that handles untrusted input (the compiler): no symbolic link is followed,
 * neither at the end of `path` nor on the way, and only a regular file with one hard link is read; else STATUS_REFUSED. */
CHECK_RESULT enum status file_read_below(const char *folder, const char *path, size_t limit_bytes, struct text *out,
                                         struct error *err);

/* Opens `path` below the open folder, with flags of open() except those that create a file. Symbolic links are followed as long
 * as they stay below the folder. -1 with errno; EXDEV or ELOOP if a link leads out of it. */
int file_open_below(int folder, const char *path, int flags);

/* Replaces the file atomically and durably: writes and syncs PATH.new, renames it, syncs the folder.
 * Of several writers at once, of any process, the last one's content stays. STATUS_INTERNAL. */
CHECK_RESULT enum status file_write(const char *path, const void *bytes, size_t length, struct error *err);

/* The same for a file that is written in parts, by one writer at a time. A crash before the end leaves PATH as it was. */
struct file_draft {
    struct text path, beside;
    int file; /* of PATH.new */
};

/* file_draft_release() must follow in any case; before file_draft_publish() has succeeded, it removes what was written. */
CHECK_RESULT enum status file_draft_open(struct file_draft *draft, const char *path, struct error *err);
CHECK_RESULT enum status file_draft_append(struct file_draft *draft, const void *bytes, size_t length, struct error *err);
CHECK_RESULT enum status file_draft_publish(struct file_draft *draft, struct error *err);
void file_draft_release(struct file_draft *draft);

/* Writes all bytes to the open file; false, with errno, on failure. */
bool file_write_all(int file, const void *bytes, size_t length);

#endif
