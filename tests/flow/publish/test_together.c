/* SPDX-License-Identifier: BSD-3-Clause
 *
 * A release of several packages at once (lib/domain/README.md, Publish, step 6): a package that depends on a version under
 * publication waits for it, even if a process ends meanwhile, and continues when that publication has ended. To make this
 * certain, the test holds the index repository's lock, for which the first publication then waits at its commit.
 */
#include "tests/support/cmocka_all.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "lib/store/redis/lock.h"
#include "lib/store/registry/change_queue.h"
#include "tests/support/registry_check.h"
#include "tests/support/server/second_service.h"
#include "tests/support/shell.h"
#include "tests/support/trustee_call.h"

#define TOKEN "ghp_TheTokenOfTrusteesInTests0123456"
#define TOKEN_SHA256 "3007818886d837056e9ed98d3ebbc15904a5bd83d69adade61e20fa53aaf2ec7"

enum { STORE_TIMEOUT_MS = 60000, LOCK_MS = 120000, CHILD_TIMEOUT_MS = 60000 };

struct scene {
    struct server *server;
    struct job_store *store;
    struct lock lock;
};

static struct scene *begin(const struct server_options *options) {
    struct scene *scene = calloc(1, sizeof *scene);
    struct error err;
    assert_non_null(scene);
    scene->server = server_start(options);
    if (job_store_create(&scene->store, redis_server_url(scene->server->redis), STORE_TIMEOUT_MS, &err))
        fail_msg("%s", err.message);
    return scene;
}

static void release_scene(struct scene *scene) {
    job_store_free(scene->store);
    registry_expect_consistency(scene->server);
    server_stop(scene->server);
    free(scene);
}

static void end(struct scene *scene) {
    registry_expect_one_commit_each(scene->server);
    release_scene(scene);
}

/* Stops all commits, until the next function ends it. */
static void hold_commits(struct scene *scene) {
    struct error err;
    if (lock_take(scene->store, CHANGE_QUEUE_INDEX, LOCK_MS, PATIENCE_MS, &scene->lock, &err)) fail_msg("%s", err.message);
}

static void let_commit(struct scene *scene) {
    struct error err;
    enum status status;
    while ((status = lock_release(scene->store, &scene->lock, &err)) == STATUS_UNAVAILABLE) { /* Redis was killed */
    }
    if (status) fail_msg("%s", err.message);
}

/* ---- The logs ---- */

struct wanted_line {
    struct server *server;
    const char *id, *line, *log;
};

static bool has_line(void *context) {
    struct wanted_line *wanted = context;
    json_t *job = server_get(wanted->server, arena_format(&wanted->server->arena, "/api/v1/jobs/%s?level=DEBUG", wanted->id));
    wanted->log = server_log_text(wanted->server, job);
    json_decref(job);
    return strstr(wanted->log, wanted->line) != NULL;
}

static void wait_for_line(struct scene *scene, const char *id, const char *line) {
    struct wanted_line wanted = {.server = scene->server, .id = id, .line = line};
    if (!wait_until(has_line, &wanted, PATIENCE_MS)) fail_msg("no \"%s\" in:\n%s", line, wanted.log);
}

static bool log_has(struct scene *scene, const char *id, const char *line) {
    struct wanted_line wanted = {.server = scene->server, .id = id, .line = line};
    return has_line(&wanted);
}

/* Waits until the job is pending again because of the other one. */
static void wait_until_waiting(struct scene *scene, const char *id, const char *other, const char *other_id) {
    wait_for_line(
        scene, id,
        arena_format(&scene->server->arena, "NOTICE Waiting for the publication of %s@1.0.0 (job %s).", other, other_id));
    server_wait_for_state(scene->server, id, "pending");
}

static void expect_failed(struct scene *scene, const char *id, const char *sentence) {
    json_t *job = server_wait_for_job(scene->server, id);
    assert_string_equal(server_last_error(scene->server, job), sentence);
    json_decref(job);
}

