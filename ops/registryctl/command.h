/* SPDX-License-Identifier: BSD-3-Clause
 *
 * registryctl's commands: each is a row of the table in main.c and a function. Their files, by topic:
 *
 *   requests.c     requests to a registry: publish, unpublish, transfer, trustee (with gateway.c, follow.c and event_lines.c)
 *   package_set.c  package-set (with excuses.c and set_plans.c)
 *   jobs.c         queries to a gateway: status, logs, jobs
 *   check.c        a registry's files: check
 *   solve.c        a registry's versions: solve (with solve_all.c)
 *   formats.c      one text in one of the registry's formats: manifest, package-name, version, range, hash, license
 *   signing.c      verify, sign
 *   packing.c      pack, unpack
 *   storage.c      storage
 *   dmca.c         dmca
 *   webhook.c      webhook
 *   matrix.c       workers, matrix (with matrix_verify.c)
 *   main.c         settings
 *
 * Options are read, and the number of arguments is checked, before a command runs.
 */
#ifndef OPS_REGISTRYCTL_COMMAND_H
#define OPS_REGISTRYCTL_COMMAND_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>

#include "lib/base/arena.h"
#include "lib/base/error.h"

struct invocation;

struct command {
    const char *name;
    int least, most;       /* arguments, without options; ARGUMENTS_ANY: no limit */
    const char *options;   /* names separated by spaces; one with a value ends in `:`. `follow` is also `-f` */
    const char *arguments; /* as the help shows them */
    const char *help;
    enum status (*run)(struct invocation *call, struct error *err);
};

enum {
    ARGUMENTS_ANY = INT_MAX,
    OPTIONS_MAX = 24, /* that a command knows, with those of every command */
};

struct given_option {
    const char *name, *value; /* "": a flag */
};

/* One call of the program. */
struct invocation {
    const struct command *command;
    const char *gateway;          /* its address, without a path */
    const char *authorization;    /* header with a trustee's token; NULL: none */
    struct given_option *options; /* of the program, then of the command, in their order; in the arena */
    int option_count, options_most;
    char **arguments; /* the command's own, without options; NULL at the end */
    int count;
    struct arena arena;
    int exit_status; /* set by a command that worked but whose answer is no, and by wrong_call() */
};

/* The value of an option of the command, by its name without dashes; NULL: it is not given. */
const char *take_option(const struct invocation *call, const char *name);
/* The same for an option that may be given several times: the next value from *position on, which begins at 0 and is moved behind
 * it. NULL: there is no further one. */
const char *take_next_option(const struct invocation *call, const char *name, int *position);
/* True if an option without a value is given. */
bool take_flag(const struct invocation *call, const char *name);

/* STATUS_INVALID for a wrong call of the program: exit status 2. */
enum status wrong_call(struct invocation *call, struct error *err, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

enum status command_publish(struct invocation *call, struct error *err);
enum status command_unpublish(struct invocation *call, struct error *err);
enum status command_transfer(struct invocation *call, struct error *err);

enum status command_trustee(struct invocation *call, struct error *err);
enum status command_package_set(struct invocation *call, struct error *err);

enum status command_status(struct invocation *call, struct error *err);
enum status command_logs(struct invocation *call, struct error *err);
enum status command_jobs(struct invocation *call, struct error *err);
enum status command_settings(struct invocation *call, struct error *err);

enum status command_check(struct invocation *call, struct error *err);
enum status command_solve(struct invocation *call, struct error *err);

enum status command_manifest(struct invocation *call, struct error *err);
enum status command_package_name(struct invocation *call, struct error *err);
enum status command_version(struct invocation *call, struct error *err);
enum status command_range(struct invocation *call, struct error *err);
enum status command_hash(struct invocation *call, struct error *err);
enum status command_license(struct invocation *call, struct error *err);

enum status command_verify(struct invocation *call, struct error *err);
enum status command_sign(struct invocation *call, struct error *err);

enum status command_pack(struct invocation *call, struct error *err);
enum status command_unpack(struct invocation *call, struct error *err);

enum status command_storage(struct invocation *call, struct error *err);

enum status command_dmca(struct invocation *call, struct error *err);

enum status command_webhook(struct invocation *call, struct error *err);

enum status command_workers(struct invocation *call, struct error *err);
enum status command_matrix(struct invocation *call, struct error *err);

#endif
