/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Requested updates of the package set with real programs and repositories: each refusal, with its sentence and nothing
 * written; and what is released: the set, its version, and the message of the commit. One server for all: the tests follow
 * each other, and each begins with the set of the one before.
 */
#include "tests/support/cmocka_all.h"

#include <string.h>

#include "tests/support/owner_key.h"
#include "tests/support/registry_check.h"
#include "tests/support/set_scene.h"
#include "tests/support/temporary_folder.h"

#define ALL "[0.15.15 0.15.16 0.16.0]"

static struct server *server;
static struct temporary_folder keys_folder;
static struct arena keys;
static struct owner_key_pair bot;

/* `stuck` and `late` have versions that newer compilers reject; each version of `pair-b` compiles with that of `pair-a` only. */
static const char *const rows[] = {
    "bad 1.0.0 " ALL " ",
    "base 1.0.0 " ALL " ",
    "base 1.0.1 " ALL " ",
    "base 1.1.0 " ALL " ",
    "base 2.0.0 " ALL " ",
    "fresh 1.0.0 " ALL " base >=1.0.0 <2.0.0",
    "gone 1.0.0 " ALL " ",
    "late 1.0.0 " ALL " ",
    "leaf 1.0.0 " ALL " user >=1.0.0 <2.0.0",
    "outside 1.0.0 " ALL " ",
    "pair-a 1.0.0 " ALL " ",
    "pair-a 1.0.1 " ALL " ",
    "pair-b 1.0.0 " ALL " pair-a >=1.0.0 <2.0.0",
    "pair-b 1.0.1 " ALL " pair-a >=1.0.0 <2.0.0",
    "reaches 1.0.0 " ALL " outside >=1.0.0 <2.0.0",
    "reaches-on 1.0.0 " ALL " reaches >=1.0.0 <2.0.0",
    "stuck 1.0.0 " ALL " ",
    "stuck 1.0.1 " ALL " ",
    "user 1.0.0 " ALL " base >=1.0.0 <2.0.0",
};
static const struct generated_extra extras[] = {
    {"bad", "1.0.0", .import = "Nowhere.At.All"}, {"late", "1.0.0", .fails_from = "0.16.0"},
    {"pair-a", "1.0.0", .module = "Pair.Old"},    {"pair-a", "1.0.1", .module = "Pair.New"},
    {"pair-b", "1.0.0", .import = "Pair.Old"},    {"pair-b", "1.0.1", .import = "Pair.New"},
    {"stuck", "1.0.0", .fails_from = "0.15.16"},
};
#define MEMBERS "base 1.0.0 late 1.0.0 leaf 1.0.0 pair-a 1.0.0 pair-b 1.0.0 stuck 1.0.0 user 1.0.0"

static int start(void **state) {
    (void)state;
    temporary_folder_make(&keys_folder);
    bot = owner_key_make(&keys, keys_folder.path, "bot", "-t ed25519", "pacchettibotti@purescript.org");
    server = set_scene_start(&(struct set_scene_options){.rows = rows,
                                                         .row_count = sizeof rows / sizeof rows[0],
                                                         .extras = extras,
                                                         .extra_count = sizeof extras / sizeof extras[0],
                                                         .members = MEMBERS,
                                                         .compilers = "0_15_15 0_15_16 0_16_0",
                                                         .public_key = bot.line});
    set_scene_unpublish(server, "gone");
    return 0;
}

static int stop(void **state) {
    (void)state;
    if (server) registry_expect_consistency(server);
    if (server) set_scene_stop(server);
    arena_release(&keys);
    temporary_folder_remove(&keys_folder);
    return 0;
}

/* ---- Refusals ---- */

struct refused {
    const char *payload;
    bool is_by_trustee;
    const char *sentence; /* the whole last line */
};

#define NONE_OF "None of these changes of the package set 1.0.0 can be made. "
#define RESTRICTED                                                                                                             \
    "Only pacchettibotti and the registry's trustees can remove packages from the package set or change its compiler."

