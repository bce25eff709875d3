/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The connections of one loop: limits per address, which connection is closed to make room for a new one, and the memory that
 * their incomplete requests take (the intake).
 *
 *   h2o reads bytes ──► read_watched() ──► h2o's own callback: parses, may start calls
 *                             └──► look(): measures the intake, enforces the limits
 *
 * h2o passes a request on only when its body is complete, and has one limit for all bodies. So h2o's read callback
 * (socket->_cb.read) is wrapped by one of ours, which sets the limit of the route that an HTTP/1 request is for, and checks the
 * connection afterwards. h2o sets its callback again from time to time: a connection for which this may have happened is
 * checked at the end of the loop's turn.
 *
 * Over HTTP/1, h2o does not read while a request is being answered, so it does not notice that the client disconnects. As a
 * request that waits for a log may wait long, its socket is polled once a second. A reset ends the connection. An end of the
 * stream does not tell whether the client still reads (`shutdown(SHUT_WR)` looks like `close()`), so the wait is ended with an
 * answer.
 *
 * Everything here is for the loop's thread only.
 */
#ifndef SERVICES_GATEWAY_HTTP_CONNECTION_H
#define SERVICES_GATEWAY_HTTP_CONNECTION_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "services/gateway/http/h2o_all.h"

struct call;
struct client;
struct listener;
struct loop;
struct metrics;

/* Reasons why the gateway closes a connection, as shown in /metrics. */
#define CONNECTION_END_TABLE(END)                                                                                              \
    END(ADDRESS, "too many of one address")                                                                                    \
    END(IDLE, "idle where others need room")                                                                                   \
    END(BUSY, "busy where others need room")                                                                                   \
    END(INTAKE, "requests hold too much memory")                                                                               \
    END(RESETS, "too many requests given up")                                                                                  \
    END(STALL, "answers not taken")

enum connection_end {
#define END(name, text) CONNECTION_END_##name,
    CONNECTION_END_TABLE(END)
#undef END
        CONNECTION_END_COUNT
};

/* Counters of all loops; any thread may read them. */
struct traffic {
    atomic_int_fast64_t connections; /* of the public port */
    atomic_int_fast64_t calls;       /* requests being answered */
    atomic_int_fast64_t intake_bytes;
    atomic_int_fast64_t ended[CONNECTION_END_COUNT];
};

/* A client's connection; h2o's socket refers to it by `on_close.data`. */
struct connection {
    struct loop *loop;
    struct client *client;
    bool is_public;   /* false: of the management port, which has no limits */
    bool is_of_proxy; /* the peer is one of TRUSTED_PROXIES and serves many clients */
    bool is_http2;
    bool is_announced; /* the client was told how many streams it may open */
    bool is_counted;   /* in traffic->connections */
    bool is_ending;
    size_t calls;      /* requests being answered */
    struct call *poll; /* HTTP/1: the call that waits, or has waited, for a log; NULL: none */
    size_t abandoned;  /* calls whose answer the client did not await, since the next */
    int64_t abandoned_since_ms;
    int64_t moved_ms;                     /* HTTP/2: when its answers last made progress (http2_streams.h) */
    uint64_t since_ms;                    /* on the loop's clock: start of being idle, or busy */
    h2o_socket_t *socket;                 /* NULL: closed */
    h2o_socket_cb read, handshake_read;   /* h2o's callbacks; the second for the TLS handshake, NULL: no TLS */
    int64_t intake_bytes;                 /* memory of incomplete requests, and of bodies of requests being answered */
    h2o_linklist_t all, touched, holding; /* links in the loop's lists */
    int descriptor;
    int second_descriptor; /* duplicate for lingering; -1: none */
    h2o_socket_t *lingering;
    h2o_timeout_entry_t timer;    /* while lingering */
    uint64_t closed_ms, heard_ms; /* on the loop's clock: start of lingering, and last read */
    size_t bytes_left;
};

/* The lists and counters of one loop. */
struct connections {
    h2o_linklist_t all;
    h2o_linklist_t touched; /* to be checked at the end of the turn */
    h2o_linklist_t holding; /* with an intake > 0, the oldest first */
    int64_t intake_bytes;
    int64_t released_bytes;     /* freed since the last malloc_trim() */
    struct connection *reading; /* whose bytes h2o is parsing; NULL: none, or closed meanwhile */
    h2o_timeout_entry_t second; /* fires every second */
};

void connections_open(struct loop *loop);
void connections_close(struct loop *loop);

/* Takes ownership of an accepted socket; closes it if its address has too many connections. */
void connection_serve(struct listener *listener, h2o_socket_t *socket);

/* True if there is room for one more connection, if necessary after closing others: of the address with the most connections,
 * the one that is idle longest, else the one that is busy longest. A connection of an address with few connections is spared
 * while it has been idle or busy only briefly. A wait for a log is answered before its connection is closed. */
bool connections_make_room(struct loop *loop);

/* Checks the touched connections; called at the end of each turn of the loop. */
void connections_look(struct loop *loop);

/* Shuts all connections down, as if their clients had disconnected. */
void connections_cut(struct loop *loop);

/* The connection of `req`, which must not be disposed yet. */
struct connection *connection_of(h2o_req_t *req);

/* Called when a request starts to be answered, and when it ends: answered, or abandoned by the client. */
void connection_begin_call(struct connection *connection);
void connection_end_call(struct connection *connection, bool was_answered);

/* Makes the connection of `req` linger: it is about to be closed with unread input, for which the kernel would send a reset
 * that may destroy the answer. So further input is read and discarded, for up to 30 seconds, until none came for 5. */
void connection_linger(h2o_req_t *req);

void traffic_measure(struct traffic *traffic, struct metrics *metrics);

#endif
