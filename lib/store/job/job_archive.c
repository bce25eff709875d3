/* SPDX-License-Identifier: BSD-3-Clause */
#include "lib/store/job/job_archive.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/folder.h"
#include "lib/base/json.h"
#include "lib/base/json_writer.h"
#include "lib/base/text.h"
#include "lib/store/job/job_fields.h"
#include "lib/store/job/job_steps.h"
#include "lib/tools/archive/gzip.h"

/* Far above any log (LOG_LIMIT_BYTES): a limit for a file that unpacks without end. */
static const size_t document_max_bytes = (size_t)2 << 30;

static const char *folder_of(const char *storage_dir, const char *id, struct arena *arena) {
    return arena_format(arena, "%s/_jobs/%.2s", storage_dir, id);
}

static const char *path_of(const char *storage_dir, const char *id, struct arena *arena) {
    return arena_format(arena, "%s/%s.json.gz", folder_of(storage_dir, id, arena), id);
}

/* ---- Writing ---- */

/* A field that the job does not have is omitted. */
static void write_field(struct json_writer *writer, const struct job *job, const struct job_field *field) {
    const void *member = (const char *)job + field->offset;
    int64_t time_ms;
    switch (field->type) {
    case FIELD_TEXT: json_writer_text_field(writer, field->name, *(const char *const *)member); break;
    case FIELD_TIME:
        if ((time_ms = *(const int64_t *)member) != 0) json_writer_integer_field(writer, field->name, time_ms);
        break;
    case FIELD_COUNT: json_writer_integer_field(writer, field->name, *(const int *)member); break;
    case FIELD_FLAG:
        if (*(const bool *)member) json_writer_integer_field(writer, field->name, 1);
        break;
    case FIELD_KIND: json_writer_text_field(writer, field->name, job_kind_text(job->kind)); break;
    case FIELD_STATE: json_writer_text_field(writer, field->name, job_state_text(job->state)); break;
    case FIELD_PURPOSE: json_writer_text_field(writer, field->name, matrix_purpose_text(job->purpose)); break;
    }
}

static void write_line(struct json_writer *writer, const struct log_line *line) {
    json_writer_item(writer);
    text_append_character(writer->out, '\n');
    json_writer_open(writer, '{');
    json_writer_integer_field(writer, "time", line->time_ms);
    json_writer_text_field(writer, "level", log_level_name(line->level));
    json_writer_integer_field(writer, "attempt", line->attempt);
    json_writer_integer_field(writer, "number", line->number);
    json_writer_text_field(writer, "message", line->message);
    json_writer_close(writer, '}');
}

static void write_document(struct text *out, const struct job *job, const struct log_lines *lines) {
    struct json_writer writer = {.out = out};
    json_writer_open(&writer, '{');
    json_writer_text_field(&writer, "id", job->id);
    for (size_t i = 0; i < JOB_FIELDS; i++)
        write_field(&writer, job, &job_fields[i]);
    json_writer_key(&writer, "log");
    json_writer_open(&writer, '[');
    for (size_t i = 0; i < lines->count; i++)
        write_line(&writer, &lines->lines[i]);
    text_append_character(out, '\n');
    json_writer_close(&writer, ']');
    json_writer_close(&writer, '}');
}

enum status job_archive_write(const char *storage_dir, const struct job *job, const struct log_lines *lines,
                              struct error *err) {
    assert(job_id_is_well_formed(job->id) && job_state_is_finished(job->state) && !lines->cut);
    struct arena arena = {0};
    struct text document = {0}, packed = {0};
    write_document(&document, job, lines);
    gzip_pack(&packed, document.bytes, document.length);
    enum status status = folder_make(folder_of(storage_dir, job->id, &arena), err);
    if (!status) status = file_write(path_of(storage_dir, job->id, &arena), packed.bytes, packed.length, err);
    text_release(&packed);
    text_release(&document);
    arena_release(&arena);
    return status;
}

/* ---- Reading ---- */

/* A number of the document, or 0 if it is missing. */
static int64_t number_of(const json_t *object, const char *name) {
    return json_integer_value(json_object_get(object, name));
}

static const char *text_of(const json_t *object, const char *name, struct arena *arena) {
    const char *text = json_string_value(json_object_get(object, name));
    return text ? arena_copy(arena, text) : NULL;
}

/* False: an unknown kind, state or purpose. */
static bool read_field(const json_t *head, const struct job_field *field, struct arena *arena, struct job *job) {
    void *member = job_field_of(job, field);
    const char *word = json_string_value(json_object_get(head, field->name));
    switch (field->type) {
    case FIELD_TEXT: *(const char **)member = text_of(head, field->name, arena); return true;
    case FIELD_TIME: *(int64_t *)member = number_of(head, field->name); return true;
    case FIELD_COUNT: *(int *)member = (int)number_of(head, field->name); return true;
    case FIELD_FLAG: *(bool *)member = number_of(head, field->name) != 0; return true;
    case FIELD_KIND: return word && job_kind_parse(word, member);
    case FIELD_STATE: return word && job_state_parse(word, member);
    case FIELD_PURPOSE: return !word || matrix_purpose_parse(word, member);
    }
    return true;
}

