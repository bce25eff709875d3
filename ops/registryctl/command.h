/* SPDX-License-Identifier: BSD-3-Clause
 *
 * registryctl's commands: each is a row of the table in main.c and a function. They are in files by what they are about:
 *
 *   requests.c  what is asked of a registry: publish, unpublish, transfer, trustee (with gateway.c and follow.c)
 *   jobs.c      what a gateway knows: status, logs, jobs
 *   check.c     a registry's files: check
 *   solve.c     a registry's versions: solve (with solve_all.c)
 *   formats.c   one text in one of the registry's formats: manifest, package-name, version, range, hash, licence
 *   signing.c   verify, sign
 *   packing.c   pack, unpack
 *   storage.c   storage
 *   matrix.c    workers, matrix (with matrix_verify.c and matrix_line.c)
 *
 * A command takes its options first, then calls finish_arguments(), and only then does anything.
 */
#ifndef OPS_REGISTRYCTL_COMMAND_H
#define OPS_REGISTRYCTL_COMMAND_H

#include <stdbool.h>
#include <stddef.h>

#include "lib/base/arena.h"
#include "lib/base/error.h"

struct invocation;

struct command {
    const char *name;
    int least, most;       /* arguments, without options */
    const char *arguments; /* as the help shows them */
    const char *help;
    enum status (*run)(struct invocation *call, struct error *err);
};

/* What one call of the program has. */
struct invocation {
    const struct command *command;
    const char *gateway;       /* its address, without a path */
    const char *authorization; /* the header with a trustee's token, for what needs it; NULL: none */
    char **arguments;          /* the command's own, NULL at the end; options were taken out by take_option() */
    int count;
    struct arena arena;
    int exit_status; /* for the command to set where it ended well and the answer is no; or wrong_call() did */
};

/* Takes `--name VALUE` out of the arguments; NULL where it is not there. What is behind `--` is no option. */
const char *take_option(struct invocation *call, const char *name);
/* Takes `--name` (or its short form, which may be NULL) out of the arguments. */
bool take_flag(struct invocation *call, const char *name, const char *short_name);

/* Once all options are taken: takes out `--` and refuses what is left of options, and too many or too few arguments. */
CHECK_RESULT enum status finish_arguments(struct invocation *call, struct error *err);

/* STATUS_INVALID because of how the program was called: exit status 2. */
enum status wrong_call(struct invocation *call, struct error *err, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

enum status command_publish(struct invocation *call, struct error *err);
enum status command_unpublish(struct invocation *call, struct error *err);
enum status command_transfer(struct invocation *call, struct error *err);

enum status command_trustee(struct invocation *call, struct error *err);

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
enum status command_licence(struct invocation *call, struct error *err);

enum status command_verify(struct invocation *call, struct error *err);
enum status command_sign(struct invocation *call, struct error *err);

enum status command_pack(struct invocation *call, struct error *err);
enum status command_unpack(struct invocation *call, struct error *err);

enum status command_storage(struct invocation *call, struct error *err);

enum status command_workers(struct invocation *call, struct error *err);
enum status command_matrix(struct invocation *call, struct error *err);

#endif
