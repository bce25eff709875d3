/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Single msgpack values, written to a text and read back strictly: the only file that sees msgpack-c. Nothing here allocates by
 * a size that the bytes claim: arrays are counted against what is expected, texts lie in the bytes themselves.
 */
#ifndef PROTO_WIRE_H
#define PROTO_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/text.h"

void wire_write_array(struct text *out, size_t count);
void wire_write_number(struct text *out, int64_t number);
void wire_write_flag(struct text *out, bool flag);
void wire_write_text(struct text *out, const char *text); /* NULL: nil */
void wire_write_binary(struct text *out, const void *bytes, size_t length);

/* Each read takes one value of the asked-for type off the front; false, and nothing is promised of the reader, where there is
 * something else. */
struct wire_reader {
    const char *bytes;
    size_t left;
};

bool wire_read_array(struct wire_reader *reader, size_t count); /* of exactly so many values, which come next */
bool wire_read_number(struct wire_reader *reader, int64_t *number);
bool wire_read_flag(struct wire_reader *reader, bool *flag);
bool wire_read_text(struct wire_reader *reader, const char **bytes, size_t *length); /* not terminated; nil: *bytes is NULL */
bool wire_read_binary(struct wire_reader *reader, void *bytes, size_t length);       /* of exactly this length */

#endif
