/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Compresses and decompresses gzip in memory, with libdeflate. Tarballs: lib/tools/archive/archive.h.
 */
#ifndef LIB_TOOLS_ARCHIVE_GZIP_H
#define LIB_TOOLS_ARCHIVE_GZIP_H

#include <stddef.h>

#include "lib/base/error.h"

struct text;

/* Appends the bytes compressed. The result is reproducible, since it holds no time and no name. */
void gzip_pack(struct text *out, const void *bytes, size_t length);

/* Appends the decompressed bytes. STATUS_INVALID: no gzip, damaged, or cut short; STATUS_TOO_LARGE above `limit_bytes`.
 * After a failure `out` is unchanged. */
CHECK_RESULT enum status gzip_unpack(struct text *out, const void *bytes, size_t length, size_t limit_bytes, struct error *err);

#endif
