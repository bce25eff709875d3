/* SPDX-License-Identifier: BSD-3-Clause */
#include "tests/support/cmocka_all.h"

#include <limits.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/base/deadline.h"
#include "lib/base/folder.h"
#include "lib/base/settings.h"
#include "lib/tools/sandbox/sandbox.h"

#define SCRIPT(text) ((const char *const[]){"/bin/sh", "-c", (text), NULL})

static struct sandbox sandbox;
static struct deadline deadline;
static char home[] = "/tmp/sandbox-test-XXXXXX";
static char work[PATH_MAX];

static int set_up(void **state) {
    (void)state;
    struct error err = {0};
    deadline_start(&deadline, 60000);
    if (!mkdtemp(home) || chmod(home, 0755)) return -1;
    snprintf(work, sizeof work, "%s/work", home);
    if (sandbox_init(&sandbox, "nobody", &deadline, &err)) return -1;
    return sandbox_make_folder(&sandbox, work, &err) ? -1 : 0;
}

static int tear_down(void **state) {
    (void)state;
    struct command command = {.arguments = (const char *const[]){"/bin/rm", "-rf", home, NULL}};
    struct command_result result;
    int failed = command_run(&result, &command, &deadline, NULL) != STATUS_OK || result.exit_status;
    command_result_release(&result);
    return failed;
}

static void run(struct command_result *out, const char *script, const char *const *readable) {
    struct error err = {0};
    struct command command = {.arguments = SCRIPT(script), .folder = work};
    assert_int_equal(sandbox_run(out, &sandbox, &command, readable, &deadline, &err), STATUS_OK);
}

static void without_bubblewrap_there_is_a_warning(void **state) {
    (void)state;
    assert_int_equal(sandbox.is_isolating, sandbox.warning[0] == '\0');
    if (!sandbox.is_isolating) print_message("%s\n", sandbox.warning);
}

static void the_work_folder_can_be_written(void **state) {
    (void)state;
    struct command_result result;
    run(&result, "echo content >file && cat file", NULL);
    assert_string_equal(text_view(&result.output), "content\n");
    command_result_release(&result);
    char path[PATH_MAX + 8];
    snprintf(path, sizeof path, "%s/file", work);
    struct stat information;
    assert_int_equal(stat(path, &information), 0);
    assert_int_equal(information.st_uid, sandbox.user.user_id);
}

static void nothing_else_can_be_seen(void **state) {
    (void)state;
    if (!sandbox.is_isolating) skip();
    struct command_result result;
    setenv("SECRET", "leaked", 1);
    run(&result,
        "pwd; ls -d /etc/passwd /home /root /var /work 2>/dev/null; env | grep -c SECRET; ls /tmp; "
        "touch /usr/x 2>/dev/null || echo read-only; cut -d: -f1 /proc/net/dev | tail -n +3 | tr -d ' '; "
        "ls /proc | grep -c '^[0-9]*$'",
        NULL);
    /* one interface, lo; in /proc bubblewrap's own, the shell, ls and grep */
    assert_string_equal(text_view(&result.output), "/build\n0\nread-only\nlo\n4\n");
    command_result_release(&result);
}

static void a_readable_folder_is_there_and_read_only(void **state) {
    (void)state;
    if (!sandbox.is_isolating) skip();
    char folder[PATH_MAX + 8], script[2 * PATH_MAX + 100];
    snprintf(folder, sizeof folder, "%s/store", home);
    assert_int_equal(mkdir(folder, 0777), 0);
    assert_int_equal(chmod(folder, 0777), 0);
    snprintf(script, sizeof script, "test -d %s && echo there; touch %s/x 2>/dev/null || echo read-only", folder, folder);
    struct command_result result;
    run(&result, script, NULL);
    assert_string_equal(text_view(&result.output), "read-only\n");
    command_result_release(&result);
    run(&result, script, (const char *const[]){folder, NULL});
    assert_string_equal(text_view(&result.output), "there\nread-only\n");
    command_result_release(&result);
}

/* As in containers whose own /proc is partly covered. */
static void it_works_without_a_proc(void **state) {
    (void)state;
    if (!sandbox.is_isolating) skip();
    struct error err = {0};
    struct command_result result;
    struct sandbox without = sandbox;
    struct command command = {.arguments = SCRIPT("ls -d /proc 2>/dev/null || echo none"), .folder = work};
    without.has_proc = false;
    assert_int_equal(sandbox_run(&result, &without, &command, NULL, &deadline, &err), STATUS_OK);
    assert_string_equal(text_view(&result.output), "none\n");
    command_result_release(&result);
}

static void exit_statuses_and_variables_get_through(void **state) {
    (void)state;
    struct error err = {0};
    struct command_result result;
    struct command command = {
        .arguments = SCRIPT("exit $WANTED"), .folder = work, .environment = (const char *const[]){"WANTED=42", NULL}};
    assert_int_equal(sandbox_run(&result, &sandbox, &command, NULL, &deadline, &err), STATUS_OK);
    assert_int_equal(result.exit_status, 42);
    command_result_release(&result);
}

