/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Texts of strangers, such as licences, in whatever encoding they were saved.
 */
#ifndef LIB_SOURCE_TEXT_ENCODING_H
#define LIB_SOURCE_TEXT_ENCODING_H

#include <stdbool.h>
#include <stddef.h>

struct text;

/* Appends the text as UTF-8 without a byte order mark: it may be UTF-8, UTF-16 (with a mark, or told by its zeros), or else is
 * taken for ISO 8859-1. False where it is no text: it has NUL characters, or is UTF-16 with half a character in it. */
bool text_append_decoded(struct text *out, const char *bytes, size_t length);

#endif
