/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Behaviour of a build worker: its registration, which jobs it gets, how it stops, and each verdict of a build (except
 * compiler_missing: a worker gets no job for a compiler that it lacks). Each test starts the workers that it needs.
 */
#include "tests/support/cmocka_all.h"

#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "lib/base/text.h"
#include "lib/store/job/job_store.h"
#include "lib/store/redis/matrix_store.h"
#include "tests/support/matrix_scene.h"
#include "tests/support/shell.h"

#define COMPILER "0.15.16"
#define ALARMS "registry_alarms_total{program=\"build-matrix\"}"
#define MEMORY_BYTES "536870912"
#define DISK_BYTES "134217728"

enum { TIMES_LOST = 3 };

static struct server *server;
static struct job_store *store;
static int standard, few_compilers, hasty; /* workers, none of which runs between the tests */

static int add(const char *const *settings) {
    int worker = server_add_worker(server, &(struct server_worker){.settings = settings});
    matrix_wait_for_worker_log(server, worker, "event=worker_registered ", 1);
    return worker;
}

static int set_up(void **state) {
    (void)state;
    static const char *const settings[] = {"LEASE_MS=1000", "MATRIX_TIMEOUT_MS=30000", NULL};
    struct error err;
    server = server_start(&(struct server_options){.settings = settings, .workers = 1, .compilers = "0_15_15 0_15_16"});
    server_terminate_worker(server, standard);
    if (job_store_create(&store, redis_server_url(server->redis), PATIENCE_MS, &err)) fail_msg("%s", err.message);
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    job_store_free(store);
    server_stop(server);
    return 0;
}

/* ---- Checks ---- */

static const char *job_of(const char *package) {
    return matrix_wait_for_job(server, package, "1.0.0", COMPILER);
}

static int attempts_of(const char *id) {
    struct arena arena = {0};
    struct job job;
    struct error err;
    if (job_store_get(store, id, &arena, &job, &err)) fail_msg("%s", err.message);
    int attempts = job.attempts;
    arena_release(&arena);
    return attempts;
}

static const char *wait_for_log(const char *id) {
    json_t *job = server_wait_for_job(server, id);
    const char *log = server_log_text(server, job);
    json_decref(job);
    return log;
}

/* True if a build is under way in the folder. */
static bool is_building(void *folder) {
    return *shell_output(&server->arena, "ls '%s/runs'", (const char *)folder) != '\0';
}

static void wait_for_begin(int worker) {
    char *folder = arena_format(&server->arena, "%s/build-%d", server->folder, worker);
    if (!wait_until(is_building, folder, PATIENCE_MS)) fail_msg("nothing is built in %s", folder);
}

/* SIGTERM, without waiting. The second function waits for the exit, which must be successful. */
static void tell_to_stop(int worker) {
    kill(server->workers[worker].pid, SIGTERM);
}

static void wait_for_end(int worker) {
    int status = child_stop(&server->workers[worker], 0, PATIENCE_MS);
    if (status) fail_msg("the worker ended with %d: %s", status, server_worker_log(server, worker));
}

/* The workers that build-matrix knows, at most one; `slots` and `busy_slots` are that worker's. */
struct known_worker {
    size_t count;
    int64_t slots, busy_slots;
};

static struct known_worker known_worker(void) {
    struct arena arena = {0};
    struct worker_entry *workers = NULL;
    struct known_worker out = {0};
    struct error err;
    if (worker_list_read(store, &arena, &workers, &out.count, &err)) fail_msg("%s", err.message);
    if (out.count > 1) fail_msg("%zu workers are known", out.count);
    if (out.count == 1) {
        out.slots = workers[0].slots;
        out.busy_slots = workers[0].busy_slots;
    }
    arena_release(&arena);
    return out;
}

static bool is_leaving(void *context) {
    struct known_worker *worker = context;
    *worker = known_worker();
    return worker->count == 1 && worker->slots == 0;
}

static bool is_known(void *context) {
    (void)context;
    return known_worker().count == 1;
}

static void expect_reason(const char *package, const char *verdict, const char *words) {
    json_t *job = matrix_wait_for_build(server, package, "1.0.0", COMPILER);
    const char *reason = server_last_error(server, job);
    if (strcmp(server_job_text(job, "verdict"), verdict) != 0 || !strstr(reason, words))
        fail_msg("%s: %s", server_job_text(job, "verdict"), server_log_text(server, job));
    assert_string_equal(matrix_compilers_of(server, package, "1.0.0"), "0.15.15");
    json_decref(job);
}

