/* SPDX-License-Identifier: BSD-3-Clause */
#include "services/gateway/routes/job_json.h"

#include <stdlib.h>
#include <string.h>

#include "lib/base/clock.h"
#include "lib/base/json.h"
#include "lib/base/json_writer.h"
#include "lib/base/number.h"

static void write_line(struct json_writer *writer, const struct log_line *line, const char *job_id, bool has_cursor) {
    char time[TIME_TEXT_MAX], cursor[LOG_CURSOR_TEXT_MAX];
    if (has_cursor) log_cursor_print(cursor, &(struct log_cursor){line->time_ms, line->ordinal}, job_id);
    time_print(line->time_ms, time); /* 0, too, which json_writer_time_field() leaves out */
    json_writer_open(writer, '{');
    json_writer_text_field(writer, "level", log_level_name(line->level));
    json_writer_text_field(writer, "message", line->message);
    json_writer_text_field(writer, "jobId", job_id);
    json_writer_text_field(writer, "timestamp", time);
    if (has_cursor) json_writer_text_field(writer, "cursor", cursor);
    json_writer_close(writer, '}');
}

static void write_lines(struct json_writer *writer, const char *job_id, const struct log_lines *lines, bool has_cursors) {
    json_writer_open(writer, '[');
    for (size_t i = 0; i < lines->count; i++) {
        json_writer_item(writer);
        write_line(writer, &lines->lines[i], job_id, has_cursors);
    }
    json_writer_close(writer, ']');
}

void log_line_append_json(struct text *out, const char *job_id, const struct log_line *line) {
    write_line(&(struct json_writer){.out = out}, line, job_id, false);
}

void log_lines_append_json(struct text *out, const char *job_id, const struct log_lines *lines, bool has_cursors) {
    write_lines(&(struct json_writer){.out = out}, job_id, lines, has_cursors);
}

/* Writes `registry=COMMIT index=COMMIT` as an array. */
static void write_commits(struct json_writer *writer, const char *commits) {
    if (!commits) return;
    json_writer_key(writer, "commits");
    json_writer_open(writer, '[');
    for (const char *entry = commits, *next; *entry; entry = next) {
        size_t name = strcspn(entry, "= "), length = strcspn(entry, " ");
        next = entry + length + strspn(entry + length, " ");
        if (name == length) continue; /* without a commit: not written by this server */
        json_writer_item(writer);
        json_writer_open(writer, '{');
        json_writer_key(writer, "repository");
        json_writer_bytes(writer, entry, name);
        json_writer_key(writer, "commit");
        json_writer_bytes(writer, entry + name + 1, length - name - 1);
        json_writer_close(writer, '}');
    }
    json_writer_close(writer, ']');
}

static void write_identity(struct json_writer *writer, const struct job *job) {
    json_writer_text_field(writer, "jobId", job->id);
    json_writer_text_field(writer, "jobType", job_kind_text(job->kind));
}

/* Writes who requested the job, as far as that was proved, and the commits that it made. */
static void write_audit(struct json_writer *writer, const struct job *job) {
    if (!text_equal(job->actor, "anonymous")) json_writer_text_field(writer, "actor", job->actor);
    json_writer_text_field(writer, "credential", job->credential);
    int64_t issue;
    if (number_parse_within(&issue, job->issue, 1, INT64_MAX)) json_writer_integer_field(writer, "issue", issue);
    json_writer_text_field(writer, "reason", job->reason);
    json_writer_text_field(writer, "retryOf", job->retry_of);
    write_commits(writer, job->commits);
}

/* The counters of a build's result that are shown. */
static const char *const build_counts[] = {"compiled", "reused", "own", "compilerMs", "ownMs", "batch"};

/* Writes the compiler's errors and the counters of a build's result (lib/domain/matrix/work_order.h). */
static void write_result(struct json_writer *writer, const char *result) {
    json_t *object = NULL, *build = json_object();
    if (json_read(&object, result, strlen(result), "The result", NULL) == STATUS_OK) {
        const json_t *errors = json_object_get(object, "errors");
        if (json_array_size(errors) > 0) json_writer_value_field(writer, "errors", errors);
        for (size_t i = 0; i < sizeof build_counts / sizeof build_counts[0]; i++) {
            json_t *count = json_object_get(object, build_counts[i]);
            if (json_is_integer(count)) json_object_set(build, build_counts[i], count);
        }
    }
    if (json_object_size(build) > 0) json_writer_value_field(writer, "build", build);
    json_decref(build);
    json_decref(object);
}

/* Writes a matrix job's purpose, runner, verdict and result. */
static void write_matrix(struct json_writer *writer, const struct job *job) {
    json_writer_text_field(writer, "purpose", matrix_purpose_text(job->purpose));
    json_writer_text_field(writer, "runner", job->runner);
    json_writer_text_field(writer, "verdict", job->verdict);
    if (job->result) write_result(writer, job->result);
}

static void remove_nulls(json_t *value) {
    const char *key;
    size_t index;
    void *next;
    json_t *item;
    json_object_foreach_safe(value, next, key, item) {
        if (json_is_null(item))
            json_object_del(value, key);
        else
            remove_nulls(item);
    }
    for (index = json_array_size(value); index-- > 0;) {
        item = json_array_get(value, index);
        if (json_is_null(item))
            json_array_remove(value, index);
        else
            remove_nulls(item);
    }
}

