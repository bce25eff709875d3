/* SPDX-License-Identifier: BSD-3-Clause */
#include "lib/source/source_text.h"

#include "lib/base/text.h"

enum status source_text_check(const char *bytes, size_t length, struct error *err) {
    size_t at = 0, line = 1, step = 1;
    while (at < length && step > 0) {
        step = bytes[at] == '\0' ? 1 : text_character_length(bytes + at, length - at);
        at += step;
    }
    if (at == length) return STATUS_OK;
    for (size_t i = 0; i < at; i++)
        line += bytes[i] == '\n';
    return error_set(err, STATUS_REFUSED, "The file is not UTF-8 text: line %zu has the byte 0x%02X.", line,
                     (unsigned)(unsigned char)bytes[at]);
}
