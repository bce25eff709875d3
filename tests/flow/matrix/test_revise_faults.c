/* SPDX-License-Identifier: BSD-3-Clause
 *
 * A revision of bounds killed after each of its steps, and within its writes, at the points of lib/base/fault.h: build-matrix
 * dies at the point, is restarted, dies there again if it passes the point again, and is restarted once more. Each time the
 * result must be that of an undisturbed revision: every file of both repositories, their commits (but for ids and times), the
 * storage, the builds and the one event.
 */
#include "tests/support/cmocka_all.h"

#include <string.h>

#include "lib/store/job/job_store.h"
#include "lib/store/redis/events.h"
#include "tests/support/matrix_scene.h"
#include "tests/support/registry_check.h"
#include "tests/support/revise_scene.h"
#include "tests/support/shell.h"
#include "tests/support/trustee_call.h"

enum { EVENTS_MAX = 10000, STORE_TIMEOUT_MS = 60000 };

/* In the order in which a job passes the points. */
static const struct fault {
    const char *point;
    const char *again; /* where the second run dies; NULL: at the same point, "": it has nothing left to do */
} faults[] = {
    {"revision-read", NULL},
    {"revision-plan", NULL},
    {"revision-dependants", NULL},
    {"revision-builds", NULL},
    {"revision-record", "revision-resume"},
    {"unpushed", NULL},
    {"repository:registry", NULL},
    {"unpushed#2", "unpushed"},
    {"repository:registry-index", NULL},
    {"revision-commit", NULL},
    {"end", ""},
};
enum { FAULTS = sizeof faults / sizeof faults[0] };

static int begin(void **state) {
    static const char *const settings[] = {"REGISTRY_FAULT=none",
                                           "LOG_LEVEL=DEBUG",
                                           "LEASE_MS=1500",
                                           "PENDING_SCAN_MS=100",
                                           "MATRIX_SWEEP_INTERVAL_MS=86400000",
                                           NULL};
    *state = revise_scene_start(settings);
    return 0;
}

static int end(void **state) {
    server_stop(*state);
    return 0;
}

static const char *head(struct server *server, const char *repo) {
    return shell_output(&server->arena, "git -C '%s/%s' rev-parse HEAD | tr -d '\n'", server->folder, repo);
}

/* The package's state and its commits since `base`, without anything that differs between runs. */
static char *picture(struct server *server, const char *package, const char *job_id, const char *const base[2]) {
    return shell_output(
        &server->arena,
        "cd '%s' && { git -C " REGISTRY_REPO " show 'HEAD:metadata/%s.json'; git -C " INDEX_REPO
        " show 'HEAD:%.2s/%.2s/%s'; git -C " REGISTRY_REPO " log --format='%%an %%ce %%B' %s..HEAD; git -C " INDEX_REPO
        " log --format='%%an %%ce %%B' %s..HEAD; ls storage/%s; } | "
        "sed -E 's/%s/PACKAGE/g; s/%s/ID/; s/\"publishedTime\": .*/TIME/; s/\"hash\": .*/HASH/; s/\"bytes\": .*/BYTES/'",
        server->folder, package, package, package + 2, package, base[0], base[1], package, package, job_id);
}

/* The number of events of that job in the stream, read or not. */
static size_t count_events(struct server *server, const char *job_id) {
    struct job_store *store = NULL;
    struct error err;
    struct event *events;
    size_t count, found = 0;
    assert_int_equal(job_store_create(&store, redis_server_url(server->redis), STORE_TIMEOUT_MS, &err), STATUS_OK);
    assert_int_equal(
        events_read(store, &(struct event_consumer){job_id, "test", 0}, 0, EVENTS_MAX, &server->arena, &events, &count, &err),
        STATUS_OK);
    for (size_t i = 0; i < count; i++)
        found += strcmp(events[i].job_id, job_id) == 0 && strstr(events[i].payload, "\"event\":\"revised\"") &&
                 strstr(events[i].payload, "\"registryCommit\":\"") && strstr(events[i].payload, "\"indexCommit\":\"");
    job_store_free(store);
    return found;
}

static void expect_once(struct server *server, const char *package, const char *job_id) {
    json_t *job = server_wait_for_job(server, job_id), *builds = revise_builds(server, package);
    assert_int_equal(json_array_size(json_object_get(job, "commits")), 2);
    assert_int_equal(json_array_size(builds), 2);
    assert_int_equal(count_events(server, job_id), 1);
    json_decref(builds);
    json_decref(job);
}

/* Revises a new package, with these deaths, and returns the final state. */
static char *run(struct server *server, int number, const char *point, const char *again) {
    const char *name = arena_format(&server->arena, "faulty-%d", number);
    const struct package package = {name, "1.0.0", {{"faulty-base", ">=1.0.0 <3.0.0"}}, .pragma = NULL};
    revise_scene_publish(server, &package);
    const char *const base[2] = {head(server, REGISTRY_REPO), head(server, INDEX_REPO)};
    server_terminate(server, SERVER_BUILD_MATRIX);
    server_start_with_fault(server, SERVER_BUILD_MATRIX, point != NULL ? point : "none");
    const char *id = revise_ask(server, name, "1.0.0", "\"faulty-base\":\">=1.0.0 <2.0.0\"");
    if (point != NULL) {
        server_wait_for_death(server, SERVER_BUILD_MATRIX);
        if (again[0] != '\0') {
            server_start_with_fault(server, SERVER_BUILD_MATRIX, again);
            server_wait_for_death(server, SERVER_BUILD_MATRIX);
        }
        server_start_with_fault(server, SERVER_BUILD_MATRIX, "none");
    }
    server_expect_success(server, id);
    expect_once(server, name, id);
    return picture(server, name, id, base);
}

