/* SPDX-License-Identifier: BSD-3-Clause */
#include "lib/tools/sandbox/run_command.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <pwd.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/base/clock.h"
#include "lib/base/deadline.h"
#include "lib/tools/sandbox/command_watcher.h"

enum {
    OUTPUT_LIMIT_BYTES = 1024 * 1024,
    CHUNK_BYTES = 16 * 1024,
    CHUNKS_AT_ONCE = 16, /* more than a pipe holds */
    LOOK_MS = 50,        /* between two checks of the deadline */
};

/* Our ends of the pipes; -1: closed. */
struct channels {
    int output, errors, report;
    int control; /* closing it stops the program */
};

static void close_file(int *file) {
    if (*file >= 0) close(*file);
    *file = -1;
}

static void add_limit(struct watcher_plan *plan, int resource, int64_t value) {
    struct rlimit now, *limit = &plan->limits[plan->limit_count].value;
    if (value == 0 && resource != RLIMIT_CORE) return;
    assert(value >= 0 && plan->limit_count < WATCHER_LIMITS_MAX);
    if (getrlimit((__rlimit_resource_t)resource, &now)) now.rlim_max = RLIM_INFINITY;
    limit->rlim_cur = limit->rlim_max = (rlim_t)value < now.rlim_max ? (rlim_t)value : now.rlim_max;
    /* SIGXCPU comes at the soft limit, SIGKILL at the hard one: they differ, so that the signal shows the cause. */
    if (resource == RLIMIT_CPU && limit->rlim_max < now.rlim_max) limit->rlim_max++;
    plan->limits[plan->limit_count++].resource = resource;
}

static void plan_limits(struct watcher_plan *plan, const struct command_limits *limits) {
    add_limit(plan, RLIMIT_CORE, 0);
    add_limit(plan, RLIMIT_AS, limits->memory_bytes);
    add_limit(plan, RLIMIT_CPU, limits->cpu_seconds);
    add_limit(plan, RLIMIT_FSIZE, limits->file_bytes);
    add_limit(plan, RLIMIT_NPROC, limits->processes);
    add_limit(plan, RLIMIT_NOFILE, limits->open_files);
}

/* A file with these bytes as content (NULL: /dev/null); -1 with errno. */
static int open_bytes(const void *bytes, size_t length) {
    if (!bytes) return open("/dev/null", O_RDONLY | O_CLOEXEC);
    int file = memfd_create("input", MFD_CLOEXEC);
    size_t done = 0;
    while (file >= 0 && done < length) {
        ssize_t written = write(file, (const char *)bytes + done, length - done);
        if (written > 0)
            done += (size_t)written;
        else if (errno != EINTR)
            close_file(&file);
    }
    if (file >= 0 && lseek(file, 0, SEEK_SET) != 0) close_file(&file);
    return file;
}

/* Opens a pipe; `*ours`, one of its ends, does not block. */
static bool open_pipe(int *read_end, int *write_end, int *ours) {
    int ends[2];
    if (pipe2(ends, O_CLOEXEC)) return false;
    *read_end = ends[0];
    *write_end = ends[1];
    return fcntl(*ours, F_SETFL, O_NONBLOCK) == 0;
}

static bool open_channels(struct channels *ours, struct watcher_plan *plan, const struct command *command) {
    plan->input = open_bytes(command->input, command->input_length);
    plan->given = open_bytes(command->given, command->given_length);
    return plan->input >= 0 && plan->given >= 0 && open_pipe(&ours->output, &plan->output, &ours->output) &&
           open_pipe(&ours->errors, &plan->errors, &ours->errors) && open_pipe(&ours->report, &plan->report, &ours->report) &&
           open_pipe(&plan->control, &ours->control, &ours->control);
}

/* Forks the watcher with all signals blocked; -1 with errno. */
static pid_t start_watcher(const struct watcher_plan *plan) {
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    pid_t watcher = fork();
    if (watcher == 0) command_watcher_run(plan);
    int problem = errno;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    errno = problem;
    return watcher;
}

