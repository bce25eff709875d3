/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Clocks, and times as text in the registry's format (lib/domain/README.md, Time): `2026-07-25T15:11:12.686Z`. Times are
 * int64_t milliseconds since 1970 UTC unless the name says otherwise; 0 means "not yet" in a job.
 */
#ifndef LIB_BASE_CLOCK_H
#define LIB_BASE_CLOCK_H

#include <stdbool.h>
#include <stdint.h>

enum { TIME_TEXT_MAX = 32 };
#define TIME_MAX_MS INT64_C(253402300799999) /* 9999-12-31T23:59:59.999Z */

int64_t clock_now_ms(void);       /* wall clock */
int64_t clock_monotonic_ms(void); /* for deadlines and durations; never steps */
int64_t clock_monotonic_us(void);

/* Sleeps for the whole duration; returns at once if it is not positive. Where there is a `struct deadline`, deadline_pause() ends
 * with it; of a stoppable thread, thread_pause(). */
void clock_sleep_ms(int64_t duration_ms);

/* Always prints three fractional digits. Times before 1970 or after 9999, which only damaged data has, are clamped. */
void time_print(int64_t time_ms, char out[TIME_TEXT_MAX]);

/* Accepts zero to three fractional digits, and only the zone `Z`. False for any other form, a date that does not exist, or a
 * year before 1970. */
bool time_parse(const char *text, int64_t *time_ms);

#endif
