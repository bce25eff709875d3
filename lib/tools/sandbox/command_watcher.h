/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The process between us and a program that command_run() starts. It is forked from a multithreaded process, so it calls only
 * async-signal-safe functions and allocates nothing. As a subreaper (PR_SET_CHILD_SUBREAPER) it inherits the program's orphans,
 * so it can end processes that left the program's process group, and sees all of them when it checks their resource use
 * (command_use.h).
 *
 * Only for run_command.c.
 */
#ifndef LIB_TOOLS_SANDBOX_COMMAND_WATCHER_H
#define LIB_TOOLS_SANDBOX_COMMAND_WATCHER_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/resource.h>
#include <sys/types.h>

#include "lib/tools/sandbox/command_limits.h"

enum { WATCHER_LIMITS_MAX = 6 };

struct watcher_limit {
    int resource; /* RLIMIT_… */
    struct rlimit value;
};

/* All that the watcher needs, prepared before the fork. */
struct watcher_plan {
    char *const *arguments;
    char *const *environment;
    const char *folder;
    bool changes_user;
    uid_t user_id;
    gid_t group_id;
    struct watcher_limit limits[WATCHER_LIMITS_MAX];
    int limit_count;
    struct command_totals totals;
    int input, output, errors; /* the program's standard files */
    bool gives_file;           /* true: the program gets `given` as file 3 */
    int given;
    int control; /* when its other end is closed (on purpose or by death), the program is ended */
    int report;  /* where the records below are written */
};

/* The step at which starting the program failed, as messages name it. */
#define WATCHER_STEP_TABLE(STEP)                                                                                               \
    STEP(NONE, "nothing")                                                                                                      \
    STEP(FORK, "starting a process")                                                                                           \
    STEP(FOLDER, "entering its working folder")                                                                                \
    STEP(LIMIT, "setting its limits")                                                                                          \
    STEP(USER, "becoming its user")                                                                                            \
    STEP(FILES, "connecting its files")                                                                                        \
    STEP(PROGRAM, "running it")

enum watcher_step {
#define STEP(name, text) WATCHER_STEP_##name,
    WATCHER_STEP_TABLE(STEP)
#undef STEP
};

/* Written to `report`: by the program's process if its exec fails, and by the watcher at the end or if it cannot fork. */
struct watcher_record {
    enum watcher_step failed_step; /* NONE if the program was started */
    int failed_errno;
    int wait_status; /* from waitpid(), of the program itself */
    int64_t cpu_us;  /* of the program and all its descendants */
    enum command_stop stop;
    int64_t peak_memory_bytes, peak_processes, peak_folder_bytes;
};

/* Call in the child right after fork(), with all signals blocked. */
_Noreturn void command_watcher_run(const struct watcher_plan *plan);

#endif
