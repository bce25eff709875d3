/* SPDX-License-Identifier: BSD-3-Clause
 *
 * A log line in an archived job's document (job_archive.h): a JSON object of fixed form, so that a long log is read without a JSON
 * parser, and a line that is skipped costs the reading of two numbers.
 *
 *   {"time":1764000000456,"ordinal":23,"level":"INFO","attempt":1,"number":17,"message":"…"}
 *
 * `ordinal` is missing where it is unknown (log_stream.h). Any other JSON with these fields that begins with the time is read, too.
 */
#ifndef LIB_STORE_JOB_ARCHIVE_LINE_H
#define LIB_STORE_JOB_ARCHIVE_LINE_H

#include "lib/base/arena.h"
#include "lib/base/text.h"
#include "lib/store/job/log_line.h"

void archive_line_append(struct text *out, const struct log_line *line);

/* Reads only time and ordinal. False: it is no line. `line` ends in a NUL, or a line break. */
bool archive_line_place(const char *line, size_t length, struct log_line *out);

/* Reads all. False: it is no line. The message is in the arena. */
bool archive_line_read(const char *line, size_t length, struct arena *arena, struct log_line *out);

#endif
