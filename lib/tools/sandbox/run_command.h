/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Runs a program to completion in its own session, with an explicit environment, no inherited file descriptors, resource limits
 * and a deadline. At the deadline, or when this process dies, all its descendants are killed, also those in sessions of their
 * own: a small watcher process between us and the program inherits orphans.
 *
 * There is no shell and no search through PATH. lib/tools/sandbox/sandbox.h restricts access to the file system.
 */
#ifndef LIB_TOOLS_SANDBOX_RUN_COMMAND_H
#define LIB_TOOLS_SANDBOX_RUN_COMMAND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "lib/base/error.h"
#include "lib/base/text.h"
#include "lib/tools/sandbox/command_limits.h"

struct deadline;

/* The user to switch to, which requires root. */
struct command_user {
    uid_t user_id;
    gid_t group_id;
};

/* The program to run. All pointers are borrowed for the call; zero selects the default. */
struct command {
    const char *const *arguments;    /* NULL at the end; the first is the program's path */
    const char *const *environment;  /* "NAME=value" with NULL at the end; NULL: empty */
    const char *folder;              /* working folder; NULL: the root folder */
    const struct command_user *user; /* NULL: unchanged */
    const char *input;               /* its standard input; NULL: /dev/null */
    size_t input_length;
    size_t output_limit_bytes;  /* kept of stdout, and of stderr; the rest is dropped; 0: 1 MiB */
    bool stops_at_output_limit; /* instead of dropping the rest */
    struct command_limits limits;
    struct command_totals totals;
    const void *given; /* content of its file descriptor 3; NULL: none */
    size_t given_length;
};

/* The result. Starts zeroed; command_result_release() frees it. */
struct command_result {
    enum command_stop stop; /* the limit at which it was killed */
    int exit_status;        /* -1 if a signal ended it */
    int signal;             /* the signal; 0 if it exited */
    struct text output;
    struct text errors;
    bool output_was_cut;
    bool errors_were_cut;
    int64_t cpu_ms;     /* of all its processes */
    int64_t elapsed_ms; /* from the start to the end of its last process */

    /* The largest observed values, if there are total limits. */
    int64_t peak_memory_bytes, peak_processes, peak_folder_bytes;
};

/* Runs the program and waits for it. STATUS_OK: it ended by itself, whatever its exit status, or was killed at a total limit
 * or the output limit (out->stop). STATUS_NOT_FOUND: there is no such program; STATUS_INTERNAL: it could not be started;
 * STATUS_TIMEOUT, or another status of deadline_check(): it was stopped by SIGTERM, then SIGKILL, and `out` holds its output
 * until then. Thread-safe. The caller always releases `out`. */
CHECK_RESULT enum status command_run(struct command_result *out, const struct command *command, struct deadline *deadline,
                                     struct error *err);
void command_result_release(struct command_result *result);

/* Appends how the program ended: "exit status 1", "signal 9 (Killed)". */
void command_result_describe(struct text *out, const struct command_result *result);

/* Looks up the account. STATUS_NOT_FOUND: no account of that name. */
CHECK_RESULT enum status command_user_find(struct command_user *out, const char *name, struct error *err);

#endif