/* The attempts that the job has used. */
static int attempts(struct scene *scene, const char *id) {
    struct arena arena = {0};
    struct job job;
    struct error err;
    if (job_store_get(scene->store, id, &arena, &job, &err)) fail_msg("%s", err.message);
    int count = job.attempts;
    arena_release(&arena);
    return count;
}

/* ---- A release: top depends on middle and base, middle on base ---- */

#define BASE(prefix)                                                                                                           \
    { prefix "-base", "1.0.0", .pragma = NULL }
#define MIDDLE(prefix)                                                                                                         \
    {                                                                                                                          \
        prefix "-middle", "1.0.0", .dependencies = { {prefix "-base", ">=1.0.0 <2.0.0"} }                                      \
    }
#define TOP(prefix)                                                                                                            \
    {                                                                                                                          \
        prefix "-top", "1.0.0", .dependencies = { {prefix "-base", ">=1.0.0 <2.0.0"}, {prefix "-middle", ">=1.0.0 <2.0.0"} }   \
    }
#define RELEASE(prefix)                                                                                                        \
    { BASE(prefix), MIDDLE(prefix), TOP(prefix) }
enum { RELEASE_PACKAGES = 3 };

struct release {
    const struct package *packages;
    const char *ids[RELEASE_PACKAGES];
};

/* Posts all three; they get no further than the first one's commit. */
static struct release begin_release(struct scene *scene, const struct package packages[RELEASE_PACKAGES]) {
    struct release release = {.packages = packages};
    hold_commits(scene);
    for (int i = 0; i < RELEASE_PACKAGES; i++)
        release.ids[i] = server_post_package(scene->server, &packages[i]);
    return release;
}

static void wait_until_all_waiting(struct scene *scene, const struct release *release) {
    const char *base = release->packages[0].name, *middle = release->packages[1].name;
    wait_until_waiting(scene, release->ids[1], base, release->ids[0]);
    wait_until_waiting(scene, release->ids[2], base, release->ids[0]);
    wait_until_waiting(scene, release->ids[2], middle, release->ids[1]);
    wait_for_line(scene, release->ids[0], "INFO Compiled ");
}

static void expect_all_published(struct scene *scene, const struct release *release) {
    for (int i = 0; i < RELEASE_PACKAGES; i++)
        server_expect_success(scene->server, release->ids[i]);
}

/* No scans for jobs: only the end of the other one wakes them. */
static const char *const no_scan[] = {"PENDING_SCAN_MS=0", "PACCHETTIBOTTI_TOKEN=" TOKEN, NULL};

static void a_release_is_published_in_the_order_of_its_dependencies(void **state) {
    struct scene *scene = *state;
    const struct package packages[] = RELEASE("first");
    struct release release = begin_release(scene, packages);
    wait_until_all_waiting(scene, &release);
    for (int i = 1; i < RELEASE_PACKAGES; i++)
        assert_int_equal(attempts(scene, release.ids[i]), 0);
    let_commit(scene);
    expect_all_published(scene, &release);
    for (int i = 0; i < RELEASE_PACKAGES; i++)
        assert_int_equal(attempts(scene, release.ids[i]), 1);
}

static void a_repeated_request_gets_the_job_that_waits(void **state) {
    struct scene *scene = *state;
    const struct package packages[] = RELEASE("twice");
    struct release release = begin_release(scene, packages);
    wait_until_all_waiting(scene, &release);
    for (int i = 0; i < RELEASE_PACKAGES; i++) {
        struct server_accepted again = server_publish(scene->server, package_request(&scene->server->arena, &packages[i]));
        assert_false(again.created);
        assert_string_equal(again.id, release.ids[i]);
    }
    let_commit(scene);
    expect_all_published(scene, &release);
}

