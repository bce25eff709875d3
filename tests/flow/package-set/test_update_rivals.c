/* SPDX-License-Identifier: BSD-3-Clause
 *
 * What happens while an update of the package set runs: other sets, other pushes, versions that are unpublished, a worker that is
 * lost, a tarball that storage does not have, Redis that is restarted. One server for all; the service is held at a fault point
 * (lib/base/fault.h) meanwhile. Each test begins with the set of the one before.
 */
#include "tests/support/cmocka_all.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/text.h"
#include "tests/support/registry_check.h"
#include "tests/support/set_scene.h"
#include "tests/support/shell.h"
#include "tests/support/temporary_folder.h"

#define BOTH "[0.15.15 0.15.16]"
#define LATER "[0.15.14] " /* no candidate until set_scene_make_known() */

static const char *const rows[] = {
    "a-twin 1.0.0 " LATER,    "absent 1.0.0 " LATER,  "b-twin 1.0.0 " LATER,   "base 1.0.0 " BOTH " ",
    "base 1.0.1 " BOTH " ",   "c-bad 1.0.0 " LATER,   "last 1.0.0 " LATER,     "leans 1.0.0 " LATER "last >=2.0.0 <3.0.0",
    "lost 1.0.0 " LATER,      "lucky 1.0.0 " LATER,   "other 1.0.0 " BOTH " ", "other 1.1.0 " LATER,
    "restarted 1.0.0 " LATER, "resumed 1.0.0 " LATER, "waits 1.0.0 " LATER,
};
/* The twins define one module. */
static const struct generated_extra extras[] = {
    {"a-twin", "1.0.0", .module = "Shared.Thing"},
    {"b-twin", "1.0.0", .module = "Shared.Thing"},
    {"c-bad", "1.0.0", .import = "Nowhere.At.All"},
};

static struct server *server;
static struct temporary_folder files;

static int begin(void **state) {
    (void)state;
    static const char *const settings[] = {"REGISTRY_HOLD=nowhere=nothing", "LEASE_MS=2000", "PACKAGE_SET_TIMEOUT_MS=600000",
                                           NULL};
    temporary_folder_make(&files);
    server = set_scene_start(&(struct set_scene_options){.rows = rows,
                                                         .row_count = sizeof rows / sizeof rows[0],
                                                         .members = "base 1.0.0 other 1.0.0",
                                                         .extras = extras,
                                                         .extra_count = sizeof extras / sizeof extras[0],
                                                         .settings = settings});
    return 0;
}

static int end(void **state) {
    (void)state;
    if (server) registry_expect_consistency(server);
    if (server) set_scene_stop(server);
    temporary_folder_remove(&files);
    return 0;
}

/* ---- Holding the service ---- */

static const char *hold_path(void) {
    return arena_format(&server->arena, "%s/hold", files.path);
}

/* From now on the service waits at this point while it is held. */
static void use_point(const char *point) {
    server_terminate(server, SERVER_PACKAGE_SET);
    server_change_setting(server, SERVER_PACKAGE_SET, "REGISTRY_HOLD",
                          arena_format(&server->arena, "%s=%s", point, hold_path()));
    server_start_program(server, SERVER_PACKAGE_SET);
}

static int count_held(const char *program) {
    const char *lines =
        shell_output(&server->arena, "grep -c 'event=fault_point_held ' '%s/%s.log' || true", server->folder, program);
    int count = 0;
    sscanf(lines, "%d", &count);
    return count;
}

struct held {
    const char *program;
    int before;
};

static bool is_held(void *context) {
    const struct held *held = context;
    return count_held(held->program) > held->before;
}

/* Starts an update and waits until it is at the point. */
static const char *hold_update(void) {
    struct held held = {"package-set", count_held("package-set")};
    write_file(hold_path(), "");
    const char *id = set_scene_update(server);
    if (!wait_until(is_held, &held, PATIENCE_MS)) fail_msg("the update does not come to the point");
    return id;
}

static void let_go(void) {
    assert_int_equal(unlink(hold_path()), 0);
}

/* ---- Other writers ---- */

static void an_update_that_is_overtaken_starts_over(void **state) {
    (void)state;
    use_point("package-set-findings");
    /* By a set of the very version that was to come, then by a much later one. */
    const char *id = hold_update();
    set_scene_write_set(server, "1.0.1", "other 1.0.0");
    let_go();
    set_scene_expect_done(server, id, "Another package set was released meanwhile. Starting over.");
    set_scene_expect_set(server, "1.1.0", "base 1.0.1 other 1.0.0");
    assert_string_equal(set_scene_message(server), "Release 1.1.0 package set.\n\nNew packages:\n  - base@1.0.1");
    set_scene_make_known(server, "other");
    id = hold_update();
    set_scene_write_set(server, "3.0.0", "base 1.0.0 other 1.0.0");
    let_go();
    set_scene_expect_done(server, id, "Another package set was released meanwhile. Starting over.");
    set_scene_expect_set(server, "3.1.0", "base 1.0.1 other 1.1.0");
}

