/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Packages that attack the machine on which they are built, from publication to verdict: one of the worker's compilers is
 * controlled by the attacker (tests/support/purs/hostile_purs.c), and runs the attack that the package names. Each attack
 * itself is tested in tests/unit/tools/test_sandbox_attacks.c; here each must get its verdict, the worker must go on, and
 * nothing of the attack may be left.
 */
#include "tests/support/cmocka_all.h"

#include <string.h>
#include <sys/stat.h>

#include "lib/base/text.h"
#include "tests/support/matrix_scene.h"
#include "tests/support/shell.h"

static struct server *server;
static int worker;

static int set_up(void **state) {
    (void)state;
    static const char *const settings[] = {"LEASE_MS=2000", "MATRIX_TIMEOUT_MS=60000", NULL};
    if (server_sandbox_option()) {
        print_message("No sandbox can be had here.\n");
        return 0;
    }
    server = server_start(&(struct server_options){.settings = settings, .workers = 1, .compilers = "0_15_15 0_15_16"});
    server_terminate_worker(server, 0);
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    if (server) server_stop(server);
    return 0;
}

/* ---- Targets of the attacks ---- */

static const char *path_of(const char *name) {
    return arena_format(&server->arena, "%s/%s", server->folder, name);
}

/* Starts the worker, with files on the disk like those of another job and of the build store; its compiler 0.15.15 is
 * harmless. */
static void start_worker(void) {
    const char *const settings[] = {arena_format(&server->arena, "REGISTRY_COMPILERS=%s", path_of("hostile")),
                                    "BUILD_MEMORY_BYTES=268435456",
                                    "BUILD_DISK_BYTES=67108864",
                                    "BUILD_PROCESSES=64",
                                    "BUILD_SLOTS=3",
                                    arena_format(&server->arena, "BUILD_DIR=%s", path_of("build")),
                                    arena_format(&server->arena, "BUILD_STORE_DIR=%s", path_of("store")),
                                    NULL};
    shell_run("mkdir '%s' && cp '%s/compilers/purs-0_15_15' '%s' && cp '%s/hostile-purs' '%s/purs-0_15_16'", path_of("hostile"),
              server->folder, path_of("hostile"), server->programs, path_of("hostile"));
    worker = server_add_worker(server, &(struct server_worker){.settings = settings});
    matrix_wait_for_worker_log(server, worker, "event=worker_registered ", 1);
    static const char *const kept[] = {"build/runs/others/kept", "build/packages/kept", "store/kept", "outside/kept"};
    for (size_t i = 0; i < sizeof kept / sizeof kept[0]; i++) {
        write_file(path_of(kept[i]), "kept");
        assert_int_equal(chmod(path_of(kept[i]), 0666), 0);
    }
}

static void expect_untouched(void) {
    static const char *const kept[] = {"build/runs/others/kept", "build/packages/kept", "store/kept", "outside/kept"};
    for (size_t i = 0; i < sizeof kept / sizeof kept[0]; i++) {
        struct stat information;
        assert_string_equal(read_file(&server->arena, path_of(kept[i])), "kept");
        assert_int_equal(stat(path_of(kept[i]), &information), 0);
        assert_int_equal(information.st_nlink, 1);
        assert_true(information.st_mtime > 1);
    }
}

/* ---- The attacks ---- */

static const struct attack {
    const char *name, *words, *verdict,
        *reason; /* `%s` in the words is the server's folder; any of several verdicts is right */
} attacks[] = {
    /* Those that last until the time limit, beside the others. */
    {"deaf", "deaf", "timed_out", "time limit"},
    {"orphans", "orphans", "timed_out limit_exceeded", NULL}, /* zombies that are not reaped yet count as processes */
    {"network", "network 0 nobody", "succeeded", NULL},
    {"reading", "read /etc/shadow %s/registry.git/HEAD %s/build/runs/others/kept %s/outside/kept %s/redis.sock", "succeeded",
     NULL},
    {"writing", "write / /usr /etc %s/registry.git %s/build/runs/others %s/build/packages %s/store %s/outside", "succeeded",
     NULL},
    {"signals", "signals", "succeeded", NULL},
    {"namespaces", "namespaces", "succeeded", NULL},
    {"daemons", "daemons", "succeeded", NULL},
    {"leavings", "leavings %s/outside", "succeeded", NULL},
    {"forks", "forks", "limit_exceeded", "started more than 64 processes and threads"},
    {"memory", "memory-of-many", "out_of_memory", "needed more than 256 MiB of memory"},
    {"disk", "many-files", "limit_exceeded", "in all more than 64 MiB"},
    {"output", "output", "limit_exceeded", "printed more than 32 MiB"},
    {"crash", "suicide 11", "failed_to_compile", "ended with signal 11"},
};

