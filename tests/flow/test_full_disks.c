/* SPDX-License-Identifier: BSD-3-Clause
 *
 * A full disk is not the requesters' fault: each folder of the server in turn is on a separate small disk, which is filled and
 * emptied again. The job waits, counts no attempt, and succeeds; /readyz and the operators' log name the folder. The disks are
 * file systems in memory, mounted so that only this process and its children see them, which needs root.
 */
#include "tests/support/cmocka_all.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/store/job/job_store.h"
#include "tests/support/git/git_server.h"
#include "tests/support/http/http.h"
#include "tests/support/matrix_scene.h"
#include "tests/support/registry_check.h"
#include "tests/support/revise_scene.h"
#include "tests/support/shell.h"
#include "tests/support/temporary_folder.h"
#include "tests/support/trustee_call.h"

enum { STORE_TIMEOUT_MS = 60000, ENOUGH_BYTES = 256 << 10 };
#define DISK_OPTIONS "size=48m,mode=0755"

static struct temporary_folder disks; /* NAME is a mount point */
static const char *const disk_names[] = {"work", "transfer", "matrix", "build", "store", "storage", "repositories"};

/* ---- Disks ---- */

static void mount_disk(const char *path) {
    assert_int_equal(mount("none", path, "tmpfs", 0, DISK_OPTIONS), 0);
}

static void make_disks(void) {
    temporary_folder_make(&disks);
    for (size_t i = 0; i < sizeof disk_names / sizeof disk_names[0]; i++) {
        char path[128];
        snprintf(path, sizeof path, "%s/%s", disks.path, disk_names[i]);
        assert_int_equal(mkdir(path, 0755), 0);
        mount_disk(path);
    }
}

static void remove_disks(void) {
    for (size_t i = 0; i < sizeof disk_names / sizeof disk_names[0]; i++) {
        char path[128];
        snprintf(path, sizeof path, "%s/%s", disks.path, disk_names[i]);
        umount2(path, MNT_DETACH);
    }
    temporary_folder_remove(&disks);
}

/* Writes until the disk is full, then frees `leave_bytes`. */
static void fill(const char *folder, off_t leave_bytes) {
    static const char zeros[1 << 16];
    char path[160];
    off_t size = 0;
    snprintf(path, sizeof path, "%s/.filler", folder);
    int file = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    assert_true(file >= 0);
    for (size_t piece = sizeof zeros; piece > 0;) {
        ssize_t count = write(file, zeros, piece);
        if (count > 0) size += count;
        if (count <= 0) piece /= 2;
    }
    assert_int_equal(errno, ENOSPC);
    if (leave_bytes) assert_int_equal(ftruncate(file, size - leave_bytes), 0);
    close(file);
}

static void empty(const char *folder) {
    char path[160];
    snprintf(path, sizeof path, "%s/.filler", folder);
    assert_int_equal(unlink(path), 0);
}

static const char *disk(struct server *server, const char *name) {
    return arena_format(&server->arena, "%s/%s", disks.path, name);
}

/* ---- Messages ---- */

struct look {
    struct server *server;
    const char *where; /* a path of the server, or a log's name */
    const char *words;
};

static bool answer_has(void *context) {
    const struct look *look = context;
    struct http_response response = {0};
    server_call(look->server, "GET", look->where, NULL, &response);
    bool has_it = strstr(text_view(&response.body), look->words) != NULL;
    http_response_release(&response);
    return has_it;
}

/* Operators see the folder at the management port; the public port shows only its setting's name. */
static bool operators_see(void *context) {
    const struct look *look = context;
    struct http_response full = http_ask(NULL, look->server->management_url, look->where, NULL, NULL), open = {0};
    server_call(look->server, "GET", look->where, NULL, &open);
    bool is_seen = strstr(text_view(&full.body), look->words) != NULL;
    assert_null(strstr(text_view(&open.body), look->words));
    http_response_release(&full);
    http_response_release(&open);
    return is_seen;
}

static void expect_operators_see(struct server *server, const char *folder) {
    struct look look = {server, "/readyz", folder};
    if (!wait_until(operators_see, &look, PATIENCE_MS)) fail_msg("/readyz of the management port does not name %s", folder);
}

