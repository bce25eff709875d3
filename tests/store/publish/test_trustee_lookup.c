/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Trustees according to a stand-in for GitHub: the answer to each requester, and which questions to GitHub are cached or
 * avoided. Through the gateway: tests/flow/trustee/test_lookup.c.
 */
#include "services/publish/trustee_lookup.h"

#include "lib/domain/identity/sealed_secret.h"
#include "tests/store/fixture.h"
#include "tests/support/server/github_server.h"

#define BOT_TOKEN "ghp_TheTokenOfThePacchettibotti012345"
#define MEMBER_TOKEN "ghp_TheTokenOfATeamsMember0123456789"
#define OTHER_TOKEN "ghp_TheTokenOfSomebodyElse0123456789"
#define NOBODYS_TOKEN "ghp_TheTokenOfNobodyAtAll01234567890"
#define SERVICE_KEY "the key of the services"

enum { LONG_MS = 3600000, LOOK_UPS_PER_MINUTE = 30 };

struct lookup_scene {
    struct fixture f; /* first: tests/store/fixture.h casts */
    struct settings settings;
    struct github_server *github;
    struct trustee_lookup *lookup;
    struct message_trustee_answer answer; /* the last one */
};

static int start(void **state) {
    struct lookup_scene *l = memory_alloc(sizeof *l);
    l->f.server = redis_server_start();
    connect_fixture(&l->f);
    *state = l;
    return 0;
}

static void open_lookup(struct lookup_scene *l) {
    struct fixture *f = &l->f;
    assert_ok(trustee_lookup_create(&l->lookup, &l->settings, &f->err));
}

static int open_scene(void **state) {
    struct lookup_scene *l = *state;
    empty_fixture(state);
    l->github = github_server_start();
    github_server_set_token(l->github, BOT_TOKEN, "pacchettibotti", true);
    github_server_set_token(l->github, MEMBER_TOKEN, "a-member", false);
    github_server_set_token(l->github, OTHER_TOKEN, "somebody", false);
    github_server_set_member(l->github, "a-member", true);
    github_server_set_member(l->github, "another", true);
    l->settings = (struct settings){.redis_url = (char *)redis_server_url(l->f.server),
                                    .github_api_url = (char *)github_server_url(l->github),
                                    .pacchettibotti_token = BOT_TOKEN,
                                    .service_key = SERVICE_KEY,
                                    .trustee_lookup_ms = LONG_MS};
    open_lookup(l);
    return 0;
}

static int close_scene(void **state) {
    struct lookup_scene *l = *state;
    trustee_lookup_free(l->lookup);
    github_server_stop(l->github);
    return 0;
}

#define lookup_test(name) cmocka_unit_test_setup_teardown(name, open_scene, close_scene)

static const char *seal(struct lookup_scene *l, const char *token) {
    return token ? secret_seal(&l->f.arena, SERVICE_KEY, "trustee_query", token, strlen(token)) : NULL;
}

static enum status try_ask(struct lookup_scene *l, const char *token, const char *actor) {
    const struct message_trustee_query query = {.token = seal(l, token), .actor = actor};
    return trustee_lookup_answer(l->lookup, &query, &l->f.arena, &l->answer, &l->f.err);
}

/* `owner`: the account that the token belongs to, or NULL if it is invalid. */
static void expect(struct lookup_scene *l, const char *token, const char *actor, const char *owner, bool owner_may,
                   bool actor_may) {
    struct fixture *f = &l->f;
    assert_ok(try_ask(l, token, actor));
    assert_int_equal(l->answer.token_is_known, owner != NULL);
    if (owner) assert_string_equal(l->answer.owner, owner);
    assert_int_equal(l->answer.owner_may, owner_may);
    assert_int_equal(l->answer.actor_may, actor_may);
}

static size_t calls(struct lookup_scene *l) {
    return github_server_count(l->github, "");
}

/* ---- Trustees ---- */

static void members_of_the_team_and_the_bot_are_trustees(void **state) {
    struct lookup_scene *l = *state;
    expect(l, MEMBER_TOKEN, "another", "a-member", true, true);
    expect(l, MEMBER_TOKEN, "A-Member", "a-member", true, true); /* GitHub's names are case-insensitive */
    expect(l, MEMBER_TOKEN, "nobody", "a-member", true, false);
    expect(l, BOT_TOKEN, "pacchettibotti", "pacchettibotti", true, true);
    expect(l, NULL, "another", NULL, false, true);
    expect(l, NULL, "somebody", NULL, false, false);
}

static void a_stranger_learns_nothing_about_the_team(void **state) {
    struct lookup_scene *l = *state;
    expect(l, OTHER_TOKEN, "another", "somebody", false, false);
    expect(l, NOBODYS_TOKEN, "another", NULL, false, false);
    expect(l, "no token at all", "another", NULL, false, false);
}

static void a_token_that_another_key_has_sealed_is_refused(void **state) {
    struct lookup_scene *l = *state;
    struct fixture *f = &l->f;
    const struct message_trustee_query query = {
        .token = secret_seal(&f->arena, "another key", "trustee_query", BOT_TOKEN, strlen(BOT_TOKEN))};
    assert_status(STATUS_UNAUTHORIZED, trustee_lookup_answer(l->lookup, &query, &f->arena, &l->answer, &f->err));
    assert_int_equal(calls(l), 0);
}

/* ---- Failures of GitHub ---- */

static void while_github_is_away_nobody_is_judged(void **state) {
    struct lookup_scene *l = *state;
    github_server_set_mode(l->github, GITHUB_AWAY);
    assert_int_not_equal(try_ask(l, MEMBER_TOKEN, NULL), STATUS_OK);
    assert_false(l->answer.owner_may);
    github_server_set_mode(l->github, GITHUB_HIDES_TEAM);
    assert_int_not_equal(try_ask(l, MEMBER_TOKEN, NULL), STATUS_OK);
    assert_false(l->answer.owner_may);
    github_server_set_mode(l->github, GITHUB_WELL);
    expect(l, MEMBER_TOKEN, NULL, "a-member", true, false);
}