/* Reads what is available, but not for ever from a program that writes as fast; keeps up to `limit` bytes in all. Closes the
 * file at its end. */
static void read_available(int *file, struct text *text, size_t limit, bool *was_cut) {
    char chunk[CHUNK_BYTES];
    for (int i = 0; *file >= 0 && i < CHUNKS_AT_ONCE; i++) {
        ssize_t length = read(*file, chunk, sizeof chunk);
        if (length < 0 && errno == EINTR) continue;
        if (length < 0 && errno == EAGAIN) return;
        if (length <= 0) {
            close_file(file);
            return;
        }
        size_t room = limit - text->length, take = (size_t)length < room ? (size_t)length : room;
        text_append_bytes(text, chunk, take);
        if (take < (size_t)length) *was_cut = true;
        if (length < (ssize_t)sizeof chunk) return; /* drained for now */
    }
}

static void read_channels(struct channels *ours, struct command_result *out, struct text *report, size_t limit) {
    bool ignored = false;
    read_available(&ours->output, &out->output, limit, &out->output_was_cut);
    read_available(&ours->errors, &out->errors, limit, &out->errors_were_cut);
    read_available(&ours->report, report, SIZE_MAX / 8, &ignored);
}

/* Collects output until the watcher closes its report, as its last act. Stops the program at the deadline or at the output
 * limit. Returns the deadline's status if that stopped it, else STATUS_OK. */
static enum status collect(struct channels *ours, struct command_result *out, struct text *report,
                           const struct command *command, struct deadline *deadline, struct error *err) {
    enum status stopped = STATUS_OK;
    size_t limit = command->output_limit_bytes ? command->output_limit_bytes : OUTPUT_LIMIT_BYTES;
    while (ours->report >= 0) {
        if (!stopped && !out->stop) stopped = deadline_check(deadline, err);
        if (!stopped && command->stops_at_output_limit && (out->output_was_cut || out->errors_were_cut))
            out->stop = COMMAND_STOP_OUTPUT;
        if (stopped || out->stop) close_file(&ours->control);
        struct pollfd files[] = {{.fd = ours->output, .events = POLLIN},
                                 {.fd = ours->errors, .events = POLLIN},
                                 {.fd = ours->report, .events = POLLIN}};
        int wait_ms = stopped || out->stop ? LOOK_MS : deadline_left_ms(deadline, LOOK_MS);
        if (poll(files, 3, wait_ms) > 0) read_channels(ours, out, report, limit);
    }
    /* All writers are gone, unless one escaped: read the rest of the pipes without waiting for more. */
    read_available(&ours->output, &out->output, limit, &out->output_was_cut);
    read_available(&ours->errors, &out->errors, limit, &out->errors_were_cut);
    return stopped;
}

static const char *step_text(enum watcher_step step) {
    static const char *const texts[] = {
#define STEP(name, text) [WATCHER_STEP_##name] = text,
        WATCHER_STEP_TABLE(STEP)
#undef STEP
    };
    return texts[step];
}

/* Parses the watcher's records. */
static enum status read_report(struct command_result *out, const struct text *report, const struct command *command,
                               struct error *err) {
    const char *program = command->arguments[0];
    struct watcher_record record = {0};
    size_t at = 0;
    for (; at + sizeof record <= report->length; at += sizeof record) {
        memcpy(&record, report->bytes + at, sizeof record);
        if (record.failed_step == WATCHER_STEP_NONE) continue;
        if (record.failed_step == WATCHER_STEP_PROGRAM && record.failed_errno == ENOENT)
            return error_set(err, STATUS_NOT_FOUND, "The program %s does not exist.", program);
        return error_set(err, STATUS_INTERNAL, "The program %s could not be started (%s): %s.", program,
                         step_text(record.failed_step), strerror(record.failed_errno));
    }
    if (at == 0 || at != report->length)
        return error_set(err, STATUS_INTERNAL, "The process that watches %s was killed.", program);
    out->cpu_ms = record.cpu_us / 1000;
    out->peak_memory_bytes = record.peak_memory_bytes;
    out->peak_processes = record.peak_processes;
    out->peak_folder_bytes = record.peak_folder_bytes;
    if (!out->stop) out->stop = record.stop;
    out->exit_status = WIFEXITED(record.wait_status) ? WEXITSTATUS(record.wait_status) : -1;
    out->signal = WIFSIGNALED(record.wait_status) ? WTERMSIG(record.wait_status) : 0;
    return STATUS_OK;
}