static const struct refused refused[] = {
    /* The compiler. */
    {"{\"compiler\":\"0.15.14\",\"packages\":{\"base\":\"1.0.1\"}}", true,
     "The package set 1.0.0 is for compiler 0.15.15: it cannot go back to 0.15.14."},
    {"{\"compiler\":\"0.15.17\",\"packages\":{}}", true,
     "Compiler 0.15.17 is not supported. Supported compilers: 0.15.15, 0.15.16, 0.16.0."},
    {"{\"compiler\":\"0.15.15\",\"packages\":{}}", true, "None of these changes of the package set 1.0.0 can be made."},
    {"{\"compiler\":\"0.15.16\",\"packages\":{}}", true,
     "The package set 1.0.0 does not compile with compiler 0.15.16, because of stuck. Remove or change these in the same "
     "request."},
    /* A version. */
    {"{\"packages\":{\"nothing\":\"1.0.0\"}}", false, NONE_OF "There is no package nothing in the registry."},
    {"{\"packages\":{\"base\":\"9.0.0\"}}", false, NONE_OF "base@9.0.0 is not in the registry index."},
    {"{\"packages\":{\"gone\":\"1.0.0\"}}", true, NONE_OF "gone@1.0.0 was unpublished."},
    {"{\"packages\":{\"base\":\"1.0.0\"}}", true, NONE_OF "base@1.0.0 is in the package set 1.0.0 already."},
    {"{\"packages\":{\"reaches\":\"1.0.0\"}}", false,
     NONE_OF "reaches@1.0.0 depends on outside, which is neither in the package set 1.0.0 nor added by this request."},
    /* A version that needs one that is refused. */
    {"{\"packages\":{\"reaches\":\"1.0.0\",\"reaches-on\":\"1.0.0\"}}", false,
     NONE_OF "reaches@1.0.0 depends on outside, which is neither in the package set 1.0.0 nor added by this request. "
             "reaches-on@1.0.0 depends on reaches, which is neither in the package set 1.0.0 nor added by this request."},
    /* A removal. */
    {"{\"packages\":{\"user\":null}}", true, NONE_OF "user cannot be removed: it is needed by leaf."},
    {"{\"packages\":{\"base\":null,\"user\":null}}", true,
     NONE_OF "user cannot be removed: it is needed by leaf. base cannot be removed: it is needed by user."},
    {"{\"packages\":{\"fresh\":null}}", true, NONE_OF "fresh is not in the package set 1.0.0, so it cannot be removed."},
    {"{\"packages\":{\"base\":null,\"late\":null,\"leaf\":null,\"pair-a\":null,\"pair-b\":null,\"stuck\":null,\"user\":null}}",
     true, "With these changes the package set would have no packages."},
    /* The right. */
    {"{\"packages\":{\"late\":null}}", false, RESTRICTED},
    {"{\"compiler\":\"0.15.16\",\"packages\":{\"stuck\":\"1.0.1\"}}", false, RESTRICTED},
    /* The compiler's verdict. */
    {"{\"packages\":{\"bad\":\"1.0.0\"}}", true,
     "None of the changes compiles with the package set 1.0.0, so it stays as it is."},
    {"{\"packages\":{\"pair-a\":\"1.0.1\"}}", false,
     "None of the changes compiles with the package set 1.0.0, so it stays as it is."},
    /* Neither with the changes nor without them. */
    {"{\"compiler\":\"0.15.16\",\"packages\":{\"bad\":\"1.0.0\",\"stuck\":\"1.0.1\"}}", true,
     "The package set 1.0.0 does not compile with compiler 0.15.16, because of stuck; nor does it with these changes, because "
     "of "
     "bad."},
};

static void what_cannot_be_is_refused_with_its_sentence(void **state) {
    (void)state;
    const char *before = registry_snapshot(server);
    for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++) {
        const struct refused *row = &refused[i];
        const char *id = row->is_by_trustee ? set_scene_request(server, row->payload) : set_scene_ask(server, row->payload);
        json_t *job = server_wait_for_job(server, id);
        if (json_is_true(json_object_get(job, "success"))) fail_msg("%s was not refused", row->payload);
        if (strcmp(server_last_error(server, job), row->sentence) != 0)
            fail_msg("%s:\n%s\ninstead of\n%s", row->payload, server_log_text(server, job), row->sentence);
        json_decref(job);
    }
    assert_string_equal(registry_snapshot(server), before);
}

/* ---- Versions, up and down ---- */

