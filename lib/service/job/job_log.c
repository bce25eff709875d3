/* SPDX-License-Identifier: BSD-3-Clause */
#include "lib/service/job/job_log.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/array.h"
#include "lib/base/clock.h"
#include "lib/base/memory.h"
#include "lib/store/job/log_stream.h"

enum {
    BATCH_LINES = 500, /* limits of one write; a single line may exceed BATCH_BYTES */
    BATCH_BYTES = 1 << 20,
};

struct job_log {
    int attempt;
    int64_t limit_lines;
    int64_t limit_bytes;

    pthread_mutex_t mutex;
    struct {
        struct log_line *items;
        size_t count, capacity;
    } lines; /* oldest first; their texts are owned */
    int last_number;
    int64_t bytes_added;
    size_t in_batch; /* the oldest lines, which are being written */
    struct {
        size_t lines;
        int64_t bytes;
    } tail; /* the newest lines: those that were added when the log was at a limit, and may be dropped */
    bool is_closed;
};

struct job_log *job_log_create(int attempt, int64_t limit_lines, int64_t limit_bytes) {
    struct job_log *log = memory_alloc(sizeof *log);
    log->attempt = attempt;
    log->limit_lines = limit_lines;
    log->limit_bytes = limit_bytes;
    pthread_mutex_init(&log->mutex, NULL);
    return log;
}

/* Removes and frees `count` lines. */
static void remove_lines(struct job_log *log, size_t from, size_t count) {
    struct log_line *first = log->lines.items + from;
    size_t tail = log->lines.count - log->tail.lines;
    for (size_t i = 0; i < count; i++) {
        if (from + i >= tail) log->tail.lines--, log->tail.bytes -= (int64_t)strlen(first[i].message);
        free((char *)first[i].message);
    }
    log->lines.count -= count;
    if (log->lines.count > from) memmove(first, first + count, (log->lines.count - from) * sizeof *first);
}

void job_log_free(struct job_log *log) {
    if (!log) return;
    remove_lines(log, 0, log->lines.count);
    free(log->lines.items);
    pthread_mutex_destroy(&log->mutex);
    free(log);
}

/* Drops the oldest lines of the tail when it is twice as large as Redis would keep (so that few lines are moved for each one
 * dropped), down to that; but never the newest line. */
static void bound_tail(struct job_log *log) {
    int64_t most_lines = log->limit_lines / 2 < LOG_TAIL_LINES ? log->limit_lines / 2 : LOG_TAIL_LINES;
    int64_t most_bytes = log->limit_bytes / 4, bytes = log->tail.bytes;
    if ((int64_t)log->tail.lines <= 2 * most_lines && bytes <= 2 * most_bytes) return;
    size_t first = log->lines.count - log->tail.lines, dropped = 0;
    for (; first < log->in_batch; first++)
        bytes -= (int64_t)strlen(log->lines.items[first].message);
    size_t lines = log->lines.count - first;
    for (; lines > 1 && ((int64_t)lines > most_lines || bytes > most_bytes); lines--)
        bytes -= (int64_t)strlen(log->lines.items[first + dropped++].message);
    remove_lines(log, first, dropped);
}

static void add_line(struct job_log *log, enum log_level level, char *message) {
    bool is_of_tail = log->last_number >= log->limit_lines || log->bytes_added >= log->limit_bytes;
    int64_t length = (int64_t)strlen(message);
    log->bytes_added += length;
    *array_add(&log->lines) = (struct log_line){
        .level = level,
        .message = message,
        .time_ms = clock_now_ms(),
        .attempt = log->attempt,
        .number = ++log->last_number,
    };
    if (!is_of_tail) return;
    log->tail.lines++;
    log->tail.bytes += length;
    bound_tail(log);
}

void job_log_add(struct job_log *log, enum log_level level, char *message) {
    pthread_mutex_lock(&log->mutex);
    bool is_closed = log->is_closed;
    if (!is_closed) add_line(log, level, message);
    pthread_mutex_unlock(&log->mutex);
    if (is_closed) free(message);
}

/* Copies the oldest lines up to `last_number`, within the limits of a batch; their texts stay owned by the log. Returns the
 * number of lines. */
static size_t copy_batch(struct job_log *log, struct log_line batch[BATCH_LINES], int last_number) {
    size_t count = 0, bytes = 0;
    pthread_mutex_lock(&log->mutex);
    while (count < log->lines.count && count < BATCH_LINES && log->lines.items[count].number <= last_number) {
        bytes += strlen(log->lines.items[count].message);
        if (count > 0 && bytes > BATCH_BYTES) break;
        batch[count] = log->lines.items[count];
        count++;
    }
    log->in_batch = count;
    pthread_mutex_unlock(&log->mutex);
    return count;
}

static void forget_batch(struct job_log *log, size_t count, bool is_stale) {
    pthread_mutex_lock(&log->mutex);
    log->in_batch = 0;
    remove_lines(log, 0, is_stale ? log->lines.count : count);
    if (is_stale) log->is_closed = true;
    pthread_mutex_unlock(&log->mutex);
}

enum status job_log_write(struct job_log *log, struct job_store *store, const struct lease *lease, struct error *err) {
    pthread_mutex_lock(&log->mutex);
    int last_number = log->last_number;
    pthread_mutex_unlock(&log->mutex);
    struct log_line batch[BATCH_LINES];
    for (size_t count; (count = copy_batch(log, batch, last_number)) > 0;) {
        enum status status = log_stream_append(store, lease, batch, count, log->limit_lines, log->limit_bytes, err);
        bool is_done = status == STATUS_OK || status == STATUS_STALE;
        forget_batch(log, is_done ? count : 0, status == STATUS_STALE);
        if (status) return status;
    }
    return STATUS_OK;
}
