/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Lines of jobs' logs, and which of them to read, wherever a log is stored (log_stream.h, job_archive.h).
 */
#ifndef LIB_STORE_JOB_LOG_LINE_H
#define LIB_STORE_JOB_LOG_LINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/log.h"
#include "lib/store/job/log_cursor.h"

/* One line. `attempt` and `number` (from 1, growing within an attempt) make a repeated write count once. */
struct log_line {
    enum log_level level;
    const char *message; /* UTF-8, may hold line breaks */
    int64_t time_ms;     /* when it was added to the log; moved up to stay above the line before */
    int attempt;
    int number;
    int64_t ordinal; /* its number in the whole log, from 1, over all attempts; 0: unknown (written by an earlier release).
                      * Ignored in a line to be written */
};

/* A log over its limits keeps its head and its tail: of the lines that the limit allows so many for the tail, or half of them if
 * that is less; of the bytes a quarter (script/log.lua). */
enum { LOG_TAIL_LINES = 1000 };

/* Which lines to read: those that are in all the bounds given. */
struct log_query {
    enum log_level level;     /* minimum */
    int64_t since_ms;         /* included; 0: from the first */
    int64_t until_ms;         /* not included; 0: to the last */
    struct log_cursor after;  /* only lines after it; from a reader that has all lines up to there */
    struct log_cursor before; /* only lines before it */
    const char *search;       /* only lines whose message has this text, A to Z in either case; NULL: all */
    bool descending;          /* the newest first; the limit keeps the newest */
    bool only_stored;         /* without the lines that say where lines are left out */
    bool takes_last;          /* the limit keeps the last lines, not the first ones, but they come in their order */
    size_t limit;             /* of lines returned */
};

struct log_lines {
    struct log_line *lines; /* in the order asked for; texts are in the arena */
    size_t count;
    bool cut; /* there were more than `limit` */
};

#endif
