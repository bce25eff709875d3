/* SPDX-License-Identifier: BSD-3-Clause
 *
 * lib/tools/http/github.h against the stand-in, which checks each call.
 */
#include "tests/support/cmocka_all.h"

#include <stdio.h>
#include <string.h>

#include "lib/base/deadline.h"
#include "lib/tools/http/github.h"
#include "tests/support/server/github_server.h"

#define TOKEN "ghp_ServersOwnToken0123456789abcdef"
#define OTHER "ghp_SomebodysToken00123456789abcdef"

enum { SHORT_MS = 300, LONG_MS = 60000 };

struct scene {
    struct github_server *server;
    struct github *github;
    struct arena arena;
    struct error err;
};

static int set_up(void **state) {
    static struct scene scene;
    scene = (struct scene){.server = github_server_start()};
    scene.github = github_create(github_server_url(scene.server));
    github_server_set_token(scene.server, TOKEN, "pacchettibotti", true);
    github_server_set_token(scene.server, OTHER, "somebody", false);
    *state = &scene;
    return 0;
}

static int tear_down(void **state) {
    struct scene *scene = *state;
    github_free(scene->github);
    github_server_stop(scene->server);
    arena_release(&scene->arena);
    return 0;
}

static enum status read_login(struct scene *scene, const char *token, char out[GITHUB_LOGIN_MAX]) {
    struct deadline deadline;
    deadline_start(&deadline, LONG_MS);
    return github_read_login(scene->github, token, out, &deadline, &scene->err);
}

static enum status read_team(struct scene *scene, const char *token, struct github_team *out) {
    struct deadline deadline;
    deadline_start(&deadline, LONG_MS);
    return github_read_team(scene->github, token, "purescript", "packaging", &scene->arena, out, &deadline, &scene->err);
}

static void tokens_and_logins_are_known_by_their_form(void **state) {
    (void)state;
    static const char *const tokens[] = {TOKEN, "github_pat_11ABCDEFG0123456789_abcdefghijklmnop", "gho_0123456789abcdef",
                                         "0123456789abcdef0123456789abcdef01234567"};
    static const char *const others[] = {"",
                                         "ghp_",
                                         "ghp_short",
                                         "ghs_InstallationTokens0123456789abcdef",
                                         "GHP_ServersOwnToken0123456789abcdef",
                                         "ghp_ServersOwnToken0123456789 abcde",
                                         "ghp_ServersOwnToken0123456789\r\nX: 1",
                                         "0123456789abcdef0123456789abcdef0123456g",
                                         "0123456789abcdef0123456789abcdef0123456"};
    for (size_t i = 0; i < sizeof tokens / sizeof tokens[0]; i++)
        assert_true(github_is_token(tokens[i]));
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++)
        assert_false(github_is_token(others[i]));
    assert_true(github_is_login("a") && github_is_login("Some-One-1"));
    assert_false(github_is_login("") || github_is_login("a b") || github_is_login("a_b") || github_is_login("bot[bot]"));
    assert_true(github_is_login("abcdefghijklmnopqrstuvwxyz0123456789-AB"));
    assert_false(github_is_login("abcdefghijklmnopqrstuvwxyz0123456789-ABC"));
}

static void a_tokens_owner_is_found_and_the_answer_is_asked_for_once(void **state) {
    struct scene *scene = *state;
    char login[GITHUB_LOGIN_MAX];
    for (int i = 0; i < 3; i++) {
        assert_int_equal(read_login(scene, OTHER, login), STATUS_OK);
        assert_string_equal(login, "somebody");
    }
    assert_int_equal(github_server_count(scene->server, "GET /user"), 3);
    assert_int_equal(github_server_count_unchanged(scene->server), 2);
    assert_int_equal(read_login(scene, TOKEN, login), STATUS_OK); /* not answered from another token's cache */
    assert_string_equal(login, "pacchettibotti");
    assert_int_equal(github_server_count_unchanged(scene->server), 2);
    assert_int_equal(read_login(scene, "ghp_NobodysToken000123456789abcdef", login), STATUS_UNAUTHORIZED);
    github_server_set_token(scene->server, OTHER, NULL, false); /* revoked: the cached answer is not used */
    assert_int_equal(read_login(scene, OTHER, login), STATUS_UNAUTHORIZED);
}

