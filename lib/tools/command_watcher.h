/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The process between us and a program that command_run() starts. It is forked from a process with threads, so it calls nothing
 * but what is safe in a signal handler, and allocates nothing. It is the one to which the program's orphans fall
 * (PR_SET_CHILD_SUBREAPER), so that it can end what has left the program's process group, too, and knows all that there is when
 * it looks whether they take more than they may (command_use.h).
 *
 * Not for others than run_command.c.
 */
#ifndef LIB_TOOLS_COMMAND_WATCHER_H
#define LIB_TOOLS_COMMAND_WATCHER_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/resource.h>
#include <sys/types.h>

#include "lib/tools/run_command.h"

enum { WATCHER_LIMITS_MAX = 6 };

struct watcher_limit {
    int resource; /* RLIMIT_… */
    struct rlimit value;
};

/* Everything it needs, made before the fork. */
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
    bool gives_file;           /* whether `given` is for it, as file 3 */
    int given;
    int control; /* when the other end is closed (by will or by death), the program is to end */
    int report;  /* for the records below */
};

/* What was being done when starting the program failed. */
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

/* Written to `report`: one by the program's process if it cannot become the program, and one by the watcher at the end. */
struct watcher_record {
    enum watcher_step failed_step; /* NONE in the watcher's own record */
    int failed_errno;
    int wait_status; /* as waitpid() has it; of the program itself */
    int64_t cpu_us;  /* of the program and all its children */
    enum command_stop stop;
    int64_t peak_memory_bytes, peak_processes, peak_folder_bytes;
};

/* To be called in the child right after fork(), with all signals blocked. */
_Noreturn void command_watcher_run(const struct watcher_plan *plan);

#endif
