/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The `Range` header (RFC 9110, 14.1.2), as far as a download that goes on needs it: one range of bytes. Anything else that is
 * well-formed or not (several ranges, other units) is as if it were not there, which the RFC allows.
 */
#ifndef SERVICES_GATEWAY_BYTE_RANGE_H
#define SERVICES_GATEWAY_BYTE_RANGE_H

#include <stdint.h>

enum byte_range {
    BYTE_RANGE_WHOLE,      /* send everything */
    BYTE_RANGE_PART,       /* send `length` bytes from `offset` */
    BYTE_RANGE_IMPOSSIBLE, /* nothing of it exists: 416 */
};

/* `header` may be NULL. */
enum byte_range byte_range_parse(const char *header, int64_t size, int64_t *offset, int64_t *length);

#endif
