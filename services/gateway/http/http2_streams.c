/* SPDX-License-Identifier: BSD-3-Clause */
#include "services/gateway/http/http2_streams.h"

#include <h2o/http2_internal.h>
#include <h2o/version.h>

#include "lib/base/clock.h"

_Static_assert(H2O_VERSION_MAJOR == 2 && H2O_VERSION_MINOR == 2, "the structs below are those of h2o 2.2");

enum {
    DROPPED_BYTES = 1 << 20,       /* of a body over the limit are read: clients read the answer after sending it */
    HEADERS_MAX = H2O_MAX_HEADERS, /* h2o's own limit over HTTP/1 */
    STREAM_BYTES = sizeof(h2o_http2_stream_t) + 4096, /* with the first chunk of its memory pool */
};

/* Keys of a request's environment: when it began, the dropped part of its body, and the progress of its answer. */
#define BEGUN H2O_STRLIT("gateway.begun")
#define DROPPED H2O_STRLIT("gateway.dropped")
#define PROGRESS H2O_STRLIT("gateway.progress")

static h2o_http2_conn_t *http2_of(h2o_conn_t *conn) {
    return H2O_STRUCT_FROM_MEMBER(h2o_http2_conn_t, super, conn);
}

/* Only HTTP/2 connections have this callback. */
bool http2_is(const h2o_conn_t *conn) {
    return conn->callbacks->get_debug_state != NULL;
}

static size_t size_of_buffer(const h2o_buffer_t *buffer) {
    return buffer && buffer->bytes ? buffer->capacity : 0;
}

static bool is_unfinished(const h2o_http2_stream_t *stream) {
    return stream->state == H2O_HTTP2_STREAM_STATE_RECV_HEADERS || stream->state == H2O_HTTP2_STREAM_STATE_RECV_BODY;
}

static void reset(h2o_http2_conn_t *conn, h2o_http2_stream_t *stream, int error) {
    h2o_http2__encode_rst_stream_frame(&conn->_write.buf, stream->stream_id, -error);
    h2o_http2_conn_request_write(conn);
    h2o_http2_stream_reset(conn, stream);
}

/* Since the first check of the stream, which is right after its first read. h2o's own `request_begin_at` is of the wall clock,
 * and a step of that would cancel requests, or let them last. */
static int64_t age_ms(h2o_http2_stream_t *stream) {
    h2o_iovec_t *entry = h2o_req_getenv(&stream->req, BEGUN, 1);
    if (!entry->base) {
        int64_t *begun_ms = h2o_mem_alloc_pool(&stream->req.pool, sizeof *begun_ms);
        *begun_ms = clock_monotonic_ms();
        *entry = h2o_iovec_init((char *)begun_ms, sizeof *begun_ms);
    }
    return clock_monotonic_ms() - *(const int64_t *)(const void *)entry->base;
}

/* The dropped part of a body over the limit; `base` of the request's environment entry points to it. */
struct dropped {
    size_t announced; /* content-length, or 0 */
    size_t bytes;
};

static struct dropped *find_dropped(h2o_req_t *req) {
    const h2o_iovec_t *entry = h2o_req_getenv(req, DROPPED, 0);
    return entry ? (struct dropped *)(void *)entry->base : NULL;
}

static size_t add_length(const struct dropped *dropped, size_t length) {
    if (!dropped) return length;
    length += dropped->bytes;
    return length > dropped->announced ? length : dropped->announced;
}

size_t http2_body_length(h2o_req_t *req) {
    return add_length(find_dropped(req), req->entity.len);
}

/* The length of the body as far as it is known: received, dropped or announced. */
static size_t length_of_body(h2o_http2_stream_t *stream) {
    size_t length = stream->_req_body ? stream->_req_body->size : 0, announced = stream->_expected_content_length;
    length = add_length(find_dropped(&stream->req), length);
    return announced != SIZE_MAX && announced > length ? announced : length;
}

