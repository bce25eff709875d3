/* SPDX-License-Identifier: BSD-3-Clause */
#include "lib/domain/job/daily_time.h"

#include <ctype.h>
#include <string.h>

#include "lib/base/text.h"

enum { MINUTE_MS = 60 * 1000, HOUR_MINUTES = 60, DAY_HOURS = 24 };

static const int64_t day_ms = (int64_t)DAY_HOURS * HOUR_MINUTES * MINUTE_MS;

static int read_two(const char *digits) {
    bool are_digits = isdigit((unsigned char)digits[0]) && isdigit((unsigned char)digits[1]);
    return are_digits ? (digits[0] - '0') * 10 + digits[1] - '0' : -1;
}

enum status daily_time_parse(struct daily_time *out, const char *text, const char *variable, struct error *err) {
    *out = (struct daily_time){.is_never = text_equal(text, "never")};
    if (out->is_never) return STATUS_OK;
    bool has_form = text && strlen(text) == strlen("04:30") && text[2] == ':';
    int hour = has_form ? read_two(text) : -1, minute = has_form ? read_two(text + 3) : -1;
    if (hour < 0 || hour >= DAY_HOURS || minute < 0 || minute >= HOUR_MINUTES)
        return error_set_at(err, STATUS_INVALID, variable,
                            "%s is \"%s\", but must be a time of day in UTC such as 04:30, or never.", variable,
                            text ? text : "");
    out->minute = hour * HOUR_MINUTES + minute;
    return STATUS_OK;
}

int64_t daily_time_last(const struct daily_time *time, int64_t now_ms) {
    if (time->is_never) return 0;
    int64_t today_ms = now_ms / day_ms * day_ms + (int64_t)time->minute * MINUTE_MS;
    int64_t last_ms = today_ms <= now_ms ? today_ms : today_ms - day_ms;
    return last_ms > 0 ? last_ms : 0;
}

int64_t daily_time_next(const struct daily_time *time, int64_t now_ms) {
    if (time->is_never) return 0;
    int64_t today_ms = now_ms / day_ms * day_ms + (int64_t)time->minute * MINUTE_MS;
    return today_ms > now_ms ? today_ms : today_ms + day_ms;
}
