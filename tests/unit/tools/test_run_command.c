/* SPDX-License-Identifier: BSD-3-Clause */
#include "tests/support/cmocka_all.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/base/arena.h"
#include "lib/base/clock.h"
#include "lib/base/deadline.h"
#include "lib/base/folder.h"
#include "lib/tools/sandbox/run_command.h"

/* A shell script as a command. */
#define SCRIPT(text) ((const char *const[]){"/bin/sh", "-c", (text), NULL})

enum { PATIENCE_MS = 60000 };

static enum status run(struct command_result *out, const struct command *command, int64_t timeout_ms, struct error *err) {
    struct deadline deadline;
    deadline_start(&deadline, timeout_ms);
    return command_run(out, command, &deadline, err);
}

static void output_and_exit_status_come_back(void **state) {
    (void)state;
    struct error err = {0};
    struct command_result result;
    struct command command = {.arguments = SCRIPT("cat; echo oops >&2; exit 7"), .input = "given\n", .input_length = 6};
    assert_int_equal(run(&result, &command, PATIENCE_MS, &err), STATUS_OK);
    assert_int_equal(result.exit_status, 7);
    assert_int_equal(result.signal, 0);
    assert_string_equal(text_view(&result.output), "given\n");
    assert_string_equal(text_view(&result.errors), "oops\n");
    assert_false(result.output_was_cut);
    command_result_release(&result);
}

static void a_signal_is_reported(void **state) {
    (void)state;
    struct error err = {0};
    struct command_result result;
    struct command command = {.arguments = SCRIPT("kill -SEGV $$")};
    assert_int_equal(run(&result, &command, PATIENCE_MS, &err), STATUS_OK);
    assert_int_equal(result.exit_status, -1);
    assert_int_equal(result.signal, SIGSEGV);
    struct text text = {0};
    command_result_describe(&text, &result);
    assert_string_equal(text_view(&text), "signal 11 (Segmentation fault)");
    text_release(&text);
    command_result_release(&result);
}

static void a_missing_program_and_folder_are_told_apart(void **state) {
    (void)state;
    struct error err = {0};
    struct command_result result;
    struct command missing = {.arguments = (const char *const[]){"/nowhere/program", NULL}};
    assert_int_equal(run(&result, &missing, PATIENCE_MS, &err), STATUS_NOT_FOUND);
    assert_string_equal(err.message, "The program /nowhere/program does not exist.");
    command_result_release(&result);
    struct command astray = {.arguments = (const char *const[]){"/bin/true", NULL}, .folder = "/nowhere"};
    assert_int_equal(run(&result, &astray, PATIENCE_MS, &err), STATUS_INTERNAL);
    assert_non_null(strstr(err.message, "entering its working folder"));
    command_result_release(&result);
}

/* Neither variables, nor files, nor blocked or ignored signals are inherited. */
static void nothing_is_inherited(void **state) {
    (void)state;
    struct error err = {0};
    struct command_result result;
    setenv("LEAKED", "yes", 1);
    int ends[2];
    assert_int_equal(pipe(ends), 0); /* not close-on-exec */
    signal(SIGPIPE, SIG_IGN);
    sigset_t blocked;
    sigemptyset(&blocked);
    sigaddset(&blocked, SIGTERM);
    pthread_sigmask(SIG_BLOCK, &blocked, NULL);
    struct command command = {.arguments =
                                  SCRIPT("/usr/bin/env; grep -E 'Sig(Blk|Ign)' /proc/self/status; ls /proc/self/fd; pwd")};
    assert_int_equal(run(&result, &command, PATIENCE_MS, &err), STATUS_OK);
    assert_string_equal(text_view(&result.output), "PWD=/\nSigBlk:\t0000000000000000\nSigIgn:\t0000000000000000\n"
                                                   "0\n1\n2\n3\n/\n"); /* 3 is ls's own descriptor of the folder */
    command_result_release(&result);
    pthread_sigmask(SIG_UNBLOCK, &blocked, NULL);
    close(ends[0]);
    close(ends[1]);
}