static void close_plan(struct watcher_plan *plan) {
    close_file(&plan->input);
    close_file(&plan->output);
    close_file(&plan->errors);
    close_file(&plan->given);
    close_file(&plan->control);
    close_file(&plan->report);
}

static void close_channels(struct channels *ours) {
    close_file(&ours->output);
    close_file(&ours->errors);
    close_file(&ours->report);
    close_file(&ours->control);
}

/* Starts the watcher and the program; on success the caller must wait for *watcher. */
static enum status start(pid_t *watcher, struct channels *ours, const struct command *command, struct error *err) {
    static const char *const no_environment[] = {NULL};
    assert(command->arguments && command->arguments[0]);
    struct watcher_plan plan = {
        .arguments = (char *const *)(uintptr_t)command->arguments,
        .environment = (char *const *)(uintptr_t)(command->environment ? command->environment : no_environment),
        .folder = command->folder ? command->folder : "/",
        .changes_user = command->user != NULL,
        .user_id = command->user ? command->user->user_id : 0,
        .group_id = command->user ? command->user->group_id : 0,
        .input = -1,
        .output = -1,
        .errors = -1,
        .gives_file = command->given != NULL,
        .given = -1,
        .control = -1,
        .report = -1,
    };
    plan.totals = command->totals;
    plan_limits(&plan, &command->limits);
    *watcher = -1;
    if (open_channels(ours, &plan, command)) *watcher = start_watcher(&plan);
    int problem = errno;
    close_plan(&plan);
    if (*watcher >= 0) return STATUS_OK;
    return error_set(err, STATUS_INTERNAL, "The program %s could not be started: %s.", command->arguments[0],
                     strerror(problem));
}

enum status command_run(struct command_result *out, const struct command *command, struct deadline *deadline,
                        struct error *err) {
    *out = (struct command_result){.exit_status = -1};
    struct channels ours = {-1, -1, -1, -1};
    struct text report = {0};
    pid_t watcher = -1;
    int64_t start_ms = clock_monotonic_ms();
    enum status status = deadline_check(deadline, err);
    if (!status) status = start(&watcher, &ours, command, err);
    if (!status) {
        status = collect(&ours, out, &report, command, deadline, err);
        while (waitpid(watcher, NULL, 0) < 0 && errno == EINTR) {
        }
        enum status reported = read_report(out, &report, command, status ? NULL : err);
        if (!status) status = reported;
    }
    out->elapsed_ms = clock_monotonic_ms() - start_ms;
    close_channels(&ours);
    text_release(&report);
    return status;
}

void command_result_release(struct command_result *result) {
    text_release(&result->output);
    text_release(&result->errors);
}

void command_result_describe(struct text *out, const struct command_result *result) {
    const char *description = sigdescr_np(result->signal);
    if (result->signal)
        text_append_format(out, "signal %d (%s)", result->signal, description ? description : "unknown");
    else
        text_append_format(out, "exit status %d", result->exit_status);
}

enum status command_user_find(struct command_user *out, const char *name, struct error *err) {
    struct passwd entry, *found = NULL;
    char buffer[4096];
    int problem = getpwnam_r(name, &entry, buffer, sizeof buffer, &found);
    if (!found && problem)
        return error_set(err, STATUS_INTERNAL, "The account \"%s\" could not be looked up: %s.", name, strerror(problem));
    if (!found) return error_set(err, STATUS_NOT_FOUND, "There is no account \"%s\" on this machine.", name);
    *out = (struct command_user){.user_id = entry.pw_uid, .group_id = entry.pw_gid};
    return STATUS_OK;
}
