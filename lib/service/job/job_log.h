/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The log lines of a run that are not in Redis yet (lib/store/job/log_stream.h describes the stream there). Adding a line costs
 * the handler no round trip, and an outage of Redis loses none: lines are buffered here, with numbers that make a repeated
 * write count once.
 */
#ifndef LIB_SERVICE_JOB_JOB_LOG_H
#define LIB_SERVICE_JOB_JOB_LOG_H

#include "lib/base/log.h"
#include "lib/store/job/job_store.h"

struct job_log;

/* `attempt` is stored with each line. Once a run has added as many lines or bytes as a log may have, only the newest lines are
 * buffered, at least as many as the log's tail has (lib/store/job/log_line.h), because Redis would drop the others, too: so the limits bound the
 * memory, and lines are written no faster than the tail needs. The numbers of dropped lines are left out. */
struct job_log *job_log_create(int attempt, int64_t limit_lines, int64_t limit_bytes);
void job_log_free(struct job_log *log);

/* Takes ownership of `message`, which must come from malloc(). Any thread; never waits for Redis. */
void job_log_add(struct job_log *log, enum log_level level, char *message);

/* Writes the lines that were added before the call. On a failure the rest stays buffered for a later call; STATUS_STALE
 * discards all lines, also those added later. One thread at a time. */
CHECK_RESULT enum status job_log_write(struct job_log *log, struct job_store *store, const struct lease *lease,
                                       struct error *err);

#endif
