/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Checks the free space on the disk of a folder. A write to a full disk fails by itself; this check distinguishes a full disk
 * from other causes (a child process that failed without a reason), and /readyz reports it.
 */
#ifndef LIB_BASE_DISK_H
#define LIB_BASE_DISK_H

#include "lib/base/error.h"

enum { DISK_LEAST_BYTES = 16 << 20 }; /* with less, nothing useful can be written */

/* STATUS_INTERNAL if the folder is missing or not writable, or its disk has less than DISK_LEAST_BYTES available to this user
 * or no free inodes. The message names the folder, after `setting` if that is not NULL. */
CHECK_RESULT enum status disk_check(const char *setting, const char *folder, struct error *err);

#endif
