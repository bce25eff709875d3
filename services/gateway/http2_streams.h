/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The streams of an HTTP/2 connection whose requests are not complete. h2o shows a request to its handler when the body is
 * there; until then it keeps up to a hundred bodies a connection, in memory, as long as the client likes. What is not shown is
 * read from h2o's own structs (h2o/http2_internal.h), here alone: they are those of h2o 2.2, which the file checks when it is
 * compiled.
 *
 * Of a body over the limit nothing is kept, and its handler learns how much was dropped. Its end is waited for, since clients
 * do not agree on what a stream is that is answered before; only one that is far over the limit is answered so. More streams
 * than are allowed are refused, as RFC 9113 has it (the client may send them again), and one that takes too long to arrive is
 * cancelled.
 *
 * An answer goes out as far as the client opens the windows of its stream and of the connection. The kernel does not see these,
 * so answers that wait for a window are looked at here.
 */
#ifndef SERVICES_GATEWAY_HTTP2_STREAMS_H
#define SERVICES_GATEWAY_HTTP2_STREAMS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "services/gateway/h2o_all.h"
#include "services/gateway/router.h"

struct http2_limits {
    enum port port;
    size_t streams;  /* that are not complete, in one connection */
    int64_t time_ms; /* for a request to arrive */
};

/* Is it one of HTTP/2? `conn` must be alive. */
bool http2_is(const h2o_conn_t *conn);

/* The length of a request's body, with what was dropped of it. On the loop's thread; of any version. */
size_t http2_body_length(h2o_req_t *req);

/* Looks after a read, and now and then. Returns the bytes in memory, after all that was refused: of requests that are not being
 * answered yet, and of the bodies of those that are. On the loop's thread; the connection is open afterwards. */
size_t http2_look(h2o_conn_t *conn, const struct http2_limits *limits);

/* Looks at the answers that wait for the client to open a window, every now and then. Cancels the streams of which the window
 * was shut for `time_ms` and nothing went out. True: the same holds for the connection's own window, and the connection must be
 * ended. *moved_ms (clock_monotonic_ms()) is when the connection's answers were last seen to go on; 0 at first. On the loop's
 * thread. */
bool http2_is_stalled(h2o_conn_t *conn, int64_t time_ms, int64_t *moved_ms);

/* Tells the client how many streams it may have open. False: not yet, since its first request is not there. */
bool http2_announce(h2o_conn_t *conn, size_t streams);

#endif
