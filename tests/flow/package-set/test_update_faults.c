/* SPDX-License-Identifier: BSD-3-Clause
 *
 * An update of the package set killed after each of its steps, and within its commit, at the points of lib/base/fault.h: the
 * service dies at the point, is started again, dies there again where it gets there again, and is started once more. Each time
 * the set is released once and whole, with the builds that an undisturbed update makes. Then what happens between two runs:
 * builds that end, sets and versions that come and go.
 */
#include "tests/support/cmocka_all.h"

#include <stdlib.h>
#include <string.h>

#include "lib/base/text.h"
#include "tests/support/registry_check.h"
#include "tests/support/set_scene.h"
#include "tests/support/shell.h"

#define BOTH "[0.15.15 0.15.16]"
#define LATER "[0.15.14] base >=1.0.0 <2.0.0" /* no candidate until set_scene_make_known() */

/* In the order in which a job gets there. */
static const struct fault {
    const char *point;
    const char *again; /* where the run that goes on dies; NULL: at the same point, "": it has nothing to do */
} faults[] = {
    {"package-set-read", NULL},
    {"package-set-check", NULL},
    {"package-set-try", NULL},
    {"package-set-whole", NULL},
    {"package-set-findings", NULL},
    {"package-set-record", "package-set-resume"},
    {"unpushed", NULL},
    {"repository:registry", NULL},
    {"package-set-commit", NULL},
    {"end", ""},
};
enum { FAULTS = sizeof faults / sizeof faults[0], RECORDED = 5 /* from this one on the run that goes on resumes */ };

/* One package for each run; `bad` is a candidate of every update, and never compiles. */
static const char *const rows[] = {
    "apart 1.0.0 " BOTH " ",  "bad 1.0.0 " BOTH " ",    "base 1.0.0 " BOTH " ",   "faulty-10 1.0.0 " LATER,
    "faulty-11 1.0.0 " LATER, "faulty-12 1.0.0 " LATER, "faulty-13 1.0.0 " LATER, "faulty-14 1.0.0 " LATER,
    "faulty-15 1.0.0 " LATER, "faulty-16 1.0.0 " LATER, "faulty-17 1.0.0 " LATER, "faulty-18 1.0.0 " LATER,
    "faulty-19 1.0.0 " LATER, "faulty-20 1.0.0 " LATER, "gone 1.0.0 " LATER,      "overtaken 1.0.0 " LATER,
    "overtakes 1.0.0 " LATER, "halted 1.0.0 " LATER,    "pushed 1.0.0 " LATER,
};
static const struct generated_extra extras[] = {{"bad", "1.0.0", .import = "Nowhere.At.All"}};

static struct server *server;
static struct text members;   /* of the latest set */
static unsigned released = 0; /* how many sets: the minor of the latest one's version */

static int begin(void **state) {
    (void)state;
    static const char *const settings[] = {"REGISTRY_FAULT=none", "LOG_LEVEL=DEBUG", "LEASE_MS=1000", "PENDING_SCAN_MS=100",
                                           NULL};
    server = set_scene_start(&(struct set_scene_options){.rows = rows,
                                                         .row_count = sizeof rows / sizeof rows[0],
                                                         .members = "apart 1.0.0 base 1.0.0",
                                                         .extras = extras,
                                                         .extra_count = 1,
                                                         .settings = settings});
    text_append(&members, "apart 1.0.0 base 1.0.0");
    return 0;
}

static int end(void **state) {
    (void)state;
    text_release(&members);
    if (server) set_scene_stop(server);
    return 0;
}

/* ---- The service, killed ---- */

/* A candidate more, and an update whose service dies at this point. */
static const char *begin_update(const char *package, const char *point) {
    set_scene_make_known(server, package);
    server_terminate(server, SERVER_PACKAGE_SET);
    server_start_with_fault(server, SERVER_PACKAGE_SET, point);
    const char *id = set_scene_update(server);
    if (strcmp(point, "none") != 0) server_wait_for_death(server, SERVER_PACKAGE_SET);
    return id;
}

