/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Which lines of a log answer a query, wherever the log is stored (log_stream.c, job_archive.c): its place in the log, level, and
 * number of lines. A reader passes all lines in their order, or all backwards:
 *
 *   log_selection_begin(&selection, query, arena, out);
 *   for each line, until selection.is_full:
 *       if (log_selection_pass(&selection, time_ms, ordinal)) … read the rest of the line …, log_selection_take(&selection, &line);
 *   log_selection_end(&selection);
 *
 * A log that became too long has lost lines in its middle. Nothing is stored about that: where the ordinals jump, a line at WARN
 * says how many are left out. Its time is a millisecond before the next line's, which no line has, and its ordinal that of the last
 * line left out: so it has a place of its own, and all readers of a finished job see the same text. To see a jump at the edge of the
 * selected part, a reader also passes the last line before selection.from_ms and the line at selection.to_ms.
 */
#ifndef LIB_STORE_JOB_LOG_SELECTION_H
#define LIB_STORE_JOB_LOG_SELECTION_H

#include "lib/base/arena.h"
#include "lib/store/job/log_line.h"

struct log_selection {
    int64_t from_ms; /* included */
    int64_t to_ms;   /* not included */
    bool is_backward;
    bool is_full;                      /* no further line is wanted */
    int64_t passed_ms, passed_ordinal; /* of the line passed last */
    bool may_jump;                     /* that ordinal is known */
    const struct log_query *query;
    struct arena *arena;
    struct log_lines *out;
    size_t capacity;
};

/* `query` and `arena` are borrowed; `out` is empty then. */
void log_selection_begin(struct log_selection *selection, const struct log_query *query, struct arena *arena,
                         struct log_lines *out);

/* Passes a line of this time and ordinal. True: it is in the selected part. */
bool log_selection_pass(struct log_selection *selection, int64_t time_ms, int64_t ordinal);

/* Takes the line that was passed last, if it has the level and the text searched for; its text must be in the arena. */
void log_selection_take(struct log_selection *selection, const struct log_line *line);

/* The log has no further line in this direction, or is_full. */
void log_selection_end(struct log_selection *selection);

#endif
