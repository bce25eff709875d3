/* SPDX-License-Identifier: BSD-3-Clause */
#include "lib/tools/command_watcher.h"

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

enum {
    TERMINATION_GRACE_MS = 500, /* between SIGTERM and SIGKILL */
    FIRST_OWN_FILE = 3,         /* files are kept above the standard ones */
};

static void write_record(int report, const struct watcher_record *record) {
    ssize_t written = write(report, record, sizeof *record); /* shorter than PIPE_BUF: whole or not at all */
    (void)written;                                           /* nobody is left to be told */
}

/* Moves the plan's files above the standard ones and closes every other. False if that fails. */
static bool keep_only_own_files(struct watcher_plan *plan) {
    int *own[] = {&plan->input, &plan->output, &plan->errors, &plan->control, &plan->report};
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

/* setgroups() and its kin of the C library talk to other threads, of which there are none here: call the kernel. */
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

/* `program` gets the program as we can open it: its user may not be able to reach the folder that it is in. */
static enum watcher_step prepare_program(const struct watcher_plan *plan, pid_t watcher, int *program) {
    setsid();
    if (dup2(plan->input, STDIN_FILENO) < 0 || dup2(plan->output, STDOUT_FILENO) < 0 || dup2(plan->errors, STDERR_FILENO) < 0)
        return WATCHER_STEP_FILES;
    if (chdir(plan->folder)) return WATCHER_STEP_FOLDER;
    *program = open(plan->arguments[0], O_PATH | O_CLOEXEC);
    if (*program < 0) return WATCHER_STEP_PROGRAM;
    for (int i = 0; i < plan->limit_count; i++)
        if (setrlimit((__rlimit_resource_t)plan->limits[i].resource, &plan->limits[i].value)) return WATCHER_STEP_LIMIT;
    if (plan->changes_user && !become_user(plan)) return WATCHER_STEP_USER;
    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    prctl(PR_SET_PDEATHSIG, SIGKILL); /* after the change of user, which would clear it */
    if (getppid() != watcher) _exit(1);
    restore_signals();
    return WATCHER_STEP_NONE;
}

static _Noreturn void run_program(const struct watcher_plan *plan, pid_t watcher) {
    int program = -1;
    struct watcher_record record = {.failed_step = prepare_program(plan, watcher, &program)};
    if (record.failed_step == WATCHER_STEP_NONE) {
        syscall(SYS_execveat, program, "", plan->arguments, plan->environment, AT_EMPTY_PATH);
        /* A script is read by another program, which must find it by its path. */
        execve(plan->arguments[0], plan->arguments, plan->environment);
        record.failed_step = WATCHER_STEP_PROGRAM;
    }
    record.failed_errno = errno;
    write_record(plan->report, &record);
    _exit(127);
}

/* What the watcher knows of the program. */
struct watched {
    pid_t program;
    bool has_ended;
    int wait_status;
};

/* Reaps one child that has ended; false if there is none now, or, with errno ECHILD, none at all. */
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
        watched->wait_status = wait_status;
    }
    return true;
}

/* Sends SIGKILL to each of our children; false if the kernel does not tell who they are. More than fit are met next time. */
static bool kill_children(void) {
    char list[4096];
    int file = open("/proc/thread-self/children", O_RDONLY | O_CLOEXEC);
    if (file < 0) return false;
    ssize_t length = read(file, list, sizeof list);
    close(file);
    if (length < 0) return false;
    pid_t child = 0;
    for (ssize_t i = 0; i < length; i++) { /* numbers, a blank after each: one that was cut has none, and is left */
        if (list[i] >= '0' && list[i] <= '9') {
            child = child * 10 + (list[i] - '0');
        } else {
            if (child > 1) kill(child, SIGKILL);
            child = 0;
        }
    }
    return true;
}

/* Ends and reaps everything: a dead child's children become ours, until none is left. */
static void end_everything(struct watched *watched) {
    for (;;) {
        if (!watched->has_ended) kill(-watched->program, SIGKILL);
        bool knows_children = kill_children();
        if (!reap_one(watched, knows_children || !watched->has_ended ? 0 : WNOHANG)) return;
        while (reap_one(watched, WNOHANG)) {
        }
        if (errno == ECHILD) return;
    }
}

/* Waits until the program has ended, or for `timeout_ms`, or, where `control` is not -1, until that is closed. */
static void wait_for_program(struct watched *watched, int child_signals, int control, int timeout_ms) {
    struct pollfd files[] = {{.fd = child_signals, .events = POLLIN}, {.fd = control, .events = POLLIN}};
    while (!watched->has_ended) {
        int ready = poll(files, 2, timeout_ms);
        if (ready == 0 || (ready > 0 && files[1].revents)) return;
        struct signalfd_siginfo information;
        if (ready > 0 && read(child_signals, &information, sizeof information) < 0) return;
        while (reap_one(watched, WNOHANG)) {
        }
    }
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
    signal(SIGCHLD, SIG_DFL); /* where it is ignored, the kernel reaps by itself */
    prctl(PR_SET_NAME, "command-watcher");
    setsid();
    prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
    int child_signals = -1;
    pid_t self = getpid(), program = -1;
    if (keep_only_own_files(&plan)) child_signals = signalfd(-1, &child_signal, SFD_CLOEXEC);
    if (child_signals >= 0) program = _Fork();
    if (program == 0) run_program(&plan, self);
    if (program < 0) {
        record.failed_errno = errno;
        write_record(plan.report, &record);
        _exit(1);
    }
    close(plan.input);
    close(plan.output);
    close(plan.errors);

    struct watched watched = {.program = program};
    wait_for_program(&watched, child_signals, plan.control, -1);
    if (!watched.has_ended) {
        kill(-program, SIGTERM);
        wait_for_program(&watched, child_signals, -1, TERMINATION_GRACE_MS);
    }
    end_everything(&watched);
    record = (struct watcher_record){.wait_status = watched.wait_status, .cpu_us = children_cpu_us()};
    write_record(plan.report, &record);
    _exit(0);
}
