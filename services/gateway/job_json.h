/* SPDX-License-Identifier: BSD-3-Clause
 *
 * A job and its log lines as clients of the API read them, byte for byte (services/gateway/README.md): printed straight into a
 * text, since a poll prints thousands of lines. What is not known yet is left out, never null.
 */
#ifndef SERVICES_GATEWAY_JOB_JSON_H
#define SERVICES_GATEWAY_JOB_JSON_H

#include <stdbool.h>

#include "lib/base/text.h"
#include "lib/domain/job.h"
#include "lib/store/log_stream.h"

/* The job with `lines`. `shows_end` false leaves `finishedAt` out, so that a client that pages by time goes on asking. */
void job_append_json(struct text *out, const struct job *job, const struct log_lines *lines, bool shows_end);

/* An array of lines. */
void log_lines_append_json(struct text *out, const char *job_id, const struct log_lines *lines);

/* The short form: `{jobId, jobType, state, error?, createdAt, startedAt?, finishedAt?}`, and the same for reading. */
void job_append_status_json(struct text *out, const struct job *job);
void job_append_status_text(struct text *out, const struct job *job);

/* `TIME LEVEL message`, a line each; further lines of one message are indented. */
void log_lines_append_text(struct text *out, const struct log_lines *lines);

#endif
