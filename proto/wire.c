/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Packs with msgpack-c's packer; unpacks with msgpack_unpack_next(), one value at a time, after checking the value's first
 * byte.
 */
#include "proto/wire.h"

#include <msgpack.h>
#include <string.h>

static int append(void *context, const char *bytes, size_t length) {
    text_append_bytes(context, bytes, length);
    return 0;
}

static msgpack_packer packer_to(struct text *out) {
    msgpack_packer packer;
    msgpack_packer_init(&packer, out, append);
    return packer;
}

void wire_write_array(struct text *out, size_t count) {
    msgpack_packer packer = packer_to(out);
    msgpack_pack_array(&packer, count);
}

void wire_write_number(struct text *out, int64_t number) {
    msgpack_packer packer = packer_to(out);
    msgpack_pack_int64(&packer, number);
}

void wire_write_real(struct text *out, double number) {
    msgpack_packer packer = packer_to(out);
    msgpack_pack_double(&packer, number);
}

void wire_write_flag(struct text *out, bool flag) {
    msgpack_packer packer = packer_to(out);
    flag ? msgpack_pack_true(&packer) : msgpack_pack_false(&packer);
}

void wire_write_text(struct text *out, const char *text) {
    msgpack_packer packer = packer_to(out);
    if (text)
        msgpack_pack_str_with_body(&packer, text, strlen(text));
    else
        msgpack_pack_nil(&packer);
}

void wire_write_binary(struct text *out, const void *bytes, size_t length) {
    msgpack_packer packer = packer_to(out);
    msgpack_pack_bin_with_body(&packer, bytes, length);
}

/* True for arrays, maps and extensions. msgpack-c allocates as many members as their heads claim, so it must not see them. */
static bool begins_with_container(unsigned char head) {
    return (head >= 0x80 && head <= 0x9F) || head == 0xC1 || (head >= 0xC7 && head <= 0xC9) || (head >= 0xD4 && head <= 0xD8) ||
           (head >= 0xDC && head <= 0xDF);
}

/* Consumes one scalar value; texts and binaries in *out are borrowed from the reader's bytes. */
static bool read_value(struct wire_reader *reader, msgpack_object *out) {
    if (reader->left == 0 || begins_with_container((unsigned char)reader->bytes[0])) return false;
    msgpack_unpacked unpacked;
    msgpack_unpacked_init(&unpacked);
    size_t used = 0;
    msgpack_unpack_return result = msgpack_unpack_next(&unpacked, reader->bytes, reader->left, &used);
    *out = unpacked.data;
    msgpack_unpacked_destroy(&unpacked);
    reader->bytes += used;
    reader->left -= used;
    return result == MSGPACK_UNPACK_SUCCESS;
}

/* The length that the array's head claims. False: there is no whole head of an array. */
static bool peek_length(const struct wire_reader *reader, size_t *length) {
    const unsigned char *bytes = (const unsigned char *)reader->bytes;
    size_t left = reader->left;
    if (left >= 1 && bytes[0] >= 0x90 && bytes[0] <= 0x9F)
        *length = bytes[0] & 0x0F;
    else if (left >= 3 && bytes[0] == 0xDC)
        *length = (size_t)bytes[1] << 8 | bytes[2];
    else if (left >= 5 && bytes[0] == 0xDD)
        *length = (size_t)bytes[1] << 24 | (size_t)bytes[2] << 16 | (size_t)bytes[3] << 8 | bytes[4];
    else
        return false;
    return true;
}

bool wire_read_list(struct wire_reader *reader, size_t *count) {
    if (!peek_length(reader, count)) return false;
    size_t head_bytes = *count <= 15 ? 1 : *count <= UINT16_MAX ? 3 : 5; /* only the shortest head is accepted */
    unsigned char first = (unsigned char)reader->bytes[0];
    if (head_bytes != (first == 0xDC ? 3U : first == 0xDD ? 5U : 1U)) return false;
    reader->bytes += head_bytes;
    reader->left -= head_bytes;
    return true;
}

bool wire_read_array(struct wire_reader *reader, size_t count) {
    size_t length = 0;
    return wire_read_list(reader, &length) && length == count;
}

bool wire_read_nil(struct wire_reader *reader) {
    if (reader->left == 0 || (unsigned char)reader->bytes[0] != 0xC0) return false;
    reader->bytes++;
    reader->left--;
    return true;
}

bool wire_read_number(struct wire_reader *reader, int64_t *number) {
    msgpack_object value;
    if (!read_value(reader, &value)) return false;
    bool is_positive = value.type == MSGPACK_OBJECT_POSITIVE_INTEGER && value.via.u64 <= INT64_MAX;
    if (!is_positive && value.type != MSGPACK_OBJECT_NEGATIVE_INTEGER) return false;
    *number = is_positive ? (int64_t)value.via.u64 : value.via.i64;
    return true;
}

bool wire_read_real(struct wire_reader *reader, double *number) {
    msgpack_object value;
    if (!read_value(reader, &value) || value.type != MSGPACK_OBJECT_FLOAT64) return false;
    *number = value.via.f64;
    return true;
}

bool wire_read_flag(struct wire_reader *reader, bool *flag) {
    msgpack_object value;
    if (!read_value(reader, &value) || value.type != MSGPACK_OBJECT_BOOLEAN) return false;
    *flag = value.via.boolean;
    return true;
}

bool wire_read_text(struct wire_reader *reader, const char **bytes, size_t *length) {
    msgpack_object value;
    if (!read_value(reader, &value)) return false;
    *bytes = NULL;
    *length = 0;
    if (value.type == MSGPACK_OBJECT_NIL) return true;
    if (value.type != MSGPACK_OBJECT_STR) return false;
    *length = value.via.str.size;
    *bytes = *length > 0 ? value.via.str.ptr : "";
    return true;
}

bool wire_read_binary(struct wire_reader *reader, void *bytes, size_t length) {
    msgpack_object value;
    if (!read_value(reader, &value) || value.type != MSGPACK_OBJECT_BIN || value.via.bin.size != length) return false;
    memcpy(bytes, value.via.bin.ptr, length);
    return true;
}
