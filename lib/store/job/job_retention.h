/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The retention of jobs in Redis, and where they are read from (lib/store/README.md, Keeping). A finished job moves to the
 * storage folder with its log when its time is over: first it is written there and read back, then it leaves Redis in one step.
 * Jobs of owners and trustees stay in Redis for good. Lists of jobs (job_store_list) show only jobs in Redis.
 *
 * Facts that must outlive a job have keys of their own in Redis: replays, verdicts, unpublished versions, and the duplicate key
 * of a publication that succeeded, so that the same request still gets the old id.
 */
#ifndef LIB_STORE_JOB_JOB_RETENTION_H
#define LIB_STORE_JOB_JOB_RETENTION_H

#include "lib/store/job/job_store.h"
#include "lib/store/job/log_stream.h"

/* Moves up to `limit` jobs whose time is over; *moved is their number, also after a failure. A job that cannot be moved does
 * not hold up the others, unless Redis is unreachable. STATUS_BUSY: another process is moving jobs. */
CHECK_RESULT enum status job_retention_move(struct job_store *store, const char *storage_dir, const struct job_periods *periods,
                                            size_t limit, size_t *moved, struct error *err);

/* Reads the job, and the lines that `query` selects (NULL: none, and `lines` may be NULL), from Redis or else from storage: as
 * job_store_get() and log_stream_read(). A finished job has all its lines, also while it is being moved. */
CHECK_RESULT enum status job_retention_read(struct job_store *store, const char *storage_dir, const char *id,
                                            const struct log_query *query, struct arena *arena, struct job *job,
                                            struct log_lines *lines, struct error *err);

#endif
