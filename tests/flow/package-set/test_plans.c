/* SPDX-License-Identifier: BSD-3-Clause
 *
 * What registryctl tells about the next package sets, with real programs: that an update makes the builds of a dry run, that a
 * proposal is tried without a release, and that its request is one that a trustee can make.
 */
#include "tests/support/cmocka_all.h"

#include <string.h>

#include "lib/base/text.h"
#include "lib/store/redis/redis.h"
#include "tests/support/run_program.h"
#include "tests/support/set_scene.h"

#define BOTH "[0.15.15 0.15.16]"

/* `bad` imports something that is nowhere; of `broken` the metadata says that it builds with the new compiler, but it does not. */
static const char *const rows[] = {
    "bad 1.0.0 " BOTH " ",
    "base 1.0.0 " BOTH " ",
    "broken 1.0.0 [0.15.15] ",
    "broken 1.1.0 [0.15.16] ",
    "down 0.9.0 [0.15.16] ",
    "down 1.0.0 [0.15.15] ",
    "fresh 1.0.0 " BOTH " base >=1.0.0 <2.0.0",
    "gone 1.0.0 [0.15.15] ",
    "up 1.0.0 [0.15.15] base >=1.0.0 <2.0.0",
    "up 1.1.0 [0.15.16] base >=1.0.0 <2.0.0",
    "user 1.0.0 " BOTH " base >=1.0.0 <2.0.0",
    "user 1.0.1 [0.15.15] base >=1.0.0 <2.0.0",
};
static const struct generated_extra extras[] = {
    {"bad", "1.0.0", .module = NULL, .import = "Nowhere.At.All"},
    {"broken", "1.1.0", .module = NULL, .import = "Nowhere.At.All"},
};

static struct server *server;
static struct command_result result; /* of the last run of registryctl */

static void start(const char *members) {
    static const char *const settings[] = {"LEGACY_PACKAGE_SETS_REPO=/nowhere.git", NULL}; /* each try to mirror is logged */
    server = set_scene_start(&(struct set_scene_options){.rows = rows,
                                                         .settings = settings,
                                                         .row_count = sizeof rows / sizeof rows[0],
                                                         .extras = extras,
                                                         .extra_count = sizeof extras / sizeof extras[0],
                                                         .members = members});
}

static int stop(void **state) {
    (void)state;
    command_result_release(&result);
    result = (struct command_result){0};
    if (server) set_scene_stop(server);
    server = NULL;
    return 0;
}

/* Runs `registryctl package-set` with these options; returns its exit status. */
static int ask(const char *const *options) {
    const char *arguments[12] = {"--gateway", server->url, "package-set"};
    for (size_t i = 0; options[i]; i++)
        arguments[3 + i] = options[i];
    const char *setting = arena_format(&server->arena, "PACKAGE_SET_ADDRESS=ipc://%s/package-set.ipc", server->folder);
    return run_program(&result, &(struct program_call){"registryctl", arguments, setting, server->folder, NULL});
}

#define ASK(...) ask((const char *const[]){__VA_ARGS__, NULL})

static void expect_output(const char *words) {
    if (!strstr(text_view(&result.output), words)) fail_msg("there is no \"%s\" in:\n%s", words, text_view(&result.output));
}

static void an_update_makes_the_builds_of_the_dry_run(void **state) {
    (void)state;
    start("base 1.0.0 user 1.0.0");
    assert_int_equal(ASK("--dry-run"), 0);
    expect_output("The latest package set is 1.0.0, for compiler 0.15.15. There are 7 candidates in 7 groups.");
    expect_output("  fresh@1.0.0 (new, published 2026-01-01T00:00:00.000Z) is to be tried\n");
    expect_output("  user@1.0.1 (from 1.0.0, published 2026-01-01T00:00:00.000Z) is to be tried\n");
    expect_output("An update would make 7 builds first:\n");
    expect_output("  bad@1.0.0, a candidate\n");
    assert_int_equal(set_scene_builds(server).count, 0);

    set_scene_expect_done(server, set_scene_update(server), "Released the package set 1.1.0");
    assert_int_equal(set_scene_builds(server).count, 7 + 1); /* and the whole set */

    assert_int_equal(ASK("--dry-run"), 0);
    expect_output("There is 1 candidate in 1 group.");
    expect_output("  bad@1.0.0 (new, published 2026-01-01T00:00:00.000Z) does not compile, as is known\n");
    expect_output("1 build is known from earlier.\n");
    expect_output("No further build is needed to decide about the candidates");
}

static void a_dry_run_names_what_keeps_a_set_from_being_released(void **state) {
    (void)state;
    start("base 1.0.0 ghost 1.0.0 user 1.0.0");
    assert_int_equal(ASK("--dry-run"), 0);
    expect_output(
        "\nNo set is released by itself until a trustee replaces or removes what is not published any more: ghost@1.0.0.\n");
}

/* The line of the request, in the server's arena. */
static const char *request_line(void) {
    const char *begin = strstr(text_view(&result.output), "\n{\"compiler\"");
    assert_non_null(begin);
    return arena_copy_bytes(&server->arena, begin + 1, strcspn(begin + 1, "\n"));
}

/* A trial is no update of the latest set: it leaves no findings, and does not put off the next update. */
static void expect_nothing_decided(void) {
    struct redis *redis;
    struct redis_reply *reply;
    struct error err = {0};
    if (redis_create(&redis, redis_server_url(server->redis), 10000, &err) ||
        redis_call(redis, &reply, &err, "EXISTS set:update set:trials"))
        fail_msg("%s", err.message);
    assert_int_equal(reply->integer, 0);
    redis_free(redis);
}

