/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The registry's own repositories as in production: by https, with a token. Which hosts get the token, and which do not.
 */
#include "lib/store/registry/registry_repo.h"

#include <string.h>

#include "tests/store/repo_scene.h"

#define BOT "pacchettibotti"
#define TOKEN "ghp_very-secret-token"

enum { TEST_TIMEOUT_MS = 60000, TRIES = 3 };

static int set_up(void **state) {
    static struct repo_scene scene;
    repo_scene_start(&scene, "mkdir data && echo old >data/file && push_files data.git", true, TEST_TIMEOUT_MS);
    git_fixture_make_authority(&scene.git);
    scene.server = git_server_start_tls(scene.git.folder, git_fixture_file(&scene.git, "host.pem"),
                                        git_fixture_file(&scene.git, "host.key"));
    git_server_need_login(scene.server, BOT, TOKEN);
    scene.options = (struct registry_repo_options){
        .url = arena_format(&scene.git.arena, "%s/data.git", git_server_url(scene.server)),
        .clone_folder = git_fixture_file(&scene.git, "clones/data.git"),
        .token = TOKEN,
        .authorities = git_fixture_file(&scene.git, "authority.pem"),
    };
    *state = &scene;
    return 0;
}

static int tear_down(void **state) {
    repo_scene_stop(*state);
    return 0;
}

static void assert_opened(struct repo_scene *scene) {
    if (repo_scene_reopen(scene)) fail_msg("%s", scene->err.message);
}

static void assert_failure(struct repo_scene *scene, enum status expected, enum status status, const char *part_of_message) {
    if (status != expected) fail_msg("%d: %s", (int)status, scene->err.message);
    if (!strstr(scene->err.message, part_of_message)) fail_msg("not in '%s': %s", scene->err.message, part_of_message);
    assert_null(strstr(scene->err.message, "secret"));
}

static enum status push(struct repo_scene *scene, char *content) {
    struct registry_change change = {.path = "file", .message = "Ours", .edit = set_content, .context = content};
    scene->err = (struct error){0};
    enum status status = registry_repo_apply(scene->repo, &change, 1, TRIES, &scene->deadline, &scene->err);
    return status ? status : change.status;
}

static void a_repository_is_cloned_and_pushed_with_the_token(void **state) {
    struct repo_scene *scene = *state;
    assert_opened(scene);
    if (push(scene, "new")) fail_msg("%s", scene->err.message);
    assert_string_equal(git_output(&scene->git, "git -C data.git cat-file blob HEAD:file"), "new");
    assert_true(git_server_has_seen(scene->server, BOT ":" TOKEN));
    assert_int_equal(git_server_logins(scene->server), git_server_requests(scene->server));
    git_script(&scene->git, "! grep -rq " TOKEN " clones data.git"); /* not kept anywhere */
}

static void an_authority_that_is_not_known_is_shown_nothing(void **state) {
    struct repo_scene *scene = *state;
    scene->options.authorities = NULL; /* the system's authorities */
    assert_failure(scene, STATUS_UNAVAILABLE, repo_scene_reopen(scene), "certificate");
    git_script(&scene->git, "openssl req -x509 -new -key host.key -subj /CN=Another -days 2 -out another.pem");
    scene->options.authorities = git_fixture_file(&scene->git, "another.pem");
    assert_failure(scene, STATUS_UNAVAILABLE, repo_scene_reopen(scene), "certificate");
    scene->options.authorities = git_fixture_file(&scene->git, "none.pem");
    assert_failure(scene, STATUS_UNAVAILABLE, repo_scene_reopen(scene), "certificate");
    scene->options.authorities = git_fixture_file(&scene->git, "authority.pem");
    scene->options.url =
        arena_format(&scene->git.arena, "https://127.0.0.1:%s/data.git", strrchr(git_server_url(scene->server), ':') + 1);
    assert_failure(scene, STATUS_UNAVAILABLE, repo_scene_reopen(scene), "certificate"); /* the certificate is for localhost */
    assert_int_equal(git_server_requests(scene->server), 0);
}