/* The next version of a waiting package is published after it. */
static void the_order_of_a_package_is_kept_while_it_waits(void **state) {
    struct scene *scene = *state;
    const struct package packages[] = RELEASE("lane");
    const struct package next = {"lane-middle", "1.1.0", .pragma = NULL};
    struct release release = begin_release(scene, packages);
    wait_until_all_waiting(scene, &release);
    const char *next_id = server_post_package(scene->server, &next);
    const struct package other = {"lane-other", "1.0.0", .pragma = NULL};
    wait_for_line(scene, server_post_package(scene->server, &other), "INFO Compiled "); /* it would have begun by now */
    server_wait_for_state(scene->server, next_id, "pending");
    let_commit(scene);
    expect_all_published(scene, &release);
    server_expect_success(scene->server, next_id);
}

static void a_release_fails_with_what_it_waits_for(void **state) {
    struct scene *scene = *state;
    struct server *server = scene->server;
    const struct package packages[] = RELEASE("vain");
    struct release release = begin_release(scene, packages);
    wait_until_all_waiting(scene, &release);
    const char *object = arena_format(&server->arena, "%s/storage/vain-base/1.0.0.tar.gz", server->folder);
    shell_run("mkdir -p '%s/storage/vain-base'", server->folder);
    write_file(object, "not one of ours\n");
    let_commit(scene);
    json_t *job = server_wait_for_job(server, release.ids[0]);
    const char *why = server_last_error(server, job);
    assert_non_null(strstr(why, "The storage already holds a different tarball for vain-base@1.0.0"));
    expect_failed(scene, release.ids[1],
                  arena_format(&server->arena,
                               "Could not produce valid dependencies for manifest.\nvain-middle@1.0.0 has unsatisfied "
                               "dependencies: no version in the registry index fits vain-base "
                               ">=1.0.0 <2.0.0.\nThe publication of vain-base@1.0.0, which was accepted before this one (job "
                               "%s), failed: %s",
                               release.ids[0], why));
    json_decref(job);
    job = server_wait_for_job(server, release.ids[2]);
    assert_non_null(strstr(server_last_error(server, job), "\nThe publication of vain-base@1.0.0, which was accepted before "));
    json_decref(job);
    shell_run("rm -r '%s/storage/vain-base'", server->folder);

    /* All three again, retried by trustees: the later ones wait for the first one's retry. */
    hold_commits(scene);
    for (int i = 0; i < RELEASE_PACKAGES; i++) {
        const char *payload = arena_format(&server->arena, "{\"jobId\":\"%s\"}", release.ids[i]);
        release.ids[i] = trustee_expect_job(server, TOKEN, trustee_body(server, "retry", payload, "a-trustee", NULL));
    }
    wait_until_all_waiting(scene, &release);
    let_commit(scene);
    expect_all_published(scene, &release);
}

/* In both cases: the dependant has waited, or came after the end. */
static void a_dependency_that_failed_before_is_named(void **state) {
    struct scene *scene = *state;
    const struct package base = {"broken-base", "1.0.0", .pragma = "fail It is broken"}, middle = MIDDLE("broken");
    server_terminate(scene->server, SERVER_PUBLISH); /* so that the first has not ended before the second is accepted */
    const char *first = server_post_package(scene->server, &base), *id = server_post_package(scene->server, &middle);
    server_start_program(scene->server, SERVER_PUBLISH);
    expect_failed(
        scene, id,
        arena_format(&scene->server->arena,
                     "Could not produce valid dependencies for manifest.\nbroken-middle@1.0.0 has unsatisfied dependencies: no "
                     "version in the registry index fits "
                     "broken-base >=1.0.0 <2.0.0.\nThe publication of broken-base@1.0.0, which was accepted before this "
                     "one (job %s), failed: broken-base@1.0.0 does not compile with compiler 0.15.15: 1 error, shown "
                     "above.",
                     first));
}

