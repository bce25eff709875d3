/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Times of day for daily work: `04:30` in UTC, or `never` (lib/domain/README.md, Daily package sets).
 */
#ifndef LIB_DOMAIN_JOB_DAILY_TIME_H
#define LIB_DOMAIN_JOB_DAILY_TIME_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/base/error.h"

struct daily_time {
    bool is_never;
    int minute; /* of the day, in UTC */
};

/* `variable` is the setting that it is read from, for the message. STATUS_INVALID: the text is neither of the forms above. */
CHECK_RESULT enum status daily_time_parse(struct daily_time *out, const char *text, const char *variable, struct error *err);

/* The last such time at or before `now_ms`, in milliseconds since 1970; 0: never. Work whose last run was for an earlier one is
 * due, also if this one passed while no service ran. */
int64_t daily_time_last(const struct daily_time *time, int64_t now_ms);

/* The first such time after `now_ms`; 0: never. */
int64_t daily_time_next(const struct daily_time *time, int64_t now_ms);

#endif
