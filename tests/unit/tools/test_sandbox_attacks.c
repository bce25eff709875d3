/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The sandbox under attack by a compiler that an attacker controls (tests/support/purs/hostile_purs.c), run like any compiler.
 * Each attack must be contained, which is checked from outside; the report must have the limit that stopped it; and a
 * neighbour, run by the same user, must build normally meanwhile. Resources that can only be bounded (bytes, processes) are
 * printed beside their limits.
 */
#include "tests/support/cmocka_all.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "lib/base/clock.h"
#include "lib/base/deadline.h"
#include "lib/base/folder.h"
#include "lib/base/text.h"
#include "lib/tools/purs/compiler.h"
#include "lib/tools/sandbox/sandbox.h"
#include "tests/support/temporary_folder.h"

enum {
    MEBIBYTE = 1024 * 1024,
    PATIENCE_MS = 300000, /* reached only by an attack that no limit stops, even on a busy machine */
    SHORT_MS = 700,       /* for runs that must reach their deadline */
};

static const struct build_limits tight = {
    .memory_bytes = INT64_C(256) * MEBIBYTE,
    .disk_bytes = INT64_C(64) * MEBIBYTE,
    .processes = 64,
};

static struct sandbox sandbox, without_walls;
static struct temporary_folder folder; /* bin/ with the compilers, a folder for each attack, and its targets */
static struct arena arena;
static struct compiler hostile, honest;
static int work_number;

/* ---- The neighbour ---- */

static struct {
    pthread_t thread;
    atomic_bool ends;
    atomic_int builds, failures;
    char problem[ERROR_MESSAGE_MAX];
} neighbour;

static const char *make_work_folder(const char *first_line) {
    struct error err = {0};
    const char *work = arena_format(&arena, "%s/work-%d", folder.path, ++work_number);
    if (sandbox_make_folder(&sandbox, work, &err)) fail_msg("%s", err.message);
    temporary_folder_write(&folder, arena_format(&arena, "work-%d/src/Attack.purs", work_number),
                           arena_format(&arena, "%s\nmodule Attack where\n", first_line));
    return work;
}

static enum status compile(struct compiler_report *report, struct arena *own, const struct sandbox *walls,
                           const struct compiler *compiler, const char *work, int64_t timeout_ms, struct error *err) {
    static const char *const globs[] = {"src/**/*.purs", NULL};
    struct deadline deadline;
    deadline_start(&deadline, timeout_ms);
    const char *const readable[] = {arena_format(own, "%s/store", folder.path), NULL};
    const struct compiler_request request = {compiler, walls, work, globs, readable, &deadline};
    return compiler_compile(report, own, &request, err);
}

static void *build_all_the_time(void *work) {
    while (!atomic_load(&neighbour.ends)) {
        struct arena own = {0};
        struct error err = {0};
        struct compiler_report report;
        enum status status = compile(&report, &own, &sandbox, &honest, work, PATIENCE_MS, &err);
        if (status || !report.succeeded) {
            atomic_fetch_add(&neighbour.failures, 1);
            snprintf(neighbour.problem, sizeof neighbour.problem, "%s", err.message);
        }
        atomic_fetch_add(&neighbour.builds, 1);
        arena_release(&own);
    }
    return NULL;
}

/* ---- Set-up ---- */

static struct compiler install(const char *program, const char *name, struct version version) {
    struct text bytes = {0};
    struct error err = {0};
    const char *path = arena_format(&arena, "bin/%s", name);
    if (file_read(program, 100 * MEBIBYTE, &bytes, &err)) fail_msg("%s", err.message);
    temporary_folder_write_bytes(&folder, path, bytes.bytes, bytes.length);
    text_release(&bytes);
    path = arena_format(&arena, "%s/%s", folder.path, path);
    assert_int_equal(chmod(path, 0755), 0);
    return (struct compiler){version, path};
}