static void drop_body(h2o_http2_stream_t *stream) {
    struct dropped *dropped = find_dropped(&stream->req);
    if (!dropped) {
        dropped = h2o_mem_alloc_pool(&stream->req.pool, sizeof *dropped);
        size_t announced = stream->_expected_content_length;
        *dropped = (struct dropped){.announced = announced == SIZE_MAX ? 0 : announced};
        *h2o_req_getenv(&stream->req, DROPPED, 1) = h2o_iovec_init((char *)dropped, sizeof *dropped);
        stream->_expected_content_length = SIZE_MAX; /* h2o would report missing bytes */
    }
    dropped->bytes += stream->_req_body->size;
    h2o_buffer_dispose(&stream->_req_body);
    h2o_buffer_init(&stream->_req_body, &h2o_socket_buffer_prototype);
}

/* Passes the request to its handler early, in the way h2o does with a complete request. */
static void answer_too_large(h2o_http2_conn_t *conn, h2o_http2_stream_t *stream) {
    h2o_http2_stream_set_state(conn, stream, H2O_HTTP2_STREAM_STATE_REQ_PENDING);
    h2o_http2_stream_set_state(conn, stream, H2O_HTTP2_STREAM_STATE_SEND_HEADERS);
    if (conn->pull_stream_ids.max_processed < stream->stream_id) conn->pull_stream_ids.max_processed = stream->stream_id;
    h2o_process_request(&stream->req);
}

/* Writes answers now rather than at the end of the loop's turn, because h2o would reset the stream if DATA arrived before. */
static void write_answers(h2o_http2_conn_t *conn) {
    h2o_timeout_entry_t *write = &conn->_write.timeout_entry;
    bool can_write = conn->state == H2O_HTTP2_CONN_STATE_OPEN && !conn->_write.buf_in_flight && !conn->sock->_cb.write;
    if (!can_write || !h2o_timeout_is_linked(write)) return;
    h2o_timeout_unlink(write);
    write->cb(write);
}

/* Applies the limits to an incomplete stream. False: it was reset or answered. */
static bool check_stream(h2o_http2_conn_t *conn, h2o_http2_stream_t *stream, const struct http2_limits *limits) {
    const h2o_req_t *req = &stream->req;
    size_t length = length_of_body(stream);
    if (age_ms(stream) > limits->time_ms) {
        reset(conn, stream, H2O_HTTP2_ERROR_CANCEL);
        return false;
    }
    if (req->headers.size > HEADERS_MAX) {
        reset(conn, stream, H2O_HTTP2_ERROR_ENHANCE_YOUR_CALM);
        return false;
    }
    if (stream->state != H2O_HTTP2_STREAM_STATE_RECV_BODY) return true;
    size_t limit = router_body_limit(limits->port, req->input.method.base, req->input.method.len, req->input.path.base,
                                     req->input.path.len);
    if (length <= limit) return true;
    drop_body(stream);
    if (length <= limit + DROPPED_BYTES) return true;
    answer_too_large(conn, stream);
    write_answers(conn);
    return false;
}

/* Refuses `count` incomplete streams, the newest first. */
static void refuse_most(h2o_http2_conn_t *conn, size_t count) {
    for (; count > 0; count--) {
        h2o_http2_stream_t *newest = NULL;
        for (khiter_t i = 0; i < kh_end(conn->streams); i++) {
            if (!kh_exist(conn->streams, i)) continue;
            h2o_http2_stream_t *stream = kh_val(conn->streams, i);
            if (is_unfinished(stream) && (!newest || stream->stream_id > newest->stream_id)) newest = stream;
        }
        if (!newest) return;
        reset(conn, newest, H2O_HTTP2_ERROR_REFUSED_STREAM);
    }
}

static void enforce(h2o_http2_conn_t *conn, const struct http2_limits *limits) {
    size_t unfinished = 0;
    for (khiter_t i = 0; i < kh_end(conn->streams); i++) {
        if (!kh_exist(conn->streams, i)) continue;
        h2o_http2_stream_t *stream = kh_val(conn->streams, i);
        if (is_unfinished(stream) && check_stream(conn, stream, limits)) unfinished++;
    }
    if (unfinished > limits->streams) refuse_most(conn, unfinished - limits->streams);
}

static size_t measure(const h2o_http2_conn_t *conn) {
    size_t bytes = size_of_buffer(conn->_headers_unparsed) + size_of_buffer(conn->_http1_req_input);
    for (khiter_t i = 0; i < kh_end(conn->streams); i++) {
        if (!kh_exist(conn->streams, i)) continue;
        const h2o_http2_stream_t *stream = kh_val(conn->streams, i);
        bytes += size_of_buffer(stream->_req_body);
        if (stream->state > H2O_HTTP2_STREAM_STATE_REQ_PENDING) continue;
        bytes += STREAM_BYTES + stream->req.headers.capacity * sizeof(h2o_header_t);
    }
    return bytes;
}

