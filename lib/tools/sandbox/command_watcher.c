/* SPDX-License-Identifier: BSD-3-Clause */
#include "lib/tools/sandbox/command_watcher.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <signal.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/base/clock.h"
#include "lib/tools/sandbox/command_use.h"

enum {
    TERMINATION_GRACE_MS = 500, /* between SIGTERM and SIGKILL */
    LOOK_MS = 20,               /* between two samples of the resource use */
    GIVEN_FILE = 3,
    FIRST_OWN_FILE = 4, /* the watcher's files are kept above the program's */
};

static void write_record(int report, const struct watcher_record *record) {
    ssize_t written = write(report, record, sizeof *record); /* shorter than PIPE_BUF: whole or not at all */
    (void)written;                                           /* a failure cannot be reported */
}

/* Moves the plan's files above the program's and closes all others. False if that fails. */
static bool keep_only_own_files(struct watcher_plan *plan) {
    int *own[] = {&plan->input, &plan->output, &plan->errors, &plan->given, &plan->control, &plan->report};
    enum { OWN_COUNT = sizeof own / sizeof own[0] };
    int kept[OWN_COUNT];
    for (size_t i = 0; i < OWN_COUNT; i++) {
        *own[i] = fcntl(*own[i], F_DUPFD_CLOEXEC, FIRST_OWN_FILE);
        if (*own[i] < 0) return false;
        size_t at = i; /* insertion sort */
        for (; at > 0 && kept[at - 1] > *own[i]; at--)
            kept[at] = kept[at - 1];
        kept[at] = *own[i];
    }
    unsigned first = 0;
    for (size_t i = 0; i < OWN_COUNT; i++) {
        unsigned next = (unsigned)kept[i];
        if (next > first && close_range(first, next - 1, 0)) return false;
        first = next + 1;
    }
    return close_range(first, ~0U, 0) == 0;
}

/* setgroups() and its kin of the C library synchronize all threads, of which a forked child has none: use the system calls. */
static bool become_user(const struct watcher_plan *plan) {
    return syscall(SYS_setgroups, 0, NULL) == 0 &&
           syscall(SYS_setresgid, plan->group_id, plan->group_id, plan->group_id) == 0 &&
           syscall(SYS_setresuid, plan->user_id, plan->user_id, plan->user_id) == 0;
}

static void restore_signals(void) {
    for (int number = 1; number < NSIG; number++)
        signal(number, SIG_DFL);
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
}

/* When memory runs out, the kernel must kill this process, not ours. */
static void offer_to_kernel(void) {
    int file = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);
    if (file < 0) return;
    ssize_t written = write(file, "1000", 4);
    (void)written;
    close(file);
}

/* Prepares the new process for exec. *program is opened with our rights, because its user may not be able to reach its
 * folder. */
static enum watcher_step prepare_program(const struct watcher_plan *plan, pid_t watcher, int *program) {
    setsid();
    if (dup2(plan->input, STDIN_FILENO) < 0 || dup2(plan->output, STDOUT_FILENO) < 0 || dup2(plan->errors, STDERR_FILENO) < 0)
        return WATCHER_STEP_FILES;
    if (plan->gives_file && dup2(plan->given, GIVEN_FILE) < 0) return WATCHER_STEP_FILES;
    if (chdir(plan->folder)) return WATCHER_STEP_FOLDER;
    *program = open(plan->arguments[0], O_PATH | O_CLOEXEC);
    if (*program < 0) return WATCHER_STEP_PROGRAM;
    if (plan->totals.memory_bytes > 0) offer_to_kernel();
    for (int i = 0; i < plan->limit_count; i++)
        if (setrlimit((__rlimit_resource_t)plan->limits[i].resource, &plan->limits[i].value)) return WATCHER_STEP_LIMIT;
    if (plan->changes_user && !become_user(plan)) return WATCHER_STEP_USER;
    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    prctl(PR_SET_PDEATHSIG, SIGKILL); /* after the change of user, which clears it */
    if (getppid() != watcher) _exit(1);
    restore_signals();
    return WATCHER_STEP_NONE;
}

