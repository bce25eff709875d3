/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The connections of one loop: how many an address may have, which one makes room when there are too many, and what they hold
 * in memory of requests that are not complete (their intake).
 *
 *   h2o reads bytes ──► read_watched() ──► h2o's own function: parses, may start calls
 *                             └──► look(): counts what is held now, refuses what is over a limit
 *
 * h2o shows a request when its body is there, and has one limit for all bodies. So its function for bytes that were read
 * (socket->_cb.read) is called by one of ours, which tells it the limit of the route that an HTTP/1 request is for, and looks
 * after it. h2o sets its function anew now and then: a connection where that may have happened is looked at again at the end of
 * the loop's turn.
 *
 * Over HTTP/1 h2o does not read while a request is being answered, so it does not notice that the client goes. A request that
 * waits for a log can wait for long: there the socket is looked at once a second. A reset ends the connection. The client's end
 * of the stream does not say whether it still reads (`shutdown(SHUT_WR)` looks like `close()`), so the wait is ended by an
 * answer.
 *
 * All of it is the loop's thread's alone.
 */
#ifndef SERVICES_GATEWAY_CONNECTION_H
#define SERVICES_GATEWAY_CONNECTION_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "services/gateway/h2o_all.h"

struct call;
struct client;
struct listener;
struct loop;
struct metrics;

/* Why connections were closed from here, as /metrics names it. */
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

/* Of all loops; any thread reads it. */
struct traffic {
    atomic_int_fast64_t connections; /* of the public port */
    atomic_int_fast64_t calls;       /* requests being answered */
    atomic_int_fast64_t intake_bytes;
    atomic_int_fast64_t ended[CONNECTION_END_COUNT];
};

/* A client's connection; from h2o's point of view its socket's `on_close` data. */
struct connection {
    struct loop *loop;
    struct client *client;
    bool is_public;   /* or of the management port, which limits do not concern */
    bool is_of_proxy; /* one of TRUSTED_PROXIES, which has many clients */
    bool is_http2;
    bool is_announced; /* the number of streams that it may open */
    bool is_counted;   /* in traffic->connections */
    bool is_ending;
    size_t calls;      /* requests being answered */
    struct call *poll; /* over HTTP/1: the one of these that waits for a log, or did; NULL: none */
    size_t abandoned;  /* of which the client did not wait for the answer, since the next */
    int64_t abandoned_since_ms;
    int64_t moved_ms;                     /* of HTTP/2: when its answers were last seen to go on (http2_streams.h) */
    uint64_t since_ms;                    /* on the loop's clock: how long it has been idle, or busy */
    h2o_socket_t *socket;                 /* NULL: closed */
    h2o_socket_cb read, handshake_read;   /* h2o's own; the second while TLS is negotiated, NULL: no TLS */
    int64_t intake_bytes;                 /* held in memory of unfinished requests, and of bodies of those being answered */
    h2o_linklist_t all, touched, holding; /* places in the loop's lists */
    int descriptor;
    int second_descriptor; /* where it is to linger; else -1 */
    h2o_socket_t *lingering;
    h2o_timeout_entry_t timer;
    size_t bytes_left;
};

/* The lists, and what is counted, of one loop. */
struct connections {
    h2o_linklist_t all;
    h2o_linklist_t touched; /* to be looked at when the turn ends */
    h2o_linklist_t holding; /* with an intake, the oldest first */
    int64_t intake_bytes;
    int64_t released_bytes;     /* since memory was given back to the system */
    struct connection *reading; /* whose bytes h2o is parsing; NULL: none, or it was closed */
    h2o_timeout_entry_t second; /* timer */
};

void connections_open(struct loop *loop);
void connections_close(struct loop *loop);

/* Takes over a socket that was accepted; closes it where its address has too many. */
void connection_serve(struct listener *listener, h2o_socket_t *socket);

/* Is there room for one more, where need be in the place of another: of the address that has most connections, the one that
 * idles for longest, or else has been busy for longest. One whose address has few of them is spared while it may be idle, or
 * busy, only for a moment. A poll is answered before it goes. */
bool connections_make_room(struct loop *loop);

/* At the end of each turn of the loop. */
void connections_look(struct loop *loop);

/* Closes all, as if their clients had. */
void connections_cut(struct loop *loop);

/* The one that `req` came by, as long as it is not disposed. */
struct connection *connection_of(h2o_req_t *req);

/* A request of it is being answered; it was, or its client left before. */
void connection_begin_call(struct connection *connection);
void connection_end_call(struct connection *connection, bool was_answered);

/* The connection of `req` is about to be closed with bytes of the client unread, at which the kernel would send a reset, and
 * the client might never see the answer: read and forget what still comes, for a moment. */
void connection_linger(h2o_req_t *req);

void traffic_measure(struct traffic *traffic, struct metrics *metrics);

#endif
