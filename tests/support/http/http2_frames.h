/* SPDX-License-Identifier: BSD-3-Clause
 *
 * For tests: HTTP/2 without TLS, frame by frame, for clients that misbehave: bodies without end, too many streams, resets.
 * Header fields are sent as literals; of the fields of answers only the status is decoded.
 */
#ifndef TESTS_SUPPORT_HTTP_HTTP2_FRAMES_H
#define TESTS_SUPPORT_HTTP_HTTP2_FRAMES_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/base/text.h"
#include "tests/support/http/http_connection.h"

enum http2_frame_type {
    HTTP2_DATA = 0,
    HTTP2_HEADERS = 1,
    HTTP2_RST_STREAM = 3,
    HTTP2_SETTINGS = 4,
    HTTP2_PING = 6,
    HTTP2_GOAWAY = 7,
    HTTP2_WINDOW_UPDATE = 8,
};

enum { HTTP2_END_STREAM = 1, HTTP2_ACK = 1, HTTP2_CANCEL = 8, HTTP2_REFUSED_STREAM = 7 };

struct http2_frame {
    int type, flags;
    uint32_t stream;
    const unsigned char *payload; /* within the input */
    size_t length;
};

void http2_append_preface(struct text *out); /* and empty SETTINGS */
void http2_append_frame(struct text *out, int type, int flags, uint32_t stream, const void *payload, size_t length);

/* A request; `content_length` below 0: no such header; with `ends`, it has no body. */
void http2_append_request(struct text *out, uint32_t stream, const char *method, const char *path, int64_t content_length,
                          bool ends);
void http2_append_headers(struct text *out, uint32_t stream, const char *path, size_t count); /* GET, with `count` more */
void http2_append_data(struct text *out, uint32_t stream, size_t length, bool ends);          /* blanks */
void http2_append_reset(struct text *out, uint32_t stream);
void http2_append_window(struct text *out, uint32_t stream, uint32_t length); /* allows this many more bytes */
void http2_append_setting(struct text *out, uint16_t setting, uint32_t value);

/* Takes one frame off the input; its payload is valid until the next call. False: the input has no complete frame. */
bool http2_take_frame(struct text *input, size_t *taken, struct http2_frame *out);

/* Receives frames until one that is not of WINDOW_UPDATE, PING or, unless it is wanted, SETTINGS. A connection that ends fails
 * the test. `taken` counts the bytes of the connection's input that were read by frames: 0 for a new connection. */
struct http2_frame http2_next_frame(struct http_connection *connection, size_t *taken, bool wants_settings);

/* The answer on the stream must have that status, and one frame of data with these words, which ends it. */
void http2_expect_answer(struct http_connection *connection, size_t *taken, uint32_t stream, int status, const char *words);

/* The status that a frame of HEADERS begins with; 0: none. */
int http2_status(const struct http2_frame *frame);

/* The 32 bits of an RST_STREAM, or of the setting in SETTINGS; -1: it is not in there. */
int64_t http2_error(const struct http2_frame *frame);
int64_t http2_setting(const struct http2_frame *frame, uint16_t setting);

#endif
