/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Percent-encoding, as RFC 3986 has it and S3's signatures require it: `%` and two upper-case hexadecimal digits for a byte.
 */
#ifndef LIB_BASE_PERCENT_H
#define LIB_BASE_PERCENT_H

#include <stdbool.h>

#include "lib/base/error.h"

struct text;

/* Which bytes stay as they are: letters, digits and `-._~` always. */
enum percent_class {
    PERCENT_VALUE, /* nothing else: one value of a query, or one part of a path */
    PERCENT_PATH,  /* `/` too: a path, or the name of an S3 object */
};

/* True if encoding `text` would change nothing. */
bool percent_is_plain(const char *text, enum percent_class class);

void percent_encode(struct text *out, const char *text, enum percent_class class);

enum percent_form {
    PERCENT_IN_URL,
    PERCENT_IN_QUERY, /* as HTML forms write it: `+` is a space, too */
};

/* Decodes in place. False for a `%` without two hexadecimal digits, and for %00, which no C string can hold: `text` is half
 * decoded then. */
CHECK_RESULT bool percent_decode(char *text, enum percent_form form);

#endif
