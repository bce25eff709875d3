/* SPDX-License-Identifier: BSD-3-Clause
 *
 * A dependency that is unpublished while its dependant is being published: the dependant is planned again; if it has no plan
 * then, the unpublishing is given as the reason, and never an unreadable tarball. A version that is in the metadata but not in
 * storage is a trouble for operators. The publication is held at a fault point meanwhile.
 */
#include "tests/support/cmocka_all.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/support/registry_check.h"
#include "tests/support/revise_scene.h"
#include "tests/support/shell.h"
#include "tests/support/temporary_folder.h"
#include "tests/support/trustee_call.h"

static struct temporary_folder files;

static const char *hold_path(const char *point) {
    static char path[128];
    snprintf(path, sizeof path, "%s/%s", files.path, point);
    return path;
}

/* From now on the publish service waits at `point` while the file of that name exists. */
static void use_point(struct server *server, const char *point) {
    server_change_setting(server, SERVER_PUBLISH, "REGISTRY_HOLD",
                          arena_format(&server->arena, "%s=%s", point, hold_path(point)));
    server_terminate(server, SERVER_PUBLISH);
    server_start_program(server, SERVER_PUBLISH);
    server_wait_until_ready(server);
}

struct held {
    struct server *server;
    int before;
};

static int count_held(struct server *server) {
    return atoi(shell_output(&server->arena, "grep -c 'event=fault_point_held ' '%s/publish.log' || true", server->folder));
}

static bool is_held(void *context) {
    const struct held *held = context;
    return count_held(held->server) > held->before;
}

static void unpublish(struct server *server, const char *name, const char *version) {
    const char *payload = arena_format(&server->arena, "{\"name\":\"%s\",\"version\":\"%s\"}", name, version);
    server_expect_success(
        server, trustee_expect_job(server, REVISE_TOKEN, trustee_body(server, "unpublish", payload, REVISE_ACTOR, "A test.")));
}

/* Posts the package, and unpublishes the version of `dependency` while the publication is at the point. Returns the job's
 * id. */
static const char *publish_meanwhile(struct server *server, const struct package *package, const char *point,
                                     const char *dependency, const char *version) {
    struct held held = {server, count_held(server)};
    shell_run("touch '%s'", hold_path(point));
    const char *id = server_post_package(server, package);
    if (!wait_until(is_held, &held, PATIENCE_MS)) fail_msg("%s does not come to %s", package->name, point);
    unpublish(server, dependency, version);
    unlink(hold_path(point));
    return id;
}

/* The job must fail, with the dependency in the last line of its log. */
static void expect_blamed(struct server *server, const char *id, const char *dependency) {
    json_t *job = server_wait_for_job(server, id);
    const char *error = server_last_error(server, job);
    if (strstr(error, arena_format(&server->arena, "Unpublished while the publication was running: %s.", dependency)) == NULL ||
        strstr(server_log_text(server, job), "storage") != NULL)
        fail_msg("%s\n%s", error, server_log_text(server, job));
    json_decref(job);
}

static void a_plan_whose_version_was_unpublished_is_made_again(void **state) {
    struct server *server = *state;
    const struct package older = {"withdrawn-a", "1.0.0", .pragma = NULL}, newer = {"withdrawn-a", "1.0.1", .pragma = NULL},
                         user = {"left-a", "1.0.0", {{"withdrawn-a", ">=1.0.0 <2.0.0"}}, .pragma = NULL};
    server_expect_published(server, &older);
    server_expect_published(server, &newer);
    const char *id = publish_meanwhile(server, &user, "solve", "withdrawn-a", "1.0.1");
    json_t *job = server_wait_for_job(server, id);
    const char *log = server_log_text(server, job);
    if (!json_is_true(json_object_get(job, "success")) ||
        strstr(log, "Planning again because of versions that were unpublished: withdrawn-a@1.0.1.") == NULL ||
        strstr(log, "Building with compiler 0.15.15 and withdrawn-a@1.0.0.") == NULL)
        fail_msg("%s", log);
    json_decref(job);
    registry_expect_consistency(server);
}

static void without_another_plan_the_reason_is_the_unpublishing(void **state) {
    struct server *server = *state;
    const struct package only = {"withdrawn-b", "1.0.0", .pragma = NULL},
                         user = {"left-b", "1.0.0", {{"withdrawn-b", ">=1.0.0 <2.0.0"}}, .pragma = NULL};
    server_expect_published(server, &only);
    expect_blamed(server, publish_meanwhile(server, &user, "solve", "withdrawn-b", "1.0.0"), "withdrawn-b@1.0.0");
    registry_expect_consistency(server);
}

/* The package is compiled already; the last check, under the lock, is that its dependencies are still published. */
static void at_the_last_look_the_reason_is_the_unpublishing_too(void **state) {
    struct server *server = *state;
    const struct package only = {"withdrawn-c", "1.0.0", .pragma = NULL},
                         user = {"left-c", "1.0.0", {{"withdrawn-c", ">=1.0.0 <2.0.0"}}, .pragma = NULL};
    server_expect_published(server, &only);
    use_point(server, "record");
    expect_blamed(server, publish_meanwhile(server, &user, "record", "withdrawn-c", "1.0.0"), "withdrawn-c@1.0.0");
    registry_expect_consistency(server);
}

static bool has_waited(void *context) {
    const struct held *held = context;
    return atoi(shell_output(&held->server->arena, "grep -c 'event=job_waits .*withdrawn-d/1.0.0' '%s/publish.log' || true",
                             held->server->folder)) > 0;
}

static void a_tarball_that_storage_has_lost_is_waited_for_and_is_an_alarm(void **state) {
    struct server *server = *state;
    const struct package only = {"withdrawn-d", "1.0.0", .pragma = NULL},
                         user = {"left-d", "1.0.0", {{"withdrawn-d", ">=1.0.0 <2.0.0"}}, .pragma = NULL};
    struct held held = {.server = server};
    server_expect_published(server, &only);
    shell_run("mv '%s/storage/withdrawn-d/1.0.0.tar.gz' '%s/lost'", server->folder, server->folder);
    use_point(server, "record"); /* unpacked packages are forgotten with the process */
    const char *id = server_post_package(server, &user);
    if (!wait_until(has_waited, &held, PATIENCE_MS)) fail_msg("no alarm");
    shell_run("mv '%s/lost' '%s/storage/withdrawn-d/1.0.0.tar.gz'", server->folder, server->folder);
    json_t *job = server_wait_for_job(server, id);
    const char *log = server_log_text(server, job);
    if (!json_is_true(json_object_get(job, "success")) || strstr(log, "is waiting for the registry's tarball storage") == NULL)
        fail_msg("%s", log);
    json_decref(job);
}

static int start(void **state) {
    temporary_folder_make(&files);
    static char hold[160];
    snprintf(hold, sizeof hold, "REGISTRY_HOLD=solve=%s", hold_path("solve"));
    const char *const settings[] = {"LOG_LEVEL=DEBUG", "PENDING_SCAN_MS=500", hold, NULL};
    *state = revise_scene_start(settings);
    return 0;
}

static int end(void **state) {
    server_stop(*state);
    temporary_folder_remove(&files);
    return 0;
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_plan_whose_version_was_unpublished_is_made_again),
        cmocka_unit_test(without_another_plan_the_reason_is_the_unpublishing),
        cmocka_unit_test(at_the_last_look_the_reason_is_the_unpublishing_too),
        cmocka_unit_test(a_tarball_that_storage_has_lost_is_waited_for_and_is_an_alarm),
    };
    return run_fault_tests(tests, start, end);
}