/* ---- Registration ---- */

static void a_worker_says_what_it_is_and_has(void **state) {
    (void)state;
    static const char *const settings[] = {"BUILD_MEMORY_BYTES=" MEMORY_BYTES, "BUILD_DISK_BYTES=" DISK_BYTES, "BUILD_SLOTS=1",
                                           "DRAIN_MS=200", NULL};
    struct arena arena = {0};
    struct worker_entry *workers = NULL, *found = NULL;
    size_t count = 0;
    struct error err;
    hasty = add(settings);
    if (worker_list_read(store, &arena, &workers, &count, &err)) fail_msg("%s", err.message);
    for (size_t i = 0; i < count; i++)
        if (strstr(server_worker_log(server, hasty), workers[i].id)) found = &workers[i];
    assert_non_null(found);
    assert_string_equal(found->compilers, "0.15.15 0.15.16");
    assert_string_equal(found->program, REGISTRY_VERSION);
    assert_int_equal(found->slots, 1);
    assert_int_equal(found->memory_bytes, 536870912);
    assert_int_equal(found->disk_bytes, 134217728);
    assert_true(text_starts_with(found->id, found->host));
    arena_release(&arena);
    int services_nice = getpriority(PRIO_PROCESS, (id_t)server->children[SERVER_PUBLISH].pid);
    int worker_nice = getpriority(PRIO_PROCESS, (id_t)server->workers[hasty].pid);
    assert_true(worker_nice > services_nice || worker_nice == 19); /* publications on the same machine go first */
    server_terminate_worker(server, hasty);
}

static void a_worker_without_the_compiler_gets_no_job_for_it(void **state) {
    (void)state;
    const char *folder = arena_format(&server->arena, "%s/few-compilers", server->folder);
    const char *const settings[] = {arena_format(&server->arena, "REGISTRY_COMPILERS=%s", folder), NULL};
    shell_run("mkdir '%s' && cp '%s/compilers/purs-0_15_15' '%s'", folder, server->folder, folder);
    few_compilers = add(settings);
    const struct package package = {"not-for-me", "1.0.0", .pragma = NULL}, other = {"for-me", "1.0.0", .pragma = NULL};
    server_expect_published(server, &package);
    matrix_publish_with(server, &other, COMPILER);
    matrix_expect_verdict(server, "for-me", "1.0.0", "0.15.15", "succeeded"); /* made after the other job */
    server_wait_for_state(server, job_of("not-for-me"), "pending");
    server_start_worker(server, standard);
    matrix_expect_verdict(server, "not-for-me", "1.0.0", COMPILER, "succeeded");
    assert_int_equal(matrix_count_in(wait_for_log(job_of("not-for-me")), "Assigned to the build worker"), 1);
    server_terminate_worker(server, few_compilers);
    server_terminate_worker(server, standard);
}

static void workers_that_share_a_store_find_what_the_other_has_built(void **state) {
    (void)state;
    const struct package base = {"share-base", "1.0.0", .pragma = NULL},
                         top = {"share-top", "1.0.0", {{"share-base", ">=1.0.0 <2.0.0"}}, .pragma = NULL};
    server_start_worker(server, standard);
    server_expect_published(server, &base);
    matrix_expect_verdict(server, "share-base", "1.0.0", COMPILER, "succeeded");
    server_start_worker(server, hasty);
    server_terminate_worker(server, standard);
    server_expect_published(server, &top);
    json_t *job = matrix_wait_for_build(server, "share-top", "1.0.0", COMPILER);
    const json_t *build = json_object_get(job, "build");
    assert_int_equal(json_integer_value(json_object_get(build, "compiled")), 1);
    assert_int_equal(json_integer_value(json_object_get(build, "reused")), 1);
    json_decref(job);
    server_terminate_worker(server, hasty);
}

