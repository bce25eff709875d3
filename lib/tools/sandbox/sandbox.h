/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Runs untrusted code: the compiler works on sources from anyone. With bubblewrap a command has no network, no inherited
 * environment, no processes but its own, the system's programs and libraries read-only, and one folder that it may write to.
 * Without bubblewrap it runs as another user (if the service is root) and under limits, and nothing more; programs do not start
 * that way unless they are told to (sandbox_require()).
 */
#ifndef LIB_TOOLS_SANDBOX_SANDBOX_H
#define LIB_TOOLS_SANDBOX_SANDBOX_H

#include <stdbool.h>

#include "lib/base/error.h"
#include "lib/tools/sandbox/run_command.h"

struct settings;

enum { SANDBOX_WARNING_MAX = 512 };

/* The option with which a program runs even if there can be no sandbox. */
#define SANDBOX_UNSAFE_NAME "unsafe-no-sandbox"
#define SANDBOX_UNSAFE_OPTION "--" SANDBOX_UNSAFE_NAME

/* The same as a struct program_option that sets the bool *is_given. */
#define SANDBOX_UNSAFE_PROGRAM_OPTION(is_given)                                                                                \
    {                                                                                                                          \
        .name = SANDBOX_UNSAFE_NAME, .flag = (is_given),                                                                       \
        .help = "Run compilers without a sandbox if this machine cannot make one. Use it only for packages that you trust."    \
    }

/* The path of a command's work folder inside the sandbox. */
#define SANDBOX_WORK_FOLDER "/build"

/* The limits of one run, for all its processes together. */
struct build_limits {
    int64_t memory_bytes; /* resident or swapped out, including the sandbox's /tmp */
    int64_t disk_bytes;   /* in the work folder, with its initial content; sparse files count with their full size */
    int64_t processes;    /* and threads */
};

/* Set up once at start by sandbox_require() or sandbox_init(), then read-only, from any thread. */
struct sandbox {
    struct build_limits limits;        /* of each run */
    bool is_isolating;                 /* bubblewrap works here */
    bool has_proc;                     /* and can provide a new /proc */
    bool changes_user;                 /* we are root, and `user` is another user */
    struct command_user user;          /* runs the commands */
    char warning[SANDBOX_WARNING_MAX]; /* a sentence with the reason and the consequences; empty if is_isolating */
};

/* For the start of a program: sandbox_init() with COMPILER_USER, and the limits BUILD_… of `settings`. If bubblewrap does
 * not work: STATUS_UNAVAILABLE with the reason and advice, or, with `accepts_no_sandbox` (SANDBOX_UNSAFE_OPTION was given),
 * a warning in the program's log. */
CHECK_RESULT enum status sandbox_require(struct sandbox *out, const struct settings *settings, bool accepts_no_sandbox,
                                         struct deadline *deadline, struct error *err);

/* Finds out what works by running `true` in the sandbox as the user that will run the compiler. `user_name` (may be NULL) is
 * used only if we are root. STATUS_NOT_FOUND: there is no such account. A missing bubblewrap is no error: see `warning`. The
 * limits are the defaults of the settings. */
CHECK_RESULT enum status sandbox_init(struct sandbox *out, const char *user_name, struct deadline *deadline, struct error *err);

/* Runs `command` in the sandbox, like command_run(), except that `command->folder` is the work folder, which it may write
 * to, and `command->user` must be NULL. `readable` lists more folders that it may read, at their own paths (NULL at the end,
 * or NULL for none). Paths below the work folder should be relative to it. */
CHECK_RESULT enum status sandbox_run(struct command_result *out, const struct sandbox *sandbox, const struct command *command,
                                     const char *const *readable, struct deadline *deadline, struct error *err);

/* Checks that the sandbox's user can reach `folder`, read it and, with `to_write`, write to it. STATUS_REFUSED names the
 * closed folder on the way (a home folder with mode 0700, for example) and a remedy. Considers owner, group and mode, not
 * access lists. */
CHECK_RESULT enum status sandbox_check_reachable(const struct sandbox *sandbox, const char *folder, bool to_write,
                                                 struct error *err);

/* Creates the work folder `path` (its parent must exist) and gives it to the sandbox's user. The caller removes it. */
CHECK_RESULT enum status sandbox_make_folder(const struct sandbox *sandbox, const char *path, struct error *err);

#endif
