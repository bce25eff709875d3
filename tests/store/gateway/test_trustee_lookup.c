/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Look-ups of trustees' tokens (services/gateway/README.md, Trustee requests), which a stand-in for the publish service
 * answers.
 */
#include "tests/store/gateway/trustee_requests.h"

#include "lib/domain/identity/sealed_secret.h"

static void answer_look_up(struct gateway_scene *s, bool is_known, bool owner_may, bool actor_may) {
    stub_services_answer(
        s->services, MESSAGE_trustee_query,
        (struct message){.tag = MESSAGE_trustee_answer,
                         .trustee_answer = {
                             .token_is_known = is_known, .owner = "a-member", .owner_may = owner_may, .actor_may = actor_may}});
}

static const struct message_trustee_query *last_look_up(struct gateway_scene *s) {
    return &stub_services_last(s->services, MESSAGE_trustee_query, NULL)->trustee_query;
}

static void a_members_token_passes_after_a_look_up(void **state) {
    struct gateway_scene *s = *state;
    struct fixture *f = &s->f;
    char *token = NULL;
    s->settings.trustee_lookup = true;
    serve_trustees(s);
    answer_look_up(s, true, true, true);
    const struct job job = trustee_job(s, TRANSFER);
    assert_string_equal(job.credential, "GitHub token of a-member");
    assert_string_equal(job.actor, "a-trustee");
    const struct message_trustee_query *asked = last_look_up(s);
    assert_string_equal(asked->actor, "a-trustee");
    assert_false(asked->is_last_chance);
    assert_null(strstr(asked->token, "ghp_"));
    assert_ok(secret_unseal(&token, &f->arena, s->settings.service_key, "trustee_query", asked->token, &f->err));
    assert_string_equal(token, TOKEN);
    assert_true(ask_as(s, TOKEN, NULL, "{").status == 400); /* the body is checked last */
}

static void with_the_configured_token_only_the_actor_is_looked_up(void **state) {
    struct gateway_scene *s = *state;
    s->settings.trustee_lookup = true;
    configure_token(s, TOKEN);
    serve_trustees(s);
    answer_look_up(s, false, false, true);
    assert_string_equal(trustee_job(s, TRANSFER).credential, TRUSTEE_CREDENTIAL);
    assert_null(last_look_up(s)->token);
    answer_look_up(s, false, false, false);
    expect_error(s, ask_as(s, TOKEN, NULL, TRANSFER), 403, "actor", "not a trustee");
    int count = stub_services_count(s->services, MESSAGE_trustee_query);
    expect_error(s, ask_as(s, TOKEN, NULL, "{\"action\":\"transfer\"}"), 400, "actor", ""); /* no login to look up */
    assert_int_equal(stub_services_count(s->services, MESSAGE_trustee_query), count);
}

static void checks_of_a_requester_who_is_no_trustee_have_this_order(void **state) {
    struct gateway_scene *s = *state;
    s->settings.trustee_lookup = true;
    serve_trustees(s);
    answer_look_up(s, false, false, false);
    expect_error(s, ask_as(s, TOKEN, ADDRESS_1, "{"), UNAUTHORIZED, NULL, "not one of a trustee");
    answer_look_up(s, true, false, false);
    expect_error(s, ask_as(s, TOKEN, ADDRESS_1, "{"), 403, NULL, "owner is not a trustee");
    answer_look_up(s, true, true, false);
    expect_error(s, ask_as(s, TOKEN, ADDRESS_1, TRANSFER), 403, "actor", "actor is not a trustee");
    stub_services_fail(s->services, MESSAGE_trustee_query, STATUS_UNAVAILABLE, NULL, "GitHub is away.");
    const struct answered answered = ask_as(s, TOKEN, ADDRESS_1, TRANSFER);
    expect_error(s, answered, 503, NULL, "GitHub cannot be reached");
    expect_header(s, &answered, "retry-after", "2");
    expect_error(s, ask_as(s, "not-of-github", ADDRESS_1, TRANSFER), UNAUTHORIZED, NULL, "");
    assert_int_equal(stub_services_count(s->services, MESSAGE_trustee_query), 4);
}

/* After five invalid tokens from one address, its further tokens are only looked up in the cache, and only those of trustees
 * are accepted. */
static void made_up_tokens_of_one_address_cost_five_look_ups(void **state) {
    struct gateway_scene *s = *state;
    s->settings.trustee_lookup = true;
    serve_trustees(s);
    answer_look_up(s, true, true, true);
    expect_status(ask_as(s, TOKEN, ADDRESS_2, TRANSFER), 200);
    answer_look_up(s, false, false, false);
    for (int i = 0; i < TRUSTEE_FAILURES_PER_MINUTE; i++) {
        expect_status(ask_as(s, OTHER, ADDRESS_1, TRANSFER), UNAUTHORIZED);
        assert_false(last_look_up(s)->is_last_chance);
    }
    expect_status(ask_as(s, OTHER, ADDRESS_1, TRANSFER), 429);
    assert_true(last_look_up(s)->is_last_chance);
    answer_look_up(s, true, true, true);
    expect_status(ask_as(s, OTHER, ADDRESS_1, TRANSFER), 200); /* another gateway may have had it looked up */
    assert_true(last_look_up(s)->is_last_chance);
    expect_status(ask_as(s, TOKEN, ADDRESS_1, TRANSFER), 200); /* cached, so it does not count */
    assert_false(last_look_up(s)->is_last_chance);
}

/* A look-up is counted before it is made, and the count is taken back if the token is valid. */
static void good_tokens_are_never_counted(void **state) {
    struct gateway_scene *s = *state;
    s->settings.trustee_lookup = true;
    serve_trustees(s);
    answer_look_up(s, true, true, true);
    for (int i = 0; i < 2 * TRUSTEE_FAILURES_PER_MINUTE; i++) {
        const char *token = arena_format(&s->f.arena, "ghp_ATokenOfTheTeamNumber%02d9876543210", i);
        expect_status(ask_as(s, token, ADDRESS_1, TRANSFER), 200);
        assert_false(last_look_up(s)->is_last_chance);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        gateway_test(a_members_token_passes_after_a_look_up),
        gateway_test(with_the_configured_token_only_the_actor_is_looked_up),
        gateway_test(checks_of_a_requester_who_is_no_trustee_have_this_order),
        gateway_test(made_up_tokens_of_one_address_cost_five_look_ups),
        gateway_test(good_tokens_are_never_counted),
    };
    return cmocka_run_group_tests(tests, start_scene, stop_scene);
}