/* An unpacked document. */
struct document {
    struct text text;
    const char *from; /* the log: lines that end in a line break, all but the last with a comma before it */
    const char *to;
};

static const char log_end[] = "\n]}", line_begin[] = "{\"time\":";
enum { LOG_END_LENGTH = sizeof log_end - 1 };

/* Unpacks the file and parses the part before the log into *head, which the caller decrefs. */
static enum status open_document(const char *path, struct document *document, json_t **head, struct error *err) {
    struct text packed = {0}, first_line = {0};
    struct error problem = {.message = "The end of the archived job is missing."};
    enum status status = file_read(path, document_max_bytes, &packed, err);
    if (status) goto out;
    status = gzip_unpack(&document->text, text_view(&packed), packed.length, document_max_bytes, &problem);
    const char *text = text_view(&document->text), *end = text + document->text.length;
    if (!status && (end - text < LOG_END_LENGTH || memcmp(end - LOG_END_LENGTH, log_end, LOG_END_LENGTH) != 0))
        status = STATUS_INVALID;
    if (!status) {
        document->from = (const char *)memchr(text, '\n', document->text.length) + 1;
        document->to = end - LOG_END_LENGTH + 1;
        text_append_bytes(&first_line, text, (size_t)(document->from - text));
        text_append(&first_line, log_end);
        status = json_read(head, first_line.bytes, first_line.length, "The first line", &problem);
    }
    if (status) status = error_set(err, STATUS_INTERNAL, "%s cannot be read: %s", path, problem.message);
out:
    text_release(&first_line);
    text_release(&packed);
    return status;
}

/* Takes the next line off the beginning of the log, or off its end. False: no line is left. */
static bool take_line(struct document *document, bool descending, const char **line, size_t *length) {
    size_t left = (size_t)(document->to - document->from);
    if (left == 0) return false;
    const char *end;
    if (descending) {
        const char *line_break = memrchr(document->from, '\n', left - 1);
        end = document->to - 1;
        *line = document->to = line_break ? line_break + 1 : document->from;
    } else {
        end = memchr(document->from, '\n', left);
        *line = document->from;
        document->from = end + 1;
    }
    *length = (size_t)(end - *line);
    if (*length > 0 && (*line)[*length - 1] == ',') --*length;
    return true;
}

static bool read_line(const char *line, size_t length, struct arena *arena, struct log_line *out) {
    json_t *entry = NULL;
    if (json_read(&entry, line, length, "the line", NULL)) return false;
    const char *level = json_string_value(json_object_get(entry, "level"));
    *out = (struct log_line){
        .time_ms = number_of(entry, "time"),
        .attempt = (int)number_of(entry, "attempt"),
        .number = (int)number_of(entry, "number"),
        .message = text_of(entry, "message", arena),
    };
    bool is_line = level && log_level_parse(level, &out->level) && out->message;
    json_decref(entry);
    return is_line;
}

static size_t count_lines(const struct document *document) {
    size_t count = 0;
    for (const char *at = document->from; at < document->to; count++)
        at = (const char *)memchr(at, '\n', (size_t)(document->to - at)) + 1;
    return count;
}

/* As log_stream_read(). False: a line is malformed. */
static bool read_lines(struct document *document, const struct log_query *query, struct arena *arena, struct log_lines *out) {
    size_t count = count_lines(document), length;
    const char *text;
    *out = (struct log_lines){.lines = arena_alloc(arena, (query->limit < count ? query->limit : count) * sizeof *out->lines)};
    while (take_line(document, query->descending, &text, &length)) {
        if (!text_starts_with(text, line_begin)) return false;
        int64_t time_ms = strtoll(text + strlen(line_begin), NULL, 10);
        if (time_ms < query->since_ms || (query->until_ms != 0 && time_ms >= query->until_ms)) continue;
        struct log_line line;
        if (!read_line(text, length, arena, &line)) return false;
        if (line.level < query->level) continue;
        out->cut = out->count == query->limit;
        if (out->cut) return true;
        out->lines[out->count++] = line;
    }
    return true;
}

enum status job_archive_read(const char *storage_dir, const char *id, const struct log_query *query, struct arena *arena,
                             struct job *job, struct log_lines *lines, struct error *err) {
    if (!job_id_is_well_formed(id)) return error_set(err, STATUS_NOT_FOUND, "There is no job %.64s.", id);
    struct document document = {0};
    json_t *head = NULL;
    const char *path = path_of(storage_dir, id, arena);
    enum status status = open_document(path, &document, &head, err);
    if (status == STATUS_NOT_FOUND) status = error_set(err, STATUS_NOT_FOUND, "There is no job %s.", id);
    if (status) goto out;
    *job = (struct job){0};
    snprintf(job->id, sizeof job->id, "%s", id);
    bool is_readable = text_equal(json_string_value(json_object_get(head, "id")), id);
    for (size_t i = 0; i < JOB_FIELDS && is_readable; i++)
        is_readable = read_field(head, &job_fields[i], arena, job);
    if (is_readable && query) is_readable = read_lines(&document, query, arena, lines);
    if (!is_readable)
        status = error_set(err, STATUS_INTERNAL, "%s cannot be read: it is not the job %s, or it is damaged.", path, id);
out:
    json_decref(head);
    text_release(&document.text);
    return status;
}