static void an_environment_is_passed_on(void **state) {
    (void)state;
    struct error err = {0};
    struct command_result result;
    struct command command = {.arguments = (const char *const[]){"/usr/bin/env", NULL},
                              .environment = (const char *const[]){"A=1", "B=2", NULL}};
    assert_int_equal(run(&result, &command, PATIENCE_MS, &err), STATUS_OK);
    assert_string_equal(text_view(&result.output), "A=1\nB=2\n");
    command_result_release(&result);
}

static void a_flood_of_output_is_cut_and_does_not_block(void **state) {
    (void)state;
    struct error err = {0};
    struct command_result result;
    struct command command = {.arguments = SCRIPT("head -c 5000000 /dev/zero; head -c 5000000 /dev/zero >&2; exit 3"),
                              .output_limit_bytes = 1000};
    assert_int_equal(run(&result, &command, PATIENCE_MS, &err), STATUS_OK);
    assert_int_equal(result.exit_status, 3);
    assert_int_equal(result.output.length, 1000);
    assert_int_equal(result.errors.length, 1000);
    assert_true(result.output_was_cut);
    assert_true(result.errors_were_cut);
    command_result_release(&result);
}

static void assert_gone(pid_t process) {
    int64_t give_up_ms = clock_monotonic_ms() + PATIENCE_MS;
    while (kill(process, 0) == 0) {
        assert_true(clock_monotonic_ms() < give_up_ms);
        sched_yield();
    }
    assert_int_equal(errno, ESRCH);
}

/* Ignores SIGTERM, and has a descendant in another session that ignores it, too, and whose parent has ended. */
static const char stubborn[] =
    "trap '' TERM\n"
    "setsid sh -c 'trap \"\" TERM; (echo $(exec sh -c \"echo \\$PPID\"); while :; do sleep 1000; done) & exit' \n"
    "echo $$\n"
    "while :; do sleep 1000; done\n";

static void a_time_out_ends_the_whole_tree(void **state) {
    (void)state;
    struct error err = {0};
    struct command_result result;
    struct command command = {.arguments = SCRIPT(stubborn)};
    pid_t daemon = 0, program = 0;
    for (int timeout_ms = 700; program == 0; timeout_ms *= 2) { /* until both have written their ids */
        assert_true(timeout_ms < 2 * PATIENCE_MS);
        assert_int_equal(run(&result, &command, timeout_ms, &err), STATUS_TIMEOUT);
        assert_true(result.elapsed_ms >= timeout_ms);
        char *rest;
        daemon = (pid_t)strtol(text_view(&result.output), &rest, 10);
        program = (pid_t)strtol(rest, NULL, 10);
        command_result_release(&result);
    }
    assert_true(daemon > 1 && program > 1 && daemon != program);
    assert_gone(daemon);
    assert_gone(program);
}

static void processes_left_by_a_program_end_with_it(void **state) {
    (void)state;
    struct error err = {0};
    struct command_result result;
    struct command command = {.arguments = SCRIPT("setsid sh -c 'echo $$; exec sleep 1000' & head -c 0 /dev/null; exit 0")};
    assert_int_equal(run(&result, &command, PATIENCE_MS, &err), STATUS_OK);
    pid_t daemon = (pid_t)strtol(text_view(&result.output), NULL, 10);
    if (daemon) assert_gone(daemon); /* it may have been killed before it wrote its id */
    assert_true(result.elapsed_ms < PATIENCE_MS);
    command_result_release(&result);
}

static void *cancel(void *argument) {
    deadline_cancel(argument, STATUS_STALE);
    return NULL;
}

static void a_cancelled_command_ends(void **state) {
    (void)state;
    struct error err = {0};
    struct command_result result;
    struct command command = {.arguments = SCRIPT("exec sleep 1000")};
    struct deadline deadline;
    deadline_start(&deadline, INT64_MAX);
    pthread_t other;
    assert_int_equal(pthread_create(&other, NULL, cancel, &deadline), 0);
    assert_int_equal(command_run(&result, &command, &deadline, &err), STATUS_STALE);
    pthread_join(other, NULL);
    command_result_release(&result);
}

