/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Limits the connections of a program that listens on TCP by nng. nng accepts every connection, keeps a silent one for ever,
 * and allocates a whole message when it has read its head:
 *
 *   accepted ──► unproven ──its first message proves the key──► proven: stays
 *                   │
 *                   └── UNPROVEN_MS without, or too many of them: shut down, which nng takes for the other side's end
 *
 * At most CONNECTIONS_UNPROVEN_MAX are unproven at one time. Where one more comes, the oldest of the address that has most of
 * them is shut down, so that one that floods the program shuts itself out. If that is the newcomer's own address, and the oldest
 * came less than CONNECTIONS_GRACE_MS ago, the newcomer is not taken: clients that all connect again when the program was
 * restarted would otherwise shut down each other's connections before any has sent its first message. Accepted connections never take more than three quarters of
 * the descriptors that the program may have: the rest is for Redis, repositories and logs.
 *
 * nng says nothing of a connection before both sides have greeted, and must not close one that it reads (socket_closing.h). So
 * programs with this file have an accept() of their own, as broken_pipe.h does with sendmsg(): it looks at connections to the
 * ports given here alone. Connections over IPC are not limited: the permissions of the socket's file decide who may open it.
 */
#ifndef LIB_SERVICE_CONNECTION_GUARD_H
#define LIB_SERVICE_CONNECTION_GUARD_H

#include <nng/nng.h>
#include <stdint.h>

enum {
    CONNECTIONS_UNPROVEN_MAX = 32,
    CONNECTIONS_UNPROVEN_MS = 5000,
    CONNECTIONS_GRACE_MS = 100,
    CONNECTIONS_FILES_WANTED = 8192, /* descriptors: the process's limit is raised to that where it may be */
};

/* From here on connections to that port are guarded. Aborts where nng would not find the accept(). */
void connection_guard_add(int port);
void connection_guard_remove(int port);

/* The key was proved over this connection. */
void connection_guard_prove(nng_pipe pipe);

struct connection_counts {
    int unproven;   /* now */
    int64_t proven; /* since the start, like the next */
    int64_t shut;   /* or not taken */
};

struct connection_counts connection_guard_counts(void);

/* Shuts down those whose time is over. To be called every now and then. */
void connection_guard_tend(void);

#endif
