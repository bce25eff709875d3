/* SPDX-License-Identifier: BSD-3-Clause */
#include "lib/tools/archive/gzip.h"

#include <libdeflate.h>
#include <stdlib.h>

#include "lib/base/text.h"

enum {
    LEVEL = 6,
    MEMBER_BYTES_MIN = 18, /* header and trailer */
    SIZE_BYTES = 4,        /* the last field of the trailer: the unpacked size, modulo 2³², the lowest byte first */
    EXPANSION_MAX = 1032,  /* unpacked bytes per byte of deflate */
};

void gzip_pack(struct text *out, const void *bytes, size_t length) {
    struct libdeflate_compressor *compressor = libdeflate_alloc_compressor(LEVEL);
    if (!compressor) abort(); /* out of memory, as lib/base/memory.h */
    size_t bound = libdeflate_gzip_compress_bound(compressor, length);
    char *to = text_reserve(out, bound);
    out->length += libdeflate_gzip_compress(compressor, bytes, length, to, bound);
    out->bytes[out->length] = '\0';
    libdeflate_free_compressor(compressor);
}

/* The unpacked size that the trailer states, or the most that so many bytes unpack to. */
static size_t stated_size(const unsigned char *bytes, size_t length) {
    size_t size = 0;
    for (size_t i = 1; i <= SIZE_BYTES; i++)
        size = size << 8 | bytes[length - i];
    return size < length * EXPANSION_MAX ? size : length * EXPANSION_MAX;
}

enum status gzip_unpack(struct text *out, const void *bytes, size_t length, size_t limit_bytes, struct error *err) {
    if (length < MEMBER_BYTES_MIN) return error_set(err, STATUS_INVALID, "The gzip stream is damaged: it is cut short.");
    size_t size = stated_size(bytes, length), room = size < limit_bytes ? size : limit_bytes, taken, made;
    struct libdeflate_decompressor *decompressor = libdeflate_alloc_decompressor();
    if (!decompressor) abort();
    char *to = text_reserve(out, room);
    enum libdeflate_result result = libdeflate_gzip_decompress_ex(decompressor, bytes, length, to, room, &taken, &made);
    libdeflate_free_decompressor(decompressor);
    if (result == LIBDEFLATE_SUCCESS && taken == length) {
        out->length += made;
        out->bytes[out->length] = '\0';
        return STATUS_OK;
    }
    to[0] = '\0'; /* the end of `out` */
    if (result == LIBDEFLATE_INSUFFICIENT_SPACE && size > limit_bytes)
        return error_set(err, STATUS_TOO_LARGE, "The gzip stream has more than %zu bytes when unpacked.", limit_bytes);
    return error_set(err, STATUS_INVALID, "The gzip stream is damaged: %s.",
                     result == LIBDEFLATE_SUCCESS ? "there are bytes after its end" : "it is cut short or changed");
}
