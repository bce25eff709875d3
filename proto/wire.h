/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Writing and strictly reading single msgpack values; only wire.c uses msgpack-c. Nothing is allocated by a size claimed in the
 * input: the length of an array is compared with the expected one, or left to the caller, and texts are borrowed from the
 * input.
 */
#ifndef PROTO_WIRE_H
#define PROTO_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/text.h"

void wire_write_array(struct text *out, size_t count);
void wire_write_number(struct text *out, int64_t number);
void wire_write_real(struct text *out, double number);
void wire_write_flag(struct text *out, bool flag);
void wire_write_text(struct text *out, const char *text); /* NULL: nil */
void wire_write_binary(struct text *out, const void *bytes, size_t length);

/* Each function below consumes one value of its type from the front of the reader. False if the next value is another one; the
 * reader must not be used any further then. */
struct wire_reader {
    const char *bytes;
    size_t left;
};

bool wire_read_array(struct wire_reader *reader, size_t count); /* the head of an array of `count` values */
bool wire_read_list(struct wire_reader *reader, size_t *count); /* the head of an array of any length */
bool wire_read_nil(struct wire_reader *reader);                 /* false: the next value is another one, and is still there */
bool wire_read_number(struct wire_reader *reader, int64_t *number);
bool wire_read_real(struct wire_reader *reader, double *number);
bool wire_read_flag(struct wire_reader *reader, bool *flag);
bool wire_read_text(struct wire_reader *reader, const char **bytes, size_t *length); /* borrowed, no NUL; nil: *bytes is NULL */
bool wire_read_binary(struct wire_reader *reader, void *bytes, size_t length);       /* of exactly this length */

#endif
