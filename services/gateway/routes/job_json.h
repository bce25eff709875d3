/* SPDX-License-Identifier: BSD-3-Clause
 *
 * A job and its log lines in the API's exact format (services/gateway/README.md), printed directly into a text because a poll
 * prints thousands of lines. Unknown fields are left out, never null.
 */
#ifndef SERVICES_GATEWAY_ROUTES_JOB_JSON_H
#define SERVICES_GATEWAY_ROUTES_JOB_JSON_H

#include <stdbool.h>

#include "lib/base/json_writer.h"
#include "lib/base/text.h"
#include "lib/domain/job/job.h"
#include "lib/store/job/log_stream.h"

/* The job with `lines`. `shows_end` false leaves `finishedAt` out, so that a client that pages by time continues. */
void job_append_json(struct text *out, const struct job *job, const struct log_lines *lines, bool shows_end);

/* A line. */
void log_line_append_json(struct text *out, const char *job_id, const struct log_line *line);

/* An array of lines; with `has_cursors`, each has its `cursor`. */
void log_lines_append_json(struct text *out, const char *job_id, const struct log_lines *lines, bool has_cursors);

/* The short form: `{jobId, jobType, state, error?, createdAt, startedAt?, finishedAt?}`, and similar rows as plain text. */
void job_append_status_json(struct text *out, const struct job *job);
void job_write_status_fields(struct json_writer *writer, const struct job *job); /* the same fields, of an open object */
void job_append_status_text(struct text *out, const struct job *job);

/* `TIME LEVEL message` per log line; continuation lines of a message are indented. */
void log_line_append_text(struct text *out, const struct log_line *line);
void log_lines_append_text(struct text *out, const struct log_lines *lines);

#endif
