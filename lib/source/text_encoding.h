/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Decodes texts from outside (licenses) whose encoding is not known.
 */
#ifndef LIB_SOURCE_TEXT_ENCODING_H
#define LIB_SOURCE_TEXT_ENCODING_H

#include <stdbool.h>
#include <stddef.h>

struct text;

/* Appends the text as UTF-8 without a byte order mark. It may be UTF-8, or UTF-16 (recognised by a mark or its zero bytes);
 * anything else is decoded as ISO 8859-1. False: it is no text, because it has NUL characters, or is UTF-16 with an
 * incomplete character. */
bool text_append_decoded(struct text *out, const char *bytes, size_t length);

#endif