/* Signed payloads accepted by older releases may contain nulls, for which clients reject a whole list: removed here. */
static void write_signed_payload(struct json_writer *writer, const char *payload) {
    struct text text = {0};
    json_t *request = NULL, *inner = NULL;
    if (!strstr(payload, "null") || json_read(&request, payload, strlen(payload), "The payload", NULL)) goto as_it_is;
    const char *signed_text = json_string_value(json_object_get(request, "payload"));
    if (!signed_text || json_read(&inner, signed_text, strlen(signed_text), "The payload", NULL)) goto as_it_is;
    json_t *without = json_deep_copy(inner);
    remove_nulls(without);
    bool has_nulls = !json_equal(inner, without);
    json_append_value(&text, without, 0);
    json_decref(without);
    if (!has_nulls) goto as_it_is;
    json_object_set_new(request, "payload", json_string(text_view(&text)));
    json_writer_value(writer, request);
    goto out;
as_it_is:
    json_writer_raw(writer, payload);
out:
    text_release(&text);
    json_decref(inner);
    json_decref(request);
}

static void write_payload(struct json_writer *writer, const struct job *job) {
    bool is_signed = job->kind == JOB_KIND_UNPUBLISH || job->kind == JOB_KIND_TRANSFER;
    json_writer_key(writer, "payload");
    if (job->payload && is_signed)
        write_signed_payload(writer, job->payload);
    else
        json_writer_raw(writer, job->payload ? job->payload : "{}");
}

/* Writes the outcome of a finished publication: `disposition`, unless it was READONLY, or `error`. */
static void write_ending(struct json_writer *writer, const struct job *job) {
    if (job->state == JOB_STATE_SUCCEEDED && !job->is_readonly)
        json_writer_text_field(writer, "disposition", job->ending ? job->ending : JOB_ENDING_PUBLISHED);
    if (job->state != JOB_STATE_FAILED) return;
    json_writer_key(writer, "error");
    json_writer_open(writer, '{');
    json_writer_text_field(writer, "code", job->ending ? job->ending : JOB_ENDING_FAILED);
    json_writer_text_field(writer, "message", job->error ? job->error : "");
    json_writer_close(writer, '}');
}

void job_append_json(struct text *out, const struct job *job, const struct log_lines *lines, bool shows_end) {
    struct json_writer writer = {.out = out};
    json_writer_open(&writer, '{');
    write_identity(&writer, job);
    json_writer_time_field(&writer, "createdAt", job->created_ms);
    json_writer_time_field(&writer, "startedAt", job->started_ms);
    if (shows_end) json_writer_time_field(&writer, "finishedAt", job->finished_ms);
    json_writer_boolean_field(&writer, "success", job->state == JOB_STATE_SUCCEEDED);
    if (shows_end && job->kind == JOB_KIND_PUBLISH) write_ending(&writer, job);
    json_writer_text_field(&writer, "packageName", job->package);
    json_writer_text_field(&writer, "packageVersion", job->version);
    json_writer_text_field(&writer, "compilerVersion", job->compiler);
    write_audit(&writer, job);
    if (job->kind == JOB_KIND_MATRIX) write_matrix(&writer, job);
    json_writer_key(&writer, "logs");
    write_lines(&writer, job->id, lines, false);
    write_payload(&writer, job);
    json_writer_close(&writer, '}');
}

void job_write_status_fields(struct json_writer *writer, const struct job *job) {
    write_identity(writer, job);
    json_writer_text_field(writer, "state", job_state_text(job->state));
    json_writer_text_field(writer, "error", job->error);
    json_writer_time_field(writer, "createdAt", job->created_ms);
    json_writer_time_field(writer, "startedAt", job->started_ms);
    json_writer_time_field(writer, "finishedAt", job->finished_ms);
}

void job_append_status_json(struct text *out, const struct job *job) {
    struct json_writer writer = {.out = out};
    json_writer_open(&writer, '{');
    job_write_status_fields(&writer, job);
    json_writer_close(&writer, '}');
}

static void append_row(struct text *out, const char *label, const char *value) {
    if (value) text_append_format(out, "%-9s %s\n", label, value);
}

static void append_time_row(struct text *out, const char *label, int64_t time_ms) {
    if (time_ms == 0) return;
    char time[TIME_TEXT_MAX];
    time_print(time_ms, time);
    append_row(out, label, time);
}

void job_append_status_text(struct text *out, const struct job *job) {
    append_row(out, "job", job->id);
    append_row(out, "kind", job_kind_text(job->kind));
    append_row(out, "package", job->package);
    append_row(out, "version", job->version);
    append_row(out, "compiler", job->compiler);
    append_row(out, "state", job_state_text(job->state));
    append_row(out, "verdict", job->verdict);
    append_row(out, "error", job->error);
    append_time_row(out, "created", job->created_ms);
    append_time_row(out, "started", job->started_ms);
    append_time_row(out, "finished", job->finished_ms);
}

void log_line_append_text(struct text *out, const struct log_line *line) {
    char time[TIME_TEXT_MAX];
    time_print(line->time_ms, time);
    text_append_format(out, "%s %-6s ", time, log_level_name(line->level));
    for (const char *at = line->message; *at;) {
        size_t length = strcspn(at, "\n");
        text_append_bytes(out, at, length);
        at += length;
        if (*at == '\n' && *++at) text_append(out, "\n    ");
    }
    text_append_character(out, '\n');
}

void log_lines_append_text(struct text *out, const struct log_lines *lines) {
    for (size_t i = 0; i < lines->count; i++)
        log_line_append_text(out, &lines->lines[i]);
}
