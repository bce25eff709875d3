/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Checks that a source file is UTF-8. At a module or foreign module that is not, the compiler exits without a report and names
 * no file, so this is checked before it runs. NUL bytes are ordinary characters.
 */
#ifndef LIB_SOURCE_SOURCE_TEXT_H
#define LIB_SOURCE_SOURCE_TEXT_H

#include <stddef.h>

#include "lib/base/error.h"

/* STATUS_REFUSED: it is not UTF-8; the sentence names the first line and byte at fault. */
CHECK_RESULT enum status source_text_check(const char *bytes, size_t length, struct error *err);

#endif
