/* SPDX-License-Identifier: BSD-3-Clause
 *
 * A cursor names a line of one job's log, for a client that goes on reading after it (or before it):
 *
 *   1764000000123-23-3f2c0d4e      the line's time, its ordinal, the first part of the job's id
 *
 * The place is the time alone, which increases strictly within a log; a line may lie there no more, or not yet. The ordinal tells
 * which lines a reader has missed (log_selection.h). The job's id is there so that the cursor of another job is refused.
 */
#ifndef LIB_STORE_JOB_LOG_CURSOR_H
#define LIB_STORE_JOB_LOG_CURSOR_H

#include <stdint.h>

#include "lib/base/error.h"

struct log_cursor {
    int64_t time_ms; /* 0: no cursor */
    int64_t ordinal; /* 0: unknown (log_stream.h) */
};

enum { LOG_CURSOR_TEXT_MAX = 56 };

void log_cursor_print(char out[LOG_CURSOR_TEXT_MAX], const struct log_cursor *cursor, const char *job_id);

/* STATUS_INVALID, with `name` (of the parameter) as path: the text is no cursor, or that of another job. */
CHECK_RESULT enum status log_cursor_parse(struct log_cursor *out, const char *text, const char *job_id, const char *name,
                                          struct error *err);

#endif