/* An attacker floods a package with requests that fail; each of them could be the version that the other package waits for. */
static void a_package_whose_publications_keep_failing_is_not_waited_for(void **state) {
    enum { FAILING = 5 };
    struct scene *scene = *state;
    struct server *server = scene->server;
    const struct package package = {"patient", "1.0.0", .dependencies = {{"flooded", ">=1.0.0 <2.0.0"}}};
    const char *first = NULL;
    hold_commits(scene);
    server_terminate(server, SERVER_PUBLISH); /* so that none has ended before the last one is accepted */
    for (int i = 0; i < FAILING; i++) {
        const struct package failing = {"flooded", arena_format(&server->arena, "1.0.%d", i), .pragma = "fail It is broken"};
        const char *id = server_post_package(server, &failing);
        if (i == 0) first = id;
    }
    const struct package last = {"flooded", "1.1.0", .pragma = NULL};
    const char *last_id = server_post_package(server, &last), *id = server_post_package(server, &package);
    server_start_program(server, SERVER_PUBLISH);
    expect_failed(
        scene, id,
        arena_format(&server->arena,
                     "Could not produce valid dependencies for manifest.\n"
                     "patient@1.0.0 has unsatisfied dependencies: no version in the registry index fits flooded >=1.0.0 "
                     "<2.0.0.\nThe publication of flooded@1.0.0, which was accepted before this one (job %s), failed: "
                     "flooded@1.0.0 does not compile with compiler 0.15.15: 1 error, shown above.",
                     first));
    json_t *job = server_get(server, arena_format(&server->arena, "/api/v1/jobs/%s", last_id));
    assert_null(json_object_get(job, "finishedAt"));
    json_decref(job);
    let_commit(scene);
    server_expect_success(server, last_id);
}

static void versions_chosen_by_a_client_are_waited_for(void **state) {
    struct scene *scene = *state;
    struct server *server = scene->server;
    const struct package old = {"chosen", "0.9.0", .pragma = NULL}, chosen = {"chosen", "1.0.0", .pragma = NULL},
                         package = {"choosing", "1.0.0", .dependencies = {{"chosen", ">=0.9.0 <2.0.0"}}};
    server_expect_published(server, &old); /* which the range allows, too */
    hold_commits(scene);
    const char *first = server_post_package(server, &chosen);
    package_push(arena_format(&server->arena, "%s/sources", server->folder), &package);
    const char *id =
        server_publish(server,
                       "{\"name\": \"choosing\", \"version\": \"1.0.0\", \"ref\": \"v1.0.0\", \"compiler\": \"0.15.15\", "
                       "\"location\": {\"githubOwner\": \"flow\", \"githubRepo\": \"purescript-choosing\"}, "
                       "\"resolutions\": {\"chosen\": \"1.0.0\"}}")
            .id;
    wait_until_waiting(scene, id, "chosen", first);
    let_commit(scene);
    server_expect_success(server, id);
    assert_true(log_has(scene, id, "INFO Building with compiler 0.15.15 and chosen@1.0.0."));
}

static void a_fitting_version_is_enough(void **state) {
    struct scene *scene = *state;
    const struct package old = {"enough", "1.0.0", .pragma = NULL}, newer = {"enough", "1.1.0", .pragma = NULL},
                         package = {"needing", "1.0.0", .dependencies = {{"enough", ">=1.0.0 <2.0.0"}}};
    server_expect_published(scene->server, &old);
    hold_commits(scene);
    const char *first = server_post_package(scene->server, &newer), *id = server_post_package(scene->server, &package);
    wait_for_line(scene, id, "INFO Building with compiler 0.15.15 and enough@1.0.0.");
    assert_false(log_has(scene, id, "Waiting for"));
    let_commit(scene);
    server_expect_success(scene->server, first);
    server_expect_success(scene->server, id);
}

static void versions_that_cannot_help_are_not_waited_for(void **state) {
    struct scene *scene = *state;
    const struct package coming = {"too-high", "3.0.0", .pragma = NULL},
                         package = {"hopeless", "1.0.0", .dependencies = {{"too-high", ">=1.0.0 <2.0.0"}}};
    hold_commits(scene);
    const char *first = server_post_package(scene->server, &coming), *id = server_post_package(scene->server, &package);
    expect_failed(scene, id,
                  "Could not produce valid dependencies for manifest.\nhopeless@1.0.0 has unsatisfied dependencies: no version "
                  "in the registry index fits too-high >=1.0.0 <2.0.0.");
    let_commit(scene);
    server_expect_success(scene->server, first);
}

