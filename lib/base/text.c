/* SPDX-License-Identifier: BSD-3-Clause */
#include "lib/base/text.h"

#include <assert.h>
#include <ctype.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/memory.h"

char *text_reserve(struct text *text, size_t more) {
    assert(more < SIZE_MAX / 4 && text->length < SIZE_MAX / 4);
    size_t needed = text->length + more + 1;
    if (needed > text->capacity) {
        size_t capacity = text->capacity ? text->capacity * 2 : 64;
        while (capacity < needed)
            capacity *= 2;
        text->bytes = memory_resize(text->bytes, capacity, 1);
        text->capacity = capacity;
        text->bytes[text->length] = '\0';
    }
    return text->bytes + text->length;
}

void text_append_bytes(struct text *text, const void *bytes, size_t length) {
    char *end = text_reserve(text, length);
    if (length) memcpy(end, bytes, length);
    text->length += length;
    text->bytes[text->length] = '\0';
}

void text_append(struct text *text, const char *more) {
    text_append_bytes(text, more, strlen(more));
}

void text_append_character(struct text *text, char character) {
    char *end = text_reserve(text, 1);
    end[0] = character;
    end[1] = '\0';
    text->length++;
}

void text_append_format_list(struct text *text, const char *format, va_list arguments) {
    va_list again;
    va_copy(again, arguments);
    int length = vsnprintf(NULL, 0, format, arguments);
    assert(length >= 0);
    char *end = text_reserve(text, (size_t)length);
    vsnprintf(end, (size_t)length + 1, format, again);
    va_end(again);
    text->length += (size_t)length;
}

void text_append_format(struct text *text, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    text_append_format_list(text, format, arguments);
    va_end(arguments);
}

const char *text_view(const struct text *text) {
    return text->bytes ? text->bytes : "";
}

void text_clear(struct text *text) {
    text->length = 0;
    if (text->bytes) text->bytes[0] = '\0';
}

void text_release(struct text *text) {
    free(text->bytes);
    *text = (struct text){0};
}

bool text_equal(const char *a, const char *b) {
    return a && b ? strcmp(a, b) == 0 : a == b;
}

bool text_starts_with(const char *text, const char *prefix) {
    return strncmp(text, prefix, strlen(prefix)) == 0;
}

bool text_ends_with(const char *text, const char *suffix) {
    size_t length = strlen(text), tail = strlen(suffix);
    return length >= tail && memcmp(text + length - tail, suffix, tail) == 0;
}

bool text_is_blank(const char *text) {
    if (!text) return true;
    while (isspace((unsigned char)*text))
        text++;
    return *text == '\0';
}

size_t text_character_length(const char *bytes, size_t left) {
    const unsigned char *at = (const unsigned char *)bytes;
    if (left == 0) return 0;
    unsigned char first = at[0];
    if (first == 0) return 0;
    if (first < 0x80) return 1;
    size_t length = first >= 0xF0 ? 4 : first >= 0xE0 ? 3 : 2;
    if (first < 0xC2 || first > 0xF4 || length > left) return 0;
    for (size_t i = 1; i < length; i++)
        if ((at[i] & 0xC0) != 0x80) return 0;
    if (first == 0xE0 && at[1] < 0xA0) return 0; /* over-long */
    if (first == 0xED && at[1] > 0x9F) return 0; /* surrogate */
    if (first == 0xF0 && at[1] < 0x90) return 0; /* over-long */
    if (first == 0xF4 && at[1] > 0x8F) return 0; /* above U+10FFFF */
    return length;
}

/* True if none of eight bytes is NUL or above 0x7F. */
static bool is_plain(const char *bytes) {
    uint64_t eight;
    memcpy(&eight, bytes, sizeof eight);
    return !((eight | (eight - UINT64_C(0x0101010101010101))) & UINT64_C(0x8080808080808080));
}

bool text_is_utf8(const char *bytes, size_t length) {
    while (length > 0) {
        if (length >= sizeof(uint64_t) && is_plain(bytes)) {
            bytes += sizeof(uint64_t), length -= sizeof(uint64_t);
            continue;
        }
        size_t step = text_character_length(bytes, length);
        if (step == 0) return false;
        bytes += step;
        length -= step;
    }
    return true;
}

void text_mend_utf8(char *bytes, size_t length) {
    while (length > 0) {
        size_t step = text_character_length(bytes, length);
        if (step == 0) {
            *bytes = '?';
            step = 1;
        }
        bytes += step;
        length -= step;
    }
}

size_t text_count_characters(const char *text) {
    size_t count = 0;
    for (; *text; text++)
        if (((unsigned char)*text & 0xC0) != 0x80) count++;
    return count;
}
