/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Works around an nng 1.5 bug: its thread that waits for all sockets spins while one of them has hung up and nothing is awaited
 * of it. nng adds each socket to its epoll set with no events, which the kernel takes as "errors and hang-ups, for as long as they
 * last": a socket that is not yet connected, and one that was shut down and waits for the thread that frees connections, has hung
 * up. nng ignores the event, and gets it again at once. On a busy machine the spinning thread uses up its share of the processor,
 * and each connection that must be freed waits for its next turn, so closing some sockets takes many seconds.
 *
 * So programs that link this file define their own epoll_ctl(), which nng resolves before the C library's, and which asks for a
 * single report if no events are given. nng asks again for each event that it awaits. Other callers that await nothing get one
 * report of a hang-up, too, instead of one for each call of epoll_wait().
 */
#ifndef LIB_SERVICE_MESSAGE_UNARMED_EVENTS_H
#define LIB_SERVICE_MESSAGE_UNARMED_EVENTS_H

/* Aborts if shared libraries would not resolve epoll_ctl() to ours. Must be called before nng listens or dials. */
void unarmed_events_check(void);

#endif
