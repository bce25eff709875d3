/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Limits for the streams of an HTTP/2 connection. h2o passes a request to its handler when the body is complete; until then it
 * keeps up to a hundred bodies per connection in memory, for as long as the client likes. So incomplete requests are read from
 * h2o's internal structs (h2o/http2_internal.h), in this file only: those of h2o 2.2, which is checked at compile time.
 *
 * A body over its limit is dropped, and the handler learns how many bytes were. It is answered after its end, because clients
 * disagree about streams that are answered earlier; only one far over the limit is answered at once. Excess streams are refused
 * (RFC 9113: the client may send them again), and a request that takes too long to arrive is cancelled.
 *
 * An answer is limited by the flow-control windows of its stream and of the connection. The kernel does not know these, so
 * answers that wait for a window are timed here.
 */
#ifndef SERVICES_GATEWAY_HTTP_HTTP2_STREAMS_H
#define SERVICES_GATEWAY_HTTP_HTTP2_STREAMS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "services/gateway/http/h2o_all.h"
#include "services/gateway/http/router.h"

struct http2_limits {
    enum port port;
    size_t streams;  /* incomplete ones per connection */
    int64_t time_ms; /* for a request to be complete */
};

/* True for an HTTP/2 connection. `conn` must not be freed. */
bool http2_is(const h2o_conn_t *conn);

/* The length of a request's body, including dropped bytes. For any HTTP version; on the loop's thread. */
size_t http2_body_length(h2o_req_t *req);

/* Enforces the limits; to be called after a read and regularly. Returns the bytes then in memory: of incomplete requests, and
 * of bodies of requests being answered. Does not close the connection. On the loop's thread. */
size_t http2_look(h2o_conn_t *conn, const struct http2_limits *limits);

/* To be called regularly: cancels streams whose window was closed for `time_ms` without progress. True: the same holds for the
 * connection's window, so the connection must be closed. *moved_ms (clock_monotonic_ms(), 0 at first) is when the connection's
 * answers last made progress. On the loop's thread. */
bool http2_is_stalled(h2o_conn_t *conn, int64_t time_ms, int64_t *moved_ms);

/* Tells the client how many streams it may have open. False: not yet, because no request has arrived, or the connection is
 * closing. */
bool http2_announce(h2o_conn_t *conn, size_t streams);

#endif