static void the_step_of_the_version_follows_the_changes(void **state) {
    (void)state;
    /* A patch. One of the changes cannot be made; the log says so, and the other is made. */
    const char *id = set_scene_ask(server, "{\"packages\":{\"base\":\"1.0.1\",\"nothing\":\"1.0.0\"}}");
    set_scene_expect_done(server, id, "nothing is not changed: There is no package nothing in the registry.");
    set_scene_expect_set(server, "1.0.1", "base 1.0.1 late 1.0.0 leaf 1.0.0 pair-a 1.0.0 pair-b 1.0.0 stuck 1.0.0 user 1.0.0");
    assert_string_equal(set_scene_message(server), "Release 1.0.1 package set.\n\nUpdated packages:\n  - base@1.0.0 -> 1.0.1");
    /* A new package: minor. One of the changes does not compile. */
    id = set_scene_ask(server, "{\"packages\":{\"bad\":\"1.0.0\",\"fresh\":\"1.0.0\"}}");
    set_scene_expect_done(server, id, "bad@1.0.0 is not changed: it does not compile with the versions of the set.");
    assert_string_equal(set_scene_message(server), "Release 1.1.0 package set.\n\nNew packages:\n  - fresh@1.0.0");
    /* A package up a minor, then up a major. Ranges do not count: `user` asks for a version below 2. */
    set_scene_expect_done(server, set_scene_ask(server, "{\"packages\":{\"base\":\"1.1.0\"}}"),
                          "Released the package set 1.2.0: 8 packages, compiler 0.15.15; 0 added, 1 updated, 0 removed.");
    assert_string_equal(set_scene_message(server), "Release 1.2.0 package set.\n\nUpdated packages:\n  - base@1.0.1 -> 1.1.0");
    set_scene_expect_done(server, set_scene_ask(server, "{\"packages\":{\"base\":\"2.0.0\"}}"),
                          "Released the package set 2.0.0");
    assert_string_equal(set_scene_message(server), "Release 2.0.0 package set.\n\nUpdated packages:\n  - base@1.1.0 -> 2.0.0");
    /* Down only by a trustee. */
    id = set_scene_ask(server, "{\"packages\":{\"base\":\"1.1.0\",\"pair-a\":\"1.0.1\"}}");
    set_scene_expect_failed(
        server, id, "base@1.1.0 is lower than 2.0.0 in the package set 2.0.0: only a trustee can ask for a lower version.");
    set_scene_expect_done(server, set_scene_request(server, "{\"packages\":{\"base\":\"1.1.0\"}}"),
                          "Released the package set 2.0.1");
    assert_string_equal(set_scene_message(server), "Release 2.0.1 package set.\n\nUpdated packages:\n  - base@2.0.0 -> 1.1.0");
    set_scene_expect_set(server, "2.0.1",
                         "base 1.1.0 fresh 1.0.0 late 1.0.0 leaf 1.0.0 pair-a 1.0.0 pair-b 1.0.0 stuck 1.0.0 user 1.0.0");
}

/* ---- Together, and out ---- */

static void what_compiles_only_together_is_taken_in_together(void **state) {
    (void)state;
    const char *id = set_scene_ask(server, "{\"packages\":{\"pair-a\":\"1.0.1\",\"pair-b\":\"1.0.1\"}}");
    set_scene_expect_done(server, id, "2 of 2 changes compile with the set, found in 1 attempts.");
    assert_string_equal(set_scene_message(server), "Release 2.0.2 package set.\n\nUpdated packages:\n"
                                                   "  - pair-a@1.0.0 -> 1.0.1\n  - pair-b@1.0.0 -> 1.0.1");
}

static void packages_leave_with_all_that_depend_on_them(void **state) {
    (void)state;
    /* One of the removals cannot be made; the others are. */
    const char *id = set_scene_request(server, "{\"packages\":{\"base\":null,\"leaf\":null,\"user\":null}}");
    set_scene_expect_done(server, id, "base is not changed: base cannot be removed: it is needed by fresh.");
    assert_string_equal(set_scene_message(server),
                        "Release 3.0.0 package set.\n\nRemoved packages:\n  - leaf@1.0.0\n  - user@1.0.0");
    id = set_scene_request(server, "{\"packages\":{\"fresh\":null,\"leaf\":\"1.0.0\",\"user\":\"1.0.0\"}}");
    set_scene_expect_done(server, id, "Released the package set 4.0.0");
    assert_string_equal(
        set_scene_message(server),
        "Release 4.0.0 package set.\n\nNew packages:\n  - leaf@1.0.0\n  - user@1.0.0\n\nRemoved packages:\n  - fresh@1.0.0");
    set_scene_expect_set(server, "4.0.0", "base 1.1.0 late 1.0.0 leaf 1.0.0 pair-a 1.0.1 pair-b 1.0.1 stuck 1.0.0 user 1.0.0");
}