/* An entry may be evicted from the store before its dependants, or be added while another worker looks. */
static void dependants_of_missing_entries_are_compiled_again(void **state) {
    (void)state;
    const struct package base = {"gap-base", "1.0.0", .pragma = NULL},
                         middle = {"gap-middle", "1.0.0", {{"gap-base", ">=1.0.0 <2.0.0"}}, .pragma = NULL},
                         top = {"gap-top", "1.0.0", {{"gap-middle", ">=1.0.0 <2.0.0"}}, .pragma = NULL};
    server_start_worker(server, standard);
    server_expect_published(server, &base);
    matrix_expect_verdict(server, "gap-base", "1.0.0", COMPILER, "succeeded");
    server_expect_published(server, &middle);
    matrix_expect_verdict(server, "gap-middle", "1.0.0", COMPILER, "succeeded");
    const char *removed = shell_output(&server->arena,
                                       "cd '%s' && find . -path '*/output/%s' | while read -r module; do "
                                       "entry=$(dirname \"$(dirname \"$module\")\"); rm -r \"$entry\"; echo \"$entry\"; done",
                                       server->folder, package_module(&server->arena, "gap-base"));
    assert_true(matrix_count_in(removed, "\n") >= 1);
    server_expect_published(server, &top);
    json_t *job = matrix_wait_for_build(server, "gap-top", "1.0.0", COMPILER);
    const json_t *build = json_object_get(job, "build");
    assert_string_equal(server_job_text(job, "verdict"), "succeeded");
    assert_int_equal(json_integer_value(json_object_get(build, "compiled")), 3);
    assert_int_equal(json_integer_value(json_object_get(build, "reused")), 0);
    json_decref(job);
    server_terminate_worker(server, standard);
}

/* ---- How it stops ---- */

static void a_worker_that_is_told_to_stop_finishes_what_it_has(void **state) {
    (void)state;
    const struct package slow = {"last-build", "1.0.0", .pragma = "sleep-from 0.15.16 8000"},
                         next = {"no-more", "1.0.0", .pragma = NULL};
    server_start_worker(server, standard);
    server_expect_published(server, &slow);
    wait_for_begin(standard);
    int drains = matrix_count_in(server_worker_log(server, standard), "event=drain_started ");
    tell_to_stop(standard);
    matrix_wait_for_worker_log(server, standard, "event=drain_started ", drains + 1);
    struct known_worker leaving = {0};
    if (!wait_until(is_leaving, &leaving, PATIENCE_MS)) fail_msg("%d slots are still counted", (int)leaving.slots);
    assert_int_equal(leaving.busy_slots, 1);
    server_expect_published(server, &next);
    wait_for_end(standard);
    assert_int_equal(known_worker().count, 0);
    server_expect_success(server, job_of("last-build"));
    assert_int_equal(attempts_of(job_of("last-build")), 1);
    matrix_expect_compilers(server, "last-build", "1.0.0", "0.15.15 0.15.16");
    assert_int_equal(matrix_count_commits(server, "Add compiler 0.15.16 to last-build@1.0.0"), 1);
    server_wait_for_state(server, job_of("no-more"), "pending");
    assert_int_equal(attempts_of(job_of("no-more")), 0);
    server_start_worker(server, standard);
    server_expect_success(server, job_of("no-more"));
    server_terminate_worker(server, standard);
}

/* Jobs planned afterwards are not divided among workers that have left. */
static void a_worker_that_said_goodbye_is_gone_at_once(void **state) {
    (void)state;
    for (int i = 0; i < 3; i++) {
        server_start_worker(server, standard);
        if (!wait_until(is_known, NULL, PATIENCE_MS)) fail_msg("it does not come");
        server_terminate_worker(server, standard);
        assert_int_equal(known_worker().count, 0);
        assert_int_equal((int)server_metric(server, "registry_build_workers{program=\"build-matrix\"}"), 0);
    }
}

static void a_build_too_long_for_the_drain_is_handed_back(void **state) {
    (void)state;
    const struct package slow = {"handed-back", "1.0.0", .pragma = "sleep-from 0.15.16 6000"};
    server_start_worker(server, hasty);
    server_expect_published(server, &slow);
    wait_for_begin(hasty);
    tell_to_stop(hasty);
    wait_for_end(hasty);
    assert_non_null(strstr(server_worker_log(server, hasty), "event=builds_handed_back "));
    server_wait_for_state(server, job_of("handed-back"), "pending");
    assert_int_equal(attempts_of(job_of("handed-back")), 0);
    server_start_worker(server, standard);
    server_expect_success(server, job_of("handed-back"));
    const char *log = wait_for_log(job_of("handed-back"));
    assert_int_equal(matrix_count_in(log, "Assigned to the build worker"), 2);
    assert_int_equal(matrix_count_in(log, "Handed back by the build worker without a build: "), 1);
    assert_int_equal(matrix_count_in(log, "It will be retried"), 0);
    assert_int_equal(attempts_of(job_of("handed-back")), 1);
    matrix_expect_compilers(server, "handed-back", "1.0.0", "0.15.15 0.15.16");
    server_terminate_worker(server, standard);
}

