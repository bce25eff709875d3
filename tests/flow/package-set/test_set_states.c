/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Updates of a package set that is not as it should be: there is none yet, its file cannot be read, it is not self-contained,
 * versions of it are not published any more; and a server that is read-only. One server for all: the tests follow each other.
 */
#include "tests/support/cmocka_all.h"

#include <signal.h>
#include <string.h>

#include "tests/support/registry_check.h"
#include "tests/support/server/second_service.h"
#include "tests/support/set_scene.h"

#define BOTH "[0.15.15 0.15.16]"
#define NO_SET                                                                                                                 \
    "There is no package set yet, so the first one must be requested with a compiler, by a trustee or with pacchettibotti's "  \
    "signature."

static struct server *server;

/* `a-twin` and `b-twin` define one module. `ancient` is not known to build with the compilers of the sets. */
static const char *const rows[] = {
    "a-twin 1.0.0 [0.15.14] ",
    "ancient 1.0.0 [0.15.14] ",
    "b-twin 1.0.0 [0.15.14] ",
    "bad 1.0.0 [0.15.14] ",
    "base 1.0.0 " BOTH " ",
    "base 1.0.1 " BOTH " ",
    "gone 1.0.0 " BOTH " ",
    "moved 1.0.0 " BOTH " ",
    "moved 1.0.1 " BOTH " ",
    "needs-ancient 1.0.0 [0.15.14] ancient >=1.0.0 <2.0.0",
    "on-twin 1.0.0 [0.15.14] b-twin >=1.0.0 <2.0.0",
};
static const struct generated_extra extras[] = {
    {"bad", "1.0.0", .import = "Nowhere.At.All"},
    {"a-twin", "1.0.0", .module = "Shared.Thing"},
    {"b-twin", "1.0.0", .module = "Shared.Thing"},
};

static int start(void **state) {
    (void)state;
    server = set_scene_start(&(struct set_scene_options){.rows = rows,
                                                         .row_count = sizeof rows / sizeof rows[0],
                                                         .extras = extras,
                                                         .extra_count = sizeof extras / sizeof extras[0]});
    return 0;
}

static int stop(void **state) {
    (void)state;
    if (server) registry_expect_consistency(server);
    if (server) set_scene_stop(server);
    return 0;
}

/* ---- None yet ---- */

/* The finding about the package names a job that failed. */
static void expect_failed_job_of_finding(const char *package) {
    const struct set_findings findings = set_scene_findings(server);
    for (size_t i = 0; i < findings.count; i++)
        if (strcmp(findings.items[i].package, package) == 0) {
            assert_non_null(findings.items[i].job);
            json_t *job = server_wait_for_job(server, findings.items[i].job);
            assert_true(json_is_false(json_object_get(job, "success")));
            json_decref(job);
            return;
        }
    fail_msg("there is no finding about %s", package);
}

static void the_first_set_is_requested_with_a_compiler(void **state) {
    (void)state;
    const char *before = registry_snapshot(server), *empty = "With these changes the package set would have no packages.";
    set_scene_expect_failed(server, set_scene_update(server), NO_SET);
    set_scene_expect_failed(server, set_scene_request(server, "{\"packages\":{\"base\":\"1.0.0\"}}"), NO_SET);
    set_scene_expect_failed(server, set_scene_request(server, "{\"compiler\":\"0.15.15\",\"packages\":{}}"), empty);
    set_scene_expect_failed(server, set_scene_request(server, "{\"compiler\":\"0.15.15\",\"packages\":{\"bad\":\"1.0.0\"}}"),
                            empty);
    assert_string_equal(registry_snapshot(server), before);
    /* Each of these compiles, but the compiler finds one module twice: only with the whole set in one run. */
    const char *id =
        set_scene_request(server, "{\"compiler\":\"0.15.15\",\"packages\":{\"base\":\"1.0.0\",\"on-twin\":\"1.0.0\","
                                  "\"a-twin\":\"1.0.0\",\"b-twin\":\"1.0.0\"}}");
    set_scene_expect_done(server, id, "b-twin@1.0.0 is not changed: the whole set does not compile with it (job ");
    set_scene_expect_done(server, id, "on-twin@1.0.0 is not changed: it needs b-twin, which is not changed either.");
    set_scene_expect_set(server, "1.0.0", "a-twin 1.0.0 base 1.0.0");
    assert_string_equal(set_scene_message(server),
                        "Release 1.0.0 package set.\n\nNew packages:\n  - a-twin@1.0.0\n  - base@1.0.0");
    expect_failed_job_of_finding("b-twin");
    /* A request of it alone ends with the same. */
    before = registry_snapshot(server);
    set_scene_expect_failed(server, set_scene_ask(server, "{\"packages\":{\"b-twin\":\"1.0.0\"}}"),
                            "The whole package set compiles with none of the changes, so it stays as it is.");
    assert_string_equal(registry_snapshot(server), before);
}

