/* SPDX-License-Identifier: BSD-3-Clause */
#include "lib/store/job/log_cursor.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

enum {
    ID_LENGTH = 8,   /* of the part of a job's id */
    DIGITS_MAX = 15, /* of a number; more would not be exact in the scripts of Redis, or in a client */
    SHOWN_MAX = 64,  /* of a malformed cursor, in a message */
};

void log_cursor_print(char out[LOG_CURSOR_TEXT_MAX], const struct log_cursor *cursor, const char *job_id) {
    snprintf(out, LOG_CURSOR_TEXT_MAX, "%" PRId64 "-%" PRId64 "-%.*s", cursor->time_ms, cursor->ordinal, ID_LENGTH, job_id);
}

/* Reads digits, and the `-` after them. */
static bool read_number(const char **at, int64_t *out) {
    size_t length = strspn(*at, "0123456789");
    if (length == 0 || length > DIGITS_MAX || (*at)[length] != '-') return false;
    *out = 0;
    for (size_t i = 0; i < length; i++)
        *out = *out * 10 + ((*at)[i] - '0');
    *at += length + 1;
    return true;
}

enum status log_cursor_parse(struct log_cursor *out, const char *text, const char *job_id, const char *name,
                             struct error *err) {
    const char *at = text;
    *out = (struct log_cursor){0};
    bool is_cursor = read_number(&at, &out->time_ms) && read_number(&at, &out->ordinal) && out->time_ms > 0 &&
                     strspn(at, "0123456789abcdef") == ID_LENGTH && at[ID_LENGTH] == '\0';
    if (!is_cursor)
        return error_set_at(err, STATUS_INVALID, name,
                            "The parameter \"%s\" must be the cursor of a log line, like 1764000000123-23-3f2c0d4e, but it is "
                            "\"%.*s\".",
                            name, SHOWN_MAX, text);
    if (strncmp(at, job_id, ID_LENGTH) != 0)
        return error_set_at(
            err, STATUS_INVALID, name,
            "The parameter \"%s\" must be the cursor of a line of the job %.64s, but \"%s\" is that of a job whose "
            "id begins with %s.",
            name, job_id, text, at);
    return STATUS_OK;
}
