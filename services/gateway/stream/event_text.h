/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The forms in which readers of a job get its log (services/gateway/README.md, Live logs): Server-Sent Events, and lines of
 * plain text.
 */
#ifndef SERVICES_GATEWAY_STREAM_EVENT_TEXT_H
#define SERVICES_GATEWAY_STREAM_EVENT_TEXT_H

#include <stdint.h>

#include "lib/base/text.h"
#include "lib/domain/job/job.h"
#include "lib/store/job/job_watch.h"
#include "lib/store/job/log_stream.h"

/* `log`: a line, whose cursor is the event's id. */
void event_append_line(struct text *out, const char *job_id, const struct log_line *line);

/* `job`: the job as it is now. `place`: where it is in the queue; NULL: it is not pending, or that is not known. */
void event_append_job(struct text *out, const struct job *job, const struct job_queue_place *place);

/* `end`: of a finished job, after its last line. Its id, the time of the job's end, says that the reader has all. */
void event_append_end(struct text *out, const struct job *job);

/* `job` of the stream of all jobs: a change of one, whose place is the event's id. */
void event_append_change(struct text *out, int64_t place, const struct job *job);

/* An event without data, whose id is a place in the changes of all jobs. */
void event_append_place(struct text *out, const char *name, int64_t place);

/* The place of a change as one number, which grows from change to change, and back: MILLISECONDS-NUMBER, as Redis has it. */
enum { CHANGE_PLACE_TEXT_MAX = 44 };
int64_t change_place(const char *position);
void change_place_print(int64_t place, char out[CHANGE_PLACE_TEXT_MAX]);

/* Ends a stream that its reader can go on with later: `reason` is an event's name (NULL: a comment only), `message` a sentence
 * for it. The client comes back after `retry_ms`. */
void event_append_pause(struct text *out, const char *reason, const char *message, int retry_ms);

#endif
