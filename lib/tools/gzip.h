/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Bytes in memory to gzip's format and back; the one file that sees zlib. Tarballs are lib/tools/archive.h's.
 */
#ifndef LIB_TOOLS_GZIP_H
#define LIB_TOOLS_GZIP_H

#include <stddef.h>

#include "lib/base/error.h"

struct text;

/* Appends the bytes, compressed: always the same for the same bytes, since no time and no name is written. */
void gzip_pack(struct text *out, const void *bytes, size_t length);

/* Appends what was packed. STATUS_INVALID: no gzip, damaged, or cut short; STATUS_TOO_LARGE above `limit_bytes`. What was
 * appended by then is left. */
CHECK_RESULT enum status gzip_unpack(struct text *out, const void *bytes, size_t length, size_t limit_bytes, struct error *err);

#endif
