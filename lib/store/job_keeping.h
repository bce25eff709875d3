/* SPDX-License-Identifier: BSD-3-Clause
 *
 * How long jobs stay in Redis, and where they are read from (lib/store/README.md, Keeping). A finished job moves to the storage
 * folder with its log when its time is over: first it is there, whole and read back, then it leaves Redis in one step. What
 * owners and trustees did stays in Redis for good. Lists of jobs (job_store_list) show only what is in Redis.
 *
 * What must outlive a job stays in Redis by itself: replays, verdicts, unpublished versions, and the duplicate key of a
 * publication that succeeded, so that the same request is still answered with the old id.
 */
#ifndef LIB_STORE_JOB_KEEPING_H
#define LIB_STORE_JOB_KEEPING_H

#include "lib/store/job_store.h"
#include "lib/store/log_stream.h"

/* Moves up to `limit` jobs whose time is over; *moved says how many, also after a failure. A job that cannot be moved does not
 * hold up the others. STATUS_BUSY: another process is at it. */
CHECK_RESULT enum status job_keeping_move(struct job_store *store, const char *storage_dir, const struct job_periods *periods,
                                          size_t limit, size_t *moved, struct error *err);

/* The job, and the lines that `query` asks for (NULL: none, and `lines` may be NULL), from Redis or else from storage: as
 * job_store_get() and log_stream_read(). A finished job has all its lines, also when it moves just now. */
CHECK_RESULT enum status job_keeping_read(struct job_store *store, const char *storage_dir, const char *id,
                                          const struct log_query *query, struct arena *arena, struct job *job,
                                          struct log_lines *lines, struct error *err);

#endif
