/* SPDX-License-Identifier: BSD-3-Clause
 *
 * What every program of ours does to its own process at start, and how it hears that it should stop.
 */
#ifndef LIB_BASE_PROCESS_H
#define LIB_BASE_PROCESS_H

/* To be called first, before any thread: no core dumps (they would hold secrets), no SIGPIPE, SIGTERM, SIGINT and SIGHUP
 * blocked in every thread so that process_wait_for_stop() receives them, files created with mode 0644 at most. */
void process_start(void);

/* What SIGHUP asks for: `reload` is called, each time, by the thread that waits for the stop. To be set before that. */
void process_on_reload(void (*reload)(void *context), void *context);

/* Blocks until SIGTERM or SIGINT; sees to SIGHUP meanwhile. */
void process_wait_for_stop(void);

#endif