/* The service is killed: the programs that it runs must not survive. */
static void a_killed_caller_leaves_no_orphan(void **state) {
    (void)state;
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    pid_t service = fork();
    if (service == 0) {
        char script[200];
        snprintf(script, sizeof script, "trap '' TERM; echo $$ >/proc/%d/fd/%d; while :; do sleep 1000; done", (int)getppid(),
                 ends[1]);
        struct command_result result;
        struct command command = {.arguments = SCRIPT(script)};
        _exit((int)run(&result, &command, INT64_MAX, NULL));
    }
    char line[32] = "";
    assert_true(read(ends[0], line, sizeof line - 1) > 0);
    pid_t program = (pid_t)strtol(line, NULL, 10);
    assert_int_equal(kill(program, 0), 0);
    kill(service, SIGKILL);
    waitpid(service, NULL, 0);
    assert_gone(program);
    close(ends[0]);
    close(ends[1]);
}

/* Compared by the same clock: the shell prints the time that it and its ended children have used so far. */
static void the_processor_time_counts_the_program_and_its_children(void **state) {
    (void)state;
    const char *script = "spin() { i=0; while [ $i -lt 100000 ]; do i=$((i + 1)); done; }; (spin); spin; times";
    struct error err = {0};
    struct command_result result;
    struct command command = {.arguments = SCRIPT(script)};
    int64_t begin_ms = clock_monotonic_ms();
    assert_int_equal(run(&result, &command, PATIENCE_MS, &err), STATUS_OK);
    int64_t elapsed_ms = clock_monotonic_ms() - begin_ms;

    int printed_ms[2] = {0}, used = 0;
    const char *at = text_view(&result.output);
    for (int i = 0; i < 4; i++, at += used) { /* user and system, of the shell and of its children: 0m0.120000s */
        int minutes, seconds, fraction;
        assert_int_equal(sscanf(at, " %dm%d.%3d%*[0-9]s%n", &minutes, &seconds, &fraction, &used), 3);
        printed_ms[i / 2] += (minutes * 60 + seconds) * 1000 + fraction;
    }
    assert_true(printed_ms[0] > 0 && printed_ms[1] > 0);
    assert_in_range(result.cpu_ms, printed_ms[0] + printed_ms[1], elapsed_ms + 1);
    command_result_release(&result);
}

static void limits_hold(void **state) {
    (void)state;
    struct error err = {0};
    struct command_result result;
    struct command spins = {.arguments = SCRIPT("while :; do :; done"), .limits = {.cpu_seconds = 1}};
    assert_int_equal(run(&result, &spins, PATIENCE_MS, &err), STATUS_OK);
    assert_int_equal(result.signal, SIGXCPU); /* the kernel counts ticks for this limit, so `cpu_ms` may be less than it */
    command_result_release(&result);

    char path[] = "/tmp/run-command-XXXXXX";
    int file = mkstemp(path);
    assert_true(file >= 0);
    close(file);
    char target[64];
    snprintf(target, sizeof target, "of=%s", path);
    struct command writes = {.arguments =
                                 (const char *const[]){"/bin/dd", "if=/dev/zero", "bs=1000", "count=100", target, NULL},
                             .limits = {.file_bytes = 10000}};
    assert_int_equal(run(&result, &writes, PATIENCE_MS, &err), STATUS_OK);
    assert_int_equal(result.signal, SIGXFSZ);
    command_result_release(&result);
    unlink(path);

    struct command opens = {.arguments = SCRIPT("ulimit -n; ulimit -v; ulimit -c"),
                            .limits = {.open_files = 20, .memory_bytes = INT64_C(1024) * 1024 * 1024}};
    assert_int_equal(run(&result, &opens, PATIENCE_MS, &err), STATUS_OK);
    assert_string_equal(text_view(&result.output), "20\n1048576\n0\n");
    command_result_release(&result);
}

