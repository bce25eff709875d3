/* SPDX-License-Identifier: BSD-3-Clause */
#include "lib/store/job/job_retention.h"

#include <string.h>

#include "lib/store/job/job_archive.h"
#include "lib/store/redis/lock.h"

enum { LOCK_HOLD_MS = 300000 /* far longer than a call takes; if its holder is killed, no jobs move for that long */ };

enum { WINDOW_LINES = 1000 /* read at a time, so that no long log is in memory */ };

/* ---- Moving ---- */

/* A count and a checksum (FNV-1a) of lines, to compare a log with its copy. */
struct log_sum {
    size_t count;
    uint64_t sum;
};

static void add_bytes(struct log_sum *sum, const void *bytes, size_t length) {
    const unsigned char *at = bytes;
    for (size_t i = 0; i < length; i++)
        sum->sum = (sum->sum ^ at[i]) * UINT64_C(0x100000001B3);
}

static void add_lines(struct log_sum *sum, const struct log_lines *lines) {
    for (size_t i = 0; i < lines->count; i++) {
        const struct log_line *line = &lines->lines[i];
        const int64_t numbers[] = {line->time_ms, line->ordinal, line->level, line->attempt, line->number};
        add_bytes(sum, numbers, sizeof numbers);
        add_bytes(sum, line->message, strlen(line->message) + 1);
    }
    sum->count += lines->count;
}

/* Begins to read a log in windows, without the lines that are not stored. */
static struct log_query first_window(void) {
    return (struct log_query){.level = LOG_DEBUG, .limit = WINDOW_LINES, .only_stored = true};
}

/* False: that was the last window. */
static bool next_window(struct log_query *query, const struct log_lines *lines) {
    if (lines->count == 0) return false;
    const struct log_line *last = &lines->lines[lines->count - 1];
    query->after = (struct log_cursor){last->time_ms, last->ordinal};
    return lines->cut;
}

static enum status copy_lines(struct job_store *store, const char *id, struct archive_writer *writer, struct log_sum *sum,
                              struct error *err) {
    struct log_query query = first_window();
    enum status status = STATUS_OK;
    for (bool goes_on = true; goes_on && !status;) {
        struct arena arena = {0};
        struct log_lines lines;
        status = log_stream_read(store, id, &query, &arena, &lines, err);
        if (!status) status = job_archive_add(writer, &lines, err);
        if (!status) add_lines(sum, &lines);
        goes_on = !status && next_window(&query, &lines);
        arena_release(&arena);
    }
    return status;
}

/* Writes the document. The job is read again after its log: if it is still there, the log was complete. (Otherwise a job that
 * another process has just moved would be archived with a part of its log.) */
static enum status write_archive(struct job_store *store, const char *storage_dir, const struct job *job, struct log_sum *sum,
                                 struct error *err) {
    struct arena arena = {0};
    struct archive_writer writer;
    struct job again;
    enum status status = job_archive_begin(&writer, storage_dir, job, err);
    if (!status) status = copy_lines(store, job->id, &writer, sum, err);
    if (!status) status = job_store_get(store, job->id, &arena, &again, err);
    if (!status) status = archive_writer_end(&writer, err);
    archive_writer_release(&writer);
    arena_release(&arena);
    return status;
}

/* Reads the document back and compares it with what was written. */
static enum status check_archived(const char *storage_dir, const struct job *job, const struct log_sum *written,
                                  struct error *err) {
    struct log_query query = first_window();
    struct log_sum sum = {0};
    bool is_same = true;
    for (bool goes_on = true; goes_on;) {
        struct arena arena = {0};
        struct job archived;
        struct log_lines lines;
        enum status status = job_archive_read(storage_dir, job->id, &query, &arena, &archived, &lines, err);
        if (!status) add_lines(&sum, &lines);
        goes_on = !status && next_window(&query, &lines);
        is_same = is_same && !status && archived.finished_ms == job->finished_ms;
        arena_release(&arena);
        if (status) return status;
    }
    if (is_same && sum.count == written->count && sum.sum == written->sum) return STATUS_OK;
    return error_set(err, STATUS_INTERNAL, "The archived job %s differs from the one that was written.", job->id);
}

static enum status move_job(struct job_store *store, const char *storage_dir, const char *id, struct error *err) {
    struct arena arena = {0};
    struct job job;
    struct log_sum sum = {0};
    enum status status = job_store_get(store, id, &arena, &job, err);
    if (!status) status = write_archive(store, storage_dir, &job, &sum, err);
    if (!status) status = check_archived(storage_dir, &job, &sum, err);
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
    bool had_lost_log;
    do {
        had_lost_log = job->has_lost_log;
        status = log_stream_read(store, id, query, arena, lines, err);
        if (status || !job_state_is_finished(job->state)) return status;
        status =
            job_store_get(store, id, arena, job, err); /* not found: it has moved meanwhile, perhaps before its log was read */
    } while (!status && job->has_lost_log != had_lost_log);
    return status;
}

enum status job_retention_read(struct job_store *store, const char *storage_dir, const char *id, const struct log_query *query,
                               struct arena *arena, struct job *job, struct log_lines *lines, struct error *err) {
    enum status status = read_from_redis(store, id, query, arena, job, lines, err);
    if (status != STATUS_NOT_FOUND) return status;
    return job_archive_read(storage_dir, id, query, arena, job, lines, err);
}
