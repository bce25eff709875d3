/* SPDX-License-Identifier: BSD-3-Clause */
#include "lib/base/number.h"

#include <stddef.h>

bool number_parse(int64_t *out, const char *text) {
    int64_t number = 0;
    if (!text || !*text) return false;
    for (const char *at = text; *at; at++) {
        if (*at < '0' || *at > '9') return false;
        if (__builtin_mul_overflow(number, 10, &number) || __builtin_add_overflow(number, *at - '0', &number)) return false;
    }
    *out = number;
    return true;
}

bool number_parse_within(int64_t *out, const char *text, int64_t least, int64_t most) {
    int64_t number;
    if (!number_parse(&number, text) || number < least || number > most) return false;
    *out = number;
    return true;
}