/* Limits on all processes together; tests/unit/tools/test_sandbox_attacks.c goes further. */
static void limits_of_the_whole_hold(void **state) {
    (void)state;
    enum { MEBIBYTE = 1024 * 1024 };
    char path[] = "/tmp/run-command-XXXXXX";
    assert_non_null(mkdtemp(path));
    const struct {
        const char *script;
        struct command_totals totals;
        enum command_stop stop;
    } cases[] = {
        {"for i in 1 2 3 4 5 6; do sleep 1000 & done; wait", {.processes = 5}, COMMAND_STOP_PROCESSES},
        {"for i in 1 2 3; do head -c 30000000 /dev/zero | tail & done; sleep 1000",
         {.processes = 50, .memory_bytes = 50 * MEBIBYTE},
         COMMAND_STOP_MEMORY},
        {"for i in 1 2 3; do head -c 1000000 /dev/zero >$i; done; sleep 1000",
         {.processes = 50, .folder_bytes = 2 * MEBIBYTE, .folder = path},
         COMMAND_STOP_DISK},
        {"for i in 1 2 3; do head -c 1000000 /dev/zero >$i; done", /* ended before the first check */
         {.processes = 50, .folder_bytes = 2 * MEBIBYTE, .folder = path},
         COMMAND_STOP_DISK},
        {"exit 3",
         {.processes = 5, .memory_bytes = 50 * MEBIBYTE, .folder_bytes = 10 * MEBIBYTE, .folder = path},
         COMMAND_STOP_NONE},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct error err = {0};
        struct command_result result;
        struct command command = {.arguments = SCRIPT(cases[i].script), .folder = path, .totals = cases[i].totals};
        if (run(&result, &command, PATIENCE_MS, &err)) fail_msg("%s: %s", cases[i].script, err.message);
        assert_int_equal(result.stop, cases[i].stop);
        if (result.stop == COMMAND_STOP_NONE) assert_int_equal(result.exit_status, 3);
        command_result_release(&result);
    }
    folder_remove(path);
}

static atomic_bool is_slow;

/* Replaces the C library's function, also in the child before it execs the program: slow enough for several checks of its
 * usage. */
int chdir(const char *path) {
    if (atomic_load(&is_slow)) usleep(300000);
    return (int)syscall(SYS_chdir, path);
}

static void memory_of_ours_is_not_counted_before_the_program_begins(void **state) {
    (void)state;
    enum { BYTES = 100 << 20, LIMIT_BYTES = 50 << 20 };
    char *ours = malloc(BYTES);
    assert_non_null(ours);
    memset(ours, 1, BYTES);
    struct error err = {0};
    struct command_result result;
    struct command command = {.arguments = SCRIPT("exit 3"), .totals = {.processes = 50, .memory_bytes = LIMIT_BYTES}};
    atomic_store(&is_slow, true);
    enum status status = run(&result, &command, PATIENCE_MS, &err);
    atomic_store(&is_slow, false);
    assert_int_equal(status, STATUS_OK);
    assert_int_equal(result.stop, COMMAND_STOP_NONE);
    assert_int_equal(result.exit_status, 3);
    assert_int_equal(ours[BYTES - 1], 1);
    command_result_release(&result);
    free(ours);
}

static void output_stops_a_command_that_is_to_stop_there(void **state) {
    (void)state;
    struct error err = {0};
    struct command_result result;
    struct command command = {
        .arguments = SCRIPT("while :; do echo more; done >&2"), .output_limit_bytes = 1000, .stops_at_output_limit = true};
    assert_int_equal(run(&result, &command, PATIENCE_MS, &err), STATUS_OK);
    assert_int_equal(result.stop, COMMAND_STOP_OUTPUT);
    assert_true(result.errors_were_cut);
    command_result_release(&result);
}

static void the_given_text_is_read_from_file_3(void **state) {
    (void)state;
    struct error err = {0};
    struct command_result result;
    struct command command = {.arguments = SCRIPT("cat <&3; ls /proc/self/fd"), .given = "given ", .given_length = 6};
    assert_int_equal(run(&result, &command, PATIENCE_MS, &err), STATUS_OK);
    assert_string_equal(text_view(&result.output), "given 0\n1\n2\n3\n4\n"); /* 4 is ls's own descriptor */
    command_result_release(&result);
}

