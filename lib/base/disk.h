/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Whether there is room on the disk of a folder of ours. What is written there meets a full disk by itself; this is for whoever
 * has to tell it from other reasons (a program that ended in an unknown way), and for /readyz.
 */
#ifndef LIB_BASE_DISK_H
#define LIB_BASE_DISK_H

#include "lib/base/error.h"

enum { DISK_LEAST_BYTES = 16 << 20 }; /* with less, nothing that is worth mentioning can be done there */

/* STATUS_INTERNAL, with a sentence that names the folder, and before it `setting` where that is not NULL: its disk has less
 * than DISK_LEAST_BYTES for us, no more files, or cannot be written to. Also where the folder is not there. */
CHECK_RESULT enum status disk_check(const char *setting, const char *folder, struct error *err);

#endif
