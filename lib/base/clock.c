/* SPDX-License-Identifier: BSD-3-Clause */
#include "lib/base/clock.h"

#include <ctype.h>
#include <stdio.h>
#include <time.h>

static int64_t read_clock_us(clockid_t id) {
    struct timespec now;
    clock_gettime(id, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

int64_t clock_now_ms(void) {
    return read_clock_us(CLOCK_REALTIME) / 1000;
}

int64_t clock_monotonic_ms(void) {
    return read_clock_us(CLOCK_MONOTONIC) / 1000;
}

int64_t clock_monotonic_us(void) {
    return read_clock_us(CLOCK_MONOTONIC);
}

void time_print(int64_t time_ms, char out[TIME_TEXT_MAX]) {
    time_t seconds = (time_t)(time_ms / 1000);
    struct tm parts;
    gmtime_r(&seconds, &parts);
    size_t length = strftime(out, TIME_TEXT_MAX, "%Y-%m-%dT%H:%M:%S", &parts);
    snprintf(out + length, TIME_TEXT_MAX - length, ".%03dZ", (int)(time_ms % 1000));
}

/* Reads exactly `digits` decimal digits; -1 if they are not there. */
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
