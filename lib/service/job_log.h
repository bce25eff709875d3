/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The lines that a run has said and that are not in Redis yet (lib/store/log_stream.h is what is there). Saying a line costs
 * the handler no round trip, and an outage of Redis loses none: lines wait here, with numbers that make a repeated write count
 * once.
 */
#ifndef LIB_SERVICE_JOB_LOG_H
#define LIB_SERVICE_JOB_LOG_H

#include "lib/base/log.h"
#include "lib/store/job_store.h"

struct job_log;

/* `attempt` is written with each line. What goes over a limit is dropped here but for the line that shows Redis that it was
 * reached, so that no more waits in memory than may be kept. */
struct job_log *job_log_create(int attempt, int64_t limit_lines, int64_t limit_bytes);
void job_log_free(struct job_log *log);

/* Takes the text over, which free() must be able to free. Any thread; never waits for Redis. */
void job_log_add(struct job_log *log, enum log_level level, char *message);

/* Writes what was added before the call. On a failure the rest stays and can be written later; after STATUS_STALE nothing is
 * kept any more. One thread at a time. */
CHECK_RESULT enum status job_log_write(struct job_log *log, struct job_store *store, const struct lease *lease,
                                       struct error *err);

#endif
