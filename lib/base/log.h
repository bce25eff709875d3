/* SPDX-License-Identifier: BSD-3-Clause
 *
 * A program's own log: one line an event on stderr, `key=value`, for operators. (A job's log, for its requester, is
 * lib/store/log_stream.h; the levels are the same, spec/jobs.md.) An error is logged once, where it is handled.
 */
#ifndef LIB_BASE_LOG_H
#define LIB_BASE_LOG_H

#include <stdbool.h>

#define LOG_LEVEL_TABLE(LEVEL) LEVEL(DEBUG) LEVEL(INFO) LEVEL(WARN) LEVEL(NOTICE) LEVEL(ERROR)

enum log_level {
#define LEVEL(name) LOG_##name,
    LOG_LEVEL_TABLE(LEVEL)
#undef LEVEL
};

const char *log_level_name(enum log_level level);              /* "INFO" */
bool log_level_parse(const char *text, enum log_level *level); /* exactly as spelled in the table */

/* What is below `minimum` is not written. `program` is borrowed for ever. */
void log_configure(const char *program, enum log_level minimum);

/* log_line(LOG_INFO, "job finished", "job=%s success=%d", …): the rest of the line is `key=value` pairs; put a value that may
 * hold blanks into "…". Line breaks and control characters are escaped, secrets blanked. Safe from any thread. */
void log_line(enum log_level level, const char *event, const char *format, ...) __attribute__((format(printf, 3, 4)));

#endif
