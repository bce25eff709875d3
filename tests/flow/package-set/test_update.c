/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Updates of the package set with real programs and repositories: what is taken in, what is refused and why, and what is
 * released.
 */
#include "tests/support/cmocka_all.h"

#include <stdlib.h>
#include <string.h>

#include "tests/support/registry_check.h"
#include "tests/support/set_scene.h"
#include "tests/support/shell.h"

#define BOTH "[0.15.15 0.15.16]"

static struct server *server;

static int stop(void **state) {
    (void)state;
    if (server) set_scene_stop(server);
    server = NULL;
    return 0;
}

/* The job shows these changes, `"NAME":"VERSION",…` by name, as what it tried. */
static void expect_candidates(const char *id, const char *changes) {
    json_t *job = server_get(server, arena_format(&server->arena, "/api/v1/jobs/%s", id));
    char *payload = json_dumps(json_object_get(job, "payload"), JSON_COMPACT | JSON_SORT_KEYS);
    assert_string_equal(payload, arena_format(&server->arena, "{\"packages\":{%s}}", changes));
    free(payload);
    json_decref(job);
}

/* ---- All of it ---- */

static const char *const plain_rows[] = {
    "base 1.0.0 " BOTH " ",
    "base 1.1.0 " BOTH " ",
    "fresh 1.0.0 " BOTH " base >=1.0.0 <2.0.0",
    "middle 1.0.0 " BOTH " base >=1.0.0 <2.0.0",
    "middle 1.0.1 " BOTH " base >=1.0.0 <2.0.0",
    "middle 1.1.0 [0.15.14] base >=1.0.0 <2.0.0",
    "old 1.0.0 [0.15.14] base >=1.0.0 <2.0.0",
};

static void all_that_compiles_is_taken_in(void **state) {
    (void)state;
    server = set_scene_start(&(struct set_scene_options){
        .rows = plain_rows, .row_count = sizeof plain_rows / sizeof plain_rows[0], .members = "base 1.0.0 middle 1.0.0"});
    const char *id = set_scene_update(server);
    set_scene_expect_done(server, id,
                          "Released the package set 1.1.0: 3 packages, compiler 0.15.15; 1 added, 2 updated, 0 removed.");
    expect_candidates(id, "\"base\":\"1.1.0\",\"fresh\":\"1.0.0\",\"middle\":\"1.0.1\"");
    set_scene_expect_set(server, "1.1.0", "base 1.1.0 fresh 1.0.0 middle 1.0.1");
    assert_string_equal(set_scene_message(server), "Release 1.1.0 package set.\n\n"
                                                   "New packages:\n  - fresh@1.0.0\n\n"
                                                   "Updated packages:\n  - base@1.0.0 -> 1.1.0\n  - middle@1.0.0 -> 1.0.1");
    /* Nothing is left to change, so there is no other set. */
    id = set_scene_update(server);
    set_scene_expect_done(server, id, "The package set stays at 1.1.0: there is nothing to change.");
    expect_candidates(id, "");
    registry_expect_consistency(server);
}

/* ---- Parts of it ---- */

/* `base` 2.0.0 has no longer what `user` imports, `bad` imports something that is nowhere, `needy` needs `bad`. */
static const char *const broken_rows[] = {
    "bad 1.0.0 " BOTH " ",
    "base 1.0.0 " BOTH " ",
    "base 2.0.0 " BOTH " ",
    "good 1.0.0 " BOTH " base >=1.0.0 <3.0.0",
    "needy 1.0.0 " BOTH " bad >=1.0.0 <2.0.0",
    "other 1.0.0 " BOTH " ",
    "other 1.0.1 " BOTH " ",
    "user 1.0.0 " BOTH " base >=1.0.0 <3.0.0",
};
static const struct generated_extra broken_extras[] = {
    {"base", "1.0.0", .module = "Base.Old", .import = NULL},
    {"user", "1.0.0", .module = NULL, .import = "Base.Old"},
    {"bad", "1.0.0", .module = NULL, .import = "Nowhere.At.All"},
};

static void what_does_not_compile_is_left_out_and_named(void **state) {
    (void)state;
    server = set_scene_start(&(struct set_scene_options){.rows = broken_rows,
                                                         .row_count = sizeof broken_rows / sizeof broken_rows[0],
                                                         .extras = broken_extras,
                                                         .extra_count = 3,
                                                         .members = "base 1.0.0 other 1.0.0 user 1.0.0"});
    const char *id = set_scene_update(server);
    set_scene_expect_done(server, id, "base@2.0.0 is not changed: user does not compile with it.");
    set_scene_expect_done(server, id, "bad@1.0.0 is not changed: it does not compile with the versions of the set.");
    set_scene_expect_done(server, id, "needy@1.0.0 is not changed: it needs bad, which is not changed either.");
    expect_candidates(id, "\"bad\":\"1.0.0\",\"base\":\"2.0.0\",\"good\":\"1.0.0\",\"needy\":\"1.0.0\",\"other\":\"1.0.1\"");
    set_scene_expect_set(server, "1.1.0", "base 1.0.0 good 1.0.0 other 1.0.1 user 1.0.0");
    /* What was found out is remembered: the next update makes no build at all. */
    size_t made = set_scene_builds(server).count;
    const char *decided = set_scene_decided(server);
    set_scene_expect_done(server, set_scene_update(server), "none of the candidates compiles with it");
    assert_string_equal(set_scene_decided(server), decided); /* so it would not have been made for these alone */
    assert_int_equal(set_scene_builds(server).count, made);
}