/* What a build needs is unpublished while it is to be made: the build cannot be repeated, and the update starts over at once. */
static void an_update_whose_plans_cannot_be_installed_any_more_starts_over(void **state) {
    (void)state;
    use_point("package-set-check");
    set_scene_make_known(server, "leans");
    const char *id = hold_update();
    set_scene_unpublish(server, "last");
    let_go();
    set_scene_expect_done(server, id, "last@1.0.0 is not published any more. Starting over.");
    set_scene_expect_done(server, id, "The package set stays at 3.10.0: a new one would be without last@1.0.0");
    json_t *job = server_wait_for_job(server, id);
    assert_null(strstr(server_log_text(server, job), "is repeated"));
    json_decref(job);
}

/* Of the twins the first is kept, until it is gone: then the second is. */
static void an_update_whose_version_is_unpublished_starts_over(void **state) {
    (void)state;
    set_scene_make_known(server, "a-twin");
    set_scene_make_known(server, "b-twin");
    set_scene_make_known(server, "c-bad");
    const char *id = hold_update();
    set_scene_unpublish(server, "a-twin");
    let_go();
    set_scene_expect_done(server, id, "b-twin@1.0.0 is not changed: the whole set does not compile with it");
    set_scene_expect_done(server, id, "a-twin@1.0.0 is not published any more. Starting over.");
    set_scene_expect_set(server, "3.2.0", "b-twin 1.0.0 base 1.0.1 other 1.1.0");
    /* What the first round found out about the whole set says nothing about the second. */
    const struct set_findings findings = set_scene_findings(server);
    assert_int_equal(findings.count, 1);
    assert_string_equal(findings.items[0].package, "c-bad");
    assert_non_null(strstr(findings.items[0].detail, "Nowhere.At.All"));
}

static void a_push_by_others_does_not_keep_a_set_out(void **state) {
    (void)state;
    use_point("package-set-record");
    set_scene_make_known(server, "lucky");
    const char *id = hold_update();
    registry_write(server, REGISTRY_REPO, "README.md", "Something else.\n");
    size_t commits = set_scene_commits(server);
    let_go();
    set_scene_expect_done(server, id, "Released the package set 3.3.0");
    set_scene_expect_set(server, "3.3.0", "b-twin 1.0.0 base 1.0.1 lucky 1.0.0 other 1.1.0");
    assert_int_equal(set_scene_commits(server), commits + 1);
    assert_string_equal(registry_file(server, REGISTRY_REPO, "README.md"), "Something else.\n");
}

/* Between the record and the push nothing starts over: the recorded set is released, or none. */
static void a_set_that_others_release_at_the_last_moment_stands(void **state) {
    (void)state;
    set_scene_make_known(server, "last");
    const char *id = hold_update();
    set_scene_write_set(server, "3.4.0", "base 1.0.1");
    const char *before = registry_snapshot(server);
    let_go();
    set_scene_expect_failed(server, id,
                            "Another package set was released meanwhile, so the package set 3.4.0, which was ready, is not "
                            "released.");
    assert_string_equal(registry_snapshot(server), before);
    set_scene_expect_done(server, set_scene_update(server), "Released the package set 3.5.0");
    set_scene_expect_set(server, "3.5.0", "b-twin 1.0.0 base 1.0.1 last 1.0.0 lucky 1.0.0 other 1.1.0");
}

/* ---- What fails ---- */

static void redis_is_restarted_while_builds_are_awaited_and_before_the_push(void **state) {
    (void)state;
    use_point("package-set-try");
    set_scene_make_known(server, "restarted");
    const char *id = hold_update();
    redis_server_kill(server->redis);
    redis_server_restart(server->redis);
    let_go();
    set_scene_expect_done(server, id, "Released the package set 3.6.0");
    use_point("package-set-record");
    set_scene_make_known(server, "resumed");
    id = hold_update();
    size_t commits = set_scene_commits(server);
    redis_server_kill(server->redis);
    redis_server_restart(server->redis);
    let_go();
    set_scene_expect_done(server, id, "Released the package set 3.7.0");
    assert_int_equal(set_scene_commits(server), commits + 1);
}

