/* SPDX-License-Identifier: BSD-3-Clause
 *
 * A job's log: one Redis stream per job (lib/store/README.md, Log). A line's stream id is its time (milliseconds, strictly
 * increasing within the job, so that a client that pages by time misses nothing) and its ordinal, its number in the whole log.
 * Secrets are blanked here, before a line leaves the process.
 */
#ifndef LIB_STORE_JOB_LOG_STREAM_H
#define LIB_STORE_JOB_LOG_STREAM_H

#include "lib/store/job/job_store.h"
#include "lib/store/job/log_line.h"

/* Appends the lines in one step, under the lease (STATUS_STALE: it is lost). When the log is over a limit, its oldest lines after
 * the head are removed. A line of the tail that is larger than the tail may be is cut. A jump in the numbers of an attempt counts
 * as lines that were left out. */
CHECK_RESULT enum status log_stream_append(struct job_store *store, const struct lease *lease, const struct log_line *lines,
                                           size_t count, int64_t limit_lines, int64_t limit_bytes, struct error *err);

/* Reads lines from Redis, at the cost of those that are read, wherever they are in the log. Where lines are left out, since the
 * log became too long, a line at WARN says so (log_selection.h). */
CHECK_RESULT enum status log_stream_read(struct job_store *store, const char *job_id, const struct log_query *query,
                                         struct arena *arena, struct log_lines *out, struct error *err);

#endif