/* Two major versions at once: there is a fitting version of each dependency, but not of both together. */
static void dependencies_that_do_not_agree_yet_are_waited_for(void **state) {
    struct scene *scene = *state;
    const struct package ground = {"agreed-ground", "1.0.0", .pragma = NULL},
                         wall = {"agreed-wall", "1.0.0", .dependencies = {{"agreed-ground", ">=1.0.0 <2.0.0"}}},
                         new_ground = {"agreed-ground", "2.0.0", .pragma = NULL},
                         new_wall = {"agreed-wall", "1.1.0", .dependencies = {{"agreed-ground", ">=2.0.0 <3.0.0"}}},
                         house = {"agreed-house", "1.0.0",
                                  .dependencies = {{"agreed-ground", ">=2.0.0 <3.0.0"}, {"agreed-wall", ">=1.0.0 <2.0.0"}}};
    server_expect_published(scene->server, &ground);
    server_expect_published(scene->server, &wall);
    server_expect_published(scene->server, &new_ground);
    hold_commits(scene);
    const char *first = server_post_package(scene->server, &new_wall), *id = server_post_package(scene->server, &house);
    wait_for_line(
        scene, id,
        arena_format(&scene->server->arena, "NOTICE Waiting for the publication of agreed-wall@1.1.0 (job %s).", first));
    let_commit(scene);
    server_expect_success(scene->server, id);
}

static int begin_all(void **state) {
    *state = begin(&(struct server_options){
        .settings = no_scan, .gateway_settings = (const char *[]){"PACCHETTIBOTTI_TOKEN_SHA256=" TOKEN_SHA256, NULL}});
    return 0;
}

/* Not the usual check of commits: those of trustees have longer messages. */
static int end_all(void **state) {
    release_scene(*state);
    return 0;
}

/* ---- With one slot, with two services, and with killed processes ---- */

static void one_slot_is_enough(void **state) {
    (void)state;
    struct scene *scene =
        begin(&(struct server_options){.settings = (const char *[]){"PENDING_SCAN_MS=0", "PUBLISH_SLOTS=1", NULL}});
    const struct package packages[] = RELEASE("single");
    struct release release = begin_release(scene, packages);
    wait_for_line(scene, release.ids[0], "INFO Compiled "); /* it has the slot */
    let_commit(scene);
    expect_all_published(scene, &release);
    end(scene);
}

static void two_services_share_a_release(void **state) {
    (void)state;
    struct scene *scene =
        begin(&(struct server_options){.settings = (const char *[]){"PENDING_SCAN_MS=100", "PUBLISH_SLOTS=1", NULL}});
    const struct package packages[] = RELEASE("shared");
    struct release release = begin_release(scene, packages);
    wait_for_line(scene, release.ids[0], "INFO Compiled "); /* the first service has no slot any more */
    struct child_process second = {0};
    second_service_start(scene->server, SERVER_PUBLISH, NULL, &second);
    wait_until_all_waiting(scene, &release);
    let_commit(scene);
    expect_all_published(scene, &release);
    assert_int_equal(child_stop(&second, SIGTERM, CHILD_TIMEOUT_MS), 0);
    end(scene);
}

static const char *const short_lease[] = {"LEASE_MS=2000", "PENDING_SCAN_MS=200", NULL};

static void a_release_outlives_its_service_and_redis(void **state) {
    (void)state;
    struct scene *scene = begin(&(struct server_options){.settings = short_lease});
    const struct package packages[] = RELEASE("killed");
    struct release release = begin_release(scene, packages);
    wait_until_all_waiting(scene, &release);
    server_kill(scene->server, SERVER_PUBLISH);
    server_kill(scene->server, SERVER_REDIS);
    server_start_program(scene->server, SERVER_REDIS);
    for (int i = 1; i < RELEASE_PACKAGES; i++)
        server_wait_for_state(scene->server, release.ids[i], "pending");
    server_start_program(scene->server, SERVER_PUBLISH);
    wait_for_line(scene, release.ids[0], "INFO Resuming after an interruption");
    server_kill(scene->server, SERVER_REDIS); /* and again, while the service runs */
    server_start_program(scene->server, SERVER_REDIS);
    let_commit(scene);
    expect_all_published(scene, &release);
    for (int i = 1; i < RELEASE_PACKAGES; i++)
        assert_int_equal(attempts(scene, release.ids[i]), 1);
    end(scene);
}

