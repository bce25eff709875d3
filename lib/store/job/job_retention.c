/* SPDX-License-Identifier: BSD-3-Clause */
#include "lib/store/job/job_retention.h"

#include <limits.h>

#include "lib/store/job/job_archive.h"
#include "lib/store/redis/lock.h"

enum { LOCK_HOLD_MS = 300000 /* far longer than a call takes; if its holder is killed, no jobs move for that long */ };

static const struct log_query whole_log = {.level = LOG_DEBUG, .limit = INT_MAX};

/* ---- Moving ---- */

/* Reads the document back and compares it with the job. */
static enum status check_archived(const char *storage_dir, const struct job *job, const struct log_lines *lines,
                                  struct arena *arena, struct error *err) {
    struct job archived;
    struct log_lines archived_lines;
    enum status status = job_archive_read(storage_dir, job->id, &whole_log, arena, &archived, &archived_lines, err);
    if (status) return status;
    if (archived.finished_ms == job->finished_ms && archived_lines.count == lines->count) return STATUS_OK;
    return error_set(err, STATUS_INTERNAL, "The archived job %s differs from the one that was written.", job->id);
}

/* The log is read before the job: if the job is still there afterwards, the log was complete. (Otherwise a job that another
 * process has just moved would be archived with an empty log.) */
static enum status move_job(struct job_store *store, const char *storage_dir, const char *id, struct error *err) {
    struct arena arena = {0};
    struct job job;
    struct log_lines lines;
    enum status status = log_stream_read(store, id, &whole_log, &arena, &lines, err);
    if (!status) status = job_store_get(store, id, &arena, &job, err);
    if (!status) status = job_archive_write(storage_dir, &job, &lines, err);
    if (!status) status = check_archived(storage_dir, &job, &lines, &arena, err);
    if (!status) status = job_store_forget(store, id, err);
    arena_release(&arena);
    return status;
}

static enum status move_jobs(struct job_store *store, const char *storage_dir, const struct job_periods *periods, size_t limit,
                             size_t *moved, struct error *err) {
    struct arena arena = {0};
    const char **ids = NULL;
    size_t count = 0;
    enum status status = job_store_list_aged(store, periods, limit, &arena, &ids, &count, err);
    for (size_t i = 0; i < count && !status_is_temporary(status); i++) {
        struct error problem;
        enum status result = move_job(store, storage_dir, ids[i], &problem);
        if (!result) ++*moved;
        if (!result || result == STATUS_NOT_FOUND) continue; /* another process has just moved it */
        status = result;
        if (err) *err = problem;
    }
    arena_release(&arena);
    return status;
}

enum status job_retention_move(struct job_store *store, const char *storage_dir, const struct job_periods *periods,
                               size_t limit, size_t *moved, struct error *err) {
    struct lock lock;
    *moved = 0;
    enum status status = lock_take(store, "keeping", LOCK_HOLD_MS, 0, &lock, err);
    if (status) return status;
    status = move_jobs(store, storage_dir, periods, limit, moved, err);
    struct error problem;
    enum status released = lock_release(store, &lock, &problem);
    if (status || !released) return status;
    if (err) *err = problem;
    return released;
}

/* ---- Reading ---- */

static enum status read_from_redis(struct job_store *store, const char *id, const struct log_query *query, struct arena *arena,
                                   struct job *job, struct log_lines *lines, struct error *err) {
    enum status status = job_store_get(store, id, arena, job, err);
    if (status || !query) return status;
    status = log_stream_read(store, id, query, arena, lines, err);
    if (status || !job_state_is_finished(job->state)) return status;
    return job_store_get(store, id, arena, job, err); /* not found: it has moved meanwhile, and the log may be incomplete */
}

enum status job_retention_read(struct job_store *store, const char *storage_dir, const char *id, const struct log_query *query,
                               struct arena *arena, struct job *job, struct log_lines *lines, struct error *err) {
    enum status status = read_from_redis(store, id, query, arena, job, lines, err);
    if (status != STATUS_NOT_FOUND) return status;
    return job_archive_read(storage_dir, id, query, arena, job, lines, err);
}
