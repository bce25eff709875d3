/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Works around an nng 1.5 bug: a peer that disconnects during the handshake stops the listener (or dialer) for good. Writing
 * our side of the handshake then fails with EPIPE; nng maps that to "closed" and takes it for a close of its own, so the
 * listener never accepts again and the dialer never retries. It handles a reset by the peer (ECONNRESET) correctly.
 *
 * nng has no option against this, a stopped listener cannot be detected, and reopening it would break all working connections.
 * So programs that link this file define their own sendmsg(), which nng resolves before the C library's, and which reports
 * ECONNRESET instead of EPIPE. Other callers of sendmsg() see that, too; both errors mean the same to them.
 */
#ifndef LIB_SERVICE_MESSAGE_BROKEN_PIPE_H
#define LIB_SERVICE_MESSAGE_BROKEN_PIPE_H

/* Aborts if shared libraries would not resolve sendmsg() to ours. Must be called before nng listens or dials. */
void broken_pipe_check(void);

#endif
