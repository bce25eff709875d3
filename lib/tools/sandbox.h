/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Runs strangers' code: the compiler works on sources that anybody may send. Where bubblewrap works, a command sees no network,
 * no environment, no process but its own, the system's programs and libraries read-only, and one folder that it may write to.
 * Where it does not work, a command runs as another user (when the service is root) and under limits, and nothing more.
 * Programs do not start that way unless they are told to (sandbox_require()).
 */
#ifndef LIB_TOOLS_SANDBOX_H
#define LIB_TOOLS_SANDBOX_H

#include <stdbool.h>

#include "lib/base/error.h"
#include "lib/tools/run_command.h"

struct settings;

enum { SANDBOX_WARNING_MAX = 512 };

/* What a program is started with to run without a sandbox where there can be none. */
#define SANDBOX_UNSAFE_NAME "unsafe-no-sandbox"
#define SANDBOX_UNSAFE_OPTION "--" SANDBOX_UNSAFE_NAME

/* It as a struct program_option, which sets the bool `is_given`. */
#define SANDBOX_UNSAFE_PROGRAM_OPTION(is_given)                                                                                \
    {                                                                                                                          \
        .name = SANDBOX_UNSAFE_NAME, .flag = (is_given),                                                                       \
        .help = "Run compilers without a sandbox where this machine allows none; only for packages that you trust."            \
    }

/* Where a command in the sandbox finds its work folder. */
#define SANDBOX_WORK_FOLDER "/build"

/* What one run may take, all its processes together. */
struct build_limits {
    int64_t memory_bytes; /* what is in memory, the sandbox's own memory file system included */
    int64_t disk_bytes;   /* in the work folder, what is there at the start included; a file with holes counts whole */
    int64_t processes;    /* and threads */
};

/* Set up once at start by sandbox_require() or sandbox_init(), then only read, from any thread. */
struct sandbox {
    struct build_limits limits;        /* of every run */
    bool is_isolating;                 /* bubblewrap works here */
    bool has_proc;                     /* ... and can give a /proc of its own */
    bool changes_user;                 /* we are root, and `user` is another */
    struct command_user user;          /* who runs the commands */
    char warning[SANDBOX_WARNING_MAX]; /* a sentence, empty where is_isolating: why not, and what that means */
};

/* For programs, at start: sandbox_init() with COMPILER_USER and the limits BUILD_… of `settings`. Where bubblewrap does not
 * work: STATUS_UNAVAILABLE with what it said and what to do, or, where `accepts_no_sandbox` (SANDBOX_UNSAFE_OPTION was given),
 * a warning in the program's log. */
CHECK_RESULT enum status sandbox_require(struct sandbox *out, const struct settings *settings, bool accepts_no_sandbox,
                                         struct deadline *deadline, struct error *err);

/* Finds out what works, by running `true` in it as the user that will run the compiler. `user_name` counts only when we are
 * root; it may be NULL. STATUS_NOT_FOUND: there is no such account. A missing bubblewrap is no error: see `warning`. The limits
 * are those that the settings have where nothing is set. */
CHECK_RESULT enum status sandbox_init(struct sandbox *out, const char *user_name, struct deadline *deadline, struct error *err);

/* Runs `command` in it; as command_run(), except that `command->folder` is the work folder, which it may write to, and that
 * `command->user` must be NULL. `readable` are more folders that it may read, at their own paths, NULL at the end (or NULL for
 * none). Paths below the work folder should be given relative to it. */
CHECK_RESULT enum status sandbox_run(struct command_result *out, const struct sandbox *sandbox, const struct command *command,
                                     const char *const *readable, struct deadline *deadline, struct error *err);

/* Whether the sandbox's user can get to `folder`, read it and, if asked, write to it. STATUS_REFUSED names the folder on the
 * way that is closed (a home folder with mode 0700, say) and what to do. Goes by owner and mode, not by access lists. */
CHECK_RESULT enum status sandbox_check_reachable(const struct sandbox *sandbox, const char *folder, bool to_write,
                                                 struct error *err);

/* Makes the work folder `path` (its parent must be there) and gives it to the sandbox's user. The caller removes it. */
CHECK_RESULT enum status sandbox_make_folder(const struct sandbox *sandbox, const char *path, struct error *err);

#endif
