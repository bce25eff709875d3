/* SPDX-License-Identifier: BSD-3-Clause */
#include "lib/tools/sandbox/sandbox.h"

#include <assert.h>
#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/arena.h"
#include "lib/base/array.h"
#include "lib/base/deadline.h"
#include "lib/base/log.h"
#include "lib/base/settings.h"
#include "lib/tools/sandbox/sandbox_filter.h"

#define BUBBLEWRAP "/usr/bin/bwrap"
#define LIMITER "/usr/bin/prlimit" /* of util-linux, which every Debian has */

enum {
    PROBE_OUTPUT_BYTES = 4096,
    TEMPORARY_BYTES = 256 << 20, /* limit of the sandbox's /tmp, which is memory */
    TEMPORARY_PART = 8,          /* /tmp is at most this fraction of a run's memory */
    USER_RUNS = 8,               /* concurrent runs of one user that RLIMIT_NPROC allows without a sandbox */
    PROCESSES_MORE = 16,         /* above the limit, so that an excess shows before it is prevented */
    SIGNAL_EXIT = 128,           /* bubblewrap, like a shell, exits with this plus the signal */
};

/* For programs without settings; the same as the defaults in lib/base/settings.def. */
static const struct build_limits standard_limits = {
    .memory_bytes = INT64_C(6) << 30,
    .disk_bytes = INT64_C(2) << 30,
    .processes = 256,
};

/* A growing list of bubblewrap's arguments; NULL at the end. */
struct argument_list {
    const char **items;
    size_t count, capacity;
};

static void add_arguments(struct argument_list *list, const char *const *more) {
    for (; *more; more++)
        *array_add(list) = *more;
    *array_add(list) = NULL;
    list->count--; /* the next argument takes the place of the NULL */
}

#define ADD(list, ...) add_arguments((list), (const char *const[]){__VA_ARGS__, NULL})

/* Mounts the system's programs and libraries; `/bin` and `/lib` are links into `/usr` or folders, as on this machine. */
static void add_system_folders(struct argument_list *list, struct arena *arena) {
    static const char *const folders[] = {"/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32"};
    ADD(list, "--ro-bind", "/usr", "/usr");
    for (size_t i = 0; i < sizeof folders / sizeof folders[0]; i++) {
        char target[PATH_MAX];
        ssize_t length = readlink(folders[i], target, sizeof target - 1);
        if (length > 0)
            ADD(list, "--symlink", arena_copy_bytes(arena, target, (size_t)length), folders[i]);
        else
            ADD(list, "--ro-bind-try", folders[i], folders[i]);
    }
    ADD(list, "--ro-bind-try", "/etc/ld.so.cache", "/etc/ld.so.cache"); /* the dynamic linker's cache */
}

static int64_t temporary_bytes(const struct sandbox *sandbox) {
    int64_t part = sandbox->limits.memory_bytes / TEMPORARY_PART;
    return part < TEMPORARY_BYTES ? part : TEMPORARY_BYTES;
}

/* Appends the start of bubblewrap's command line. The order matters: a later mount covers an earlier one. */
static void add_walls(struct argument_list *list, const struct sandbox *sandbox, struct arena *arena) {
    ADD(list, BUBBLEWRAP, "--unshare-user", "--unshare-pid", "--unshare-ipc", "--unshare-uts", "--unshare-net",
        "--unshare-cgroup-try", "--die-with-parent", "--new-session", "--clearenv", "--hostname", "sandbox", "--cap-drop",
        "ALL");
    add_system_folders(list, arena);
    ADD(list, "--dev", "/dev", "--remount-ro", "/dev"); /* otherwise a writable memory file system, like the root folder */
    ADD(list, "--size", arena_format(arena, "%lld", (long long)temporary_bytes(sandbox)), "--tmpfs", "/tmp");
    if (sandbox->has_proc) ADD(list, "--proc", "/proc");
}

/* Appends the end of it, after all mounts. The number of processes is limited inside, where the kernel counts those of the
 * sandbox's own user namespace (from Linux 5.14 on): a fork bomb is faster than polling. */
static void close_walls(struct argument_list *list, const struct sandbox *sandbox, struct arena *arena) {
    ADD(list, "--seccomp", "3", "--remount-ro", "/", "--", LIMITER, /* file 3 is command->given */
        arena_format(arena, "--nproc=%lld", (long long)sandbox->limits.processes + PROCESSES_MORE), "--");
}

static const struct command_user *sandbox_user(const struct sandbox *sandbox) {
    return sandbox->changes_user ? &sandbox->user : NULL;
}