enum { ATTACK_COUNT = sizeof attacks / sizeof attacks[0] };

static const char *name_of(const struct attack *attack) {
    return arena_format(&server->arena, "attack-%s", attack->name);
}

/* The attack's words with the folder filled in; for the network, the gateway's port. */
static const char *write_words(const struct attack *attack) {
    struct text words = {0};
    for (const char *at = attack->words; *at; at++) {
        bool is_folder = text_starts_with(at, "%s");
        text_append_format(&words, "%.*s", is_folder ? 64 : 1, is_folder ? server->folder : at);
        at += is_folder;
    }
    const char *copy = strcmp(attack->name, "network") == 0 ? arena_format(&server->arena, "network %d nobody", server->port)
                                                            : arena_copy(&server->arena, text_view(&words));
    text_release(&words);
    return copy;
}

static const char *post_attack(const struct attack *attack) {
    const char *name = name_of(attack), *source = arena_format(&server->arena, "-- attack: %s\nmodule %s where\n",
                                                               write_words(attack), package_module(&server->arena, name));
    const struct package package = {name, "1.0.0", .files = {{"src/Main.purs", source}}};
    return server_post_package(server, &package);
}

static void expect_contained(const struct attack *attack) {
    json_t *job = matrix_wait_for_build(server, name_of(attack), "1.0.0", "0.15.16");
    const char *verdict = server_job_text(job, "verdict");
    if (!*verdict || !strstr(attack->verdict, verdict) ||
        (attack->reason && !strstr(server_last_error(server, job), attack->reason)))
        fail_msg("%s: %s\n%s", attack->name, verdict, server_log_text(server, job));
    assert_int_equal(matrix_count_in(server_log_text(server, job), "Assigned to the build worker"), 1);
    json_decref(job);
}

static void each_attack_comes_to_its_verdict(void **state) {
    (void)state;
    if (!server) skip();
    const char *ids[ATTACK_COUNT];
    for (size_t i = 0; i < ATTACK_COUNT; i++)
        ids[i] = post_attack(&attacks[i]);
    for (size_t i = 0; i < ATTACK_COUNT; i++)
        server_expect_success(server, ids[i]);
    start_worker();
    for (size_t i = 0; i < ATTACK_COUNT; i++)
        expect_contained(&attacks[i]);
    expect_untouched();
}

/* True if no folder and no process of a run is left. */
static bool is_nothing_left(void *context) {
    (void)context;
    return *shell_output(&server->arena, "ls '%s' | grep -v others; pgrep -u nobody -f '%s/purs-0_15_16' || true",
                         path_of("build/runs"), path_of("hostile")) == '\0';
}

static void nothing_is_left_of_them(void **state) {
    (void)state;
    if (!server) skip();
    if (!wait_until(is_nothing_left, NULL, PATIENCE_MS))
        fail_msg("%s", shell_output(&server->arena, "ls -la '%s'; pgrep -a -u nobody || true", path_of("build/runs")));
}

static void the_worker_builds_others_as_if_nothing_was(void **state) {
    (void)state;
    if (!server) skip();
    const struct package package = {"honest", "1.0.0", .pragma = NULL};
    assert_true(child_is_running(&server->workers[worker]));
    matrix_publish_with(server, &package, "0.15.16");
    matrix_expect_compilers(server, "honest", "1.0.0", "0.15.15 0.15.16");
    server_terminate_worker(server, worker);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_attack_comes_to_its_verdict),
        cmocka_unit_test(nothing_is_left_of_them),
        cmocka_unit_test(the_worker_builds_others_as_if_nothing_was),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
