/* SPDX-License-Identifier: BSD-3-Clause */
#include "services/gateway/job_json.h"

#include <string.h>

#include "lib/base/clock.h"
#include "lib/base/json.h"

/* Appends a field unless `value` is NULL, with a comma before it: it is never the first of an object. Keys are not escaped. */
static void append_text_field(struct text *out, const char *key, const char *value) {
    if (!value) return;
    text_append(out, ",\"");
    text_append(out, key);
    text_append(out, "\":");
    json_append(out, value);
}

static void append_time_field(struct text *out, const char *key, int64_t time_ms) {
    if (time_ms == 0) return;
    char time[TIME_TEXT_MAX];
    time_print(time_ms, time);
    append_text_field(out, key, time);
}

/* `job_id_field` is printed once for all lines of a job. */
static void append_line(struct text *out, const struct log_line *line, const struct text *job_id_field) {
    char time[TIME_TEXT_MAX];
    time_print(line->time_ms, time);
    text_append(out, "{\"level\":\"");
    text_append(out, log_level_name(line->level));
    text_append(out, "\",\"message\":");
    json_append(out, line->message);
    text_append_bytes(out, job_id_field->bytes, job_id_field->length);
    text_append(out, ",\"timestamp\":\"");
    text_append(out, time);
    text_append(out, "\"}");
}

void log_lines_append_json(struct text *out, const char *job_id, const struct log_lines *lines) {
    struct text job_id_field = {0};
    append_text_field(&job_id_field, "jobId", job_id);
    text_append_character(out, '[');
    for (size_t i = 0; i < lines->count; i++) {
        if (i) text_append_character(out, ',');
        append_line(out, &lines->lines[i], &job_id_field);
    }
    text_append_character(out, ']');
    text_release(&job_id_field);
}

/* Appends `registry=COMMIT index=COMMIT` as an array. */
static void append_commits(struct text *out, const char *commits) {
    if (!commits) return;
    text_append(out, ",\"commits\":[");
    for (const char *at = commits; *at; at += strspn(at, " ")) {
        size_t name = strcspn(at, "="), length = strcspn(at, " ");
        if (at != commits) text_append_character(out, ',');
        text_append(out, "{\"repository\":");
        json_append_text(out, at, name);
        text_append(out, ",\"commit\":");
        json_append_text(out, at + name + 1, length - name - 1);
        text_append_character(out, '}');
        at += length;
    }
    text_append_character(out, ']');
}

static void append_identity(struct text *out, const struct job *job) {
    text_append(out, "{\"jobId\":");
    json_append(out, job->id);
    append_text_field(out, "jobType", job_kind_text(job->kind));
}

/* Appends who requested the job, as far as that was proved, and the commits that it made. */
static void append_audit(struct text *out, const struct job *job) {
    if (!text_equal(job->actor, "anonymous")) append_text_field(out, "actor", job->actor);
    append_text_field(out, "credential", job->credential);
    if (job->issue) {
        text_append(out, ",\"issue\":");
        text_append(out, job->issue);
    }
    append_text_field(out, "reason", job->reason);
    append_text_field(out, "retryOf", job->retry_of);
    append_commits(out, job->commits);
}

/* The counters of a build's result that are shown. */
static const char *const build_counts[] = {"compiled", "reused", "own", "compilerMs", "ownMs", "batch"};

/* Appends the compiler's errors and the counters of a build's result (lib/domain/build_work.h). */
static void append_result(struct text *out, const char *result) {
    json_t *object = NULL, *build = json_object();
    if (json_read(&object, result, strlen(result), "The result", NULL) == STATUS_OK) {
        const json_t *errors = json_object_get(object, "errors");
        if (json_array_size(errors) > 0) {
            text_append(out, ",\"errors\":");
            json_append_value(out, errors, 0);
        }
        for (size_t i = 0; i < sizeof build_counts / sizeof build_counts[0]; i++) {
            json_t *count = json_object_get(object, build_counts[i]);
            if (json_is_integer(count)) json_object_set(build, build_counts[i], count);
        }
    }
    if (json_object_size(build) > 0) {
        text_append(out, ",\"build\":");
        json_append_value(out, build, 0);
    }
    json_decref(build);
    json_decref(object);
}

