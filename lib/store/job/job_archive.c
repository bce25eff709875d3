/* SPDX-License-Identifier: BSD-3-Clause */
#include "lib/store/job/job_archive.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "lib/base/folder.h"
#include "lib/base/json.h"
#include "lib/base/json_writer.h"
#include "lib/base/text.h"
#include "lib/store/job/archive_line.h"
#include "lib/store/job/archive_pool.h"
#include "lib/store/job/job_fields.h"
#include "lib/store/job/log_selection.h"

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

/* The document up to its log. */
static void write_head(struct text *out, const struct job *job) {
    struct json_writer writer = {.out = out};
    json_writer_open(&writer, '{');
    json_writer_text_field(&writer, "id", job->id);
    for (size_t i = 0; i < JOB_FIELDS; i++)
        write_field(&writer, job, &job_fields[i]);
    json_writer_key(&writer, "log");
    text_append_character(out, '[');
}

enum status job_archive_begin(struct archive_writer *writer, const char *storage_dir, const struct job *job,
                              struct error *err) {
    assert(job_id_is_well_formed(job->id) && job_state_is_finished(job->state));
    struct arena arena = {0};
    struct text head = {0};
    write_head(&head, job);
    enum status made = folder_make(folder_of(storage_dir, job->id, &arena), err);
    struct error *first = made ? NULL : err;
    enum status status = archive_writer_open(writer, path_of(storage_dir, job->id, &arena), &head, first);
    text_release(&head);
    arena_release(&arena);
    return made ? made : status;
}

