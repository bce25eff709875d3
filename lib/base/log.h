/* SPDX-License-Identifier: BSD-3-Clause
 *
 * A program's own log, for operators: one logfmt line (`key=value`) per event on stderr. (A job's log, for its requester, is
 * lib/store/job/log_stream.h, with the same levels, lib/store/README.md.) An error is logged once, where it is handled.
 */
#ifndef LIB_BASE_LOG_H
#define LIB_BASE_LOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define LOG_LEVEL_TABLE(LEVEL) LEVEL(DEBUG) LEVEL(INFO) LEVEL(WARN) LEVEL(NOTICE) LEVEL(ERROR)

enum log_level {
#define LEVEL(name) LOG_##name,
    LOG_LEVEL_TABLE(LEVEL)
#undef LEVEL
};

const char *log_level_name(enum log_level level);              /* "INFO" */
bool log_level_parse(const char *text, enum log_level *level); /* exactly as spelled in the table */

/* Lines below `minimum` are not written. `program` is borrowed for ever. */
void log_configure(const char *program, enum log_level minimum);

/* One `key=value` of a line. A key is a constant of the program; a value may be untrusted input. */
struct log_field {
    const char *key;
    const char *text; /* borrowed for the call; NULL: the value is `number` */
    int64_t number;
};

/* A field with a text, a bool or an integer: log_field("job", job->id). NULL is the empty text. */
#define log_field(key, value)                                                                                                  \
    _Generic((value),              \
        char *: log_text_field,    \
        const char *: log_text_field, \
        bool: log_flag_field,      \
        unsigned long: log_count_field, \
        default: log_number_field)((key), (value))

struct log_field log_text_field(const char *key, const char *value);
struct log_field log_flag_field(const char *key, bool value); /* yes, no */
struct log_field log_count_field(const char *key, size_t value);
struct log_field log_number_field(const char *key, int64_t value);

/* log_line(LOG_INFO, "job_ended", log_field("job", id), log_field("took_ms", ms), …): writes one line. The event is
 * a token, NOUN_VERB of `a-z` and `_`, and has a row in the table of events in ops/README.md. There are no format strings: each
 * value is escaped separately, so that none can inject further fields (log_append_value()). Secrets are blanked. Thread-safe. */
#define log_line(level, event, ...)                                                                                            \
    log_write_line((level), (event), (const struct log_field[]){__VA_ARGS__ __VA_OPT__(, ){.key = NULL}})
void log_write_line(enum log_level level, const char *event, const struct log_field *fields);

/* Appends a text as a logfmt value: unchanged if it has only letters, digits and `-._:/+@,`; else in `"…"`, with `"` and `\`
 * escaped by a backslash, and control characters, line separators, zero-width and bidirectional marks, and bytes that are not
 * UTF-8 written as `\n`, `\r`, `\t`, `\xHH` or `\uHHHH`. A value of more than LOG_VALUE_MAX_BYTES is truncated and ends in
 * `…`. */
enum { LOG_VALUE_MAX_BYTES = 1000 };
struct text;
void log_append_value(struct text *out, const char *value);

#endif