static void the_build_of_a_lost_worker_is_made_by_another(void **state) {
    (void)state;
    const char *hold = arena_format(&server->arena, "%s/hold-worker", files.path);
    const char *const settings[] = {arena_format(&server->arena, "REGISTRY_HOLD=build-compiled=%s", hold), NULL};
    server_terminate_worker(server, 0);
    int lost = server_add_worker(server, &(struct server_worker){.settings = settings});
    struct held held = {arena_format(&server->arena, "worker-%d", lost), 0};
    write_file(hold, "");
    set_scene_make_known(server, "lost");
    size_t builds = set_scene_builds(server).count;
    const char *id = set_scene_update(server);
    if (!wait_until(is_held, &held, PATIENCE_MS)) fail_msg("the worker builds nothing");
    server_kill_worker(server, lost);
    server_start_worker(server, 0);
    set_scene_expect_done(server, id, "Released the package set 3.8.0");
    assert_int_equal(set_scene_builds(server).count, builds + 2);
}

static void expect_no_result(const char *package) {
    json_t *answer = server_get(server, arena_format(&server->arena, "/api/v1/package-sets/latest/excuses/%s", package));
    const json_t *excuse = json_object_get(answer, "excuse");
    const char *sentence = json_string_value(json_object_get(excuse, "sentence"));
    assert_string_equal(json_string_value(json_object_get(excuse, "verdict")), "no_result");
    if (!strstr(sentence, "The next update tries it again. No update is scheduled.")) fail_msg("%s", sentence);
    json_decref(answer);
}

/* The others are taken in, the log, the finding and the excuse say the cause, and the next update tries it again. */
static void a_version_without_a_tarball_is_tried_again(void **state) {
    (void)state;
    shell_run("mv '%s/storage/absent' '%s/absent'", server->folder, files.path);
    set_scene_make_known(server, "absent");
    const char *id = set_scene_update(server);
    set_scene_expect_done(server, id, "gave no result and is repeated: ");
    set_scene_expect_done(server, id, "The build of absent@1.0.0 came to no result");
    set_scene_expect_done(server, id, "absent@1.0.0 is not changed: a build that decides about it came to no result (job ");
    const struct set_findings findings = set_scene_findings(server);
    assert_int_equal(findings.count, 2);
    assert_string_equal(findings.items[0].package, "absent");
    assert_true(findings.items[0].has_no_result);
    assert_false(findings.items[1].has_no_result);
    expect_no_result("absent");
    shell_run("mv '%s/absent' '%s/storage/absent'", files.path, server->folder);
    set_scene_expect_done(server, set_scene_update(server), "Released the package set 3.9.0");
}

static void limit_updates(const char *timeout_ms) {
    server_terminate(server, SERVER_PACKAGE_SET);
    server_change_setting(server, SERVER_PACKAGE_SET, "PACKAGE_SET_TIMEOUT_MS", timeout_ms);
    server_start_program(server, SERVER_PACKAGE_SET);
}

/* No worker takes its build, which is ended with it. The next update makes it again. */
static void an_update_that_takes_too_long_leaves_no_build(void **state) {
    (void)state;
    limit_updates("2000");
    server_terminate_worker(server, 0);
    set_scene_make_known(server, "waits");
    json_t *before = server_get(server, "/api/v1/jobs?kinds=matrix");
    set_scene_expect_failed(server, set_scene_update(server), "it took longer than the 2000 ms");
    json_t *after = server_get(server, "/api/v1/jobs?kinds=matrix"); /* the unfinished ones */
    assert_int_equal(json_array_size(before), 0);
    assert_int_equal(json_array_size(after), 0);
    json_decref(before);
    json_decref(after);
    limit_updates("600000");
    server_start_worker(server, 0);
    set_scene_expect_done(server, set_scene_update(server), "Released the package set 3.10.0");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_update_that_is_overtaken_starts_over),
        cmocka_unit_test(an_update_whose_version_is_unpublished_starts_over),
        cmocka_unit_test(a_push_by_others_does_not_keep_a_set_out),
        cmocka_unit_test(a_set_that_others_release_at_the_last_moment_stands),
        cmocka_unit_test(redis_is_restarted_while_builds_are_awaited_and_before_the_push),
        cmocka_unit_test(the_build_of_a_lost_worker_is_made_by_another),
        cmocka_unit_test(a_version_without_a_tarball_is_tried_again),
        cmocka_unit_test(an_update_that_takes_too_long_leaves_no_build),
        cmocka_unit_test(an_update_whose_plans_cannot_be_installed_any_more_starts_over),
    };
    return run_fault_tests(tests, begin, end);
}