static void a_wrong_token_is_named_by_its_setting_and_not_shown(void **state) {
    struct repo_scene *scene = *state;
    scene->options.token = "wrong-secret-token";
    assert_failure(scene, STATUS_FORBIDDEN, repo_scene_reopen(scene), "PACCHETTIBOTTI_TOKEN is wrong");
    scene->options.token = NULL;
    assert_failure(scene, STATUS_NOT_FOUND, repo_scene_reopen(scene), "does not exist or is private");
}

static void a_token_that_may_read_and_not_write_is_named_as_well(void **state) {
    struct repo_scene *scene = *state;
    assert_opened(scene);
    git_script(&scene->git, "git -C data.git config http.receivepack false"); /* answered with 403 */
    assert_failure(scene, STATUS_FORBIDDEN, push(scene, "new"), "does not authorize the token of " BOT " (HTTP status 403)");
}

static void a_new_token_is_used_from_then_on(void **state) {
    struct repo_scene *scene = *state;
    assert_opened(scene);
    git_server_need_login(scene->server, BOT, "ghp_another-secret-token");
    assert_failure(scene, STATUS_FORBIDDEN, push(scene, "new"), "PACCHETTIBOTTI_TOKEN is wrong");
    registry_repo_set_token(scene->repo, "ghp_another-secret-token");
    if (push(scene, "new")) fail_msg("%s", scene->err.message);
    assert_string_equal(git_output(&scene->git, "git -C data.git cat-file blob HEAD:file"), "new");
}

static void assert_redirect_keeps_the_token(struct repo_scene *scene, struct git_server *other) {
    size_t before = git_server_logins(scene->server);
    git_server_behave(scene->server, GIT_SERVER_REDIRECT, 0, git_server_url(other));
    git_script(&scene->git, "rm -rf clones");
    assert_opened(scene);
    assert_true(git_server_requests(other) >= 2);
    assert_false(git_server_has_seen(other, "Authorization"));
    assert_false(git_server_has_seen(other, TOKEN));
    git_server_need_login(other, BOT, TOKEN);
    assert_failure(scene, STATUS_FORBIDDEN, repo_scene_reopen(scene), "never to a host that it redirects to");
    assert_int_equal(git_server_logins(other), 0);
    assert_int_equal(git_server_logins(scene->server), before + 2);
}

static void the_token_does_not_follow_a_redirect(void **state) {
    struct repo_scene *scene = *state;
    struct git_server *other = git_server_start_tls(scene->git.folder, git_fixture_file(&scene->git, "host.pem"),
                                                    git_fixture_file(&scene->git, "host.key"));
    assert_redirect_keeps_the_token(scene, other);
    git_server_stop(other);
    other = git_server_start(scene->git.folder); /* and never to plain http */
    assert_redirect_keeps_the_token(scene, other);
    git_server_stop(other);
}

/* 127.1 is also this machine, but is not recognised as such. */
static void the_token_does_not_go_over_plain_http(void **state) {
    struct repo_scene *scene = *state;
    struct git_server *plain = git_server_start(scene->git.folder);
    scene->options.url = arena_format(&scene->git.arena, "http://127.1:%s/data.git", strrchr(git_server_url(plain), ':') + 1);
    assert_opened(scene);
    git_server_need_login(plain, BOT, TOKEN);
    assert_failure(scene, STATUS_FORBIDDEN, push(scene, "new"), "only over https");
    assert_int_equal(git_server_logins(plain), 0);
    git_server_stop(plain);
}

static void a_token_in_the_url_is_refused_and_not_repeated(void **state) {
    struct repo_scene *scene = *state;
    scene->options.url = "https://pacchettibotti:ghp_very-secret-token@localhost/data.git";
    assert_failure(scene, STATUS_INVALID, repo_scene_reopen(scene), "must not contain a user or password");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(a_repository_is_cloned_and_pushed_with_the_token),
        TEST(an_authority_that_is_not_known_is_shown_nothing),
        TEST(a_wrong_token_is_named_by_its_setting_and_not_shown),
        TEST(a_token_that_may_read_and_not_write_is_named_as_well),
        TEST(a_new_token_is_used_from_then_on),
        TEST(the_token_does_not_follow_a_redirect),
        TEST(the_token_does_not_go_over_plain_http),
        TEST(a_token_in_the_url_is_refused_and_not_repeated),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
