/* SPDX-License-Identifier: BSD-3-Clause
 *
 * For tests: a program of ours (or redis-server, or node) as a child process, which dies with the test at the latest.
 * Started by the test's main thread only.
 */
#ifndef TESTS_SUPPORT_SERVER_CHILD_PROCESS_H
#define TESTS_SUPPORT_SERVER_CHILD_PROCESS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct child_process {
    pid_t pid; /* 0: not running */
};

/* `arguments` and `environment` end with NULL; the first argument is looked up in PATH. Output is appended to `log`. */
void child_start(struct child_process *child, const char *const *arguments, const char *const *environment, const char *folder,
                 const char *log);
bool child_is_running(struct child_process *child); /* reaps it if it has ended */

/* Sends `signal_number` and waits for the end; fails the test if that takes longer. Returns the status from waitpid(). */
int child_stop(struct child_process *child, int signal_number, int64_t timeout_ms);

/* User and system time that the process has used so far, all threads. */
int64_t child_cpu_us(const struct child_process *child);

#endif