static void expect_answer(struct server *server, const char *path, const char *words) {
    struct look look = {server, path, words};
    if (wait_until(answer_has, &look, PATIENCE_MS)) return;
    struct http_response response = {0};
    server_call(server, "GET", path, NULL, &response);
    fail_msg("%s does not say %s: %s", path, words, text_view(&response.body));
}

static void expect_job_says(struct server *server, const char *id, const char *words) {
    expect_answer(server, arena_format(&server->arena, "/api/v1/jobs/%s?level=DEBUG", id), words);
}

static const char *log_of(struct server *server, const char *name) {
    return shell_output(&server->arena, "cat '%s/%s.log'", server->folder, name);
}

static bool log_has(void *context) {
    const struct look *look = context;
    return strstr(log_of(look->server, look->where), look->words) != NULL;
}

static void expect_log(struct server *server, const char *name, const char *words) {
    struct look look = {server, name, words};
    if (!wait_until(log_has, &look, PATIENCE_MS)) fail_msg("%s.log does not say %s", name, words);
}

static bool alarm_has(void *context) {
    const struct look *look = context;
    return strstr(shell_output(&look->server->arena,
                               "grep -E 'level=ERROR.*event=(job_waits|job_retried) ' '%s/%s.log' || true",
                               look->server->folder, look->where),
                  look->words) != NULL;
}

/* Waits for the alarm about that job, which names the folder. It is logged shortly after the job's own line. */
static void expect_alarm(struct server *server, const char *service, const char *id, const char *folder) {
    struct look look = {server, service, arena_format(&server->arena, "job=%s reason=", id)};
    if (!wait_until(alarm_has, &look, PATIENCE_MS)) fail_msg("%s.log has no alarm about %s", service, id);
    const char *found =
        shell_output(&server->arena, "grep -E 'level=ERROR.*event=(job_waits|job_retried) .*%s' '%s/%s.log' | head -1", id,
                     server->folder, service);
    if (strstr(found, folder) == NULL) fail_msg("the alarm about %s does not name %s: %s", id, folder, found);
}

static void expect_first_attempt(struct server *server, const char *id) {
    struct job_store *store = NULL;
    struct error err;
    struct job job;
    server_expect_success(server, id);
    assert_int_equal(job_store_create(&store, redis_server_url(server->redis), STORE_TIMEOUT_MS, &err), STATUS_OK);
    assert_int_equal(job_store_get(store, id, &server->arena, &job, &err), STATUS_OK);
    assert_int_equal(job.attempts, 1);
    job_store_free(store);
}

/* Publishes a package while that disk is full: its log says so, and it is published once there is room. `named` is the folder's
 * name in messages.
 */
static void publish_over_full_disk(struct server *server, const char *name, const char *folder, const char *says,
                                   const char *named) {
    const struct package package = {name, "1.0.0", .pragma = NULL};
    fill(folder, 0);
    const char *id = server_post_package(server, &package);
    expect_job_says(server, id, "is waiting for");
    expect_answer(server, "/readyz", says);
    expect_operators_see(server, named);
    expect_alarm(server, "publish", id, named);
    empty(folder);
    expect_first_attempt(server, id);
    server_wait_until_ready(server);
}

/* ---- Folders on this disk ---- */

static void a_full_work_dir_is_waited_for(void **state) {
    struct server *server = *state;
    publish_over_full_disk(server, "full-work", disk(server, "work"), "WORK_DIR", disk(server, "work"));
}

/* There is room for the source, and none for the compiler's output. */
static void a_disk_that_fills_up_while_the_compiler_runs_is_no_error_of_the_package(void **state) {
    struct server *server = *state;
    const char *work = disk(server, "work");
    const struct package package = {"full-later", "1.0.0", .pragma = NULL};
    const char *hold = arena_format(&server->arena, "%s/hold", server->folder);
    shell_run("touch '%s'", hold);
    const char *id = server_post_package(server, &package);
    expect_log(server, "publish", "event=fault_point_held ");
    fill(work, 0);
    unlink(hold);
    expect_job_says(server, id, "is waiting for this server's disk or memory");
    empty(work);
    expect_first_attempt(server, id);
}