static int set_up(void **state) {
    (void)state;
    struct error err = {0};
    struct deadline deadline;
    deadline_start(&deadline, PATIENCE_MS);
    temporary_folder_make(&folder);
    if (sandbox_init(&sandbox, "nobody", &deadline, &err)) fail_msg("%s", err.message);
    sandbox.limits = tight;
    without_walls = sandbox;
    without_walls.is_isolating = false;
    hostile = install(BUILD_DIR "/bin/hostile-purs", "purs-0_15_15", (struct version){0, 15, 15});
    honest = install(BUILD_DIR "/bin/purs-stand-in", "purs-0_15_16", (struct version){0, 15, 16});
    temporary_folder_write(&folder, "store/kept", "kept");
    temporary_folder_write(&folder, "secret/kept", "secret");
    chmod(arena_format(&arena, "%s/store", folder.path), 0777); /* the mount must protect it, not its mode */
    chmod(arena_format(&arena, "%s/store/kept", folder.path), 0666);
    char *work = arena_copy(&arena, make_work_folder("-- honest"));
    temporary_folder_write(&folder, "work-1/kept", "the neighbour's");
    if (sandbox.is_isolating) pthread_create(&neighbour.thread, NULL, build_all_the_time, work);
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    atomic_store(&neighbour.ends, true);
    if (sandbox.is_isolating) pthread_join(neighbour.thread, NULL);
    temporary_folder_remove(&folder);
    arena_release(&arena);
    return 0;
}

/* ---- One attack ---- */

struct outcome {
    enum status status;
    struct compiler_report report;
    struct error err;
    const char *work;
    long long progress;
    int64_t elapsed_ms;
};

static long long read_progress(const char *work) {
    long long count = 0;
    int file = open(arena_format(&arena, "%s/progress", work), O_RDONLY);
    if (file >= 0 && read(file, &count, sizeof count) != sizeof count) count = -1;
    if (file >= 0) close(file);
    return count;
}

static void attack_within(struct outcome *out, const struct sandbox *walls, const char *what, int64_t timeout_ms) {
    *out = (struct outcome){.work = make_work_folder(arena_format(&arena, "-- attack: %s", what))};
    int64_t start_ms = clock_monotonic_ms();
    out->status = compile(&out->report, &arena, walls, &hostile, out->work, timeout_ms, &out->err);
    out->elapsed_ms = clock_monotonic_ms() - start_ms;
    out->progress = read_progress(out->work);
}

static void attack(struct outcome *out, const char *what, int64_t timeout_ms) {
    if (!sandbox.is_isolating) skip();
    int builds = atomic_load(&neighbour.builds);
    attack_within(out, &sandbox, what, timeout_ms);
    int64_t give_up_ms = clock_monotonic_ms() + PATIENCE_MS;
    while (atomic_load(&neighbour.builds) < builds + 2) /* at least one complete build */
        assert_true(clock_monotonic_ms() < give_up_ms);
    if (atomic_load(&neighbour.failures))
        fail_msg("The neighbour's build failed after %lld: %s", out->progress, neighbour.problem);
}

static void assert_stopped(const struct outcome *outcome, enum compiler_stop stop, enum status status, const char *words) {
    if (outcome->report.stop != stop || outcome->status != status || !strstr(outcome->err.message, words))
        fail_msg("stop %d, status %d: %s", (int)outcome->report.stop, (int)outcome->status, outcome->err.message);
}

/* The attack ran to completion and achieved nothing. */
static void assert_managed_nothing(const struct outcome *outcome) {
    if (outcome->status) fail_msg("%s", outcome->err.message);
    assert_int_equal(outcome->report.stop, COMPILER_STOP_NONE);
    for (size_t i = 0; i < outcome->report.warning_count; i++)
        print_message("The attacker %s.\n", outcome->report.warnings[i].message);
    assert_int_equal(outcome->report.warning_count, 0);
}

static void assert_untouched(void) {
    static const char *const paths[][2] = {
        {"store/kept", "kept"}, {"secret/kept", "secret"}, {"work-1/kept", "the neighbour's"}};
    for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++) {
        struct stat information;
        char *content = temporary_folder_read(&folder, paths[i][0]);
        assert_string_equal(content, paths[i][1]);
        free(content);
        assert_int_equal(stat(arena_format(&arena, "%s/%s", folder.path, paths[i][0]), &information), 0);
        assert_int_equal(information.st_nlink, 1);
        assert_true(information.st_mtime > 1);
    }
}