static _Noreturn void run_program(const struct watcher_plan *plan, pid_t watcher) {
    int program = -1;
    struct watcher_record record = {.failed_step = prepare_program(plan, watcher, &program)};
    if (record.failed_step == WATCHER_STEP_NONE) {
        syscall(SYS_execveat, program, "", plan->arguments, plan->environment, AT_EMPTY_PATH);
        /* A script's interpreter must find the script by its path. */
        execve(plan->arguments[0], plan->arguments, plan->environment);
        record.failed_step = WATCHER_STEP_PROGRAM;
    }
    record.failed_errno = errno;
    write_record(plan->report, &record);
    _exit(127);
}

/* The watcher's state. */
struct watched {
    pid_t program;
    bool has_ended;
    struct command_totals totals;
    struct folder_use folder;      /* if totals.folder_bytes is set */
    struct watcher_record *record; /* the one sent at the end */
};

/* Reaps a child that has ended. False: none has ended (errno 0), or no child is left (ECHILD). */
static bool reap_one(struct watched *watched, int options) {
    int wait_status;
    pid_t child;
    do
        child = waitpid(-1, &wait_status, options);
    while (child < 0 && errno == EINTR);
    if (child <= 0) {
        if (child == 0) errno = 0;
        return false;
    }
    if (child == watched->program) {
        watched->has_ended = true;
        watched->record->wait_status = wait_status;
    }
    return true;
}

/* After SIGCHLD: reaps all children that have ended. */
static void reap_ended(struct watched *watched, int child_signals) {
    struct signalfd_siginfo information;
    ssize_t length = read(child_signals, &information, sizeof information);
    (void)length;
    while (reap_one(watched, WNOHANG)) {
    }
}

/* Kills and reaps all descendants: orphans become children of this process (a subreaper), until none is left. */
static void end_everything(struct watched *watched) {
    for (;;) {
        if (!watched->has_ended) kill(-watched->program, SIGKILL);
        bool knows_children = process_use_kill();
        if (!reap_one(watched, knows_children || !watched->has_ended ? 0 : WNOHANG)) return;
        while (reap_one(watched, WNOHANG)) {
        }
        if (errno == ECHILD) return;
    }
}

/* Updates the peak. False: `used` exceeds `most` (0: no limit), and this becomes the record's stop unless it has one. */
static bool is_within(struct watcher_record *record, int64_t used, int64_t most, int64_t *peak, enum command_stop stop) {
    if (used > *peak) *peak = used;
    if (most == 0 || used <= most) return true;
    if (record->stop == COMMAND_STOP_NONE) record->stop = stop;
    return false;
}

static bool is_folder_within_limit(struct watched *watched) {
    int64_t most = watched->totals.folder_bytes, bytes = folder_use_measure(&watched->folder, most);
    if (bytes <= most) watched->folder.bytes = bytes += folder_use_measure_unlinked(&watched->folder);
    return is_within(watched->record, bytes, most, &watched->record->peak_folder_bytes, COMMAND_STOP_DISK);
}

/* Measures the program and its descendants; false: over a limit. */
static bool is_within_limits(struct watched *watched) {
    const struct command_totals *totals = &watched->totals;
    struct watcher_record *record = watched->record;
    struct process_use use = process_use_measure(totals->processes);
    return is_within(record, use.count, totals->processes, &record->peak_processes, COMMAND_STOP_PROCESSES) &&
           is_within(record, use.memory_bytes, totals->memory_bytes, &record->peak_memory_bytes, COMMAND_STOP_MEMORY) &&
           (totals->folder_bytes == 0 || !folder_use_is_suspect(&watched->folder, totals->folder_bytes) ||
            is_folder_within_limit(watched));
}

/* A pipe whose write end is above the program's files and is closed by exec. */
static bool open_exec_pipe(int ends[2]) {
    if (pipe2(ends, O_CLOEXEC)) return false;
    int kept = fcntl(ends[1], F_DUPFD_CLOEXEC, FIRST_OWN_FILE);
    close(ends[1]);
    ends[1] = kept;
    return kept >= 0;
}