static void a_full_storage_dir_is_waited_for(void **state) {
    struct server *server = *state;
    publish_over_full_disk(server, "full-storage", disk(server, "storage"), "STORAGE_DIR", disk(server, "storage"));
}

static void a_full_disk_of_the_repositories_is_waited_for(void **state) {
    struct server *server = *state;
    publish_over_full_disk(server, "full-repository", disk(server, "repositories"), "registry repository",
                           arena_format(&server->arena, "%s/registry", server->folder));
}

static void a_full_build_dir_keeps_builds_waiting(void **state) {
    struct server *server = *state;
    const char *build = disk(server, "build");
    const struct package package = {"full-build", "1.0.0", .pragma = NULL}, later = {"full-build", "1.0.1", .pragma = NULL};
    fill(build, 0);
    matrix_publish_with(server, &package, "0.15.14");
    const char *id = matrix_wait_for_job(server, "full-build", "1.0.0", "0.15.15");
    expect_job_says(server, id, "Handed back by the build worker without a build");
    expect_answer(server, "/readyz", "BUILD_DIR");
    empty(build);
    matrix_expect_verdict(server, "full-build", "1.0.0", "0.15.15", "succeeded");
    fill(build, ENOUGH_BYTES); /* enough for the folder of a run, not for the output in it */
    matrix_publish_with(server, &later, "0.15.14");
    id = matrix_wait_for_job(server, "full-build", "1.0.1", "0.15.15");
    expect_answer(server, "/readyz", "BUILD_DIR");
    empty(build);
    matrix_expect_verdict(server, "full-build", "1.0.1", "0.15.15", "succeeded");
}

static void a_full_build_store_costs_no_build(void **state) {
    struct server *server = *state;
    const char *store = disk(server, "store");
    const struct package package = {"full-store", "1.0.0", .pragma = NULL};
    fill(store, 0);
    matrix_publish_with(server, &package, "0.15.14");
    matrix_expect_verdict(server, "full-store", "1.0.0", "0.15.15", "succeeded");
    expect_answer(server, "/readyz", "BUILD_STORE_DIR");
    empty(store);
}

/* Redis exits when it cannot write any more; jobs then wait for it like after any outage. */
static void a_full_disk_of_redis_is_waited_for(void **state) {
    struct server *server = *state;
    const char *folder = redis_server_folder(server->redis), *hold = arena_format(&server->arena, "%s/hold", server->folder);
    const struct package package = {"full-redis", "1.0.0", .pragma = NULL};
    redis_server_kill(server->redis);
    shell_run("cp -a '%s' '%s.copy'", folder, folder);
    mount_disk(folder);
    shell_run("rm -f '%s'.copy/redis.sock; cp -a '%s'.copy/. '%s'/ && rm -r '%s.copy'", folder, folder, folder, folder);
    redis_server_restart(server->redis);
    server_wait_until_ready(server);
    shell_run("touch '%s'; : >'%s/publish.log'", hold, server->folder);
    const char *id = server_post_package(server, &package);
    expect_log(server, "publish", "event=fault_point_held ");
    fill(folder, 0);
    unlink(hold);
    expect_log(server, "publish", "Redis");
    expect_answer(server, "/readyz", "\"redis\",\"ok\":false");
    empty(folder);
    redis_server_restart(server->redis);
    expect_first_attempt(server, id);
    server_wait_until_ready(server);
    redis_server_kill(server->redis);
    shell_run("rm -f '%s'/redis.sock; cp -a '%s' '%s.copy'", folder, folder, folder);
    assert_int_equal(umount(folder), 0);
    shell_run("cp -a '%s'.copy/. '%s'/ && rm -r '%s.copy'", folder, folder, folder);
    redis_server_restart(server->redis);
    server_wait_until_ready(server);
}

/* ---- Clones of repositories elsewhere ---- */

