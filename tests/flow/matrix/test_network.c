/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Build workers on separate machines (tests/support/server/separate_hosts.h), over TCP with a key: one of them is cut off from
 * the network during its builds, continues them, and comes back when another worker has long finished its jobs.
 *
 *   test_flow_matrix_network [SECONDS that it is cut off for]      tests/chaos/partition: a minute
 *
 *   worker A   late-result  built ──── held ─ result is sent ──────────────────────┐
 *              late-build   building ───────────────────── built, its lines wait ──┤
 *   network    ────────────────┤ cut off                                          ├───► the late result arrives: refused
 *   worker B                      both jobs, when A's leases have run out ────────►
 */
#include "tests/support/cmocka_all.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/clock.h"
#include "tests/support/git/git_fixture.h"
#include "tests/support/matrix_scene.h"
#include "tests/support/registry_check.h"
#include "tests/support/server/separate_hosts.h"
#include "tests/support/shell.h"

#define KEY "BUILD_WORKER_KEY=a key that workers have, and nobody else"
#define ADDRESS "BUILD_WORKER_ADDRESS=tcp://0.0.0.0:9200"
#define ADDRESS_FROM_AFAR "BUILD_WORKER_ADDRESS=tcp://" SEPARATE_HOSTS_OWN ":9200"
#define SUCCEEDED "registry_matrix_jobs_total{verdict=\"succeeded\",program=\"build-matrix\"}"
#define LATE_LINES "registry_matrix_stale_total{message=\"lines\",program=\"build-matrix\"}"
#define LATE_RESULTS "registry_matrix_stale_total{message=\"result\",program=\"build-matrix\"}"

enum {
    HOST_A = 1,
    HOST_B,
    HOST_C,
    CUT_OFF_AT_LEAST_MS = 6000,
    SENT_BEFORE_MS = 5000, /* how long before the network returns the late result is sent: less than a request waits */
    BUILT_BEFORE_MS = 3000,
};

static bool has_network;
static int64_t cut_off_ms = CUT_OFF_AT_LEAST_MS;
static struct server *server;
static pid_t networks[4];
static int worker_a, worker_b;

static const char *hold_file(void) {
    return arena_format(&server->arena, "%s/hold", server->folder);
}

static int set_up(void **state) {
    (void)state;
    has_network = separate_hosts_begin();
    if (!has_network) {
        print_message("Not root, or no network namespaces, bridges, ip, nsenter or unshare here.\n");
        return 0;
    }
    for (int host = HOST_A; host <= HOST_C; host++)
        networks[host] = separate_hosts_add(host);
    static const char *const settings[] = {ADDRESS, KEY, "BUILD_DOWNLOAD_URL=http://" SEPARATE_HOSTS_OWN ":9000",
                                           "LEASE_MS=1500", NULL},
                             *const of_gateway[] = {"SERVER_ADDRESS=0.0.0.0", "SERVER_PORT=9000", NULL};
    server = server_start(&(struct server_options){.settings = settings, .gateway_settings = of_gateway});
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    if (!has_network) return 0;
    unlink(hold_file()); /* where a test has failed */
    registry_expect_consistency(server);
    server_stop(server);
    return 0;
}

/* ---- Checks ---- */

struct log_words {
    const char *id, *words;
    int count;
};

/* True if the job's log, finished or not, has the words that many times. */
static bool has_said(void *context) {
    const struct log_words *wanted = context;
    json_t *job = server_get(server, arena_format(&server->arena, "/api/v1/jobs/%s?level=DEBUG", wanted->id));
    int count = matrix_count_in(server_log_text(server, job), wanted->words);
    json_decref(job);
    return count >= wanted->count;
}

static void wait_for_words(const char *id, const char *words, int count) {
    if (!wait_until(has_said, &(struct log_words){id, words, count}, PATIENCE_MS + cut_off_ms))
        fail_msg("the job %s does not say \"%s\"", id, words);
}

/* True if the worker A has no build under way. */
static bool is_built(void *context) {
    (void)context;
    return *shell_output(&server->arena, "ls '%s/build-a/runs'", server->folder) == '\0';
}

static bool has_ended(void *child) {
    return !child_is_running(child);
}