/* The job's payload shows these changes. */
static void expect_payload(const json_t *job, const char *changes) {
    char *payload = json_dumps(json_object_get(job, "payload"), JSON_COMPACT | JSON_SORT_KEYS);
    assert_string_equal(payload, arena_format(&server->arena, "{\"packages\":{%s}}", changes));
    free(payload);
}

/* `bad` is known not to compile, and by which job. */
static void expect_finding(void) {
    const struct set_findings findings = set_scene_findings(server);
    assert_int_equal(findings.count, 1);
    assert_string_equal(findings.items[0].package, "bad");
    assert_non_null(findings.items[0].job);
}

/* The update has ended and released the set once, with the package, in one commit. `before`: of how many. */
static void expect_released(const char *id, const char *package, size_t before) {
    const char *version = arena_format(&server->arena, "1.%u.0", ++released);
    server_expect_success(server, id);
    json_t *job = server_wait_for_job(server, id);
    assert_int_equal(json_array_size(json_object_get(job, "commits")), 1);
    json_decref(job);
    text_append_format(&members, " %s 1.0.0", package);
    set_scene_expect_set(server, version, members.bytes);
    assert_string_equal(
        set_scene_message(server),
        arena_format(&server->arena, "Release %s package set.\n\nNew packages:\n  - %s@1.0.0", version, package));
    assert_int_equal(set_scene_commits(server), before + 1);
    expect_finding();
}

static void run(int number, const struct fault *fault) {
    const char *package = arena_format(&server->arena, "faulty-%d", number);
    size_t commits = set_scene_commits(server) + 1 /* set_scene_make_known() */, builds = set_scene_builds(server).count;
    const char *id = begin_update(package, fault ? fault->point : "none");
    if (fault) {
        const char *again = fault->again ? fault->again : fault->point;
        if (again[0] != '\0') {
            server_start_with_fault(server, SERVER_PACKAGE_SET, again);
            server_wait_for_death(server, SERVER_PACKAGE_SET);
        }
        server_start_with_fault(server, SERVER_PACKAGE_SET, "none");
    }
    expect_released(id, package, commits);
    /* The package, and the whole set; in the first update `bad`, too, which is known from then on. */
    assert_int_equal(set_scene_builds(server).count, builds + 2 + (fault == NULL));
    json_t *job = server_wait_for_job(server, id);
    bool is_resumed = fault && fault - faults >= RECORDED && !text_equal(fault->again, "");
    expect_payload(job, arena_format(&server->arena, "%s\"%s\":\"1.0.0\"", is_resumed ? "" : "\"bad\":\"1.0.0\",", package));
    json_decref(job);
}

/* Every point that an undisturbed update passes has its row, in the order of the table. */
static void check_points(void) {
    struct text expected = {0};
    for (size_t i = 0; i < FAULTS; i++)
        text_append_format(&expected, "name=%s\n", faults[i].point);
    char *passed = shell_output(&server->arena,
                                "sed -n '/name=package-set-read/,/name=end/s/.*event=fault_point_reached //p' "
                                "'%s/package-set.log' | awk '!seen[$0]++'",
                                server->folder);
    assert_string_equal(passed, text_view(&expected));
    text_release(&expected);
}

static void a_killed_update_releases_its_set_once(void **state) {
    (void)state;
    const char *index = shell_output(&server->arena, "git -C '%s/" INDEX_REPO "' rev-parse HEAD", server->folder);
    run(10, NULL);
    check_points();
    for (int i = 0; i < FAULTS; i++)
        run(11 + i, &faults[i]);
    assert_string_equal(shell_output(&server->arena, "git -C '%s/" INDEX_REPO "' rev-parse HEAD", server->folder), index);
    server_wait_until_ready(server);
    registry_expect_consistency(server);
}

/* ---- What happens between two runs ---- */

