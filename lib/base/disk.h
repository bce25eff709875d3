/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Checks whether there is room on the disk of a folder. A write to a full disk fails by itself; this check tells a full disk
 * from other causes (a program that ended in an unknown way), and is shown by /readyz.
 */
#ifndef LIB_BASE_DISK_H
#define LIB_BASE_DISK_H

#include "lib/base/error.h"

enum { DISK_LEAST_BYTES = 16 << 20 }; /* with less, nothing useful can be written */

/* STATUS_INTERNAL, with a sentence that names the folder, and before it `setting` where that is not NULL: its disk has less
 * than DISK_LEAST_BYTES for us, no more files, or cannot be written to. Also where the folder is not there. */
CHECK_RESULT enum status disk_check(const char *setting, const char *folder, struct error *err);

#endif