static bool late_result_came(void *context) {
    (void)context;
    return server_metric(server, LATE_RESULTS) >= 1;
}

static void sleep_until(int64_t at_ms) {
    for (int64_t now_ms; (now_ms = clock_monotonic_ms()) < at_ms;)
        usleep((useconds_t)(at_ms - now_ms) * 1000);
}

/* Built by both workers, and written once. The service may give a job once more to the worker that was cut off, whose request for
 * work waits there. */
static void expect_written_once(const char *package) {
    const char *subject = arena_format(&server->arena, "Add compiler 0.15.15 to %s@1.0.0", package);
    matrix_expect_compilers(server, package, "1.0.0", "0.15.14 0.15.15");
    assert_int_equal(matrix_count_commits(server, subject), 1);
    json_t *jobs = matrix_jobs(server, package);
    assert_int_equal(json_array_size(jobs), 1);
    json_decref(jobs);
    json_t *job = matrix_wait_for_build(server, package, "1.0.0", "0.15.15");
    const char *log = server_log_text(server, job);
    assert_string_equal(server_job_text(job, "verdict"), "succeeded");
    int losses = matrix_count_in(log, "It will be retried");
    if (losses < 1 || losses > 2 || matrix_count_in(log, "Assigned to the build worker") != losses + 1 ||
        matrix_count_in(log, "Added compiler 0.15.15") > 1)
        fail_msg("%s", log);
    json_decref(job);
}

/* ---- The tests ---- */

static void a_worker_with_another_key_gets_no_work_and_says_why(void **state) {
    (void)state;
    if (!has_network) skip();
    static const char *const settings[] = {ADDRESS_FROM_AFAR, "BUILD_WORKER_KEY=a key that is somebody else's", NULL};
    const struct package package = {"wrong-key", "1.0.0", .pragma = NULL};
    int stranger = server_add_worker(server, &(struct server_worker){.settings = settings, .network = networks[HOST_C]});
    matrix_publish_with(server, &package, "0.15.14");
    server_wait_for_state(server, matrix_wait_for_job(server, "wrong-key", "1.0.0", "0.15.15"), "pending");
    matrix_wait_for_worker_log(server, stranger, "check that BUILD_WORKER_KEY is the same on both sides", 1);
    assert_null(strstr(server_worker_log(server, stranger), "event=worker_registered "));
    server_wait_for_state(server, matrix_wait_for_job(server, "wrong-key", "1.0.0", "0.15.15"), "pending");
    const char *log = read_file(&server->arena, arena_format(&server->arena, "%s/build-matrix.log", server->folder));
    assert_non_null(strstr(log, "did not prove that it has this program's key"));
    server_terminate_worker(server, stranger);
    const char *const of_b[] = {ADDRESS_FROM_AFAR, arena_format(&server->arena, "BUILD_STORE_DIR=%s/store-b", server->folder),
                                NULL};
    worker_b = server_add_worker(server, &(struct server_worker){.settings = of_b, .network = networks[HOST_B]});
    matrix_expect_compilers(server, "wrong-key", "1.0.0", "0.15.14 0.15.15");
    server_terminate_worker(server, worker_b);
}

