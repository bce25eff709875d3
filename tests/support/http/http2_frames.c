/* SPDX-License-Identifier: BSD-3-Clause */
#include "tests/support/http/http2_frames.h"

#include "tests/support/cmocka_all.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "lib/base/memory.h"

enum { HEAD_BYTES = 9, END_HEADERS = 4, FRAME_MAX = 16384 };

void http2_append_frame(struct text *out, int type, int flags, uint32_t stream, const void *payload, size_t length) {
    const unsigned char head[HEAD_BYTES] = {
        (unsigned char)(length >> 16), (unsigned char)(length >> 8), (unsigned char)length,
        (unsigned char)type,           (unsigned char)flags,         (unsigned char)(stream >> 24),
        (unsigned char)(stream >> 16), (unsigned char)(stream >> 8), (unsigned char)stream,
    };
    text_append_bytes(out, (const char *)head, sizeof head);
    if (length) text_append_bytes(out, payload, length);
}

void http2_append_preface(struct text *out) {
    text_append(out, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
    http2_append_frame(out, HTTP2_SETTINGS, 0, 0, NULL, 0);
}

/* A literal without indexing (RFC 7541, 6.2.2), whose texts have less than 127 bytes and are not compressed. */
static void append_field(struct text *out, const char *name, const char *value) {
    text_append_character(out, 0);
    text_append_character(out, (char)strlen(name));
    text_append(out, name);
    text_append_character(out, (char)strlen(value));
    text_append(out, value);
}

static void append_target(struct text *fields, const char *method, const char *path) {
    append_field(fields, ":method", method);
    append_field(fields, ":scheme", "http");
    append_field(fields, ":path", path);
    append_field(fields, ":authority", "registry");
}

void http2_append_headers(struct text *out, uint32_t stream, const char *path, size_t count) {
    struct text fields = {0};
    append_target(&fields, "GET", path);
    for (size_t i = 0; i < count; i++)
        append_field(&fields, "x", "y");
    http2_append_frame(out, HTTP2_HEADERS, END_HEADERS | HTTP2_END_STREAM, stream, fields.bytes, fields.length);
    text_release(&fields);
}

void http2_append_request(struct text *out, uint32_t stream, const char *method, const char *path, int64_t content_length,
                          bool ends) {
    struct text fields = {0};
    char length[24];
    append_target(&fields, method, path);
    snprintf(length, sizeof length, "%lld", (long long)content_length);
    if (content_length >= 0) append_field(&fields, "content-length", length);
    http2_append_frame(out, HTTP2_HEADERS, END_HEADERS | (ends ? HTTP2_END_STREAM : 0), stream, fields.bytes, fields.length);
    text_release(&fields);
}

void http2_append_data(struct text *out, uint32_t stream, size_t length, bool ends) {
    char *blanks = memory_alloc(FRAME_MAX);
    memset(blanks, ' ', FRAME_MAX);
    do {
        size_t part = length < FRAME_MAX ? length : FRAME_MAX;
        length -= part;
        http2_append_frame(out, HTTP2_DATA, ends && length == 0 ? HTTP2_END_STREAM : 0, stream, blanks, part);
    } while (length > 0);
    free(blanks);
}

void http2_append_reset(struct text *out, uint32_t stream) {
    static const unsigned char cancel[4] = {0, 0, 0, HTTP2_CANCEL};
    http2_append_frame(out, HTTP2_RST_STREAM, 0, stream, cancel, sizeof cancel);
}

static void write_number(unsigned char *bytes, uint32_t number) {
    for (int i = 3; i >= 0; i--, number >>= 8)
        bytes[i] = (unsigned char)number;
}

void http2_append_window(struct text *out, uint32_t stream, uint32_t length) {
    unsigned char payload[4];
    write_number(payload, length);
    http2_append_frame(out, HTTP2_WINDOW_UPDATE, 0, stream, payload, sizeof payload);
}

void http2_append_setting(struct text *out, uint16_t setting, uint32_t value) {
    unsigned char payload[6] = {(unsigned char)(setting >> 8), (unsigned char)setting};
    write_number(payload + 2, value);
    http2_append_frame(out, HTTP2_SETTINGS, 0, 0, payload, sizeof payload);
}

static uint32_t read_number(const unsigned char *bytes, size_t count) {
    uint32_t number = 0;
    for (size_t i = 0; i < count; i++)
        number = number << 8 | bytes[i];
    return number;
}

bool http2_take_frame(struct text *input, size_t *taken, struct http2_frame *out) {
    const unsigned char *at = (const unsigned char *)input->bytes + *taken;
    size_t left = input->length - *taken;
    if (left < HEAD_BYTES || left < HEAD_BYTES + read_number(at, 3)) return false;
    *out = (struct http2_frame){.type = at[3],
                                .flags = at[4],
                                .stream = read_number(at + 5, 4),
                                .payload = at + HEAD_BYTES,
                                .length = read_number(at, 3)};
    *taken += HEAD_BYTES + out->length;
    return true;
}

int http2_status(const struct http2_frame *frame) {
    /* h2o sends the status first: as one of the seven in the static table, or as a literal with that table's name in Huffman
     * code, in which the digits 0 to 2 have five bits and the others six */
    static const int known[] = {200, 204, 206, 304, 400, 404, 500};
    if (frame->type != HTTP2_HEADERS || frame->length == 0) return 0;
    unsigned char first = frame->payload[0];
    if (first >= 0x88 && first <= 0x8E) return known[first - 0x88];
    if (frame->length < 5 || (first & 0x0F) != 0x08) return 0;
    const unsigned char *value = frame->payload + 2;
    if (!(frame->payload[1] & 0x80)) return atoi((const char[]){(char)value[0], (char)value[1], (char)value[2], 0});
    uint32_t bits = read_number(value, 3);
    int status = 0;
    for (int i = 0, used = 0; i < 3; i++) {
        uint32_t five = bits >> (24 - 5 - used) & 31, six = bits >> (24 - 6 - used) & 63;
        status = status * 10 + (int)(five <= 2 ? five : six - 0x19 + 3);
        used += five <= 2 ? 5 : 6;
    }
    return status;
}

int64_t http2_error(const struct http2_frame *frame) {
    return frame->type == HTTP2_RST_STREAM && frame->length == 4 ? (int64_t)read_number(frame->payload, 4) : -1;
}

int64_t http2_setting(const struct http2_frame *frame, uint16_t setting) {
    if (frame->type != HTTP2_SETTINGS) return -1;
    for (size_t at = 0; at + 6 <= frame->length; at += 6)
        if (read_number(frame->payload + at, 2) == setting) return read_number(frame->payload + at + 2, 4);
    return -1;
}

struct http2_frame http2_next_frame(struct http_connection *connection, size_t *taken, bool wants_settings) {
    struct http2_frame frame;
    for (;;) {
        while (http2_take_frame(&connection->input, taken, &frame))
            if (frame.type <= HTTP2_RST_STREAM || frame.type == HTTP2_GOAWAY ||
                (wants_settings && frame.type == HTTP2_SETTINGS))
                return frame;
        char *place = text_reserve(&connection->input, 65536);
        ssize_t count = recv(connection->socket, place, 65536, 0);
        if (count <= 0) fail_msg("the connection ended");
        connection->input.length += (size_t)count;
        connection->input.bytes[connection->input.length] = '\0';
    }
}

void http2_expect_answer(struct http_connection *connection, size_t *taken, uint32_t stream, int status, const char *words) {
    struct http2_frame frame = http2_next_frame(connection, taken, false);
    assert_int_equal(frame.stream, stream);
    assert_int_equal(http2_status(&frame), status);
    frame = http2_next_frame(connection, taken, false);
    assert_true(frame.type == HTTP2_DATA && frame.stream == stream && (frame.flags & HTTP2_END_STREAM));
    assert_non_null(memmem(frame.payload, frame.length, words, strlen(words)));
}
