/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Runs strangers' code: the compiler works on sources that anybody may send. Where bubblewrap works, a command sees no network,
 * no environment, no process but its own, the system's programs and libraries read-only, and one folder that it may write to.
 * Where it does not work, a command runs as another user (when the service is root) and under limits, and nothing more:
 * `warning` says so, for the log.
 */
#ifndef LIB_TOOLS_SANDBOX_H
#define LIB_TOOLS_SANDBOX_H

#include <stdbool.h>

#include "lib/base/error.h"
#include "lib/tools/run_command.h"

enum { SANDBOX_WARNING_MAX = 512 };

/* Where a command in the sandbox finds its work folder. */
#define SANDBOX_WORK_FOLDER "/build"

/* Set up once at start by sandbox_init(), then only read, from any thread. */
struct sandbox {
    bool is_isolating;                 /* bubblewrap works here */
    bool has_proc;                     /* ... and can give a /proc of its own */
    bool changes_user;                 /* we are root, and `user` is another */
    struct command_user user;          /* who runs the commands */
    char warning[SANDBOX_WARNING_MAX]; /* a sentence, empty where is_isolating: why not, and what that means */
};

/* Finds out what works, by running `true` in it as the user that will run the compiler. `user_name` counts only when we are
 * root; it may be NULL. STATUS_NOT_FOUND: there is no such account. A missing bubblewrap is no error: see `warning`. */
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
