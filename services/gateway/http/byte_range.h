/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The `Range` header (RFC 9110, 14.1.2), as far as resumed downloads need it: a single range of bytes. Any other value (several
 * ranges, other units, malformed) is ignored, as the RFC allows.
 */
#ifndef SERVICES_GATEWAY_HTTP_BYTE_RANGE_H
#define SERVICES_GATEWAY_HTTP_BYTE_RANGE_H

#include <stdint.h>

enum byte_range {
    BYTE_RANGE_WHOLE,      /* send everything */
    BYTE_RANGE_PART,       /* send `length` bytes from `offset` */
    BYTE_RANGE_IMPOSSIBLE, /* outside of the file: 416 */
};

/* `header` may be NULL. `size` is the file's. Sets `offset` and `length` for BYTE_RANGE_PART only. */
enum byte_range byte_range_parse(const char *header, int64_t size, int64_t *offset, int64_t *length);

#endif