/* The service dies right after the write to Redis that begins the wait, and again right after the one that ends it. */
static void a_wait_outlives_the_death_of_its_service_at_either_end(void **state) {
    (void)state;
    struct scene *scene = begin(&(struct server_options){
        .settings = (const char *[]){"REGISTRY_FAULT=none", "LEASE_MS=2000", "PENDING_SCAN_MS=200", NULL}});
    struct server *server = scene->server;
    const struct package base = BASE("fatal"), middle = MIDDLE("fatal");
    server_terminate(server, SERVER_PUBLISH);
    hold_commits(scene);
    const char *first = server_post_package(server, &base), *id = server_post_package(server, &middle);
    server_start_with_fault(server, SERVER_PUBLISH, "end");
    server_wait_for_death(server, SERVER_PUBLISH);
    wait_until_waiting(scene, id, "fatal-base", first);
    assert_int_equal(attempts(scene, id), 0);
    let_commit(scene);
    server_start_with_fault(server, SERVER_PUBLISH, "end");
    server_wait_for_death(server, SERVER_PUBLISH); /* dies at the first one's end */
    server_wait_for_state(server, first, "succeeded");
    server_start_with_fault(server, SERVER_PUBLISH, "none");
    server_expect_success(server, id);
    end(scene);
}

static void a_release_outlives_a_drain(void **state) {
    (void)state;
    struct scene *scene = begin(&(struct server_options){.settings = (const char *[]){"DRAIN_MS=100", NULL}});
    const struct package packages[] = RELEASE("drained");
    struct release release = begin_release(scene, packages);
    wait_until_all_waiting(scene, &release);
    server_terminate(scene->server, SERVER_PUBLISH);
    for (int i = 0; i < RELEASE_PACKAGES; i++)
        server_wait_for_state(scene->server, release.ids[i], "pending");
    server_start_program(scene->server, SERVER_PUBLISH);
    wait_for_line(scene, release.ids[0], "INFO Resuming after an interruption");
    for (int i = 1; i < RELEASE_PACKAGES; i++)
        assert_int_equal(attempts(scene, release.ids[i]), 0);
    let_commit(scene);
    expect_all_published(scene, &release);
    end(scene);
}

int main(void) {
    const struct CMUnitTest together[] = {
        cmocka_unit_test(a_release_is_published_in_the_order_of_its_dependencies),
        cmocka_unit_test(a_repeated_request_gets_the_job_that_waits),
        cmocka_unit_test(the_order_of_a_package_is_kept_while_it_waits),
        cmocka_unit_test(a_release_fails_with_what_it_waits_for),
        cmocka_unit_test(a_dependency_that_failed_before_is_named),
        cmocka_unit_test(a_package_whose_publications_keep_failing_is_not_waited_for),
        cmocka_unit_test(versions_chosen_by_a_client_are_waited_for),
        cmocka_unit_test(a_fitting_version_is_enough),
        cmocka_unit_test(versions_that_cannot_help_are_not_waited_for),
        cmocka_unit_test(dependencies_that_do_not_agree_yet_are_waited_for),
    };
    const struct CMUnitTest apart[] = {
        cmocka_unit_test(one_slot_is_enough),
        cmocka_unit_test(two_services_share_a_release),
        cmocka_unit_test(a_release_outlives_its_service_and_redis),
        cmocka_unit_test(a_wait_outlives_the_death_of_its_service_at_either_end),
        cmocka_unit_test(a_release_outlives_a_drain),
    };
    int failed = cmocka_run_group_tests(together, begin_all, end_all);
    return failed + cmocka_run_group_tests(apart, NULL, NULL);
}
