/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The runner's thread that keeps Redis small: it moves finished jobs whose retention period is over to the storage folder, and
 * trims the stream of events. It has a connection of its own, since a slow disk must not delay the lease thread, which
 * renews leases. A round moves at most JOBS_PER_ROUND jobs, to limit the load; it is skipped while another process moves jobs.
 */
#include "lib/service/job/job_slot.h"
#include "lib/store/job/job_retention.h"
#include "lib/store/redis/events.h"

enum {
    JOBS_PER_ROUND = 16,
    PAUSE_MS = 1000,       /* while more jobs are due */
    PAUSE_LONG_MS = 60000, /* otherwise, and after a failure */
    LEAST_MS = 60000,      /* minimum stay after a job's end, also when memory is short: readers must see the end */
};
static const int64_t day_ms = 24 * 60 * 60 * 1000;

/* True: more jobs may be due. */
static bool move_jobs(struct job_runner *runner) {
    const struct settings *settings = runner->settings;
    const struct job_periods periods = {
        .matrix_ms = settings->matrix_retention_days * day_ms,
        .other_ms = settings->retention_days * day_ms,
        .least_ms = LEAST_MS,
    };
    struct error err;
    size_t moved = 0;
    enum status status =
        job_retention_move(runner->retention_store, settings->storage_dir, &periods, JOBS_PER_ROUND, &moved, &err);
    if (moved > 0) log_line(LOG_INFO, "jobs_archived", log_field("count", moved));
    if (status && status != STATUS_BUSY && !job_store_is_away(status))
        log_line(LOG_ERROR, "job_archive_failed", log_field("error", err.message));
    return !status && moved == JOBS_PER_ROUND;
}

static void trim_events(struct job_runner *runner) {
    struct error err;
    size_t removed = 0;
    enum status status = events_trim(runner->retention_store, &removed, &err);
    if (removed > 0) log_line(LOG_DEBUG, "events_removed", log_field("count", removed));
    if (status && !job_store_is_away(status)) log_line(LOG_ERROR, "event_trim_failed", log_field("error", err.message));
}

void job_retention_thread(void *context) {
    struct job_runner *runner = context;
    int64_t pause_ms;
    do {
        trim_events(runner);
        pause_ms = move_jobs(runner) ? PAUSE_MS : PAUSE_LONG_MS;
    } while (thread_pause(&runner->retention, pause_ms));
}