enum status job_archive_add(struct archive_writer *writer, const struct log_lines *lines, struct error *err) {
    struct text line = {0};
    enum status status = STATUS_OK;
    for (size_t i = 0; i < lines->count && !status; i++) {
        text_clear(&line);
        archive_line_append(&line, &lines->lines[i]);
        status = archive_writer_add(writer, lines->lines[i].ordinal, lines->lines[i].time_ms, &line, err);
    }
    text_release(&line);
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

/* Lines that end in a line break, all but the last with a comma before it. */
struct span {
    const char *from;
    const char *to;
};

/* Takes the next line off the beginning of the span, or off its end. False: no line is left. */
static bool take_line(struct span *span, bool backward, const char **line, size_t *length) {
    size_t left = (size_t)(span->to - span->from);
    if (left == 0) return false;
    const char *end;
    if (backward) {
        const char *line_break = memrchr(span->from, '\n', left - 1);
        end = span->to - 1;
        *line = span->to = line_break ? line_break + 1 : span->from;
    } else {
        end = memchr(span->from, '\n', left);
        *line = span->from;
        span->from = end + 1;
    }
    *length = (size_t)(end - *line);
    if (*length > 0 && (*line)[*length - 1] == ',') --*length;
    return true;
}

/* Passes the span's lines to the selection. False: one is malformed. *is_past: no line after these is wanted. */
static bool read_span(struct span span, struct log_selection *selection, bool *is_past) {
    const char *text;
    size_t length;
    while (!*is_past && take_line(&span, selection->is_backward, &text, &length)) {
        struct log_line line;
        if (!archive_line_place(text, length, &line)) return false;
        bool is_wanted = log_selection_pass(selection, line.time_ms, line.ordinal);
        if (is_wanted && !archive_line_read(text, length, selection->arena, &line)) return false;
        if (is_wanted) log_selection_take(selection, &line);
        *is_past = selection->is_full ||
                   (selection->is_backward ? line.time_ms < selection->from_ms : line.time_ms >= selection->to_ms);
    }
    return true;
}

/* The line break at a block's beginning is left out. */
static enum status read_blocks(struct archive_blocks *blocks, struct log_selection *selection, bool *is_readable,
                               struct error *err) {
    enum status status = STATUS_OK;
    bool is_past = blocks->count == 0, backward = selection->is_backward;
    size_t at = is_past ? 0 : archive_blocks_find(blocks, backward ? selection->to_ms : selection->from_ms);
    if (backward && !is_past && selection->to_ms < INT64_MAX && blocks->blocks[at + 1].time_ms == selection->to_ms) at++;
    while (!is_past && !status && *is_readable) {
        const struct text *block;
        status = archive_blocks_read(blocks, at, &block, err);
        if (status) break;
        const char *begin = memchr(block->bytes, '\n', block->length);
        *is_readable = read_span((struct span){begin + 1, block->bytes + block->length}, selection, &is_past);
        is_past = is_past || (backward ? at == 0 : at + 1 == blocks->count);
        at = backward ? at - 1 : at + 1;
    }
    return status;
}

static const char log_end[] = "\n]}";
enum { LOG_END_LENGTH = sizeof log_end - 1 };

/* Sets the log of a document without an index. False: its end is missing. */
static bool find_log(const struct text *document, struct span *log) {
    const char *text = text_view(document), *end = text + document->length;
    if (end - text < LOG_END_LENGTH || memcmp(end - LOG_END_LENGTH, log_end, LOG_END_LENGTH) != 0) return false;
    *log = (struct span){(const char *)memchr(text, '\n', document->length) + 1, end - LOG_END_LENGTH + 1};
    return true;
}

static bool read_job(const char *text, size_t length, const char *id, struct arena *arena, struct job *job) {
    struct text head = {0};
    json_t *fields = NULL;
    text_append_bytes(&head, text, length);
    text_append(&head, "]}");
    *job = (struct job){.is_archived = true};
    snprintf(job->id, sizeof job->id, "%s", id);
    bool is_readable = json_read(&fields, head.bytes, head.length, "The first line", NULL) == STATUS_OK &&
                       text_equal(json_string_value(json_object_get(fields, "id")), id);
    for (size_t i = 0; i < JOB_FIELDS && is_readable; i++)
        is_readable = read_field(fields, &job_fields[i], arena, job);
    json_decref(fields);
    text_release(&head);
    return is_readable;
}

static enum status read_file(struct archive_blocks *blocks, const char *id, struct log_selection *selection,
                             struct arena *arena, struct job *job, struct error *err) {
    const struct text *head; /* or the whole document */
    struct span log = {0};
    bool is_past = false;
    enum status status = archive_blocks_read_head(blocks, &head, err);
    if (status) return status;
    bool is_readable = blocks->has_index || find_log(head, &log);
    size_t head_length = log.from ? (size_t)(log.from - head->bytes) : head->length;
    is_readable = is_readable && read_job(text_view(head), head_length, id, arena, job);
    if (is_readable && selection) {
        log_selection_begin(selection, selection->query, arena, selection->out);
        if (blocks->has_index)
            status = read_blocks(blocks, selection, &is_readable, err);
        else
            is_readable = read_span(log, selection, &is_past);
        log_selection_end(selection);
    }
    if (!status && !is_readable)
        status =
            error_set(err, STATUS_INTERNAL, "%s cannot be read: it is not the job %s, or it is damaged.", blocks->path, id);
    return status;
}

enum status job_archive_read(const char *storage_dir, const char *id, const struct log_query *query, struct arena *arena,
                             struct job *job, struct log_lines *lines, struct error *err) {
    if (!job_id_is_well_formed(id)) return error_set(err, STATUS_NOT_FOUND, "There is no job %.64s.", id);
    struct archive_blocks *blocks;
    struct log_selection selection = {.query = query, .out = lines};
    enum status status = archive_pool_take(&blocks, path_of(storage_dir, id, arena), err);
    if (status == STATUS_NOT_FOUND) status = error_set(err, STATUS_NOT_FOUND, "There is no job %s.", id);
    if (status) return status;
    status = read_file(blocks, id, query ? &selection : NULL, arena, job, err);
    archive_pool_return(blocks, !status && query);
    return status;
}