/* One component of nine, of which two do not compile, and one beside it. */
static const char *const many_rows[] = {
    "apart 1.0.0 " BOTH " ",
    "hub 1.0.0 " BOTH " ",
    "hub 1.0.1 " BOTH " ",
    "spoke-a 1.0.0 " BOTH " hub >=1.0.0 <2.0.0",
    "spoke-b 1.0.0 " BOTH " hub >=1.0.0 <2.0.0",
    "spoke-c 1.0.0 " BOTH " hub >=1.0.0 <2.0.0",
    "spoke-d 1.0.0 " BOTH " hub >=1.0.0 <2.0.0",
    "spoke-e 1.0.0 " BOTH " hub >=1.0.0 <2.0.0",
    "spoke-f 1.0.0 " BOTH " hub >=1.0.0 <2.0.0",
    "spoke-g 1.0.0 " BOTH " hub >=1.0.0 <2.0.0",
    "spoke-h 1.0.0 " BOTH " hub >=1.0.0 <2.0.0",
};
static const struct generated_extra many_extras[] = {
    {"spoke-c", "1.0.0", .import = "Nowhere.At.All"},
    {"spoke-g", "1.0.0", .import = "Nowhere.At.All"},
};

static bool has_two_builds(void *context) {
    (void)context;
    return set_scene_builds(server).count == 2;
}

static void components_are_built_side_by_side_and_searched_by_themselves(void **state) {
    (void)state;
    server = set_scene_start(&(struct set_scene_options){.rows = many_rows,
                                                         .row_count = sizeof many_rows / sizeof many_rows[0],
                                                         .extras = many_extras,
                                                         .extra_count = 2,
                                                         .members = "hub 1.0.0"});
    /* While no worker takes one, the first build of each component is wanted. */
    server_terminate_worker(server, 0);
    const char *id = set_scene_update(server);
    assert_true(wait_until(has_two_builds, NULL, PATIENCE_MS));
    server_start_worker(server, 0);
    set_scene_expect_done(server, id, "10 changes to try, in 2 groups");
    /* Two that fail in one of the groups take three attempts each, and the rest of it one; the other group takes one. */
    set_scene_expect_done(server, id, "8 of 10 changes compile with the set, found in 8 attempts.");
    set_scene_expect_set(
        server, "1.1.0",
        "apart 1.0.0 hub 1.0.1 spoke-a 1.0.0 spoke-b 1.0.0 spoke-d 1.0.0 spoke-e 1.0.0 spoke-f 1.0.0 spoke-h 1.0.0");
    /* All attempts together have built each package once, and the whole set once. */
    assert_int_equal(set_scene_builds(server).count, 10 + 1);
}

/* ---- What takes too long ---- */

static const char *const slow_rows[] = {"base 1.0.0 " BOTH " ", "slow 1.0.0 " BOTH " "};
static const struct generated_extra slow_extras[] = {{"slow", "1.0.0", .pragma = "sleep 24000"}};

/* A time limit may be the machine's fault, once. */
static void what_takes_too_long_is_built_again_by_the_next_update(void **state) {
    (void)state;
    static const char *const settings[] = {"MATRIX_TIMEOUT_MS=15000", NULL};
    server = set_scene_start(&(struct set_scene_options){.rows = slow_rows,
                                                         .row_count = sizeof slow_rows / sizeof slow_rows[0],
                                                         .extras = slow_extras,
                                                         .extra_count = 1,
                                                         .members = "base 1.0.0",
                                                         .settings = settings});
    const char *id = set_scene_update(server);
    set_scene_expect_done(server, id, "slow@1.0.0 is not changed: ");
    set_scene_expect_done(server, id, "time limit");
    server_terminate(server, SERVER_BUILD_MATRIX);
    server_change_setting(server, SERVER_BUILD_MATRIX, "MATRIX_TIMEOUT_MS", "120000");
    server_start_program(server, SERVER_BUILD_MATRIX);
    set_scene_expect_done(server, set_scene_update(server), "Released the package set 1.1.0");
    set_scene_expect_set(server, "1.1.0", "base 1.0.0 slow 1.0.0");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(all_that_compiles_is_taken_in, stop),
        cmocka_unit_test_teardown(what_does_not_compile_is_left_out_and_named, stop),
        cmocka_unit_test_teardown(what_takes_too_long_is_built_again_by_the_next_update, stop),
        cmocka_unit_test_teardown(components_are_built_side_by_side_and_searched_by_themselves, stop),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