/* Mounts `path` at `there` (NULL: at its own path, made absolute as bubblewrap requires). */
static enum status add_mount(struct argument_list *list, const char *option, const char *path, const char *there,
                             struct arena *arena, struct error *err) {
    char absolute[PATH_MAX];
    if (!realpath(path, absolute))
        return error_set(err, STATUS_INTERNAL, "The folder %s cannot be put into the sandbox: %s.", path, strerror(errno));
    char *copy = arena_copy(arena, absolute);
    ADD(list, option, copy, there ? there : path[0] == '/' ? path : copy);
    return STATUS_OK;
}

/* Builds bubblewrap's command line for `command`. */
static enum status wrap(struct argument_list *list, const struct sandbox *sandbox, const struct command *command,
                        const char *const *readable, struct arena *arena, struct error *err) {
    enum status status = STATUS_OK;
    add_walls(list, sandbox, arena);
    for (; !status && readable && *readable; readable++)
        status = add_mount(list, "--ro-bind", *readable, NULL, arena, err);
    if (!status) status = add_mount(list, "--bind", command->folder, SANDBOX_WORK_FOLDER, arena, err);
    if (status) return status;
    ADD(list, "--chdir", SANDBOX_WORK_FOLDER);
    for (size_t i = 0; command->environment && command->environment[i]; i++) {
        const char *entry = command->environment[i], *equals = strchr(entry, '=');
        assert(equals);
        ADD(list, "--setenv", arena_copy_bytes(arena, entry, (size_t)(equals - entry)), equals + 1);
    }
    close_walls(list, sandbox, arena);
    add_arguments(list, command->arguments);
    return STATUS_OK;
}

/* Sets the limits of a run. Files in /tmp are memory of no process, so their limit is subtracted from that of the processes. */
static void limit(struct command *command, const struct sandbox *sandbox) {
    const struct build_limits *limits = &sandbox->limits;
    command->totals = (struct command_totals){
        .memory_bytes = limits->memory_bytes - (sandbox->is_isolating ? temporary_bytes(sandbox) : 0),
        .processes = limits->processes,
        .folder_bytes = limits->disk_bytes,
        .folder = command->folder,
    };
    /* In a sandbox RLIMIT_NPROC would count the user's other runs, too; close_walls() sets it inside. Without one it is set
     * here, unless it would count everything else that this user runs. */
    bool is_alone = !sandbox->is_isolating && sandbox->changes_user;
    command->limits.processes = is_alone ? limits->processes * USER_RUNS : 0;
}

enum status sandbox_run(struct command_result *out, const struct sandbox *sandbox, const struct command *command,
                        const char *const *readable, struct deadline *deadline, struct error *err) {
    assert(!command->user && command->folder);
    *out = (struct command_result){.exit_status = -1};
    struct command inner = *command;
    struct arena arena = {0};
    struct argument_list list = {0};
    enum status status = STATUS_OK;
    inner.user = sandbox_user(sandbox);
    limit(&inner, sandbox);
    if (sandbox->is_isolating) {
        status = sandbox_filter(&inner.given, &inner.given_length, err);
        if (!status) status = wrap(&list, sandbox, command, readable, &arena, err);
        inner.arguments = list.items;
        inner.environment = NULL;
        inner.folder = NULL;
    }
    if (!status) status = command_run(out, &inner, deadline, err);
    if (sandbox->is_isolating && out->exit_status > SIGNAL_EXIT && out->exit_status < SIGNAL_EXIT + NSIG) {
        out->signal = out->exit_status - SIGNAL_EXIT;
        out->exit_status = -1;
    }
    free(list.items);
    arena_release(&arena);
    return status;
}

/* Runs `true` in the sandbox as configured. If that fails, `why` is the reason, in bubblewrap's words if it ran. */
static enum status try_it(const struct sandbox *sandbox, bool *works, struct text *why, struct deadline *deadline,
                          struct error *err) {
    struct command_result result = {0};
    struct error problem = {0};
    struct arena arena = {0};
    struct argument_list list = {0};
    add_walls(&list, sandbox, &arena);
    close_walls(&list, sandbox, &arena);
    ADD(&list, "/bin/true");
    struct command command = {.arguments = list.items, .user = sandbox_user(sandbox), .output_limit_bytes = PROBE_OUTPUT_BYTES};
    enum status status = sandbox_filter(&command.given, &command.given_length, &problem);
    if (!status) status = command_run(&result, &command, deadline, &problem);
    *works = status == STATUS_OK && result.exit_status == 0;
    const char *words = status ? problem.message : text_view(&result.errors);
    size_t length = strcspn(words, "\n");
    text_clear(why);
    text_append_bytes(why, words, length > 0 && words[length - 1] == '.' ? length - 1 : length);
    command_result_release(&result);
    free(list.items);
    arena_release(&arena);
    return deadline_check(deadline, err);
}