static void a_worker_that_is_cut_off_writes_nothing_late_and_comes_back(void **state) {
    (void)state;
    if (!has_network) skip();
    write_file(hold_file(), "");
    const char *const of_a[] = {ADDRESS_FROM_AFAR, arena_format(&server->arena, "REGISTRY_HOLD=worker-result=%s", hold_file()),
                                arena_format(&server->arena, "BUILD_DIR=%s/build-a", server->folder),
                                arena_format(&server->arena, "BUILD_STORE_DIR=%s/store-a", server->folder), NULL};
    worker_a = server_add_worker(server, &(struct server_worker){.settings = of_a, .network = networks[HOST_A]});
    const char *sleeping = arena_format(&server->arena, "sleep-from 0.15.15 %lld", (long long)(cut_off_ms - BUILT_BEFORE_MS));
    const struct package quick = {"late-result", "1.0.0", .pragma = NULL}, slow = {"late-build", "1.0.0", .pragma = sleeping};

    matrix_publish_with(server, &slow, "0.15.14");
    const char *slow_job = matrix_wait_for_job(server, "late-build", "1.0.0", "0.15.15");
    server_wait_for_state(server, slow_job, "running");
    matrix_publish_with(server, &quick, "0.15.14");
    const char *quick_job = matrix_wait_for_job(server, "late-result", "1.0.0", "0.15.15");
    matrix_wait_for_worker_log(server, worker_a, "event=fault_point_held ", 1); /* with its last line */

    int hellos = matrix_count_in(server_worker_log(server, worker_a), "event=worker_registered ");
    int succeeded = (int)server_metric(server, SUCCEEDED);
    separate_hosts_cut_off(HOST_A);
    int64_t cut_ms = clock_monotonic_ms();
    server_start_worker(server, worker_b);
    wait_for_words(quick_job, "Compiled the package's 1 module", 1);
    server_expect_success(server, quick_job);
    sleep_until(cut_ms + cut_off_ms - SENT_BEFORE_MS);
    assert_int_equal(unlink(hold_file()), 0);
    if (!wait_until(is_built, NULL, PATIENCE_MS)) fail_msg("the worker that was cut off does not go on with its build");
    sleep_until(cut_ms + cut_off_ms);
    assert_int_equal((int)server_metric(server, LATE_RESULTS), 0);
    separate_hosts_reconnect(HOST_A);

    if (!wait_until(late_result_came, NULL, PATIENCE_MS)) fail_msg("%s", server_worker_log(server, worker_a));
    server_expect_success(server, slow_job);
    matrix_wait_for_worker_log(server, worker_a, arena_format(&server->arena, "event=job_lost job=%s", slow_job), 1);
    expect_written_once("late-result");
    expect_written_once("late-build");
    assert_int_equal((int)server_metric(server, SUCCEEDED), succeeded + 2);
    assert_true(matrix_count_in(server_worker_log(server, worker_a), "event=worker_registered ") > hellos);
    print_message("             cut off for %d ms; refused as too late: %d results, %d times lines\n", (int)cut_off_ms,
                  (int)server_metric(server, LATE_RESULTS), (int)server_metric(server, LATE_LINES));
}

static void it_takes_new_work_by_itself(void **state) {
    (void)state;
    if (!has_network) skip();
    const struct package package = {"after-the-cut", "1.0.0", .pragma = NULL};
    server_terminate_worker(server, worker_b);
    server_expect_published(server, &package);
    matrix_expect_compilers(server, "after-the-cut", "1.0.0", "0.15.14 0.15.15");
}

/* Each connection has a timer: the keepalive timer or, if data is unacknowledged, the retransmission timer. */
static void a_machine_that_vanishes_leaves_no_connection_for_ever(void **state) {
    (void)state;
    if (!has_network) skip();
    const char *connections = shell_output(&server->arena, "ss -Htno state established sport = :9200");
    int count = matrix_count_in(connections, "\n");
    if (count == 0 || matrix_count_in(connections, "timer:(") != count || !strstr(connections, "timer:(keepalive,"))
        fail_msg("%s", connections);
}

static void jobs_without_a_download_are_given_back_with_the_reason(void **state) {
    (void)state;
    if (!has_network) skip();
    const struct package package = {"no-download", "1.0.0", .pragma = NULL};
    server_terminate_worker(server, worker_a);
    server_expect_published(server, &package);
    const char *id = matrix_wait_for_job(server, "no-download", "1.0.0", "0.15.14");
    server_kill(server, SERVER_GATEWAY);
    server_start_worker(server, worker_b);
    matrix_wait_for_worker_log(server, worker_b, arena_format(&server->arena, "event=job_handed_back job=%s", id), 1);
    server_start_program(server, SERVER_GATEWAY);
    server_wait_until_answering(server);
    matrix_expect_verdict(server, "no-download", "1.0.0", "0.15.14", "succeeded");
    wait_for_words(id, "Handed back by the build worker without a build: ", 1);
    server_terminate_worker(server, worker_b);
}

static void a_worker_that_is_cut_off_can_be_stopped(void **state) {
    (void)state;
    if (!has_network) skip();
    int hellos = matrix_count_in(server_worker_log(server, worker_b), "event=worker_registered ");
    server_start_worker(server, worker_b);
    matrix_wait_for_worker_log(server, worker_b, "event=worker_registered ", hellos + 1);
    separate_hosts_cut_off(HOST_B);
    server_terminate_worker(server, worker_b);
    separate_hosts_reconnect(HOST_B);
}