/* ---- Out of the folder ---- */

static int listen_on(int family, const void *address, socklen_t length) {
    int listener = socket(family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    assert_int_equal(bind(listener, address, length), 0);
    assert_int_equal(listen(listener, 5), 0);
    return listener;
}

static void nothing_is_reached_by_network(void **state) {
    (void)state;
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct sockaddr_un local = {.sun_family = AF_UNIX};
    socklen_t length = sizeof address;
    int name_length = snprintf(local.sun_path + 1, sizeof local.sun_path - 1, "sandbox-attacks-%d", (int)getpid());
    int listener = listen_on(AF_INET, &address, sizeof address);
    int local_listener =
        listen_on(AF_UNIX, &local, (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + (size_t)name_length));
    assert_int_equal(getsockname(listener, (void *)&address, &length), 0);
    struct outcome outcome;
    attack(&outcome, arena_format(&arena, "network %d %s", ntohs(address.sin_port), local.sun_path + 1), PATIENCE_MS);
    assert_managed_nothing(&outcome);
    assert_true(accept(listener, NULL, NULL) < 0 && errno == EAGAIN);
    assert_true(accept(local_listener, NULL, NULL) < 0 && errno == EAGAIN);
    close(listener);
    close(local_listener);
}

static void nothing_but_its_own_can_be_read(void **state) {
    (void)state;
    struct outcome outcome;
    setenv("SECRET", "of-this-process", 1);
    attack(&outcome,
           arena_format(&arena,
                        "read /etc/shadow /etc/passwd %s/secret/kept %s/work-1/kept %s/bin/../secret/kept /proc/kcore "
                        "/proc/1/root/etc/passwd /proc/sysrq-trigger /dev/vda /dev/sda /dev/kmsg /proc/kmsg",
                        folder.path, folder.path, folder.path),
           PATIENCE_MS);
    assert_managed_nothing(&outcome);
}

static void nothing_but_its_own_folder_can_be_written(void **state) {
    (void)state;
    struct outcome outcome;
    attack(&outcome,
           arena_format(&arena, "write / /usr /usr/bin /etc /dev /dev/shm /proc/sys/kernel %s/store %s/secret %s/bin %s/work-1",
                        folder.path, folder.path, folder.path, folder.path),
           PATIENCE_MS);
    assert_managed_nothing(&outcome);
    assert_untouched();
}

/* ---- Other processes ---- */

static void nobody_outside_gets_its_signals(void **state) {
    (void)state;
    struct outcome outcome;
    attack(&outcome, "signals", PATIENCE_MS);
    assert_managed_nothing(&outcome);
}

static void it_gets_no_namespaces_mounts_or_devices(void **state) {
    (void)state;
    struct outcome outcome;
    attack(&outcome, "namespaces", PATIENCE_MS);
    assert_managed_nothing(&outcome);
}

/* ---- More than it may ---- */

static void report_bound(const char *what, long long got, long long limit, const struct outcome *outcome) {
    print_message("             %s: %lld of %lld; stopped after %lld ms\n", what, got, limit, (long long)outcome->elapsed_ms);
}

static void endless_forks_are_stopped(void **state) {
    (void)state;
    static const char *const attacks[] = {"forks", "orphans"};
    for (size_t i = 0; i < 2; i++) {
        struct outcome outcome;
        attack(&outcome, attacks[i], i == 0 ? PATIENCE_MS : SHORT_MS);
        report_bound("processes made", outcome.progress, tight.processes, &outcome);
        if (i == 0) {
            assert_stopped(&outcome, COMPILER_STOP_PROCESSES, STATUS_REFUSED, "started more than 64 processes and threads");
            assert_in_range(outcome.progress, 1, 4096);
        } else { /* never many at once */
            assert_stopped(&outcome, COMPILER_STOP_TIME, STATUS_TIMEOUT, "time limit");
        }
    }
}

static void eaters_of_memory_are_stopped(void **state) {
    (void)state;
    static const char *const attacks[] = {"memory", "memory-of-many", "memory-without-leader"};
    for (size_t i = 0; i < sizeof attacks / sizeof attacks[0]; i++) {
        struct outcome outcome;
        attack(&outcome, attacks[i], PATIENCE_MS);
        report_bound(arena_format(&arena, "MiB by %s", attacks[i]), outcome.progress / MEBIBYTE, tight.memory_bytes / MEBIBYTE,
                     &outcome);
        assert_stopped(&outcome, COMPILER_STOP_MEMORY, STATUS_TIMEOUT, "needed more than 256 MiB of memory");
        assert_in_range(outcome.progress / MEBIBYTE, 100, 4096);
    }
}

static void memory_that_belongs_to_no_process_is_bounded(void **state) {
    (void)state;
    struct outcome outcome;
    attack(&outcome, "memory-files", PATIENCE_MS);
    report_bound("MiB in /tmp", outcome.progress / MEBIBYTE, tight.memory_bytes / 8 / MEBIBYTE, &outcome);
    assert_managed_nothing(&outcome);
    assert_in_range(outcome.progress, 1, tight.memory_bytes / 8);
}

static void fillers_of_the_disk_are_stopped(void **state) {
    (void)state;
    static const struct {
        const char *name;
        long long unit, most;
    } attacks[] = {
        {"one-file", MEBIBYTE, 65},  {"many-files", MEBIBYTE, 1024},     {"empty-files", 1, 100000},
        {"holes", MEBIBYTE, 100000}, {"unlinked-files", MEBIBYTE, 2048},
    };
    for (size_t i = 0; i < sizeof attacks / sizeof attacks[0]; i++) {
        struct outcome outcome;
        attack(&outcome, attacks[i].name, PATIENCE_MS);
        report_bound(attacks[i].name, outcome.progress / attacks[i].unit, 64, &outcome);
        assert_stopped(&outcome, COMPILER_STOP_DISK, STATUS_REFUSED, "in all more than 64 MiB");
        assert_in_range(outcome.progress / attacks[i].unit, 10, attacks[i].most);
        folder_remove(outcome.work);
    }
}

static void endless_output_is_stopped(void **state) {
    (void)state;
    static const char *const attacks[] = {"output", "errors"};
    for (size_t i = 0; i < 2; i++) {
        struct outcome outcome;
        attack(&outcome, attacks[i], PATIENCE_MS);
        report_bound("MiB printed", outcome.progress / MEBIBYTE, 32, &outcome);
        assert_stopped(&outcome, COMPILER_STOP_OUTPUT, STATUS_REFUSED, "printed more than 32 MiB");
    }
}

/* ---- Longer than it may ---- */

static void a_deaf_one_ends_at_the_deadline(void **state) {
    (void)state;
    struct outcome outcome;
    attack(&outcome, "deaf", SHORT_MS);
    assert_stopped(&outcome, COMPILER_STOP_TIME, STATUS_TIMEOUT, "time limit");
    assert_in_range(outcome.elapsed_ms, SHORT_MS, PATIENCE_MS);
}

static void assert_no_daemon_lives(const struct outcome *outcome) {
    assert_int_equal(outcome->progress, 5);
    int lock = open(arena_format(&arena, "%s/alive", outcome->work), O_RDWR);
    assert_true(lock >= 0);
    assert_int_equal(flock(lock, LOCK_EX | LOCK_NB), 0); /* no process holds the lock any more */
    close(lock);
}

static void daemons_end_with_the_run(void **state) {
    (void)state;
    struct outcome outcome;
    attack(&outcome, "daemons", PATIENCE_MS);
    assert_managed_nothing(&outcome);
    assert_no_daemon_lives(&outcome);
}

static void a_kill_by_the_machine_counts_as_too_much_memory(void **state) {
    (void)state;
    struct outcome outcome;
    attack(&outcome, "suicide 9", PATIENCE_MS);
    assert_int_equal(outcome.report.stop, COMPILER_STOP_MEMORY);
}

static void one_that_crashes_each_time_has_failed(void **state) {
    (void)state;
    struct outcome outcome;
    attack(&outcome, "suicide 11", PATIENCE_MS);
    assert_stopped(&outcome, COMPILER_STOP_SILENT, STATUS_REFUSED, "ended with signal 11");
}

/* ---- The state afterwards ---- */

static void its_folder_is_removed_without_following_links(void **state) {
    (void)state;
    static const char *const attacks[] = {"leavings", "depth"};
    for (size_t i = 0; i < 2; i++) {
        struct outcome outcome;
        attack(&outcome, arena_format(&arena, "%s %s/secret", attacks[i], folder.path), PATIENCE_MS);
        if (i == 0 && geteuid() == 0)
            assert_managed_nothing(&outcome);
        else /* too deep, or not readable: it cannot be measured */
            assert_stopped(&outcome, COMPILER_STOP_DISK, STATUS_REFUSED, "MiB");
        folder_remove(outcome.work);
        assert_int_equal(access(outcome.work, F_OK), -1);
        assert_untouched();
    }
}

/* ---- Without a sandbox (--unsafe-no-sandbox) ---- */

static void limits_hold_without_walls_too(void **state) {
    (void)state;
    static const struct {
        const char *name;
        enum compiler_stop stop;
    } attacks[] = {
        {"forks", COMPILER_STOP_PROCESSES},
        {"memory", COMPILER_STOP_MEMORY},
        {"memory-of-many", COMPILER_STOP_MEMORY},
        {"memory-without-leader", COMPILER_STOP_MEMORY},
        {"many-files", COMPILER_STOP_DISK},
        {"holes", COMPILER_STOP_DISK},
        {"unlinked-files", COMPILER_STOP_DISK},
        {"output", COMPILER_STOP_OUTPUT},
        {"deaf", COMPILER_STOP_TIME},
        {"orphans", COMPILER_STOP_TIME},
    };
    if (!without_walls.changes_user) skip(); /* nothing would limit the forks */
    for (size_t i = 0; i < sizeof attacks / sizeof attacks[0]; i++) {
        struct outcome outcome;
        attack_within(&outcome, &without_walls, attacks[i].name,
                      attacks[i].stop == COMPILER_STOP_TIME ? SHORT_MS : PATIENCE_MS);
        print_message("             %s got to %lld; stopped after %lld ms\n", attacks[i].name, outcome.progress,
                      (long long)outcome.elapsed_ms);
        if (outcome.report.stop != attacks[i].stop) fail_msg("%s: %s", attacks[i].name, outcome.err.message);
        folder_remove(outcome.work);
    }
}

static void daemons_end_without_walls_too(void **state) {
    (void)state;
    struct outcome outcome;
    attack_within(&outcome, &without_walls, "daemons", PATIENCE_MS);
    assert_managed_nothing(&outcome);
    assert_no_daemon_lives(&outcome);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_is_reached_by_network),
        cmocka_unit_test(nothing_but_its_own_can_be_read),
        cmocka_unit_test(nothing_but_its_own_folder_can_be_written),
        cmocka_unit_test(nobody_outside_gets_its_signals),
        cmocka_unit_test(it_gets_no_namespaces_mounts_or_devices),
        cmocka_unit_test(endless_forks_are_stopped),
        cmocka_unit_test(eaters_of_memory_are_stopped),
        cmocka_unit_test(memory_that_belongs_to_no_process_is_bounded),
        cmocka_unit_test(fillers_of_the_disk_are_stopped),
        cmocka_unit_test(endless_output_is_stopped),
        cmocka_unit_test(a_deaf_one_ends_at_the_deadline),
        cmocka_unit_test(daemons_end_with_the_run),
        cmocka_unit_test(a_kill_by_the_machine_counts_as_too_much_memory),
        cmocka_unit_test(one_that_crashes_each_time_has_failed),
        cmocka_unit_test(its_folder_is_removed_without_following_links),
        cmocka_unit_test(limits_hold_without_walls_too),
        cmocka_unit_test(daemons_end_without_walls_too),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
