/* SPDX-License-Identifier: BSD-3-Clause */
#include "lib/source/text_encoding.h"

#include <stdint.h>
#include <string.h>

#include "lib/base/text.h"

enum encoding { UTF_8, UTF_16_LITTLE, UTF_16_BIG, LATIN_1 };

static void append_code_point(struct text *out, uint32_t code) {
    static const uint32_t last[] = {0x7f, 0x7ff, 0xffff};
    static const unsigned char first[] = {0, 0xc0, 0xe0, 0xf0};
    size_t more = 0;
    while (more < sizeof last / sizeof *last && code > last[more])
        more++;
    text_append_character(out, (char)(first[more] | code >> (6 * more)));
    while (more-- > 0)
        text_append_character(out, (char)(0x80 | (code >> (6 * more) & 0x3f)));
}

/* Without a byte order mark: in UTF-16 nearly every other byte of a text is zero. */
static enum encoding guess(const char *bytes, size_t length) {
    size_t zeros[2] = {0};
    for (size_t i = 0; i < length; i++)
        zeros[i % 2] += bytes[i] == '\0';
    if (length % 2 == 0 && length > 0 && zeros[1] > length / 4 && zeros[0] == 0) return UTF_16_LITTLE;
    if (length % 2 == 0 && length > 0 && zeros[0] > length / 4 && zeros[1] == 0) return UTF_16_BIG;
    return zeros[0] + zeros[1] == 0 && !text_is_utf8(bytes, length) ? LATIN_1 : UTF_8;
}

/* Finds the encoding, and skips the byte order mark if there is one. */
static enum encoding find_encoding(const char **bytes, size_t *length) {
    static const struct {
        const char *mark;
        enum encoding encoding;
    } marks[] = {{"\xEF\xBB\xBF", UTF_8}, {"\xFF\xFE", UTF_16_LITTLE}, {"\xFE\xFF", UTF_16_BIG}};
    for (size_t i = 0; i < sizeof marks / sizeof *marks; i++) {
        size_t size = strlen(marks[i].mark);
        if (*length < size || memcmp(*bytes, marks[i].mark, size) != 0) continue;
        *bytes += size;
        *length -= size;
        return marks[i].encoding == UTF_8 ? guess(*bytes, *length) : marks[i].encoding;
    }
    return guess(*bytes, *length);
}

static bool append_utf_16(struct text *out, const char *bytes, size_t length, bool is_big) {
    uint32_t high = 0;
    for (size_t i = 0; i + 1 < length; i += 2) {
        unsigned char one = (unsigned char)bytes[i], other = (unsigned char)bytes[i + 1];
        uint32_t unit = is_big ? (uint32_t)(one << 8 | other) : (uint32_t)(other << 8 | one);
        bool is_high = unit >= 0xd800 && unit < 0xdc00, is_low = unit >= 0xdc00 && unit < 0xe000;
        if (unit == 0 || is_low != (high != 0)) return false;
        if (!is_high) append_code_point(out, is_low ? 0x10000 + ((high - 0xd800) << 10) + (unit - 0xdc00) : unit);
        high = is_high ? unit : 0;
    }
    return length % 2 == 0 && high == 0;
}

bool text_append_decoded(struct text *out, const char *bytes, size_t length) {
    enum encoding encoding = find_encoding(&bytes, &length);
    if (encoding == UTF_16_LITTLE || encoding == UTF_16_BIG) return append_utf_16(out, bytes, length, encoding == UTF_16_BIG);
    if (memchr(bytes, '\0', length)) return false;
    for (size_t i = 0; i < length && encoding == LATIN_1; i++)
        append_code_point(out, (unsigned char)bytes[i]);
    if (encoding == UTF_8) text_append_bytes(out, bytes, length);
    return true;
}
