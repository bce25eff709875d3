/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Trustees' tokens that are looked up at GitHub (services/gateway/README.md, Trustee requests), by the publish service for the
 * gateway, with a shared key: permissions, the number of questions to GitHub, and that no request is accepted while GitHub
 * cannot be reached.
 */
#include "tests/support/cmocka_all.h"

#include <stdio.h>
#include <string.h>

#include "lib/base/hash.h"
#include "tests/support/owners_scene.h"
#include "tests/support/server/github_server.h"
#include "tests/support/shell.h"
#include "tests/support/trustee_call.h"

#define CONFIGURED "ghp_ConfiguredTokenOfTheBot0123456789"
#define SERVERS "ghp_TheServersOwnTokenForTheTeam01234"
#define MEMBERS "github_pat_11MEMBERS0_0123456789abcdefghijk"
#define BOTS "ghp_AnotherTokenOfTheBot0123456789abcd"
#define STRANGERS "ghp_SomebodyElsesToken0123456789abcdef"

static struct owners_scene scene;
static struct github_server *github;

static int start(void **state) {
    (void)state;
    static char digest[128] = "PACCHETTIBOTTI_TOKEN_SHA256=", api[128];
    hash_sha256_hex(CONFIGURED, strlen(CONFIGURED), digest + strlen(digest));
    github = github_server_start();
    snprintf(api, sizeof api, "GITHUB_API_URL=%s", github_server_url(github));
    github_server_set_token(github, SERVERS, "pacchettibotti", true);
    github_server_set_token(github, BOTS, "pacchettibotti", false);
    github_server_set_token(github, MEMBERS, "Member", false);
    github_server_set_token(github, STRANGERS, "stranger", false);
    github_server_set_member(github, "member", true);
    github_server_set_member(github, "other-member", true);
    const char *const settings[] = {api,
                                    "TRUSTEE_LOOKUP=true",
                                    "PACCHETTIBOTTI_TOKEN=" SERVERS,
                                    "PURSUIT_API_URL=http://127.0.0.1:9",
                                    "SERVICE_KEY=a-key-between-two-programs-0123456789",
                                    NULL};
    const char *const gateway[] = {digest, "PACCHETTIBOTTI_TOKEN=", "TRUSTED_PROXIES=127.0.0.1", NULL};
    owners_scene_start(&scene, &(struct server_options){.settings = settings, .gateway_settings = gateway});
    return 0;
}

static int stop(void **state) {
    (void)state;
    owners_scene_stop(&scene);
    github_server_stop(github);
    return 0;
}

/* From another address each time, so that no rate limit answers. */
static struct trustee_answer ask(const char *token, const char *actor) {
    static int number;
    const char *payload = transfer_payload(&scene, "nothing", "a/b");
    const char *address = arena_format(&scene.server->arena, "198.51.%d.%d", number / 250, number % 250 + 1);
    number++;
    return trustee_ask(scene.server, token, address, trustee_body(scene.server, "transfer", payload, actor, NULL));
}

static void expect_accepted(const char *token, const char *actor, const char *credential) {
    struct trustee_answer answer = ask(token, actor);
    if (answer.status != 200) fail_msg("%s: %d %s", actor, answer.status, answer.message);
    json_t *job = server_wait_for_job(scene.server, answer.job_id);
    assert_string_equal(server_job_text(job, "actor"), actor);
    assert_string_equal(server_job_text(job, "credential"), credential);
    json_decref(job);
}

static void trustees_pass_and_nobody_else(void **state) {
    (void)state;
    expect_accepted(MEMBERS, "member", "GitHub token of Member");
    expect_accepted(MEMBERS, "Other-Member", "GitHub token of Member"); /* logins are case-insensitive */
    expect_accepted(BOTS, "member", "GitHub token of pacchettibotti");
    expect_accepted(CONFIGURED, "member", "PACCHETTIBOTTI_TOKEN");
    static const struct {
        const char *token, *actor;
        int status;
        const char *path;
    } rows[] = {
        {STRANGERS, "stranger", 403, ""},
        {STRANGERS, "member", 403, ""},
        {MEMBERS, "stranger", 403, "actor"},
        {CONFIGURED, "stranger", 403, "actor"},
        {"ghp_NobodysTokenAtAll0123456789abcdef", "member", 401, ""},
        {"ghs_InstallationToken0123456789abcdef", "member", 401, ""},
        {"not-shaped-like-a-token", "member", 401, ""},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct trustee_answer answer = ask(rows[i].token, rows[i].actor);
        if (answer.status != rows[i].status || strcmp(answer.path, rows[i].path) != 0)
            fail_msg("row %zu: %d %s %s", i, answer.status, answer.path, answer.message);
    }
    const char *malformed = "{\"action\":\"transfer\"}"; /* a requester without permission must not learn that */
    assert_int_equal(trustee_ask(scene.server, STRANGERS, "192.0.2.1", malformed).status, 403);
    assert_int_equal(trustee_ask(scene.server, MEMBERS, "192.0.2.1", malformed).status, 400);
}

