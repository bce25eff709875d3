/* SPDX-License-Identifier: BSD-3-Clause */
#include "services/gateway/http/byte_range.h"

#include <ctype.h>
#include <stdbool.h>
#include <strings.h>

/* Reads the digits at *text; -1: there are none. Numbers that would overflow become very large ones. */
static int64_t read_digits(const char **text) {
    if (!isdigit((unsigned char)**text)) return -1;
    int64_t number = 0;
    for (; isdigit((unsigned char)**text); ++*text)
        number = number > INT64_MAX / 10 - 10 ? INT64_MAX / 10 : number * 10 + (**text - '0');
    return number;
}

enum byte_range byte_range_parse(const char *header, int64_t size, int64_t *offset, int64_t *length) {
    if (!header || strncasecmp(header, "bytes=", 6) != 0) return BYTE_RANGE_WHOLE;
    const char *at = header + 6;
    int64_t first = read_digits(&at);
    if (*at++ != '-') return BYTE_RANGE_WHOLE;
    int64_t last = read_digits(&at);
    bool is_well_formed = *at == '\0' && (first >= 0 || last >= 0) && (first < 0 || last < 0 || first <= last);
    if (!is_well_formed) return BYTE_RANGE_WHOLE;
    if (first < 0) { /* a suffix range: the last `last` bytes */
        if (last == 0 || size == 0) return BYTE_RANGE_IMPOSSIBLE;
        first = last < size ? size - last : 0;
        last = size - 1;
    }
    if (first >= size) return BYTE_RANGE_IMPOSSIBLE;
    if (last < 0 || last >= size) last = size - 1;
    *offset = first;
    *length = last - first + 1;
    return BYTE_RANGE_PART;
}