static void a_proposal_is_tried_and_can_be_requested(void **state) {
    (void)state;
    start("base 1.0.0 down 1.0.0 gone 1.0.0 up 1.0.0 user 1.0.0");
    assert_int_equal(ASK("--propose", "compiler=0.15.16"), 0);
    expect_output("For compiler 0.15.16 the package set 1.0.0, for 0.15.15, would change in 3 packages.");
    expect_output("  down: 1.0.0 -> 0.9.0. down@1.0.0 is not known to build with compiler 0.15.16.");
    expect_output("  gone: leaves, in 1.0.0. gone@1.0.0 is not known to build with compiler 0.15.16.");
    expect_output("  up: 1.0.0 -> 1.1.0. up@1.0.0 is not known to build with compiler 0.15.16.");
    const char *request = request_line();
    assert_string_equal(request, "{\"compiler\":\"0.15.16\",\"packages\":{\"down\":\"0.9.0\",\"gone\":null,\"up\":\"1.1.0\"}}");

    assert_int_equal(ASK("--propose", "compiler=0.15.16", "--build", "--follow"), 0);
    expect_output("builds the changed set, and releases nothing.");
    expect_output(
        "The package set compiles with these changes: it would be 2.0.0, 4 packages, compiler 0.15.16. This was a trial");
    set_scene_expect_set(server, "1.0.0", "base 1.0.0 down 1.0.0 gone 1.0.0 up 1.0.0 user 1.0.0");
    assert_null(strstr(text_view(&result.output), "mirror"));
    expect_nothing_decided();

    size_t made = set_scene_builds(server).count;
    set_scene_expect_done(server, set_scene_request(server, request),
                          "Released the package set 2.0.0: 4 packages, compiler 0.15.16");
    set_scene_expect_set(server, "2.0.0", "base 1.0.0 down 0.9.0 up 1.1.0 user 1.0.0");
    assert_int_equal(set_scene_builds(server).count, made); /* the trial's builds are known */
}

static void a_proposal_that_does_not_compile_says_so(void **state) {
    (void)state;
    start("base 1.0.0 broken 1.0.0 user 1.0.0");
    assert_int_equal(ASK("--propose", "compiler=0.15.16", "--build", "--follow"), 1);
    expect_output("broken@1.1.0 does not compile with these versions");
    set_scene_expect_set(server, "1.0.0", "base 1.0.0 broken 1.0.0 user 1.0.0");
}

static void excuses_are_printed(void **state) {
    (void)state;
    start("base 1.0.0 gone 1.0.0 user 1.0.0");
    set_scene_expect_done(server, set_scene_update(server), "Released the package set 1.1.0");
    assert_int_equal(ASK("--excuses"), 0);
    expect_output("The latest package set is 1.1.0, of ");
    expect_output("All candidates were last tried at ");
    expect_output("fails_with_set: 1 package. It does not compile with the versions in the package set. Who can act: its "
                  "authors.\n  bad@1.0.0 does not compile with the versions in the package set 1.1.0: ");
    expect_output("In the way of compiler 0.15.16:\n  broken@1.0.0; 1.1.0 builds with it\n  down@1.0.0; 0.9.0 builds with it\n "
                  " gone@1.0.0\n  up@1.0.0; 1.1.0 builds "
                  "with it\n");
    assert_int_equal(ASK("--excuses", "bad"), 0);
    expect_output("\nbad: fails_with_set\n  bad@1.0.0 does not compile");
    expect_output("  Who can act: its authors.\n");
    assert_int_equal(ASK("--excuses", "nobody"), 1);
    assert_non_null(strstr(text_view(&result.errors), "There is no package nobody in the registry."));
    assert_int_equal(ASK("--excuses", "No/Body"), 1);
    assert_non_null(strstr(text_view(&result.errors), "No/Body"));
}

static void a_wrong_call_says_what_is_right(void **state) {
    (void)state;
    start("base 1.0.0");
    assert_int_equal(ASK("--dry-run", "--excuses"), 2);
    assert_non_null(strstr(text_view(&result.errors), "One of --request, --excuses, --dry-run and --propose is required."));
    assert_int_equal(ASK("--propose", "0.15.16"), 2);
    assert_non_null(strstr(text_view(&result.errors), "--propose needs compiler=VERSION."));
    assert_int_equal(ASK("--propose", "compiler=0.15.16", "--follow"), 2);
    assert_int_equal(ASK("--excuses", "a", "b"), 2);
    assert_int_equal(ASK("--dry-run", "a"), 2);
    assert_int_equal(ASK("--propose", "compiler=0.15.14"), 1);
    assert_non_null(strstr(text_view(&result.errors), "0.15.14"));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(an_update_makes_the_builds_of_the_dry_run, stop),
        cmocka_unit_test_teardown(a_dry_run_names_what_keeps_a_set_from_being_released, stop),
        cmocka_unit_test_teardown(a_proposal_is_tried_and_can_be_requested, stop),
        cmocka_unit_test_teardown(a_proposal_that_does_not_compile_says_so, stop),
        cmocka_unit_test_teardown(excuses_are_printed, stop),
        cmocka_unit_test_teardown(a_wrong_call_says_what_is_right, stop),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