/* Appends a matrix job's purpose, runner, verdict and result. */
static void append_matrix(struct text *out, const struct job *job) {
    append_text_field(out, "purpose", matrix_purpose_text(job->purpose));
    append_text_field(out, "runner", job->runner);
    append_text_field(out, "verdict", job->verdict);
    if (job->result) append_result(out, job->result);
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
static void append_signed_payload(struct text *out, const char *payload) {
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
    json_append_value(out, request, 0);
    goto out;
as_it_is:
    text_append(out, payload);
out:
    text_release(&text);
    json_decref(inner);
    json_decref(request);
}

static void append_payload(struct text *out, const struct job *job) {
    bool is_signed = job->kind == JOB_KIND_UNPUBLISH || job->kind == JOB_KIND_TRANSFER;
    text_append(out, ",\"payload\":");
    if (!job->payload)
        text_append(out, "{}");
    else if (is_signed)
        append_signed_payload(out, job->payload);
    else
        text_append(out, job->payload);
}

/* Appends the outcome of a finished publication: `disposition`, unless it was READONLY, or `error`. */
static void append_ending(struct text *out, const struct job *job) {
    if (job->state == JOB_STATE_SUCCEEDED && !job->is_readonly)
        append_text_field(out, "disposition", job->ending ? job->ending : JOB_ENDING_PUBLISHED);
    if (job->state != JOB_STATE_FAILED) return;
    text_append(out, ",\"error\":{\"code\":");
    json_append(out, job->ending ? job->ending : JOB_ENDING_FAILED);
    append_text_field(out, "message", job->error ? job->error : "");
    text_append_character(out, '}');
}

void job_append_json(struct text *out, const struct job *job, const struct log_lines *lines, bool shows_end) {
    append_identity(out, job);
    append_time_field(out, "createdAt", job->created_ms);
    append_time_field(out, "startedAt", job->started_ms);
    if (shows_end) append_time_field(out, "finishedAt", job->finished_ms);
    text_append(out, job->state == JOB_STATE_SUCCEEDED ? ",\"success\":true" : ",\"success\":false");
    if (shows_end && job->kind == JOB_KIND_PUBLISH) append_ending(out, job);
    append_text_field(out, "packageName", job->package);
    append_text_field(out, "packageVersion", job->version);
    append_text_field(out, "compilerVersion", job->compiler);
    append_audit(out, job);
    if (job->kind == JOB_KIND_MATRIX) append_matrix(out, job);
    text_append(out, ",\"logs\":");
    log_lines_append_json(out, job->id, lines);
    append_payload(out, job);
    text_append_character(out, '}');
}

void job_append_status_json(struct text *out, const struct job *job) {
    append_identity(out, job);
    append_text_field(out, "state", job_state_text(job->state));
    append_text_field(out, "error", job->error);
    append_time_field(out, "createdAt", job->created_ms);
    append_time_field(out, "startedAt", job->started_ms);
    append_time_field(out, "finishedAt", job->finished_ms);
    text_append_character(out, '}');
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

void log_lines_append_text(struct text *out, const struct log_lines *lines) {
    for (size_t i = 0; i < lines->count; i++) {
        char time[TIME_TEXT_MAX];
        time_print(lines->lines[i].time_ms, time);
        text_append_format(out, "%s %-6s ", time, log_level_name(lines->lines[i].level));
        for (const char *at = lines->lines[i].message; *at;) {
            size_t length = strcspn(at, "\n");
            text_append_bytes(out, at, length);
            at += length;
            if (*at == '\n' && *++at) text_append(out, "\n    ");
        }
        text_append_character(out, '\n');
    }
}
