/* SPDX-License-Identifier: BSD-3-Clause
 *
 * registryctl's commands: each is a row of the table in main.c and a function. Those that ask a gateway are in jobs.c.
 */
#ifndef OPS_REGISTRYCTL_COMMAND_H
#define OPS_REGISTRYCTL_COMMAND_H

#include <stdbool.h>

#include "lib/base/arena.h"
#include "lib/base/error.h"

/* What one call of the program has. */
struct invocation {
    const char *gateway; /* its address, without a path */
    char **arguments;    /* the command's own, NULL at the end; options were taken out by take_option() */
    int count;
    struct arena arena;
    int exit_status; /* for the command to set where it ended well and the answer is no */
};

/* Takes `--name VALUE` out of the arguments; NULL where it is not there. */
const char *take_option(struct invocation *call, const char *name);
/* Takes `--name` (or its short form, which may be NULL) out of the arguments. */
bool take_flag(struct invocation *call, const char *name, const char *short_name);

enum status command_publish(struct invocation *call, struct error *err);
enum status command_status(struct invocation *call, struct error *err);
enum status command_logs(struct invocation *call, struct error *err);
enum status command_jobs(struct invocation *call, struct error *err);
enum status command_settings(struct invocation *call, struct error *err);

#endif
