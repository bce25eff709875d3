/* SPDX-License-Identifier: BSD-3-Clause
 *
 * What the service does by itself, by two services at once: the daily update, and one after each publication, are one job and
 * one set each.
 */
#include "tests/support/cmocka_all.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/clock.h"
#include "tests/support/registry_check.h"
#include "tests/support/server/second_service.h"
#include "tests/support/set_scene.h"
#include "tests/support/shell.h"

#define BOTH "[0.15.15 0.15.16]"
enum { HALF_A_DAY_MS = 12 * 3600 * 1000 };

/* `bad` is left over from every update. */
static const char *const rows[] = {"bad 1.0.0 " BOTH " ", "base 1.0.0 " BOTH " ", "base 1.0.1 " BOTH " "};
static const struct generated_extra extras[] = {{"bad", "1.0.0", .import = "Nowhere.At.All"}};

static struct server *server;
static struct child_process second;

static int begin(void **state) {
    (void)state;
    server = set_scene_start(&(struct set_scene_options){
        .rows = rows, .row_count = sizeof rows / sizeof rows[0], .members = "base 1.0.0", .extras = extras, .extra_count = 1});
    return 0;
}

static int end(void **state) {
    (void)state;
    if (second.pid) assert_int_equal(child_stop(&second, SIGTERM, PATIENCE_MS), 0);
    if (server) set_scene_stop(server);
    return 0;
}

/* Lines of both services' logs with this event. */
static int count_events(const char *event) {
    return atoi(shell_output(
        &server->arena, "cd '%s' && cat package-set.log second-package-set.log 2>/dev/null | grep -c 'event=%s\\b' || true",
        server->folder, event));
}

static bool are_listening(void *context) {
    return count_events("listener_started") == *(int *)context;
}

/* Starts both services with these times. */
static void start_two(const char *time, const char *after_ms) {
    int count = count_events("listener_started") + 2;
    server_terminate(server, SERVER_PACKAGE_SET);
    if (second.pid) assert_int_equal(child_stop(&second, SIGTERM, PATIENCE_MS), 0);
    server_change_setting(server, SERVER_PACKAGE_SET, "PACKAGE_SET_TIME", time);
    server_change_setting(server, SERVER_PACKAGE_SET, "PACKAGE_SET_AFTER_MS", after_ms);
    second_service_start(server, SERVER_PACKAGE_SET, NULL, &second);
    server_start_program(server, SERVER_PACKAGE_SET);
    if (!wait_until(are_listening, &count, PATIENCE_MS)) fail_msg("the two services do not start");
}

static bool has_ended(void *context) {
    (void)context;
    return count_events("daily_work_ended") > 0;
}

static bool has_set(void *version) {
    return registry_file(server, REGISTRY_REPO, arena_format(&server->arena, "package-sets/%s.json", (const char *)version));
}

/* Waits for the set, and for the end of its job, which must be the last of so many. */
static void expect_set(const char *version, const char *members, size_t job_count) {
    if (!wait_until(has_set, (void *)version, PATIENCE_MS)) fail_msg("there is no package set %s", version);
    set_scene_expect_set(server, version, members);
    json_t *jobs = server_get(server, "/api/v1/jobs?include_completed=true&kinds=packageset"), *job;
    size_t i;
    assert_int_equal(json_array_size(jobs), job_count);
    json_array_foreach(jobs, i, job) server_expect_success(server, server_job_text(job, "jobId"));
    json_decref(jobs);
}

/* The time is half a day ago, so no other one comes soon. */
static void two_services_make_one_daily_update(void **state) {
    (void)state;
    char now[TIME_TEXT_MAX];
    time_print(clock_now_ms() - HALF_A_DAY_MS, now);
    size_t commits = set_scene_commits(server);
    start_two(arena_format(&server->arena, "%.5s", strchr(now, 'T') + 1), "0");
    expect_set("1.0.1", "base 1.0.1", 1);
    if (!wait_until(has_ended, NULL, PATIENCE_MS)) fail_msg("the daily work does not end");
    assert_int_equal(count_events("daily_work_started"), 1);
    /* Neither does it again after it is started again. */
    start_two(arena_format(&server->arena, "%.5s", strchr(now, 'T') + 1), "1000");
    assert_int_equal(set_scene_commits(server), commits + 1);
}

/* Publications and their builds commit more than once; each leads to one update, also one that no update takes in. */
static void two_services_make_one_update_after_a_publication(void **state) {
    (void)state;
    const struct package first = {"fresh-a", "1.0.0", .pragma = NULL}, next = {"fresh-b", "1.0.0", .pragma = NULL};
    start_two("never", "1000");
    server_expect_published(server, &first);
    expect_set("1.1.0", "base 1.0.1 fresh-a 1.0.0", 2);
    server_expect_published(server, &next);
    expect_set("1.2.0", "base 1.0.1 fresh-a 1.0.0 fresh-b 1.0.0", 3);
    assert_int_equal(count_events("daily_work_started"), 1);
    /* Both may say that they made it: the second finds the first one's job, whose id it has derived, too. */
    assert_in_range(count_events("set_update_made"), 2, 4);
    registry_expect_consistency(server);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(two_services_make_one_daily_update),
        cmocka_unit_test(two_services_make_one_update_after_a_publication),
    };
    return cmocka_run_group_tests(tests, begin, end);
}
