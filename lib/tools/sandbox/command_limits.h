/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The limits of a program that command_run() (lib/tools/sandbox/run_command.h) starts.
 */
#ifndef LIB_TOOLS_SANDBOX_COMMAND_LIMITS_H
#define LIB_TOOLS_SANDBOX_COMMAND_LIMITS_H

#include <stdint.h>

/* In the units of setrlimit(2); 0: unchanged. */
struct command_limits {
    int64_t memory_bytes; /* address space of one process */
    int64_t cpu_seconds;  /* of one process */
    int64_t file_bytes;   /* of one written file */
    int64_t processes;    /* of all that the user runs, threads included; does not bind root */
    int64_t open_files;   /* of one process */
};

/* Limits on all processes of the command together; 0: no limit. Polled many times a second; the command is killed if it
 * exceeds one. */
struct command_totals {
    int64_t memory_bytes; /* resident or swapped out, not address space */
    int64_t processes;    /* and threads; required if another limit is set */
    int64_t folder_bytes; /* in `folder`, including its earlier content */
    const char *folder;   /* absolute; NULL if folder_bytes is 0 */
};

/* The limit at which it was killed. */
enum command_stop {
    COMMAND_STOP_NONE,
    COMMAND_STOP_MEMORY,
    COMMAND_STOP_PROCESSES,
    COMMAND_STOP_DISK,
    COMMAND_STOP_OUTPUT,
};

#endif
