/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Is a source file text, as the compiler reads it? On a module, or a foreign module, that is not UTF-8 it ends without a report
 * and names no file, so this is looked at before it runs. NUL bytes are characters like others.
 */
#ifndef LIB_SOURCE_SOURCE_TEXT_H
#define LIB_SOURCE_SOURCE_TEXT_H

#include <stddef.h>

#include "lib/base/error.h"

/* STATUS_REFUSED: it is not UTF-8; the sentence names the first line and byte that are not. */
CHECK_RESULT enum status source_text_check(const char *bytes, size_t length, struct error *err);

#endif