static void without_the_bots_token_the_team_is_not_known(void **state) {
    struct lookup_scene *l = *state;
    struct fixture *f = &l->f;
    l->settings.pacchettibotti_token = NULL;
    assert_status(STATUS_UNAVAILABLE, try_ask(l, MEMBER_TOKEN, NULL));
    assert_non_null(strstr(f->err.message, "PACCHETTIBOTTI_TOKEN is not set"));
    expect(l, BOT_TOKEN, NULL, "pacchettibotti", true, false); /* needs no team */
}

/* ---- Cached answers ---- */

static void answers_are_believed_for_their_time(void **state) {
    struct lookup_scene *l = *state;
    expect(l, MEMBER_TOKEN, "another", "a-member", true, true);
    expect(l, NOBODYS_TOKEN, NULL, NULL, false, false);
    size_t before = calls(l);
    github_server_set_member(l->github, "a-member", false);
    expect(l, MEMBER_TOKEN, "another", "a-member", true, true);
    expect(l, NOBODYS_TOKEN, NULL, NULL, false, false); /* the answer for an invalid token is cached, too */
    assert_int_equal(calls(l), before);
}

static void and_no_longer(void **state) {
    struct lookup_scene *l = *state;
    l->settings.trustee_lookup_ms = 0;
    expect(l, MEMBER_TOKEN, NULL, "a-member", true, false);
    github_server_set_member(l->github, "a-member", false);
    expect(l, MEMBER_TOKEN, NULL, "a-member", false, false);
}

static void a_query_that_is_a_last_chance_asks_for_no_owner(void **state) {
    struct lookup_scene *l = *state;
    struct fixture *f = &l->f;
    const struct message_trustee_query query = {.token = seal(l, MEMBER_TOKEN), .is_last_chance = true};
    assert_ok(trustee_lookup_answer(l->lookup, &query, &f->arena, &l->answer, &f->err));
    assert_false(l->answer.token_is_known);
    assert_int_equal(calls(l), 0);
    expect(l, MEMBER_TOKEN, NULL, "a-member", true, false);
    assert_ok(trustee_lookup_answer(l->lookup, &query, &f->arena, &l->answer, &f->err));
    assert_true(l->answer.owner_may); /* the cached part is answered */
}

/* ---- Invented tokens ---- */

static void use_up_invented_tokens(struct lookup_scene *l) {
    struct fixture *f = &l->f;
    for (int i = 0; i < LOOK_UPS_PER_MINUTE; i++)
        assert_ok(try_ask(l, arena_format(&f->arena, "ghp_AnInventedTokenOfNumber%09d", i), NULL));
    assert_status(STATUS_UNAVAILABLE, try_ask(l, "ghp_OneInventedTokenMore012345678901", NULL));
    assert_int_equal(github_server_count(l->github, "GET /user"), LOOK_UPS_PER_MINUTE);
}

static void invented_tokens_are_looked_up_so_often_in_a_minute(void **state) {
    struct lookup_scene *l = *state;
    struct fixture *f = &l->f;
    use_up_invented_tokens(l);
    assert_status(STATUS_UNAVAILABLE, try_ask(l, MEMBER_TOKEN, NULL)); /* not looked up yet */
}

static void they_lock_out_no_trustee_who_was_seen_before_a_restart(void **state) {
    struct lookup_scene *l = *state;
    expect(l, MEMBER_TOKEN, NULL, "a-member", true, false);
    expect(l, OTHER_TOKEN, NULL, "somebody", false, false);
    trustee_lookup_free(l->lookup);
    github_server_stop(l->github);
    l->github = github_server_start();
    github_server_set_token(l->github, BOT_TOKEN, "pacchettibotti", true);
    github_server_set_token(l->github, MEMBER_TOKEN, "a-member", false);
    github_server_set_member(l->github, "a-member", true);
    l->settings.github_api_url = (char *)github_server_url(l->github);
    open_lookup(l);
    use_up_invented_tokens(l);
    expect(l, MEMBER_TOKEN, NULL, "a-member", true, false);
    struct fixture *f = &l->f;
    assert_status(STATUS_UNAVAILABLE, try_ask(l, OTHER_TOKEN, NULL)); /* did not belong to a trustee */
}

static void without_redis_a_trustees_token_is_looked_up_like_any_other(void **state) {
    struct lookup_scene *l = *state;
    redis_server_pause(l->f.server);
    expect(l, MEMBER_TOKEN, NULL, "a-member", true, false);
    redis_server_resume(l->f.server);
}

int main(void) {
    static const struct CMUnitTest tests[] = {
        lookup_test(members_of_the_team_and_the_bot_are_trustees),
        lookup_test(a_stranger_learns_nothing_about_the_team),
        lookup_test(a_token_that_another_key_has_sealed_is_refused),
        lookup_test(while_github_is_away_nobody_is_judged),
        lookup_test(without_the_bots_token_the_team_is_not_known),
        lookup_test(answers_are_believed_for_their_time),
        lookup_test(and_no_longer),
        lookup_test(a_query_that_is_a_last_chance_asks_for_no_owner),
        lookup_test(invented_tokens_are_looked_up_so_often_in_a_minute),
        lookup_test(they_lock_out_no_trustee_who_was_seen_before_a_restart),
        lookup_test(without_redis_a_trustees_token_is_looked_up_like_any_other),
    };
    return cmocka_run_group_tests(tests, start, stop_fixture);
}