static void a_time_out_ends_what_runs_inside(void **state) {
    (void)state;
    struct error err = {0};
    struct command_result result;
    struct command command = {.arguments = SCRIPT("trap '' TERM; setsid sleep 1000 & sleep 1000"), .folder = work};
    struct deadline short_deadline;
    deadline_start(&short_deadline, 300);
    assert_int_equal(sandbox_run(&result, &sandbox, &command, NULL, &short_deadline, &err), STATUS_TIMEOUT);
    assert_true(result.elapsed_ms >= 300);
    command_result_release(&result);
}

static void a_closed_folder_on_the_way_is_named(void **state) {
    (void)state;
    struct error err = {0};
    struct sandbox stranger = {.user = {.user_id = 54321, .group_id = 54321}};
    char closed[PATH_MAX + 16], inner[PATH_MAX + 32];
    snprintf(closed, sizeof closed, "%s/closed", home);
    snprintf(inner, sizeof inner, "%s/inner", closed);
    assert_int_equal(mkdir(closed, 0755), 0);
    assert_int_equal(mkdir(inner, 0755), 0);
    assert_int_equal(sandbox_check_reachable(&stranger, inner, false, &err), STATUS_OK);
    assert_int_equal(sandbox_check_reachable(&stranger, inner, true, &err), STATUS_REFUSED);
    assert_non_null(strstr(err.message, "must be able to write to"));
    assert_int_equal(chmod(closed, 0700), 0);
    assert_int_equal(sandbox_check_reachable(&stranger, inner, false, &err), STATUS_REFUSED);
    assert_non_null(strstr(err.message, closed));
    assert_null(strstr(err.message, "inner has mode"));
    assert_non_null(strstr(err.message, "mode 0700"));
    assert_int_equal(chmod(closed, 0711), 0);
    assert_int_equal(sandbox_check_reachable(&stranger, inner, false, &err), STATUS_OK);
}

/* On a machine where bubblewrap does not work: simulated in a child with another program mounted over it. */
static int require_without_bubblewrap(bool accepts_no_sandbox, enum status expected) {
    char user[] = "nobody";
    struct error err = {0};
    struct sandbox required = {0};
    const struct settings settings = {
        .compiler_user = user, .build_memory_bytes = 1000, .build_disk_bytes = 2000, .build_processes = 3};
    enum status status = sandbox_require(&required, &settings, accepts_no_sandbox, &deadline, &err);
    bool is_said = status ? strstr(err.message, "(bwrap: It does not work). Install bubblewrap") &&
                                strstr(err.message, SANDBOX_UNSAFE_OPTION)
                          : strstr(required.warning, "(bwrap: It does not work).") && required.limits.processes == 3;
    if (status == expected && is_said) return 0;
    fprintf(stderr, "%d: %s %s\n", (int)status, err.message, required.warning);
    return 1;
}

static void a_program_without_a_sandbox_refuses_to_start_unless_told_to(void **state) {
    (void)state;
    if (geteuid() != 0 || access("/usr/bin/bwrap", F_OK)) skip();
    enum { NO_MOUNTS = 77 };
    static const char script[] = "#!/bin/sh\necho 'bwrap: It does not work.' >&2\nexit 1\n";
    char path[PATH_MAX + 8];
    struct error err = {0};
    snprintf(path, sizeof path, "%s/bwrap", home);
    assert_int_equal(file_write(path, script, strlen(script), &err), STATUS_OK);
    assert_int_equal(chmod(path, 0755), 0);
    pid_t child = fork();
    if (child == 0) {
        if (unshare(CLONE_NEWNS) || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) ||
            mount(path, "/usr/bin/bwrap", NULL, MS_BIND, NULL))
            _exit(NO_MOUNTS);
        _exit(require_without_bubblewrap(false, STATUS_UNAVAILABLE) || require_without_bubblewrap(true, STATUS_OK));
    }
    int wait_status;
    assert_int_equal(waitpid(child, &wait_status, 0), child);
    if (WEXITSTATUS(wait_status) == NO_MOUNTS) skip();
    assert_int_equal(wait_status, 0);
}

static void an_unknown_account_is_an_error(void **state) {
    (void)state;
    if (geteuid() != 0) skip();
    struct error err = {0};
    struct sandbox other;
    assert_int_equal(sandbox_init(&other, "no-such-account", &deadline, &err), STATUS_NOT_FOUND);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_bubblewrap_there_is_a_warning),
        cmocka_unit_test(the_work_folder_can_be_written),
        cmocka_unit_test(nothing_else_can_be_seen),
        cmocka_unit_test(a_readable_folder_is_there_and_read_only),
        cmocka_unit_test(it_works_without_a_proc),
        cmocka_unit_test(exit_statuses_and_variables_get_through),
        cmocka_unit_test(a_time_out_ends_what_runs_inside),
        cmocka_unit_test(a_closed_folder_on_the_way_is_named),
        cmocka_unit_test(a_program_without_a_sandbox_refuses_to_start_unless_told_to),
        cmocka_unit_test(an_unknown_account_is_an_error),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