static void answers_of_github_are_cached_for_a_while(void **state) {
    (void)state;
    size_t users = github_server_count(github, "GET /user"), teams = github_server_count(github, "GET /orgs/");
    assert_true(users == 4 && teams == 1); /* member, bot, stranger, unknown token; not the malformed ones */
    for (int i = 0; i < 5; i++) {
        assert_int_equal(ask(MEMBERS, "member").status, 200);
        assert_int_equal(ask(STRANGERS, "member").status, 403);
        assert_int_equal(ask("ghp_NobodysTokenAtAll0123456789abcdef", "member").status, 401);
    }
    assert_int_equal(github_server_count(github, "GET /user"), users);
    assert_int_equal(github_server_count(github, "GET /orgs/"), teams);
}

static void an_address_that_fails_often_has_nothing_looked_up_and_trustees_still_pass(void **state) {
    (void)state;
    struct server *server = scene.server;
    static const char address[] = "192.0.2.99";
    const char *good = trustee_body(server, "transfer", transfer_payload(&scene, "nothing", "a/b"), "member", NULL);
    for (int i = 0; i < 5; i++)
        assert_int_equal(trustee_ask(server, "wrong", address, good).status, 401);
    size_t users = github_server_count(github, "GET /user");
    assert_int_equal(trustee_ask(server, "ghp_AFreshTokenThatNobodyHasAskedFor0123", address, good).status, 429);
    assert_int_equal(github_server_count(github, "GET /user"), users);
    assert_int_equal(trustee_ask(server, MEMBERS, address, good).status, 200);
    assert_int_equal(trustee_ask(server, CONFIGURED, address, good).status, 200);
}

static void nobody_passes_unknown_while_github_cannot_be_asked(void **state) {
    (void)state;
    static const enum github_mode modes[] = {GITHUB_AWAY, GITHUB_BROKEN, GITHUB_LIMITED};
    for (size_t i = 0; i < sizeof modes / sizeof modes[0]; i++) {
        github_server_set_mode(github, modes[i]);
        const char *token = arena_format(&scene.server->arena, "ghp_NotAskedForBefore%zu0123456789abcdef", i);
        assert_int_equal(ask(token, "member").status, 503);
        assert_int_equal(ask(MEMBERS, "member").status, 200); /* login and team are cached */
    }
    server_terminate(scene.server, SERVER_PUBLISH); /* the cache is lost */
    server_start_program(scene.server, SERVER_PUBLISH);
    server_wait_until_ready(scene.server);
    assert_int_equal(ask(MEMBERS, "member").status, 503);
    assert_int_equal(ask(CONFIGURED, "member").status, 503); /* the team's members are unknown */
    github_server_set_mode(github, GITHUB_HIDES_TEAM);
    server_terminate(scene.server, SERVER_PUBLISH);
    server_start_program(scene.server, SERVER_PUBLISH);
    server_wait_until_ready(scene.server);
    assert_int_equal(ask(MEMBERS, "member").status, 503);
    assert_int_equal(ask(BOTS, "pacchettibotti").status, 200); /* needs no team */
    github_server_set_mode(github, GITHUB_WELL);
    assert_int_equal(ask(MEMBERS, "member").status, 200);
    server_terminate(scene.server, SERVER_PUBLISH);
    assert_int_equal(ask(MEMBERS, "member").status, 503);
    server_start_program(scene.server, SERVER_PUBLISH);
    server_wait_until_ready(scene.server);
}

static void leaving_the_team_or_losing_the_token_ends_the_permission(void **state) {
    (void)state;
    github_server_set_member(github, "member", false);
    github_server_set_token(github, BOTS, NULL, false);
    server_terminate(scene.server, SERVER_PUBLISH); /* a restart ends the cache's validity of a few minutes */
    server_start_program(scene.server, SERVER_PUBLISH);
    server_wait_until_ready(scene.server);
    assert_int_equal(ask(MEMBERS, "other-member").status, 403);
    assert_int_equal(ask(BOTS, "other-member").status, 401);
    assert_int_equal(ask(CONFIGURED, "member").status, 403);
    assert_int_equal(ask(CONFIGURED, "other-member").status, 200);
}

static void only_some_look_ups_a_minute_are_made(void **state) {
    (void)state;
    size_t before = github_server_count(github, "GET /user"), refused = 0;
    for (int i = 0; i < 60; i++) {
        const char *token = arena_format(&scene.server->arena, "ghp_OneOfManyTokens%04d0123456789abcdef", i);
        int status = ask(token, "other-member").status;
        assert_true(status == 401 || status == 503);
        refused += status == 503;
    }
    assert_true(refused > 0 && github_server_count(github, "GET /user") - before <= 60);
    assert_int_equal(ask(CONFIGURED, "other-member").status, 200);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(trustees_pass_and_nobody_else),
        cmocka_unit_test(answers_of_github_are_cached_for_a_while),
        cmocka_unit_test(an_address_that_fails_often_has_nothing_looked_up_and_trustees_still_pass),
        cmocka_unit_test(nobody_passes_unknown_while_github_cannot_be_asked),
        cmocka_unit_test(leaving_the_team_or_losing_the_token_ends_the_permission),
        cmocka_unit_test(only_some_look_ups_a_minute_are_made),
    };
    return cmocka_run_group_tests(tests, start, stop);
}