enum status sandbox_init(struct sandbox *out, const char *user_name, struct deadline *deadline, struct error *err) {
    *out = (struct sandbox){
        .limits = standard_limits, .is_isolating = true, .user = {.user_id = geteuid(), .group_id = getegid()}};
    enum status status;
    if (geteuid() == 0 && user_name) {
        if ((status = command_user_find(&out->user, user_name, err))) return status;
        out->changes_user = out->user.user_id != 0;
    }
    struct text why = {0};
    bool works = false;
    out->has_proc = true;
    status = try_it(out, &works, &why, deadline, err);
    if (!status && !works) { /* many containers do not permit a new /proc */
        out->has_proc = false;
        status = try_it(out, &works, &why, deadline, err);
    }
    if (!status && !works) {
        out->is_isolating = false;
        snprintf(out->warning, sizeof out->warning,
                 "Packages can only be compiled without a sandbox, as %s user, since bubblewrap does not work here (%s).",
                 out->changes_user ? "another" : "this", text_view(&why));
    }
    text_release(&why);
    return status;
}

enum status sandbox_require(struct sandbox *out, const struct settings *settings, bool accepts_no_sandbox,
                            struct deadline *deadline, struct error *err) {
    enum status status = sandbox_init(out, settings->compiler_user, deadline, err);
    if (status) return status;
    out->limits = (struct build_limits){
        .memory_bytes = settings->build_memory_bytes,
        .disk_bytes = settings->build_disk_bytes,
        .processes = settings->build_processes,
    };
    if (out->is_isolating) return STATUS_OK;
    if (!accepts_no_sandbox)
        return error_set(err, STATUS_UNAVAILABLE,
                         "%s Install bubblewrap and allow this program to create user namespaces (ops/README.md, The sandbox), "
                         "or start it with " SANDBOX_UNSAFE_OPTION
                         ", which lets untrusted code read the files of the compiler's user and use the network.",
                         out->warning);
    log_line(LOG_WARN, "sandbox_missing", log_field("reason", out->warning));
    return STATUS_OK;
}

/* True if the sandbox's user has all `wanted` rights (bits of rwx), by owner, group and mode. */
static bool has_access(const struct sandbox *sandbox, const struct stat *information, mode_t wanted) {
    if (sandbox->user.user_id == 0) return true;
    mode_t granted = information->st_mode & 7;
    if (information->st_gid == sandbox->user.group_id) granted = information->st_mode >> 3 & 7;
    if (information->st_uid == sandbox->user.user_id) granted = information->st_mode >> 6 & 7;
    return (granted & wanted) == wanted;
}

enum status sandbox_check_reachable(const struct sandbox *sandbox, const char *folder, bool to_write, struct error *err) {
    char path[PATH_MAX];
    if (!realpath(folder, path))
        return error_set(err, STATUS_REFUSED, "The folder %s cannot be reached: %s.", folder, strerror(errno));
    for (size_t i = 1, length = strlen(path); i <= length; i++) {
        if (path[i] != '/' && path[i] != '\0') continue;
        char parent[PATH_MAX];
        snprintf(parent, sizeof parent, "%.*s", (int)i, path);
        mode_t wanted = i < length ? 1 : to_write ? 7 : 5;
        struct stat information;
        if (stat(parent, &information))
            return error_set(err, STATUS_REFUSED, "The folder %s cannot be reached: %s.", parent, strerror(errno));
        if (!S_ISDIR(information.st_mode)) return error_set(err, STATUS_REFUSED, "%s is not a folder.", parent);
        if (!has_access(sandbox, &information, wanted))
            return error_set(err, STATUS_REFUSED,
                             "The folder %s has mode %04o, but the compiler runs as user %u, which must be able to %s %s: "
                             "change the mode, or set STATE_DIR or REGISTRY_COMPILERS to another folder.",
                             parent, information.st_mode & 07777, sandbox->user.user_id,
                             wanted == 1   ? "reach"
                             : wanted == 5 ? "read"
                                           : "write to",
                             path);
    }
    return STATUS_OK;
}

enum status sandbox_make_folder(const struct sandbox *sandbox, const char *path, struct error *err) {
    if (mkdir(path, 0755)) return error_set(err, STATUS_INTERNAL, "The folder %s cannot be made: %s.", path, strerror(errno));
    if (sandbox->changes_user && chown(path, sandbox->user.user_id, sandbox->user.group_id)) {
        int problem = errno;
        rmdir(path);
        return error_set(err, STATUS_INTERNAL, "The owner of the folder %s cannot be changed to user %u: %s.", path,
                         sandbox->user.user_id, strerror(problem));
    }
    return STATUS_OK;
}
