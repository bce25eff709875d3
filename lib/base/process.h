/* SPDX-License-Identifier: BSD-3-Clause
 *
 * What every program of ours does to its own process at start, and how it hears that it should stop.
 */
#ifndef LIB_BASE_PROCESS_H
#define LIB_BASE_PROCESS_H

#include <stdbool.h>

/* To be called first, before any thread: no core dumps (they would hold secrets), no SIGPIPE, SIGTERM, SIGINT and SIGHUP
 * blocked in every thread so that process_wait_for_stop() receives them, files created with mode 0644 at most. */
void process_start(void);

/* What SIGHUP asks for: `reload` is called, each time, by the thread that waits for the stop. To be set before that. */
void process_on_reload(void (*reload)(void *context), void *context);

/* Blocks until SIGTERM or SIGINT, or until process_request_stop() was called; sees to SIGHUP meanwhile. */
void process_wait_for_stop(void);

/* Wakes process_wait_for_stop(). Safe from any thread. */
void process_request_stop(void);

/* True once a stop was received or requested: long work looks at it between steps. */
bool process_is_stopping(void);

#endif
