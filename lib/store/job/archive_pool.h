/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The files of archived jobs that were read last, kept open, each with its index and the block unpacked last: for a client that
 * reads a log in parts, from one end to the other, each block is unpacked once. One pool in a process, of a bounded size; for
 * all threads.
 */
#ifndef LIB_STORE_JOB_ARCHIVE_POOL_H
#define LIB_STORE_JOB_ARCHIVE_POOL_H

#include "lib/store/job/archive_blocks.h"

enum { ARCHIVE_POOL_FILES = 4 };

/* Opens the file, or takes it from the pool, if it is still the same file; archive_pool_return() must follow. Failures are those of
 * archive_blocks_open(). */
CHECK_RESULT enum status archive_pool_take(struct archive_blocks **out, const char *path, struct error *err);

/* `may_keep`: the next reader is likely to go on from there. The file kept longest makes room. */
void archive_pool_return(struct archive_blocks *blocks, bool may_keep);

#endif
