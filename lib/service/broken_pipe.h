/* SPDX-License-Identifier: BSD-3-Clause
 *
 * That one who leaves early does not make nng deaf. Where the other side is gone before the greetings are exchanged, writing
 * ours fails with EPIPE; nng 1.5 calls that "closed", takes it for its own side's closing, and its listener never accepts
 * again, its dialer never tries again. A reset by the other side (ECONNRESET) it takes for what it is.
 *
 * No option of nng's is of use, and a listener that became deaf shows it nowhere; closing it would break all connections that
 * still work. So the cause is taken away: programs with this file have a sendmsg() of their own, which nng finds before
 * the C library's, and which says ECONNRESET in place of EPIPE. Others who call it see that, too; it means the same to them.
 */
#ifndef LIB_SERVICE_BROKEN_PIPE_H
#define LIB_SERVICE_BROKEN_PIPE_H

/* Aborts where shared libraries would not find it. For whoever makes nng listen or dial. */
void broken_pipe_check(void);

#endif
