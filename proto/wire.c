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

bool wire_read_array(struct wire_reader *reader, size_t count) {
    struct text head = {0};
    wire_write_array(&head, count); /* only the same encoding is accepted */
    bool is_there = reader->left >= head.length && memcmp(reader->bytes, head.bytes, head.length) == 0;
    if (is_there) {
        reader->bytes += head.length;
        reader->left -= head.length;
    }
    text_release(&head);
    return is_there;
}

bool wire_read_number(struct wire_reader *reader, int64_t *number) {
    msgpack_object value;
    if (!read_value(reader, &value)) return false;
    bool is_positive = value.type == MSGPACK_OBJECT_POSITIVE_INTEGER && value.via.u64 <= INT64_MAX;
    if (!is_positive && value.type != MSGPACK_OBJECT_NEGATIVE_INTEGER) return false;
    *number = is_positive ? (int64_t)value.via.u64 : value.via.i64;
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