static void push_something(struct server *server, const char *repo, const char *name) {
    shell_run(
        "cd '%s' && rm -rf other && git clone -q %s other && head -c 3000000 /dev/urandom >other/%s && git -C other add -A "
        "&& git -C other -c user.name=other -c user.email=other@example.org commit -q -m Other && git -C other push -q",
        server->folder, repo, name);
}

static void a_full_transfer_dir_is_waited_for(void **state) {
    struct server *server = *state;
    const struct package package = {"full-transfer", "1.0.0", .pragma = NULL};
    const char *
        transfer = disk(server, "transfer"),
       *payload = "{\"name\":\"full-transfer\",\"newLocation\":{\"githubOwner\":\"moved\",\"githubRepo\":\"purescript-full\"}}";
    revise_scene_publish(server, &package); /* then there are no more pushes */
    fill(transfer, 0);
    push_something(server, "registry.git", "README.md"); /* now there is something to fetch */
    const char *id = trustee_expect_job(server, REVISE_TOKEN, trustee_body(server, "transfer", payload, REVISE_ACTOR, NULL));
    expect_job_says(server, id, "is waiting for");
    expect_answer(server, "/readyz", "TRANSFER_DIR");
    expect_operators_see(server, transfer);
    expect_alarm(server, "transfer", id, transfer);
    empty(transfer);
    expect_first_attempt(server, id);
    server_wait_until_ready(server);
}

static void a_full_matrix_dir_is_waited_for(void **state) {
    struct server *server = *state;
    const struct package base = {"full-base", "1.0.0", .pragma = NULL},
                         user = {"full-user", "1.0.0", {{"full-base", ">=1.0.0 <3.0.0"}}, .pragma = NULL};
    const char *matrix = disk(server, "matrix");
    revise_scene_publish(server, &base);
    revise_scene_publish(server, &user);
    fill(matrix, 0);
    push_something(server, "registry-index.git", "README.md");
    const char *id = revise_ask(server, "full-user", "1.0.0", "\"full-base\":\">=1.0.0 <2.0.0\"");
    expect_job_says(server, id, "is waiting for");
    expect_answer(server, "/readyz", "MATRIX_DIR");
    expect_operators_see(server, matrix);
    expect_alarm(server, "build-matrix", id, matrix);
    empty(matrix);
    expect_first_attempt(server, id);
    assert_int_equal(revise_number(server, "full-user", "1.0.0"), 1);
    server_wait_until_ready(server);
}

/* ---- The registry's repositories ---- */

static void a_registry_repository_that_answers_500_fails_no_publication(void **state) {
    struct server *server = *state;
    enum { COUNT = 4 };
    const char *ids[COUNT];
    git_server_behave_for(server->git, "registry.git", GIT_SERVER_STATUS, 500, NULL);
    for (int i = 0; i < COUNT; i++) {
        const struct package package = {arena_format(&server->arena, "patient-%d", i), "1.0.0", .pragma = NULL};
        ids[i] = server_post_package(server, &package);
    }
    for (int i = 0; i < COUNT; i++)
        expect_job_says(server, ids[i], "is waiting for the registry's git repositories");
    git_server_behave(server->git, GIT_SERVER_SERVE, 0, NULL);
    for (int i = 0; i < COUNT; i++)
        expect_first_attempt(server, ids[i]);
}

/* ---- The servers ---- */

/* After each test, even a failed one. */
static int empty_all(void **state) {
    const struct server *server = *state;
    char path[160];
    for (size_t i = 0; i < sizeof disk_names / sizeof disk_names[0]; i++) {
        snprintf(path, sizeof path, "%s/%s/.filler", disks.path, disk_names[i]);
        unlink(path);
    }
    snprintf(path, sizeof path, "%s/hold", server->folder);
    unlink(path);
    return 0;
}