static bool has_more_builds(void *context) {
    return set_scene_builds(server).count > *(size_t *)context;
}

static bool has_compiled_more(void *context) {
    return set_scene_builds(server).own_modules > *(int64_t *)context;
}

static void a_build_that_ends_while_no_service_runs_is_not_made_again(void **state) {
    (void)state;
    struct set_scene_builds before = set_scene_builds(server);
    size_t commits = set_scene_commits(server) + 1;
    server_terminate_worker(server, 0);
    const char *id = begin_update("halted", "none");
    assert_true(wait_until(has_more_builds, &before.count, PATIENCE_MS));
    server_kill(server, SERVER_PACKAGE_SET);
    server_start_worker(server, 0);
    assert_true(wait_until(has_compiled_more, &before.own_modules, PATIENCE_MS));
    server_start_program(server, SERVER_PACKAGE_SET);
    expect_released(id, "halted", commits);
    assert_int_equal(set_scene_builds(server).count, before.count + 2);
}

/* The set that was ready is not released, and the next update starts from what there is. */
static void a_set_that_was_overtaken_is_not_released(void **state) {
    (void)state;
    for (int i = 0; i < 2; i++) {
        const char *package = i ? "overtakes" : "overtaken", *ready = arena_format(&server->arena, "1.%u.0", released + 1);
        const char *rival = i ? "1.99.0" : ready; /* a later version, or the very same */
        const char *id = begin_update(package, "package-set-record");
        set_scene_write_set(server, rival, members.bytes);
        const char *before = registry_snapshot(server);
        server_start_with_fault(server, SERVER_PACKAGE_SET, "none");
        set_scene_expect_failed(server, id,
                                arena_format(&server->arena,
                                             "Another package set was released meanwhile, so the package set %s, which was "
                                             "ready, is not released.",
                                             ready));
        assert_string_equal(registry_snapshot(server), before);
        set_scene_write_set(server, rival, NULL);
        size_t commits = set_scene_commits(server);
        expect_released(set_scene_update(server), package, commits);
    }
}

static void a_set_with_a_version_that_was_unpublished_is_not_released(void **state) {
    (void)state;
    const char *id = begin_update("gone", "package-set-record");
    set_scene_unpublish(server, "gone");
    const char *before = registry_snapshot(server);
    server_start_with_fault(server, SERVER_PACKAGE_SET, "none");
    set_scene_expect_failed(
        server, id,
        arena_format(&server->arena,
                     "gone@1.0.0 is not published any more, so the package set 1.%u.0, which was ready, is not released.",
                     released + 1));
    assert_string_equal(registry_snapshot(server), before);
}

/* What is pushed is released, whatever comes after it. */
static void a_set_that_was_pushed_was_released(void **state) {
    (void)state;
    const char *id = begin_update("pushed", "repository:registry"),
               *version = arena_format(&server->arena, "1.%u.0", ++released);
    text_append(&members, " pushed 1.0.0");
    set_scene_expect_set(server, version, members.bytes);
    set_scene_write_set(server, "1.98.0", members.bytes);
    set_scene_unpublish(server, "pushed");
    const char *before = registry_snapshot(server);
    server_start_with_fault(server, SERVER_PACKAGE_SET, "none");
    set_scene_expect_done(server, id, "The package set was committed already");
    set_scene_expect_done(server, id, arena_format(&server->arena, "Released the package set %s: ", version));
    assert_string_equal(registry_snapshot(server), before);
    registry_expect_consistency(server);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_killed_update_releases_its_set_once),
        cmocka_unit_test(a_build_that_ends_while_no_service_runs_is_not_made_again),
        cmocka_unit_test(a_set_that_was_overtaken_is_not_released),
        cmocka_unit_test(a_set_with_a_version_that_was_unpublished_is_not_released),
        cmocka_unit_test(a_set_that_was_pushed_was_released),
    };
    return run_fault_tests(tests, begin, end);
}