static void a_team_of_several_pages_is_whole_and_fresh(void **state) {
    struct scene *scene = *state;
    struct github_team team;
    char login[GITHUB_LOGIN_MAX];
    github_server_set_page_size(scene->server, 3);
    for (int i = 0; i < 7; i++) {
        snprintf(login, sizeof login, "member-%d", i);
        github_server_set_member(scene->server, login, true);
    }
    assert_int_equal(read_team(scene, TOKEN, &team), STATUS_OK);
    assert_int_equal(team.count, 7);
    assert_string_equal(team.logins[6], "member-6");
    assert_int_equal(github_server_count(scene->server, "GET /orgs/"), 3);
    assert_int_equal(read_team(scene, TOKEN, &team), STATUS_OK);
    assert_int_equal(github_server_count_unchanged(scene->server), 3);
    github_server_set_member(scene->server, "member-3", false);
    assert_int_equal(read_team(scene, TOKEN, &team), STATUS_OK);
    assert_int_equal(team.count, 6);
    for (size_t i = 0; i < team.count; i++)
        assert_string_not_equal(team.logins[i], "member-3");
    assert_int_equal(read_team(scene, OTHER, &team), STATUS_UNAVAILABLE); /* may not see the team */
    assert_int_equal(read_team(scene, "ghp_NobodysToken000123456789abcdef", &team), STATUS_UNAVAILABLE);
}

static void other_responses_of_github_are_no_answer(void **state) {
    struct scene *scene = *state;
    static const enum github_mode modes[] = {GITHUB_AWAY, GITHUB_BROKEN};
    char login[GITHUB_LOGIN_MAX];
    struct github_team team;
    assert_int_equal(read_login(scene, OTHER, login), STATUS_OK);
    for (size_t i = 0; i < sizeof modes / sizeof modes[0]; i++) {
        github_server_set_mode(scene->server, modes[i]);
        assert_int_equal(read_login(scene, OTHER, login), STATUS_UNAVAILABLE); /* although the login is cached */
        assert_int_equal(read_team(scene, TOKEN, &team), STATUS_UNAVAILABLE);
        assert_null(strstr(scene->err.message, TOKEN));
    }
    github_server_set_mode(scene->server, GITHUB_SILENT);
    struct deadline deadline;
    deadline_start(&deadline, SHORT_MS);
    assert_int_equal(github_read_login(scene->github, OTHER, login, &deadline, &scene->err), STATUS_TIMEOUT);
}

static void a_limit_is_obeyed_until_its_end(void **state) {
    struct scene *scene = *state;
    char login[GITHUB_LOGIN_MAX];
    github_server_set_mode(scene->server, GITHUB_LIMITED);
    assert_int_equal(read_login(scene, OTHER, login), STATUS_UNAVAILABLE);
    github_server_set_mode(scene->server, GITHUB_WELL);
    assert_int_equal(read_login(scene, OTHER, login), STATUS_UNAVAILABLE); /* GitHub is not asked */
    assert_int_equal(github_server_count(scene->server, "GET /user"), 1);
    assert_int_equal(read_login(scene, TOKEN, login), STATUS_OK); /* each token has its own limit */
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tokens_and_logins_are_known_by_their_form),
        cmocka_unit_test_setup_teardown(a_tokens_owner_is_found_and_the_answer_is_asked_for_once, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_team_of_several_pages_is_whole_and_fresh, set_up, tear_down),
        cmocka_unit_test_setup_teardown(other_responses_of_github_are_no_answer, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_limit_is_obeyed_until_its_end, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