/* ---- Requests by others ---- */

static void two_requests_at_once_follow_each_other(void **state) {
    (void)state;
    const char *ids[] = {set_scene_ask(server, "{\"packages\":{\"fresh\":\"1.0.0\"}}"),
                         set_scene_ask(server, "{\"packages\":{\"outside\":\"1.0.0\"}}")};
    for (size_t i = 0; i < 2; i++)
        set_scene_expect_done(server, ids[i], "1 added, 0 updated, 0 removed.");
    set_scene_expect_set(server, "4.2.0",
                         "base 1.1.0 fresh 1.0.0 late 1.0.0 leaf 1.0.0 outside 1.0.0 pair-a 1.0.1 pair-b 1.0.1 stuck 1.0.0 "
                         "user 1.0.0");
}

static const char *ask_signed(const char *payload) {
    const char *signature = owner_key_sign(&server->arena, &bot, payload);
    return server_post(server, "/api/v1/package-sets", signed_request_body(&server->arena, payload, signature)).id;
}

static void pacchettibotti_may_remove_but_not_lower(void **state) {
    (void)state;
    set_scene_expect_failed(
        server, ask_signed("{\"packages\":{\"base\":\"1.0.0\",\"fresh\":null}}"),
        "base@1.0.0 is lower than 1.1.0 in the package set 4.2.0: only a trustee can ask for a lower version.");
    set_scene_expect_done(server, ask_signed("{\"packages\":{\"fresh\":null,\"outside\":null}}"),
                          "Released the package set 5.0.0: 7 packages, compiler 0.15.15; 0 added, 0 updated, 2 removed.");
}

/* ---- Compilers ---- */

static void a_newer_compiler_comes_with_what_it_needs(void **state) {
    (void)state;
    /* What is in the way is replaced; a change that does not compile is left out. */
    const char *id = set_scene_request(server, "{\"compiler\":\"0.15.16\",\"packages\":{\"stuck\":\"1.0.1\"}}");
    set_scene_expect_done(server, id, "Released the package set 5.1.0: 7 packages, compiler 0.15.16");
    assert_string_equal(set_scene_message(server), "Release 5.1.0 package set.\n\nUpdated packages:\n  - stuck@1.0.0 -> 1.0.1");
    /* Or it is removed. */
    id = set_scene_request(server, "{\"compiler\":\"0.16.0\",\"packages\":{}}");
    set_scene_expect_failed(server, id, "does not compile with compiler 0.16.0, because of late. Remove or change");
    id = set_scene_request(server, "{\"compiler\":\"0.16.0\",\"packages\":{\"late\":null}}");
    set_scene_expect_done(server, id, "Released the package set 6.0.0: 6 packages, compiler 0.16.0");
    assert_string_equal(set_scene_message(server), "Release 6.0.0 package set.\n\nRemoved packages:\n  - late@1.0.0");
    set_scene_expect_set(server, "6.0.0", "base 1.1.0 leaf 1.0.0 pair-a 1.0.1 pair-b 1.0.1 stuck 1.0.1 user 1.0.0");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_cannot_be_is_refused_with_its_sentence),
        cmocka_unit_test(the_step_of_the_version_follows_the_changes),
        cmocka_unit_test(what_compiles_only_together_is_taken_in_together),
        cmocka_unit_test(packages_leave_with_all_that_depend_on_them),
        cmocka_unit_test(two_requests_at_once_follow_each_other),
        cmocka_unit_test(pacchettibotti_may_remove_but_not_lower),
        cmocka_unit_test(a_newer_compiler_comes_with_what_it_needs),
    };
    return cmocka_run_group_tests(tests, start, stop);
}