/* ---- Not readable ---- */

static void an_update_does_not_start_from_an_older_set_than_the_latest(void **state) {
    (void)state;
    registry_write(server, REGISTRY_REPO, "package-sets/7.0.0.json", "{\"version\": ");
    const char *before = registry_snapshot(server);
    set_scene_expect_failed(server, set_scene_update(server),
                            "The latest package set, package-sets/7.0.0.json in the registry repository, cannot be read, so no "
                            "update can start from it: ");
    set_scene_expect_failed(server, set_scene_ask(server, "{\"packages\":{\"base\":\"1.0.1\"}}"), "package-sets/7.0.0.json");
    registry_write(server, REGISTRY_REPO, "package-sets/7.0.0.json",
                   registry_file(server, REGISTRY_REPO, "package-sets/1.0.0.json"));
    set_scene_expect_failed(server, set_scene_update(server), "The file holds the package set 1.0.0.");
    registry_write(server, REGISTRY_REPO, "package-sets/7.0.0.json", NULL);
    assert_string_not_equal(registry_snapshot(server), before);
    set_scene_expect_done(server, set_scene_ask(server, "{\"packages\":{\"base\":\"1.0.1\"}}"),
                          "Released the package set 1.0.1");
}

/* ---- Not self-contained ---- */

static void a_set_with_a_hole_changes_only_by_what_closes_it(void **state) {
    (void)state;
    set_scene_write_set(server, "10.0.0", "base 1.0.0 needs-ancient 1.0.0");
    const char *before = registry_snapshot(server), *hole = "With these changes the package set is not self-contained.";
    const char *id = set_scene_update(server);
    set_scene_expect_done(
        server, id,
        "ERROR The package set 10.0.0 is not self-contained: needs-ancient depends on ancient, which it does not have.");
    set_scene_expect_done(server, id, "base@1.0.1 is not changed: the set would not be self-contained.");
    set_scene_expect_done(server, id, "The package set stays at 10.0.0");
    set_scene_expect_failed(server, set_scene_ask(server, "{\"packages\":{\"base\":\"1.0.1\"}}"),
                            "None of the changes compiles");
    set_scene_expect_failed(server, set_scene_request(server, "{\"compiler\":\"0.15.16\",\"packages\":{}}"), hole);
    id = set_scene_request(server, "{\"compiler\":\"0.15.16\",\"packages\":{\"ancient\":\"1.0.0\",\"bad\":\"1.0.0\"}}");
    set_scene_expect_failed(server, id,
                            "With these changes the package set does not compile with compiler 0.15.16, because of bad.");
    assert_string_equal(registry_snapshot(server), before);
    set_scene_expect_done(server, set_scene_ask(server, "{\"packages\":{\"ancient\":\"1.0.0\"}}"),
                          "Released the package set 10.1.0");
    set_scene_expect_set(server, "10.1.0", "ancient 1.0.0 base 1.0.0 needs-ancient 1.0.0");
    /* Or a removal closes it. */
    set_scene_write_set(server, "11.0.0", "base 1.0.0 needs-ancient 1.0.0");
    set_scene_expect_done(server, set_scene_request(server, "{\"packages\":{\"needs-ancient\":null}}"),
                          "Released the package set 12.0.0");
    set_scene_expect_set(server, "12.0.0", "base 1.0.0");
}

