/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The log lines of a job that build-matrix does not have yet, as messages carry them. The owner's mutex guards them.
 */
#ifndef SERVICES_BUILD_WORKER_HELD_LINES_H
#define SERVICES_BUILD_WORKER_HELD_LINES_H

#include "lib/base/log.h"
#include "proto/message.h"

struct held_lines {
    struct record_log_line *items; /* lib/base/array.h; their texts are allocated */
    size_t count, capacity;
    size_t bytes; /* an upper bound of all lines in a message */
};

enum { HELD_LINE_BYTES = MESSAGE_LIMIT(record_log_line, text) };

/* A copy of `text` as a message of this worker may have it: without this machine's folders, with a `?` for each byte that is not
 * of UTF-8, and cut to `most` bytes. The caller frees it; NULL stays NULL. */
char *clean_text(const char *text, size_t most);

/* Adds a line and takes over its text, which clean_text() has made with the limit HELD_LINE_BYTES. */
void held_lines_add(struct held_lines *lines, int64_t number, enum log_level level, char *text);

/* How many of the lines, from the first, fit into a message that has `most_bytes` for them; at least 1 unless there is none. */
size_t held_lines_fit(const struct held_lines *lines, size_t most_bytes);

/* Removes the first `count` lines. */
void held_lines_drop(struct held_lines *lines, size_t count);

/* Puts all of `earlier` before the lines; it is empty then. */
void held_lines_put_before(struct held_lines *lines, struct held_lines *earlier);

void held_lines_release(struct held_lines *lines);

#endif
