/* SPDX-License-Identifier: BSD-3-Clause */
#include "tests/support/server/child_process.h"

#include "tests/support/cmocka_all.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/support/shell.h"

/* In the child, between vfork and exec: it must not change the memory, which is the parent's. With a sanitizer, fork's copy of
 * all pages is expensive, and exec discards it at once. */
static _Noreturn void become(const char *const *arguments, const char *const *environment, const char *folder, const char *log,
                             pid_t parent) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    int output = open(log, O_WRONLY | O_CREAT | O_APPEND, 0644);
    int input = open("/dev/null", O_RDONLY);
    if (getppid() == parent && output >= 0 && input >= 0 && chdir(folder) == 0 && dup2(input, STDIN_FILENO) >= 0 &&
        dup2(output, STDOUT_FILENO) >= 0 && dup2(output, STDERR_FILENO) >= 0) {
        close_range(3, ~0U, 0);
        sigset_t none;
        sigemptyset(&none);
        sigprocmask(SIG_SETMASK, &none, NULL);
        execvpe(arguments[0], (char *const *)arguments, (char *const *)environment);
        dprintf(STDERR_FILENO, "cannot run %s\n", arguments[0]);
    }
    _exit(127);
}

void child_start(struct child_process *child, const char *const *arguments, const char *const *environment, const char *folder,
                 const char *log) {
    assert_int_equal(child->pid, 0);
    pid_t parent = getpid();
    pid_t pid = vfork();
    assert_true(pid >= 0);
    if (pid == 0) become(arguments, environment, folder, log, parent);
    child->pid = pid;
}

struct waited {
    pid_t pid;
    int status;
};

static bool has_ended(void *context) {
    struct waited *waited = context;
    return waitpid(waited->pid, &waited->status, WNOHANG) == waited->pid;
}

bool child_is_running(struct child_process *child) {
    if (child->pid != 0 && waitpid(child->pid, NULL, WNOHANG) == child->pid) child->pid = 0;
    return child->pid != 0;
}

int child_stop(struct child_process *child, int signal_number, int64_t timeout_ms) {
    struct waited waited = {.pid = child->pid};
    assert_int_not_equal(child->pid, 0);
    kill(child->pid, signal_number);
    bool ended = wait_until(has_ended, &waited, timeout_ms);
    if (!ended) {
        kill(child->pid, SIGKILL);
        waitpid(child->pid, NULL, 0);
    }
    child->pid = 0;
    if (!ended) fail_msg("process %d did not end within %d ms after signal %d", waited.pid, (int)timeout_ms, signal_number);
    return waited.status;
}

int64_t child_cpu_us(const struct child_process *child) {
    char path[64], line[1024];
    snprintf(path, sizeof path, "/proc/%d/stat", child->pid);
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    assert_non_null(fgets(line, sizeof line, file));
    fclose(file);
    /* `PID (NAME) STATE …`: user and system time, in clock ticks, are the 12th and 13th field after the name. */
    const char *after_name = strrchr(line, ')');
    assert_non_null(after_name);
    unsigned long user = 0, kernel = 0;
    assert_int_equal(sscanf(after_name + 2, "%*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu", &user, &kernel), 2);
    return (int64_t)(user + kernel) * 1000000 / sysconf(_SC_CLK_TCK);
}
