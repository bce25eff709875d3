/* SPDX-License-Identifier: BSD-3-Clause */
#include "lib/base/clock.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

static int64_t read_clock_us(clockid_t id) {
    struct timespec now;
    clock_gettime(id, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

#ifdef FAULT_POINTS
static const atomic_llong *given; /* the time that a test gives; NULL: none does */

static void map_given(void) {
    const char *path = getenv("REGISTRY_CLOCK");
    int file = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
    if (file < 0) return;
    const void *memory = mmap(NULL, sizeof *given, PROT_READ, MAP_SHARED, file, 0);
    if (memory != MAP_FAILED) given = memory;
    close(file);
}

int64_t clock_now_ms(void) {
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, map_given);
    return given ? atomic_load(given) : read_clock_us(CLOCK_REALTIME) / 1000;
}
#else
int64_t clock_now_ms(void) {
    return read_clock_us(CLOCK_REALTIME) / 1000;
}
#endif

int64_t clock_monotonic_ms(void) {
    return read_clock_us(CLOCK_MONOTONIC) / 1000;
}

int64_t clock_monotonic_us(void) {
    return read_clock_us(CLOCK_MONOTONIC);
}

void clock_sleep_ms(int64_t duration_ms) {
    if (duration_ms <= 0) return;
    struct timespec left = {.tv_sec = duration_ms / 1000, .tv_nsec = duration_ms % 1000 * 1000000};
    while (clock_nanosleep(CLOCK_MONOTONIC, 0, &left, &left) == EINTR)
        continue;
}

/* Writes `value` with leading zeros; returns the position after it. */
static char *write_digits(char *at, int64_t value, int digits) {
    for (int i = digits - 1; i >= 0; i--, value /= 10)
        at[i] = (char)('0' + value % 10);
    return at + digits;
}

/* The date of a day (0 is 1 January 1970). Years are counted from 1 March 0000, so that the leap day is the last day of a year
 * and each cycle of 400 years has the same number of days. gmtime_r() is not used: it takes a lock and ten times as long, and
 * one response with a job's log prints thousands of times. */
static void find_date(int64_t day, int64_t *year, int64_t *month, int64_t *day_of_month) {
    enum { DAYS_TO_1970 = 719468, CYCLE_DAYS = 146097, CENTURY_DAYS = 36524, LEAP_CYCLE_DAYS = 1460, YEAR_DAYS = 365 };
    int64_t day_of_cycle = (day + DAYS_TO_1970) % CYCLE_DAYS;
    int64_t leap_days = day_of_cycle / LEAP_CYCLE_DAYS - day_of_cycle / CENTURY_DAYS + day_of_cycle / (CYCLE_DAYS - 1);
    int64_t year_of_cycle = (day_of_cycle - leap_days) / YEAR_DAYS;
    int64_t day_of_year = day_of_cycle - (YEAR_DAYS * year_of_cycle + year_of_cycle / 4 - year_of_cycle / 100);
    int64_t month_from_march = (5 * day_of_year + 2) / 153; /* 153 days are five months, from March and from August */
    *day_of_month = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    *month = month_from_march < 10 ? month_from_march + 3 : month_from_march - 9;
    *year = (day + DAYS_TO_1970) / CYCLE_DAYS * 400 + year_of_cycle + (*month <= 2);
}

void time_print(int64_t time_ms, char out[TIME_TEXT_MAX]) {
    enum { DAY_MS = 86400000 };
    time_ms = time_ms < 0 ? 0 : time_ms > TIME_MAX_MS ? TIME_MAX_MS : time_ms;
    int64_t year, month, day, rest_ms = time_ms % DAY_MS;
    find_date(time_ms / DAY_MS, &year, &month, &day);
    char *at = write_digits(out, year, 4);
    *at++ = '-';
    at = write_digits(at, month, 2);
    *at++ = '-';
    at = write_digits(at, day, 2);
    *at++ = 'T';
    at = write_digits(at, rest_ms / 3600000, 2);
    *at++ = ':';
    at = write_digits(at, rest_ms / 60000 % 60, 2);
    *at++ = ':';
    at = write_digits(at, rest_ms / 1000 % 60, 2);
    *at++ = '.';
    at = write_digits(at, rest_ms % 1000, 3);
    *at++ = 'Z';
    *at = '\0';
}

/* Reads exactly `digits` decimal digits; -1 if there are fewer. */
static int read_digits(const char **at, int digits) {
    int value = 0;
    for (int i = 0; i < digits; i++, (*at)++) {
        if (!isdigit((unsigned char)**at)) return -1;
        value = value * 10 + (**at - '0');
    }
    return value;
}

static bool skip(const char **at, char expected) {
    if (**at != expected) return false;
    (*at)++;
    return true;
}

bool time_parse(const char *text, int64_t *time_ms) {
    const char *at = text;
    struct tm parts = {0};
    int year = read_digits(&at, 4);
    if (year < 1970 || !skip(&at, '-')) return false;
    int month = read_digits(&at, 2);
    if (!skip(&at, '-')) return false;
    int day = read_digits(&at, 2);
    if (!skip(&at, 'T')) return false;
    int hour = read_digits(&at, 2);
    if (!skip(&at, ':')) return false;
    int minute = read_digits(&at, 2);
    if (!skip(&at, ':')) return false;
    int second = read_digits(&at, 2);
    if (month < 1 || day < 1 || hour < 0 || minute < 0 || second < 0 || hour > 23 || minute > 59 || second > 59) return false;
    int fraction = 0;
    if (*at == '.') {
        at++;
        int scale = 100, digits = 0;
        for (; isdigit((unsigned char)*at) && digits < 3; at++, digits++, scale /= 10)
            fraction += (*at - '0') * scale;
        if (digits == 0) return false;
    }
    if (!skip(&at, 'Z') || *at != '\0') return false;
    parts.tm_year = year - 1900, parts.tm_mon = month - 1, parts.tm_mday = day;
    parts.tm_hour = hour, parts.tm_min = minute, parts.tm_sec = second;
    time_t seconds = timegm(&parts);
    if (parts.tm_mday != day || parts.tm_mon != month - 1) return false; /* the 31st of a short month */
    *time_ms = (int64_t)seconds * 1000 + fraction;
    return true;
}