/* ---- A whole package set ---- */

/* Its build, ended, as an update of the set asks for it: the package and its plan, which has more than it depends on. */
static json_t *build_set(const char *package, const char *plan) {
    struct job_request request = {.kind = JOB_KIND_MATRIX,
                                  .payload = plan,
                                  .package = package,
                                  .version = "1.0.0",
                                  .compiler = COMPILER,
                                  .actor = "anonymous",
                                  .purpose = MATRIX_PURPOSE_SET};
    struct job_accepted accepted;
    struct error err;
    hash_random_uuid(request.id);
    if (job_store_accept(store, &request, NULL, &accepted, &err)) fail_msg("%s", err.message);
    return server_wait_for_job(server, accepted.id);
}

static void expect_set(json_t *job, const char *verdict, int reused) {
    const json_t *build = json_object_get(job, "build");
    if (strcmp(server_job_text(job, "verdict"), verdict) != 0) fail_msg("%s", server_log_text(server, job));
    assert_int_equal(json_integer_value(json_object_get(build, "compiled")), 0);
    assert_int_equal(json_integer_value(json_object_get(build, "reused")), reused);
}

static void a_whole_package_set_is_built_from_the_store(void **state) {
    (void)state;
    const struct package packages[] = {
        {"set-one", "1.0.0", .pragma = NULL},
        {"set-two", "1.0.0", .pragma = NULL},
        {"set-clash", "1.0.0", .files = {{"src/More.purs", "module Flow.SetOne where\n"}}},
    };
    server_start_worker(server, standard);
    for (int i = 0; i < 3; i++) {
        server_expect_published(server, &packages[i]);
        matrix_expect_verdict(server, packages[i].name, "1.0.0", COMPILER, "succeeded");
    }
    json_t *job = build_set("set-two", "{\"set-one\":\"1.0.0\"}");
    expect_set(job, "succeeded", 2);
    json_decref(job);
    job = build_set("set-two", "{\"set-clash\":\"1.0.0\",\"set-one\":\"1.0.0\"}");
    expect_set(job, "failed_to_compile", 4);
    assert_string_equal(server_last_error(server, job), "The packages do not compile together with compiler " COMPILER
                                                        ": 1 error in set-clash-1.0.0 and set-one-1.0.0.");
    json_decref(job);
    server_terminate_worker(server, standard);
}

/* ---- Verdicts ---- */

static void a_tarball_that_is_gone_is_a_missing_dependency(void **state) {
    (void)state;
    const struct package gone = {"tarball-gone", "1.0.0", .pragma = NULL}, other = {"other-tarball", "1.0.0", .pragma = NULL};
    server_expect_published(server, &gone);
    server_expect_published(server, &other);
    shell_run("rm '%s/storage/tarball-gone/1.0.0.tar.gz' && echo 'Not it.' >'%s/storage/other-tarball/1.0.0.tar.gz'",
              server->folder, server->folder);
    int alarms = (int)server_metric(server, ALARMS);
    server_start_worker(server, standard);
    expect_reason("tarball-gone", "dependency_missing", "Cannot download the tarball of tarball-gone@1.0.0");
    expect_reason("other-tarball", "dependency_missing", "in storage does not match the metadata");
    assert_int_equal((int)server_metric(server, ALARMS) - alarms, 2);
}

/* Makes a job as the planner does. Returns true if it is new. */
static bool ask_again(const char *package) {
    struct job_request request = {.kind = JOB_KIND_MATRIX,
                                  .payload = "{}",
                                  .package = package,
                                  .version = "1.0.0",
                                  .compiler = COMPILER,
                                  .actor = "anonymous",
                                  .purpose = MATRIX_PURPOSE_SWEEP};
    struct job_accepted accepted;
    struct error err;
    hash_random_uuid(request.id);
    if (job_store_accept(store, &request, NULL, &accepted, &err)) fail_msg("%s", err.message);
    if (accepted.created) server_expect_success(server, accepted.id);
    return accepted.created;
}

