/* SPDX-License-Identifier: BSD-3-Clause */
#include "services/gateway/stream/event_text.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/json_writer.h"
#include "lib/store/job/log_cursor.h"
#include "services/gateway/routes/job_json.h"

/* JSON without line breaks is one line of data. */
static void begin_event(struct text *out, const char *name) {
    text_append_format(out, "event: %s\ndata: ", name);
}

static void end_event(struct text *out) {
    text_append(out, "\n\n");
}

static void append_id(struct text *out, const char *job_id, const struct log_cursor *cursor) {
    char id[LOG_CURSOR_TEXT_MAX];
    log_cursor_print(id, cursor, job_id);
    text_append_format(out, "id: %s\n", id);
}

void event_append_line(struct text *out, const char *job_id, const struct log_line *line) {
    append_id(out, job_id, &(struct log_cursor){line->time_ms, line->ordinal});
    begin_event(out, "log");
    log_line_append_json(out, job_id, line);
    end_event(out);
}

static void write_waits_for(struct json_writer *writer, const char *ids) {
    json_writer_key(writer, "waitsFor");
    json_writer_open(writer, '[');
    for (const char *at = ids; at && *at;) {
        size_t length = strcspn(at, " ");
        json_writer_item(writer);
        json_writer_bytes(writer, at, length);
        at += length + strspn(at + length, " ");
    }
    json_writer_close(writer, ']');
}

static void write_place(struct json_writer *writer, const struct job_queue_place *place) {
    json_writer_key(writer, "queue");
    json_writer_open(writer, '{');
    json_writer_integer_field(writer, "ahead", place->ahead);
    write_waits_for(writer, place->waits_for);
    json_writer_time_field(writer, "notBefore", place->not_before_ms);
    if (place->usual_ms > 0) json_writer_integer_field(writer, "usualMs", place->usual_ms);
    if (place->starts_in_ms >= 0) json_writer_integer_field(writer, "startsInMs", place->starts_in_ms);
    json_writer_close(writer, '}');
}

void event_append_job(struct text *out, const struct job *job, const struct job_queue_place *place) {
    struct json_writer writer = {.out = out};
    begin_event(out, "job");
    json_writer_open(&writer, '{');
    job_write_status_fields(&writer, job);
    if (place) write_place(&writer, place);
    json_writer_close(&writer, '}');
    end_event(out);
}

void event_append_end(struct text *out, const struct job *job) {
    struct json_writer writer = {.out = out};
    append_id(out, job->id, &(struct log_cursor){job->finished_ms, job->log_lines});
    begin_event(out, "end");
    json_writer_open(&writer, '{');
    json_writer_text_field(&writer, "state", job_state_text(job->state));
    json_writer_boolean_field(&writer, "success", job->state == JOB_STATE_SUCCEEDED);
    json_writer_text_field(&writer, "error", job->error);
    json_writer_time_field(&writer, "finishedAt", job->finished_ms);
    if (job->log_lines > 0) json_writer_integer_field(&writer, "lines", job->log_lines);
    json_writer_close(&writer, '}');
    end_event(out);
}

enum { PLACES_PER_MS = 4096 /* Redis announces far fewer changes in a millisecond */ };

int64_t change_place(const char *position) {
    char *rest;
    int64_t time_ms = strtoll(position, &rest, 10);
    int64_t number = *rest == '-' ? strtoll(rest + 1, NULL, 10) : 0;
    return time_ms * PLACES_PER_MS + (number < PLACES_PER_MS ? number : PLACES_PER_MS - 1);
}

void change_place_print(int64_t place, char out[CHANGE_PLACE_TEXT_MAX]) {
    snprintf(out, CHANGE_PLACE_TEXT_MAX, "%" PRId64 "-%" PRId64, place / PLACES_PER_MS, place % PLACES_PER_MS);
}

static void append_place(struct text *out, int64_t place) {
    char id[CHANGE_PLACE_TEXT_MAX];
    change_place_print(place, id);
    text_append_format(out, "id: %s\n", id);
}

void event_append_change(struct text *out, int64_t place, const struct job *job) {
    struct json_writer writer = {.out = out};
    append_place(out, place);
    begin_event(out, "job");
    json_writer_open(&writer, '{');
    job_write_status_fields(&writer, job);
    json_writer_text_field(&writer, "packageName", job->package);
    json_writer_text_field(&writer, "packageVersion", job->version);
    json_writer_text_field(&writer, "compilerVersion", job->compiler);
    json_writer_close(&writer, '}');
    end_event(out);
}

void event_append_place(struct text *out, const char *name, int64_t place) {
    append_place(out, place);
    begin_event(out, name);
    text_append(out, "{}");
    end_event(out);
}

void event_append_pause(struct text *out, const char *reason, const char *message, int retry_ms) {
    text_append_format(out, "retry: %d\n", retry_ms);
    if (reason) {
        struct json_writer writer = {.out = out};
        begin_event(out, reason);
        json_writer_open(&writer, '{');
        json_writer_text_field(&writer, "message", message);
        json_writer_close(&writer, '}');
        text_append(out, "\n");
    }
    text_append(out, "\n");
}
