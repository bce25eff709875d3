/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Runs a program to its end, with nothing of ours but what it is given: its own session, an environment of its own, no open
 * files, limits, a deadline. When time is up, or this process dies, everything that it started dies with it, also what put
 * itself into a session of its own: between us and the program stands a small watching process, to which orphans fall.
 *
 * There is no shell and no search through PATH. What a program may see of the file system is lib/tools/sandbox.h's affair.
 */
#ifndef LIB_TOOLS_RUN_COMMAND_H
#define LIB_TOOLS_RUN_COMMAND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "lib/base/error.h"
#include "lib/base/text.h"

struct deadline;

/* As setrlimit(2) counts them; 0 is no limit of ours. */
struct command_limits {
    int64_t memory_bytes; /* address space of one process */
    int64_t cpu_seconds;  /* of one process */
    int64_t file_bytes;   /* of one written file */
    int64_t processes;    /* of all that the user runs, threads counted; does not bind root */
    int64_t open_files;   /* of one process */
};

/* What all processes of the command may take together; 0 is no limit. They are looked at many times a second, and killed when
 * they are over. */
struct command_totals {
    int64_t memory_bytes; /* in memory, not addresses */
    int64_t processes;    /* and threads; must be there where another limit is */
    int64_t folder_bytes; /* in `folder`, what was there before included */
    const char *folder;   /* absolute; NULL where folder_bytes is 0 */
};

/* Why it was killed before its end. */
enum command_stop {
    COMMAND_STOP_NONE,
    COMMAND_STOP_MEMORY,
    COMMAND_STOP_PROCESSES,
    COMMAND_STOP_DISK,
    COMMAND_STOP_OUTPUT,
};

/* A user to become, which only root can. */
struct command_user {
    uid_t user_id;
    gid_t group_id;
};

/* What to run. All pointers are borrowed for the call; a zeroed field is the usual choice. */
struct command {
    const char *const *arguments;    /* NULL at the end; the first is the program's path */
    const char *const *environment;  /* "NAME=value" with NULL at the end; NULL is an empty environment */
    const char *folder;              /* working folder; NULL is the root folder */
    const struct command_user *user; /* NULL stays who we are */
    const char *input;               /* for its standard input; NULL is /dev/null */
    size_t input_length;
    size_t output_limit_bytes;  /* most that is kept of stdout, and most of stderr, the rest is dropped; 0 is 1 MiB */
    bool stops_at_output_limit; /* rather than to go on without what is dropped */
    struct command_limits limits;
    struct command_totals totals;
    const void *given; /* bytes that it gets to read as file 3; NULL: there is no such file */
    size_t given_length;
};

/* How it went. A zeroed struct is empty; command_result_release() frees it. */
struct command_result {
    enum command_stop stop; /* which limit it was killed at */
    int exit_status;        /* -1 where a signal ended it */
    int signal;             /* which one; 0 where it exited */
    struct text output;
    struct text errors;
    bool output_was_cut;
    bool errors_were_cut;
    int64_t cpu_ms;     /* of all its processes */
    int64_t elapsed_ms; /* from the start to the end of its last process */

    /* The most that was seen at once, where there are total limits. */
    int64_t peak_memory_bytes, peak_processes, peak_folder_bytes;
};

/* Runs it and waits. STATUS_OK means that it ran to an end of its own, whatever its exit status, or was stopped at a total
 * limit (out->stop). STATUS_NOT_FOUND: there is no
 * such program; STATUS_INTERNAL: it could not be started; STATUS_TIMEOUT and what else deadline_check() answers: it was
 * stopped, first by SIGTERM, then by SIGKILL, and `out` holds what it printed until then. Safe from any thread. */
CHECK_RESULT enum status command_run(struct command_result *out, const struct command *command, struct deadline *deadline,
                                     struct error *err);
void command_result_release(struct command_result *result);

/* Appends how it ended: "exit status 1", "signal 9 (Killed)". */
void command_result_describe(struct text *out, const struct command_result *result);

/* The account of that name. STATUS_NOT_FOUND where there is none. */
CHECK_RESULT enum status command_user_find(struct command_user *out, const char *name, struct error *err);

#endif