/* Starts a program at an address that other machines can reach. */
static void expect_no_start_without_key(const char *program, const char *const *environment) {
    struct child_process child = {0};
    const char *settings[SERVER_SETTINGS_MAX] = {
        "BUILD_WORKER_ADDRESS=tcp://" SEPARATE_HOSTS_OWN ":9201",
        "BUILD_WORKER_KEY=", arena_format(&server->arena, "MATRIX_DIR=%s/keyless", server->folder),
        arena_format(&server->arena, "BUILD_DIR=%s/keyless-build", server->folder),
        arena_format(&server->arena, "BUILD_MATRIX_ADDRESS=ipc://%s/keyless.ipc", server->folder)};
    for (int i = 5; i < SERVER_SETTINGS_MAX - 1 && *environment; i++)
        settings[i] = *environment++;
    const char *const arguments[] = {arena_format(&server->arena, "%s/%s", server->programs, program),
                                     strstr(program, "worker") ? server_sandbox_option() : NULL, NULL};
    const char *log = arena_format(&server->arena, "%s/%s-keyless.log", server->folder, program);
    child_start(&child, arguments, settings, server->folder, log);
    if (!wait_until(has_ended, &child, PATIENCE_MS)) fail_msg("%s starts without a key", program);
    const char *said = read_file(&server->arena, log);
    assert_non_null(strstr(said, "event=program_failed "));
    assert_non_null(
        strstr(said, "can be reached from other machines: set BUILD_WORKER_KEY to the same value for all programs"));
}

static void nobody_starts_without_a_key_at_an_address_that_others_reach(void **state) {
    (void)state;
    if (!has_network) skip();
    expect_no_start_without_key("registry-build-matrix", server->environments[SERVER_BUILD_MATRIX]);
    expect_no_start_without_key("registry-build-worker", server->worker_environments[0]);
}

static void builds_are_asked_for_and_answered_over_tls(void **state) {
    (void)state;
    if (!has_network) skip();
    struct git_fixture files;
    git_fixture_make(&files);
    git_fixture_make_authority(&files);
    const char *const settings[] = {
        "BUILD_WORKER_ADDRESS=tls+tcp://localhost:9202",
        KEY,
        arena_format(&files.arena, "BUILD_WORKER_TLS_CERTIFICATE=%s", git_fixture_file(&files, "host.pem")),
        arena_format(&files.arena, "BUILD_WORKER_TLS_KEY=%s", git_fixture_file(&files, "host.key")),
        arena_format(&files.arena, "BUILD_WORKER_TLS_CA=%s", git_fixture_file(&files, "authority.pem")),
        NULL};
    const struct package package = {"encrypted", "1.0.0", .pragma = NULL};
    struct server *other = server_start(&(struct server_options){.settings = settings, .workers = 1});
    server_expect_published(other, &package);
    matrix_expect_compilers(other, "encrypted", "1.0.0", "0.15.14 0.15.15");
    server_stop(other);
    git_fixture_remove(&files);
}

int main(int argument_count, char **arguments) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_worker_with_another_key_gets_no_work_and_says_why),
        cmocka_unit_test(a_worker_that_is_cut_off_writes_nothing_late_and_comes_back),
        cmocka_unit_test(it_takes_new_work_by_itself),
        cmocka_unit_test(a_machine_that_vanishes_leaves_no_connection_for_ever),
        cmocka_unit_test(jobs_without_a_download_are_given_back_with_the_reason),
        cmocka_unit_test(a_worker_that_is_cut_off_can_be_stopped),
        cmocka_unit_test(nobody_starts_without_a_key_at_an_address_that_others_reach),
        cmocka_unit_test(builds_are_asked_for_and_answered_over_tls),
    };
    if (argument_count > 1) cut_off_ms = (int64_t)atoi(arguments[1]) * 1000;
    if (cut_off_ms < CUT_OFF_AT_LEAST_MS) cut_off_ms = CUT_OFF_AT_LEAST_MS;
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