/* ---- Versions that are lost ---- */

static void a_version_that_was_unpublished_is_missed_until_it_is_replaced_or_removed(void **state) {
    (void)state;
    set_scene_write_set(server, "20.0.0", "base 1.0.0 ghost 1.0.0 gone 1.0.0 moved 1.0.1");
    set_scene_unpublish(server, "gone");
    const char *before = registry_snapshot(server), *id = set_scene_update(server);
    set_scene_expect_done(server, id, "1 of 1 changes compile with the set"); /* base 1.0.1, which would remove the lost ones */
    set_scene_expect_done(server, id,
                          "ERROR The package set 20.0.0 has versions that are not published any more, and counts as if it were "
                          "without them: ghost@1.0.0, gone@1.0.0. A trustee can replace or remove them.");
    set_scene_expect_done(server, id,
                          "The package set stays at 20.0.0: a new one would be without ghost@1.0.0, gone@1.0.0, and nothing is "
                          "removed without a request: a trustee must replace or remove it first.");
    json_t *answer = server_get(server, "/api/v1/package-sets/latest/excuses/gone");
    assert_string_equal(json_string_value(json_object_get(json_object_get(answer, "excuse"), "verdict")), "needs_trustee");
    json_decref(answer);
    assert_string_equal(registry_snapshot(server), before);
    set_scene_expect_done(server, set_scene_request(server, "{\"packages\":{\"ghost\":null,\"gone\":null}}"),
                          "Released the package set 21.0.0");
    assert_string_equal(set_scene_message(server),
                        "Release 21.0.0 package set.\n\nRemoved packages:\n  - ghost@1.0.0\n  - gone@1.0.0");
    /* A lost version for which there is a newer one is replaced without a request. */
    set_scene_write_set(server, "30.0.0", "base 1.0.1 moved 1.0.0");
    set_scene_unpublish(server, "moved");
    set_scene_expect_done(server, set_scene_update(server), "Released the package set 30.0.1");
    assert_string_equal(set_scene_message(server),
                        "Release 30.0.1 package set.\n\nUpdated packages:\n  - moved@1.0.0 -> 1.0.1");
    /* A package of which nothing is left at all can be removed alone. */
    set_scene_write_set(server, "40.0.0", "base 1.0.1 ghost 1.0.0 moved 1.0.1");
    set_scene_expect_done(server, set_scene_request(server, "{\"packages\":{\"ghost\":null}}"),
                          "Released the package set 41.0.0");
    set_scene_expect_set(server, "41.0.0", "base 1.0.1 moved 1.0.1");
}

/* ---- Read-only ---- */

static void a_read_only_server_finds_out_all_and_writes_nothing(void **state) {
    (void)state;
    static const char *const read_only[] = {"READONLY=true", NULL};
    struct child_process child = {0};
    set_scene_write_set(server, "50.0.0", "base 1.0.0 moved 1.0.1");
    const char *before = registry_snapshot(server);
    server_terminate(server, SERVER_PACKAGE_SET);
    second_service_start(server, SERVER_PACKAGE_SET, read_only, &child);
    const char *id = set_scene_update(server);
    set_scene_expect_done(server, id, "WARN Read-only: the package set is not committed.");
    set_scene_expect_done(server, id, "The package set 50.0.1 would be released now, but this server is read-only.");
    assert_string_equal(registry_snapshot(server), before);
    assert_int_equal(child_stop(&child, SIGTERM, PATIENCE_MS), 0);
    server_start_program(server, SERVER_PACKAGE_SET);
    set_scene_expect_done(server, set_scene_update(server), "Released the package set 50.0.1");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_first_set_is_requested_with_a_compiler),
        cmocka_unit_test(an_update_does_not_start_from_an_older_set_than_the_latest),
        cmocka_unit_test(a_set_with_a_hole_changes_only_by_what_closes_it),
        cmocka_unit_test(a_version_that_was_unpublished_is_missed_until_it_is_replaced_or_removed),
        cmocka_unit_test(a_read_only_server_finds_out_all_and_writes_nothing),
    };
    return cmocka_run_group_tests(tests, start, stop);
}