/* Every point that an undisturbed revision passes has its row, in the order of the table. */
static void check_points(struct server *server) {
    struct text expected = {0};
    for (size_t i = 0; i < FAULTS; i++)
        if (strchr(faults[i].point, '#') == NULL) text_append_format(&expected, "name=%s\n", faults[i].point);
    char *passed =
        shell_output(&server->arena,
                     "sed -n '/name=revision-read/,/name=end/s/.*event=fault_point_reached //p' '%s/build-matrix.log' | "
                     "grep -v name=matrix- | awk '!seen[$0]++'",
                     server->folder);
    assert_string_equal(passed, text_view(&expected));
    text_release(&expected);
}

static void a_killed_revision_leaves_what_an_undisturbed_one_leaves(void **state) {
    struct server *server = *state;
    const struct package first = {"faulty-base", "1.0.0", .pragma = NULL}, second = {"faulty-base", "2.0.0", .pragma = NULL};
    revise_scene_publish(server, &first);
    revise_scene_publish(server, &second);
    char *undisturbed = run(server, 10, NULL, NULL);
    assert_non_null(strstr(undisturbed, "\"revision\": 1"));
    check_points(server);
    for (int i = 0; i < FAULTS; i++) {
        const struct fault *fault = &faults[i];
        char *disturbed = run(server, 11 + i, fault->point, fault->again != NULL ? fault->again : fault->point);
        if (strcmp(disturbed, undisturbed) != 0)
            fail_msg("killed at %s:\n%s\ninstead of:\n%s", fault->point, disturbed, undisturbed);
    }
    server_wait_until_ready(server);
    registry_expect_consistency(server);
}

/* ---- Changes between the runs ---- */

/* A revision whose service is killed at the point, and not started again. */
static const char *begin_revision(struct server *server, const char *name, const char *point) {
    const struct package package = {name, "1.0.0", {{"faulty-base", ">=1.0.0 <3.0.0"}}, .pragma = NULL};
    revise_scene_publish(server, &package);
    server_terminate(server, SERVER_BUILD_MATRIX);
    server_start_with_fault(server, SERVER_BUILD_MATRIX, point);
    const char *id = revise_ask(server, name, "1.0.0", "\"faulty-base\":\">=1.0.0 <2.0.0\"");
    server_wait_for_death(server, SERVER_BUILD_MATRIX);
    return id;
}

/* The job waits only for the lock that the dead service held. */
static void unpublish(struct server *server, const char *name) {
    const char *payload = arena_format(&server->arena, "{\"name\":\"%s\",\"version\":\"1.0.0\"}", name);
    server_expect_success(
        server, trustee_expect_job(server, REVISE_TOKEN, trustee_body(server, "unpublish", payload, REVISE_ACTOR, "A test.")));
}

static void a_version_unpublished_after_its_revision_counts_as_revised(void **state) {
    struct server *server = *state;
    const char *id = begin_revision(server, "faulty-done", "repository:registry-index");
    unpublish(server, "faulty-done");
    server_start_with_fault(server, SERVER_BUILD_MATRIX, "none");
    server_expect_success(server, id);
    expect_once(server, "faulty-done", id);
    registry_expect_consistency(server);
}

static void a_version_unpublished_before_its_revision_is_not_revised(void **state) {
    struct server *server = *state;
    const char *id = begin_revision(server, "faulty-half", "repository:registry");
    unpublish(server, "faulty-half");
    server_start_with_fault(server, SERVER_BUILD_MATRIX, "none");
    json_t *job = server_wait_for_job(server, id);
    assert_non_null(strstr(server_last_error(server, job), "or unpublished, before this revision"));
    json_decref(job);
    registry_expect_consistency(server);
}

/* The publication had done all its writes when its service died, and repeats them. */
static void a_publication_that_goes_on_later_leaves_the_revised_manifest(void **state) {
    struct server *server = *state;
    const struct package package = {"faulty-late", "1.0.0", {{"faulty-base", ">=1.0.0 <3.0.0"}}, .pragma = NULL},
                         after = {"faulty-late", "1.0.0", {{"faulty-base", ">=1.0.0 <2.0.0"}}, .pragma = NULL};
    server_terminate(server, SERVER_PUBLISH);
    server_start_with_fault(server, SERVER_PUBLISH, "commit");
    const char *id = server_post_package(server, &package);
    server_wait_for_death(server, SERVER_PUBLISH);
    revise_expect_done(server, "faulty-late", "1.0.0", "\"faulty-base\":\">=1.0.0 <2.0.0\"");
    server_start_with_fault(server, SERVER_PUBLISH, "none");
    server_expect_success(server, id);
    revise_expect_indexed(server, &after);
    assert_int_equal(revise_number(server, "faulty-late", "1.0.0"), 1);
    matrix_expect_compilers(server, "faulty-late", "1.0.0", "0.15.14 0.15.15"); /* then there are no more writes */
    registry_expect_consistency(server);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_killed_revision_leaves_what_an_undisturbed_one_leaves),
        cmocka_unit_test(a_version_unpublished_after_its_revision_counts_as_revised),
        cmocka_unit_test(a_version_unpublished_before_its_revision_is_not_revised),
        cmocka_unit_test(a_publication_that_goes_on_later_leaves_the_revised_manifest),
    };
    return run_fault_tests(tests, begin, end);
}
