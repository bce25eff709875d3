/* SPDX-License-Identifier: BSD-3-Clause
 *
 * What a reader (reader.h) gets from the store: earlier lines of a log, or earlier changes of jobs.
 */
#include <string.h>

#include "lib/store/job/job_archive.h"
#include "lib/store/job/job_retention.h"
#include "services/gateway/gateway.h"
#include "services/gateway/http/call.h"
#include "services/gateway/routes/job_json.h"
#include "services/gateway/stream/event_text.h"
#include "services/gateway/stream/reader_parts.h"

/* Read at once. The number of lines goes with how many of the log fill a chunk. */
enum { CHUNK_LINES_MIN = 128, CHUNK_LINES_MAX = 1024, CHUNK_CHANGES_MAX = 64 };

/* ---- The log of a job ---- */

static void append_line(const struct reader *reader, const char *job_id, const struct log_line *line, struct text *out) {
    if (reader->filter.form == FEED_EVENTS)
        event_append_line(out, job_id, line);
    else
        log_line_append_text(out, line);
}

/* Appends lines until the chunk is full. */
static void append_lines(struct reader *reader, const char *job_id, const struct log_lines *lines, struct text *out) {
    size_t i = 0;
    for (; i < lines->count && out->length < READER_CHUNK_BYTES; i++) {
        append_line(reader, job_id, &lines->lines[i], out);
        reader->position.time_ms = lines->lines[i].time_ms;
        reader->position.ordinal = lines->lines[i].ordinal;
    }
    reader->has_more = lines->cut || i < lines->count;
    if (i < lines->count)
        reader->chunk_lines = i + 1;
    else if (lines->cut && out->length < READER_CHUNK_BYTES)
        reader->chunk_lines = 2 * lines->count;
}

static size_t chunk_lines(const struct reader *reader) {
    if (reader->chunk_lines < CHUNK_LINES_MIN) return CHUNK_LINES_MIN;
    return reader->chunk_lines < CHUNK_LINES_MAX ? reader->chunk_lines : CHUNK_LINES_MAX;
}

static void append_state(struct reader *reader, const struct job *job, const struct job_queue_place *place, struct text *out) {
    size_t begin = out->length;
    if (reader->filter.form != FEED_EVENTS) return;
    event_append_job(out, job, place);
    reader->position.state_hash = feed_state_hash(out->bytes + begin, out->length - begin);
}

static enum status read_log(struct reader *reader, struct job_store *store, struct arena *arena, struct error *err) {
    struct call *call = reader->call;
    struct job job;
    struct log_lines lines;
    int64_t begin_ms = reader->position.time_ms;
    const struct log_query query = {
        .level = reader->filter.level, .after = {begin_ms, reader->position.ordinal}, .limit = chunk_lines(reader)};
    const char *storage = call->gateway->settings->storage_dir;
    enum status status = reader->is_archived
                             ? job_archive_read(storage, reader->job_id, &query, arena, &job, &lines, err)
                             : job_retention_read(store, storage, reader->job_id, &query, arena, &job, &lines, err);
    if (status) return status;
    reader->is_archived = job.is_archived;
    append_lines(reader, job.id, &lines, &call->answer.body);
    reader->is_complete = job_state_is_finished(job.state) && !reader->has_more;
    reader->has_all = reader->is_complete && begin_ms >= job.finished_ms;
    if (!reader->is_complete) return STATUS_OK;
    append_state(reader, &job, NULL, &call->answer.body);
    if (reader->filter.form == FEED_EVENTS) event_append_end(&call->answer.body, &job);
    return STATUS_OK;
}

/* ---- Changes of all jobs ---- */

/* Begins with the changes from now on; `name` tells the client so. */
static enum status begin_changes(struct reader *reader, struct job_store *store, const char *name, struct error *err) {
    struct job_watch watch;
    enum status status = job_watch_begin(store, &watch, err);
    if (status) return status;
    reader->position.time_ms = change_place(watch.states);
    event_append_place(&reader->call->answer.body, name, reader->position.time_ms);
    return STATUS_OK;
}

static bool is_wanted(const struct reader *reader, const struct job *job) {
    const struct feed_filter *filter = &reader->filter;
    return *job->id && (filter->kinds == 0 || filter->kinds >> job->kind & 1) &&
           (!filter->package || (job->package && strcmp(job->package, filter->package) == 0));
}

static enum status read_changes(struct reader *reader, struct job_store *store, struct arena *arena, struct error *err) {
    char position[CHANGE_PLACE_TEXT_MAX];
    struct job_changes changes;
    struct job jobs[CHUNK_CHANGES_MAX];
    if (reader->position.time_ms == 0) return begin_changes(reader, store, "begin", err);
    change_place_print(reader->position.time_ms, position);
    enum status status = job_watch_list(store, position, CHUNK_CHANGES_MAX, arena, &changes, err);
    if (status == STATUS_STALE) return begin_changes(reader, store, "reset", err);
    if (!status) status = job_watch_read_jobs(store, changes.items, changes.count, arena, jobs, err);
    if (status) return status;
    for (size_t i = 0; i < changes.count; i++) {
        reader->position.time_ms = change_place(changes.items[i].position);
        if (is_wanted(reader, &jobs[i])) event_append_change(&reader->call->answer.body, reader->position.time_ms, &jobs[i]);
    }
    reader->has_more = changes.count == CHUNK_CHANGES_MAX;
    return STATUS_OK;
}

enum status reader_read_chunk(struct reader *reader, struct job_store *store, struct arena *arena, struct error *err) {
    bool is_of_all = strcmp(reader->job_id, FEED_OF_ALL_JOBS) == 0;
    return is_of_all ? read_changes(reader, store, arena, err) : read_log(reader, store, arena, err);
}