static void another_user_runs_it(void **state) {
    (void)state;
    if (geteuid() != 0) skip();
    struct error err = {0};
    struct command_user nobody, nobody_else;
    assert_int_equal(command_user_find(&nobody, "nobody", &err), STATUS_OK);
    assert_int_equal(command_user_find(&nobody_else, "no-such-account", &err), STATUS_NOT_FOUND);
    struct command_result result;
    struct command command = {.arguments = (const char *const[]){"/usr/bin/id", NULL}, .user = &nobody};
    assert_int_equal(run(&result, &command, PATIENCE_MS, &err), STATUS_OK);
    assert_non_null(strstr(text_view(&result.output), "uid=65534(nobody)"));
    assert_null(strstr(text_view(&result.output), "root"));
    command_result_release(&result);
}

static void a_program_in_a_folder_that_its_user_cannot_enter_runs(void **state) {
    (void)state;
    if (geteuid() != 0) skip();
    struct error err = {0};
    struct arena arena = {0};
    struct text program = {0};
    struct command_user nobody;
    struct command_result result;
    char folder[] = "/tmp/registry-private-XXXXXX"; /* 0700 */
    assert_non_null(mkdtemp(folder));
    const char *path = arena_format(&arena, "%s/id", folder);
    assert_int_equal(file_read("/usr/bin/id", 16 << 20, &program, &err), STATUS_OK);
    assert_int_equal(file_write(path, program.bytes, program.length, &err), STATUS_OK);
    assert_int_equal(chmod(path, 0755), 0);
    assert_int_equal(command_user_find(&nobody, "nobody", &err), STATUS_OK);
    struct command command = {.arguments = (const char *const[]){path, NULL}, .user = &nobody};
    if (run(&result, &command, PATIENCE_MS, &err)) fail_msg("%s", err.message);
    assert_non_null(strstr(text_view(&result.output), "uid=65534(nobody)"));
    command_result_release(&result);
    folder_remove(folder);
    text_release(&program);
    arena_release(&arena);
}

static void *run_many(void *failures) {
    for (int i = 0; i < 20; i++) {
        char number[16];
        int length = snprintf(number, sizeof number, "%d\n", i);
        struct command_result result;
        struct command command = {
            .arguments = (const char *const[]){"/bin/cat", NULL}, .input = number, .input_length = (size_t)length};
        if (run(&result, &command, PATIENCE_MS, NULL) || strcmp(text_view(&result.output), number) != 0) *(int *)failures += 1;
        command_result_release(&result);
    }
    return NULL;
}

static void threads_do_not_get_into_each_others_way(void **state) {
    (void)state;
    pthread_t threads[4];
    int failures[4] = {0};
    for (int i = 0; i < 4; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, run_many, &failures[i]), 0);
    for (int i = 0; i < 4; i++) {
        pthread_join(threads[i], NULL);
        assert_int_equal(failures[i], 0);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(output_and_exit_status_come_back),
        cmocka_unit_test(a_signal_is_reported),
        cmocka_unit_test(a_missing_program_and_folder_are_told_apart),
        cmocka_unit_test(nothing_is_inherited),
        cmocka_unit_test(an_environment_is_passed_on),
        cmocka_unit_test(a_flood_of_output_is_cut_and_does_not_block),
        cmocka_unit_test(a_time_out_ends_the_whole_tree),
        cmocka_unit_test(processes_left_by_a_program_end_with_it),
        cmocka_unit_test(a_cancelled_command_ends),
        cmocka_unit_test(a_killed_caller_leaves_no_orphan),
        cmocka_unit_test(the_processor_time_counts_the_program_and_its_children),
        cmocka_unit_test(limits_hold),
        cmocka_unit_test(limits_of_the_whole_hold),
        cmocka_unit_test(memory_of_ours_is_not_counted_before_the_program_begins),
        cmocka_unit_test(output_stops_a_command_that_is_to_stop_there),
        cmocka_unit_test(the_given_text_is_read_from_file_3),
        cmocka_unit_test(another_user_runs_it),
        cmocka_unit_test(a_program_in_a_folder_that_its_user_cannot_enter_runs),
        cmocka_unit_test(threads_do_not_get_into_each_others_way),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
