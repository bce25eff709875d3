/* SPDX-License-Identifier: BSD-3-Clause
 *
 * A growable string, and string functions that the standard library lacks. A zeroed struct is an empty text; `bytes` is NULL
 * until the first append and NUL-terminated from then on (text_view() never returns NULL).
 */
#ifndef LIB_BASE_TEXT_H
#define LIB_BASE_TEXT_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>

struct text {
    char *bytes;
    size_t length;
    size_t capacity;
};

void text_append(struct text *text, const char *more);
void text_append_bytes(struct text *text, const void *bytes, size_t length);
void text_append_character(struct text *text, char character);
void text_append_format(struct text *text, const char *format, ...) __attribute__((format(printf, 2, 3)));
void text_append_format_list(struct text *text, const char *format, va_list arguments) __attribute__((format(printf, 2, 0)));

/* Makes room for `more` bytes and a NUL after the end and returns their address; the caller adds the number of bytes that it
 * wrote to `length`. */
char *text_reserve(struct text *text, size_t more);

const char *text_view(const struct text *text) __attribute__((returns_nonnull)); /* borrowed until the next change */
void text_clear(struct text *text);                                              /* empty, the memory is kept */
void text_release(struct text *text);                                            /* empty, the memory is freed */

bool text_equal(const char *a, const char *b); /* NULL equals only NULL */
bool text_starts_with(const char *text, const char *prefix);
bool text_ends_with(const char *text, const char *suffix);
bool text_is_blank(const char *text); /* NULL, empty, or nothing but white space */

/* Well-formed UTF-8 (no surrogates, no over-long forms, nothing above U+10FFFF), without NUL bytes. */
bool text_is_utf8(const char *bytes, size_t length);
void text_mend_utf8(char *bytes, size_t length); /* replaces every byte that is not part of well-formed UTF-8 by `?` */
/* The length in bytes of the character at `bytes`, where `left` bytes are left; 0 if it is not well-formed, or NUL. */
size_t text_character_length(const char *bytes, size_t left);
size_t text_count_characters(const char *text); /* code points of well-formed UTF-8 */

#endif