/* Waits until the program ends, `control` is closed, or a limit is exceeded. Until its exec, which closes the write end of
 * `begun`, the child's memory is a copy of this process's and does not count. */
static void watch_program(struct watched *watched, int child_signals, int control, int begun) {
    enum { CHILDREN, CONTROL, BEGUN, FILES };
    struct pollfd files[FILES] = {[CHILDREN] = {.fd = child_signals, .events = POLLIN},
                                  [CONTROL] = {.fd = control, .events = POLLIN},
                                  [BEGUN] = {.fd = begun, .events = POLLIN}};
    bool is_limited = watched->totals.processes > 0, has_begun = false;
    int64_t next_look_ms = clock_monotonic_ms() + LOOK_MS; /* by the clock, because ending orphans wake poll(), too */
    while (!watched->has_ended) {
        int ready = poll(files, FILES, is_limited ? LOOK_MS : -1);
        if (ready > 0 && files[CONTROL].revents) return;
        if (ready > 0 && files[BEGUN].revents) has_begun = true;
        if (has_begun) files[BEGUN] = (struct pollfd){.fd = -1};
        if (ready > 0 && files[CHILDREN].revents) reap_ended(watched, child_signals);
        if (!is_limited || !has_begun || clock_monotonic_ms() < next_look_ms) continue;
        if (!is_within_limits(watched)) return;
        next_look_ms = clock_monotonic_ms() + LOOK_MS;
    }
}

/* Gives the program TERMINATION_GRACE_MS to end by itself. */
static void wait_for_end(struct watched *watched, int child_signals) {
    struct pollfd file = {.fd = child_signals, .events = POLLIN};
    int64_t end_ms = clock_monotonic_ms() + TERMINATION_GRACE_MS, left_ms;
    while (!watched->has_ended && (left_ms = end_ms - clock_monotonic_ms()) > 0)
        if (poll(&file, 1, (int)left_ms) > 0) reap_ended(watched, child_signals);
}

static int64_t children_cpu_us(void) {
    struct rusage usage;
    if (getrusage(RUSAGE_CHILDREN, &usage)) return 0;
    return (usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * INT64_C(1000000) + usage.ru_utime.tv_usec + usage.ru_stime.tv_usec;
}

void command_watcher_run(const struct watcher_plan *given) {
    struct watcher_plan plan = *given;
    struct watcher_record record = {.failed_step = WATCHER_STEP_FORK};
    sigset_t child_signal;
    sigemptyset(&child_signal);
    sigaddset(&child_signal, SIGCHLD);
    signal(SIGCHLD, SIG_DFL); /* if it is ignored, the kernel reaps children itself */
    prctl(PR_SET_NAME, "command-watcher");
    setsid();
    prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
    int child_signals = -1, begun[2] = {-1, -1};
    pid_t self = getpid(), program = -1;
    struct watched watched = {.totals = plan.totals, .record = &record};
    if (keep_only_own_files(&plan)) child_signals = signalfd(-1, &child_signal, SFD_CLOEXEC);
    bool can_watch = plan.totals.folder_bytes == 0 || folder_use_open(&watched.folder, plan.totals.folder);
    if (child_signals >= 0 && can_watch && open_exec_pipe(begun)) program = _Fork();
    if (program == 0) run_program(&plan, self);
    if (program < 0) {
        record.failed_errno = errno;
        write_record(plan.report, &record);
        _exit(1);
    }
    close(plan.input);
    close(plan.output);
    close(plan.errors);
    close(plan.given);
    close(begun[1]);
    record = (struct watcher_record){.failed_step = WATCHER_STEP_NONE};
    watched.program = program;
    watch_program(&watched, child_signals, plan.control, begun[0]);
    if (!watched.has_ended && record.stop == COMMAND_STOP_NONE) {
        kill(-program, SIGTERM);
        wait_for_end(&watched, child_signals);
    }
    end_everything(&watched);
    if (watched.totals.folder_bytes > 0) (void)is_folder_within_limit(&watched);
    record.cpu_us = children_cpu_us();
    write_record(plan.report, &record);
    _exit(0);
}
