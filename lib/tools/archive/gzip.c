/* SPDX-License-Identifier: BSD-3-Clause */
#include "lib/tools/archive/gzip.h"

#include <assert.h>
#define ZLIB_CONST
#include <zlib.h>

#include "lib/base/text.h"

enum {
    CHUNK_BYTES = 64 * 1024,
    GZIP_WINDOW = 15 + 16, /* the largest window; 16 selects gzip's header and trailer */
    MEMORY_LEVEL = 8,      /* zlib's default */
};

/* Gives zlib the next chunk: it counts in 32 bits. */
static void give_input(z_stream *stream, const char **at, const char *end) {
    if (stream->avail_in > 0 || *at == end) return;
    size_t length = end - *at < CHUNK_BYTES ? (size_t)(end - *at) : CHUNK_BYTES;
    stream->next_in = (const Bytef *)*at;
    stream->avail_in = (uInt)length;
    *at += length;
}

static void give_room(z_stream *stream, struct text *out) {
    stream->next_out = (Bytef *)text_reserve(out, CHUNK_BYTES);
    stream->avail_out = CHUNK_BYTES;
}

static void take_output(const z_stream *stream, struct text *out) {
    out->length += CHUNK_BYTES - stream->avail_out;
    out->bytes[out->length] = '\0';
}

void gzip_pack(struct text *out, const void *bytes, size_t length) {
    const char *at = bytes, *end = at + length;
    z_stream stream = {0};
    int result = deflateInit2(&stream, Z_DEFAULT_COMPRESSION, Z_DEFLATED, GZIP_WINDOW, MEMORY_LEVEL, Z_DEFAULT_STRATEGY);
    assert(result == Z_OK); /* can fail only without memory */
    while (result == Z_OK) {
        give_input(&stream, &at, end);
        give_room(&stream, out);
        result = deflate(&stream, at == end ? Z_FINISH : Z_NO_FLUSH);
        take_output(&stream, out);
    }
    assert(result == Z_STREAM_END);
    deflateEnd(&stream);
}

enum status gzip_unpack(struct text *out, const void *bytes, size_t length, size_t limit_bytes, struct error *err) {
    const char *at = bytes, *end = at + length;
    size_t before = out->length;
    z_stream stream = {0};
    int result = inflateInit2(&stream, GZIP_WINDOW);
    assert(result == Z_OK);
    while (result == Z_OK && out->length - before <= limit_bytes) {
        give_input(&stream, &at, end);
        give_room(&stream, out);
        result = inflate(&stream, Z_NO_FLUSH); /* Z_BUF_ERROR once there is no more input */
        take_output(&stream, out);
    }
    inflateEnd(&stream);
    if (out->length - before > limit_bytes)
        return error_set(err, STATUS_TOO_LARGE, "The gzip stream has more than %zu bytes when unpacked.", limit_bytes);
    if (result != Z_STREAM_END || at != end || stream.avail_in > 0)
        return error_set(err, STATUS_INVALID, "The gzip stream is damaged: %s.",
                         stream.msg               ? stream.msg
                         : result == Z_STREAM_END ? "there are bytes after its end"
                                                  : "it is cut short");
    return STATUS_OK;
}