size_t http2_look(h2o_conn_t *super, const struct http2_limits *limits) {
    h2o_http2_conn_t *conn = http2_of(super);
    if (conn->state < H2O_HTTP2_CONN_STATE_IS_CLOSING) enforce(conn, limits);
    return measure(conn);
}

/* ---- Answers stalled by flow control ---- */

struct progress {
    uint64_t bytes_sent;
    int64_t since_ms;
};

static struct progress *progress_of(h2o_http2_stream_t *stream) {
    h2o_iovec_t *entry = h2o_req_getenv(&stream->req, PROGRESS, 1);
    if (!entry->base) {
        struct progress *progress = h2o_mem_alloc_pool(&stream->req.pool, sizeof *progress);
        *progress = (struct progress){0};
        *entry = h2o_iovec_init((char *)progress, sizeof *progress);
    }
    return (struct progress *)(void *)entry->base;
}

/* True if a part of the answer is not framed yet; the last frame may be empty. */
static bool has_answer_left(const h2o_http2_stream_t *stream) {
    return (stream->state == H2O_HTTP2_STREAM_STATE_SEND_BODY && stream->_data.size > 0) ||
           stream->state == H2O_HTTP2_STREAM_STATE_SEND_BODY_IS_FINAL;
}

/* Updates the stream's progress. True if bytes were sent since the last check. */
static bool note_progress(h2o_http2_stream_t *stream, int64_t now_ms) {
    struct progress *progress = progress_of(stream);
    bool has_moved = progress->bytes_sent != stream->req.bytes_sent;
    if (has_moved || stream->output_window._avail > 0 || progress->since_ms == 0)
        *progress = (struct progress){stream->req.bytes_sent, now_ms};
    return has_moved;
}

bool http2_is_stalled(h2o_conn_t *super, int64_t time_ms, int64_t *moved_ms) {
    h2o_http2_conn_t *conn = http2_of(super);
    int64_t now_ms = clock_monotonic_ms();
    bool has_moved = conn->_write.window._avail > 0, waits = false;
    if (conn->state >= H2O_HTTP2_CONN_STATE_IS_CLOSING) return false;
    for (khiter_t i = 0; i < kh_end(conn->streams); i++) {
        if (!kh_exist(conn->streams, i)) continue;
        h2o_http2_stream_t *stream = kh_val(conn->streams, i);
        if (!has_answer_left(stream)) continue;
        waits = true;
        has_moved = note_progress(stream, now_ms) || has_moved;
        if (now_ms - progress_of(stream)->since_ms >= time_ms) reset(conn, stream, H2O_HTTP2_ERROR_CANCEL);
    }
    if (has_moved || !waits || *moved_ms == 0) *moved_ms = now_ms;
    return now_ms - *moved_ms >= time_ms;
}

/* h2o has announced 100 in its fixed SETTINGS frame; a later frame overrides it (RFC 9113, 6.5.3). */
bool http2_announce(h2o_conn_t *super, size_t streams) {
    enum { SETTING_BYTES = 6, MAX_CONCURRENT_STREAMS = 3 };
    h2o_http2_conn_t *conn = http2_of(super);
    if (conn->pull_stream_ids.max_open == 0 || conn->state >= H2O_HTTP2_CONN_STATE_IS_CLOSING) return false;
    size_t length = H2O_HTTP2_FRAME_HEADER_SIZE + SETTING_BYTES;
    h2o_iovec_t place = h2o_buffer_reserve(&conn->_write.buf, length);
    uint8_t *at = (uint8_t *)place.base;
    at = h2o_http2_encode_frame_header(at, SETTING_BYTES, H2O_HTTP2_FRAME_TYPE_SETTINGS, 0, 0);
    *at++ = 0;
    *at++ = MAX_CONCURRENT_STREAMS;
    h2o_http2_encode32u(at, (uint32_t)streams);
    conn->_write.buf->size += length;
    h2o_http2_conn_request_write(conn);
    return true;
}