static void a_tarball_that_is_back_is_built_by_the_next_sweep(void **state) {
    (void)state;
    const struct package package = {"comes-back", "1.0.0", .pragma = NULL};
    server_terminate_worker(server, standard);
    server_expect_published(server, &package);
    shell_run("mv '%s/storage/comes-back' '%s/comes-back'", server->folder, server->folder);
    server_start_worker(server, standard);
    expect_reason("comes-back", "dependency_missing", "Cannot download the tarball of comes-back@1.0.0");
    shell_run("mv '%s/comes-back' '%s/storage/comes-back'", server->folder, server->folder);
    assert_true(ask_again("comes-back"));
    matrix_expect_compilers(server, "comes-back", "1.0.0", "0.15.15 0.15.16");
}

/* As if BUILD_DOWNLOAD_URL were wrong: every download gets a 404. */
static void an_address_that_has_no_tarballs_is_no_verdict(void **state) {
    (void)state;
    const struct package package = {"nowhere", "1.0.0", .pragma = NULL};
    server_terminate_worker(server, standard);
    server_expect_published(server, &package);
    int alarms = (int)server_metric(server, ALARMS);
    shell_run("mv '%s/storage' '%s/elsewhere' && mkdir '%s/storage'", server->folder, server->folder, server->folder);
    server_start_worker(server, standard);
    matrix_wait_for_worker_log(server, standard,
                               arena_format(&server->arena, "event=job_handed_back job=%s", job_of("nowhere")), 2);
    shell_run("rmdir '%s/storage' && mv '%s/elsewhere' '%s/storage'", server->folder, server->folder, server->folder);
    server_expect_success(server, job_of("nowhere"));
    const char *log = wait_for_log(job_of("nowhere"));
    assert_true(matrix_count_in(log, "The other tarballs are missing, too: check BUILD_DOWNLOAD_URL") >= 2);
    assert_int_equal((int)server_metric(server, ALARMS) - alarms, 0);
    matrix_expect_compilers(server, "nowhere", "1.0.0", "0.15.15 0.15.16");
}

static void an_endless_build_is_timed_out(void **state) {
    (void)state;
    const struct package endless = {"endless", "1.0.0", .pragma = "sleep-from 0.15.16 600000"};
    server_expect_published(server, &endless);
    expect_reason("endless", "timed_out", "time limit");
    server_terminate_worker(server, standard);
}

static void a_job_whose_workers_are_lost_three_times_is_given_up(void **state) {
    (void)state;
    const struct package package = {"loses-workers", "1.0.0", .pragma = "sleep-from 0.15.16 600000"};
    server_expect_published(server, &package);
    for (int i = 0; i < TIMES_LOST; i++) {
        server_start_worker(server, standard);
        server_wait_for_state(server, job_of("loses-workers"), "running");
        server_kill_worker(server, standard);
        if (i + 1 < TIMES_LOST) server_wait_for_state(server, job_of("loses-workers"), "pending");
    }
    expect_reason("loses-workers", "worker_lost", "3 times in a row, so it was given up");
    assert_int_equal((int)server_metric(server, "registry_matrix_jobs_total{verdict=\"worker_lost\",program=\"build-matrix\"}"),
                     1);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_worker_says_what_it_is_and_has),
        cmocka_unit_test(a_worker_without_the_compiler_gets_no_job_for_it),
        cmocka_unit_test(workers_that_share_a_store_find_what_the_other_has_built),
        cmocka_unit_test(dependants_of_missing_entries_are_compiled_again),
        cmocka_unit_test(a_worker_that_is_told_to_stop_finishes_what_it_has),
        cmocka_unit_test(a_worker_that_said_goodbye_is_gone_at_once),
        cmocka_unit_test(a_build_too_long_for_the_drain_is_handed_back),
        cmocka_unit_test(a_whole_package_set_is_built_from_the_store),
        cmocka_unit_test(a_tarball_that_is_gone_is_a_missing_dependency),
        cmocka_unit_test(a_tarball_that_is_back_is_built_by_the_next_sweep),
        cmocka_unit_test(an_address_that_has_no_tarballs_is_no_verdict),
        cmocka_unit_test(an_endless_build_is_timed_out),
        cmocka_unit_test(a_job_whose_workers_are_lost_three_times_is_given_up),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