static int start(void **state, bool has_git_server) {
    char digest_setting[128], make[128];
    char digest[SHA256_HEX_MAX];
    hash_sha256_hex(REVISE_TOKEN, strlen(REVISE_TOKEN), digest);
    snprintf(digest_setting, sizeof digest_setting, "PACCHETTIBOTTI_TOKEN_SHA256=%s", digest);
    make_disks();
    static char lines[8][160];
    static const char *const named[] = {"WORK_DIR",  "work",  "TRANSFER_DIR",    "transfer", "MATRIX_DIR",  "matrix",
                                        "BUILD_DIR", "build", "BUILD_STORE_DIR", "store",    "STORAGE_DIR", "storage"};
    const char *settings[12] = {"LOG_LEVEL=DEBUG", "PENDING_SCAN_MS=500", "MATRIX_SWEEP_INTERVAL_MS=86400000"};
    for (int i = 0; i < 6; i++) {
        snprintf(lines[i], sizeof lines[i], "%s=%s/%s", named[2 * i], disks.path, named[2 * i + 1]);
        settings[3 + i] = lines[i];
    }
    snprintf(lines[6], sizeof lines[6], "REGISTRY_HOLD=install=/nonexistent");
    settings[9] = lines[6];
    temporary_folder_write(
        &disks, "make",
        "#!/bin/sh\n"
        "set -e\n"
        "cd \"$(dirname \"$0\")/repositories\"\n"
        "git init -q -b main begin && echo Nothing >begin/README.md && git -C begin add -A\n"
        "git -C begin -c user.name=pacchettibotti -c user.email=pacchettibotti@purescript.org commit -q -m Begin\n"
        "for name in registry registry-index; do\n"
        "  git clone -q --bare begin $name.git && git -C $name.git config http.receivepack true\n"
        "  ln -s \"$PWD/$name.git\" \"$1/$name.git\"\n"
        "done\n"
        "rm -rf begin\n"
        "ln -s \"$PWD/../storage\" \"$1/storage\"\n");
    snprintf(make, sizeof make, "%s/make", disks.path);
    assert_int_equal(chmod(make, 0755), 0);
    const char *const gateway[] = {digest_setting, NULL};
    struct server *server = server_start(&(struct server_options){.settings = settings,
                                                                  .gateway_settings = gateway,
                                                                  .has_git_server = has_git_server,
                                                                  .workers = 1,
                                                                  .make_repositories = make});
    *state = server;
    server_change_setting(server, SERVER_PUBLISH, "REGISTRY_HOLD",
                          arena_format(&server->arena, "install=%s/hold", server->folder));
    server_terminate(server, SERVER_PUBLISH);
    server_start_program(server, SERVER_PUBLISH);
    server_wait_until_ready(server);
    return 0;
}

static int start_here(void **state) {
    return start(state, false);
}

static int start_apart(void **state) {
    return start(state, true);
}

static int end(void **state) {
    registry_expect_consistency(*state);
    server_stop(*state);
    remove_disks();
    return 0;
}

int main(void) {
    const struct CMUnitTest here[] = {
        cmocka_unit_test_teardown(a_full_work_dir_is_waited_for, empty_all),
        cmocka_unit_test_teardown(a_full_storage_dir_is_waited_for, empty_all),
        cmocka_unit_test_teardown(a_full_disk_of_the_repositories_is_waited_for, empty_all),
        cmocka_unit_test_teardown(a_full_build_dir_keeps_builds_waiting, empty_all),
        cmocka_unit_test_teardown(a_full_build_store_costs_no_build, empty_all),
        cmocka_unit_test_teardown(a_disk_that_fills_up_while_the_compiler_runs_is_no_error_of_the_package, empty_all),
        cmocka_unit_test_teardown(a_full_disk_of_redis_is_waited_for, empty_all),
    };
    const struct CMUnitTest apart[] = {
        cmocka_unit_test_teardown(a_full_transfer_dir_is_waited_for, empty_all),
        cmocka_unit_test_teardown(a_full_matrix_dir_is_waited_for, empty_all),
        cmocka_unit_test_teardown(a_registry_repository_that_answers_500_fails_no_publication, empty_all),
    };
    if (geteuid() != 0 || unshare(CLONE_NEWNS) || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL)) {
        printf("[  SKIPPED ] %zu test(s), listed below: not root, or no mount namespaces here\n",
               sizeof here / sizeof here[0] + sizeof apart / sizeof apart[0]);
        return 0;
    }
    int failed = cmocka_run_group_tests(here, start_here, end);
    return failed + cmocka_run_group_tests(apart, start_apart, end);
}
