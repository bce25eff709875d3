/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Limits the TCP connections of a program that listens with nng. nng accepts every connection, keeps silent ones for ever, and
 * allocates memory for a whole message once it has read the message's header:
 *
 *   accepted ──► unproven ──its first message proves the key──► proven: stays
 *                   │
 *                   └── after UNPROVEN_MS, or if there are too many: shut down, which nng sees as a close by the peer
 *
 * At most CONNECTIONS_UNPROVEN_MAX connections are unproven at a time. To accept one more, the oldest connection of the address
 * that has the most of them is shut down, so an address that floods the program displaces only its own connections. If that is
 * the new connection's address, too, and its oldest one is younger than CONNECTIONS_GRACE_MS, the new one is refused: clients
 * that all reconnect after a restart of the program would otherwise shut down each other's connections before any of them has
 * sent its first message. Accepted connections never use more than three quarters of the descriptors that the process may have:
 * the rest is for Redis, repositories and logs.
 *
 * nng reports a connection only after the handshake, and must not close one that it is reading (socket_closing.h). So programs
 * that link this file define their own accept(), as broken_pipe.h does with sendmsg(); it affects only connections to the ports
 * registered here. IPC connections are not limited: the permissions of the socket file decide access.
 */
#ifndef LIB_SERVICE_MESSAGE_CONNECTION_GUARD_H
#define LIB_SERVICE_MESSAGE_CONNECTION_GUARD_H

#include <nng/nng.h>
#include <stdint.h>

enum {
    CONNECTIONS_UNPROVEN_MAX = 32,
    CONNECTIONS_UNPROVEN_MS = 5000,
    CONNECTIONS_GRACE_MS = 100,
    CONNECTIONS_FILES_WANTED = 8192, /* wanted limit of open files; raised to this if allowed */
};

/* Guards connections to that port from now on. Aborts if nng would not resolve accept() to ours. */
void connection_guard_add(int port);
void connection_guard_remove(int port);

/* The peer has proved the key over this connection. */
void connection_guard_prove(nng_pipe pipe);

struct connection_counts {
    int unproven;   /* now */
    int64_t proven; /* since the program started, like the next */
    int64_t shut;   /* shut down or refused */
};

struct connection_counts connection_guard_counts(void);

/* Shuts down connections that have been unproven for CONNECTIONS_UNPROVEN_MS. Must be called periodically. */
void connection_guard_tend(void);

#endif
