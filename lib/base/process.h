/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Process set-up common to all programs, and the wait for SIGTERM, SIGINT and SIGHUP.
 */
#ifndef LIB_BASE_PROCESS_H
#define LIB_BASE_PROCESS_H

/* Must be called first, before any thread is created. Disables core dumps (they would hold secrets), ignores SIGPIPE, blocks
 * SIGTERM, SIGINT and SIGHUP in every thread so that process_wait_for_stop() receives them, and sets the umask to 022. */
void process_start(void);

/* Sets the handler of SIGHUP, which the thread in process_wait_for_stop() calls for each one. Must be called before that. */
void process_on_reload(void (*reload)(void *context), void *context);

/* Blocks until SIGTERM or SIGINT; handles SIGHUP meanwhile. */
void process_wait_for_stop(void);

#endif
