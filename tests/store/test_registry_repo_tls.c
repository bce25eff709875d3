/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The registry's own repositories as in production: by https, with a token. Whom the token is shown to, and whom not.
 */
#include "lib/store/registry_repo.h"

#include <string.h>

#include "tests/support/cmocka_all.h"
#include "tests/support/git_fixture.h"
#include "tests/support/git_server.h"

#define BOT "pacchettibotti"
#define TOKEN "ghp_very-secret-token"

enum { TEST_TIMEOUT_MS = 60000, TRIES = 3 };

struct scene {
    struct git_fixture git;
    struct git_server *server; /* by https, and asks for the token */
    struct registry_repo *repo;
    struct registry_repo_options options;
    struct deadline deadline;
    struct error err;
};

static const char *file_in(struct scene *scene, const char *name) {
    return arena_format(&scene->git.arena, "%s/%s", scene->git.folder, name);
}

static int set_up(void **state) {
    static struct scene scene;
    scene = (struct scene){0};
    git_fixture_make(&scene.git);
    git_fixture_make_authority(&scene.git);
    git_script(&scene.git, "mkdir data && echo old >data/file && push_files data.git");
    scene.server = git_server_start_tls(scene.git.folder, file_in(&scene, "host.pem"), file_in(&scene, "host.key"));
    git_server_need_login(scene.server, BOT, TOKEN);
    scene.options = (struct registry_repo_options){
        .url = arena_format(&scene.git.arena, "%s/data.git", git_server_url(scene.server)),
        .clone_folder = file_in(&scene, "clones/data.git"),
        .token = TOKEN,
        .authorities = file_in(&scene, "authority.pem"),
    };
    deadline_start(&scene.deadline, TEST_TIMEOUT_MS);
    *state = &scene;
    return 0;
}

static int tear_down(void **state) {
    struct scene *scene = *state;
    registry_repo_free(scene->repo);
    git_server_stop(scene->server);
    git_fixture_remove(&scene->git);
    return 0;
}

static enum status open_repo(struct scene *scene) {
    registry_repo_free(scene->repo);
    scene->repo = NULL;
    return registry_repo_open(&scene->repo, &scene->options, &scene->deadline, &scene->err);
}

static void assert_opened(struct scene *scene) {
    if (open_repo(scene)) fail_msg("%s", scene->err.message);
}

static void assert_failure(struct scene *scene, enum status expected, enum status status, const char *part_of_message) {
    if (status != expected) fail_msg("%d: %s", (int)status, scene->err.message);
    if (!strstr(scene->err.message, part_of_message)) fail_msg("not in '%s': %s", scene->err.message, part_of_message);
    assert_null(strstr(scene->err.message, "secret"));
}

/* A registry_edit_function: the file is to hold the text `context`. */
static enum status set_content(struct registry_edit *out, const struct registry_file *current, void *context,
                               struct arena *arena, struct error *err) {
    (void)current, (void)arena, (void)err;
    const char *content = context;
    *out = (struct registry_edit){.kind = REGISTRY_WRITE, .content = {content, strlen(content)}};
    return STATUS_OK;
}

static enum status push(struct scene *scene, char *content) {
    struct registry_change change = {.path = "file", .message = "Ours", .edit = set_content, .context = content};
    scene->err = (struct error){0};
    enum status status = registry_repo_apply(scene->repo, &change, 1, TRIES, &scene->deadline, &scene->err);
    return status ? status : change.status;
}

static void a_repository_is_cloned_and_pushed_with_the_token(void **state) {
    struct scene *scene = *state;
    assert_opened(scene);
    if (push(scene, "new")) fail_msg("%s", scene->err.message);
    assert_string_equal(git_output(&scene->git, "git -C data.git cat-file blob HEAD:file"), "new");
    assert_true(git_server_has_seen(scene->server, BOT ":" TOKEN));
    assert_int_equal(git_server_logins(scene->server), git_server_requests(scene->server));
    git_script(&scene->git, "! grep -rq " TOKEN " clones data.git"); /* not kept anywhere */
}

static void an_authority_that_is_not_known_is_shown_nothing(void **state) {
    struct scene *scene = *state;
    scene->options.authorities = NULL; /* this machine's */
    assert_failure(scene, STATUS_UNAVAILABLE, open_repo(scene), "certificate");
    git_script(&scene->git, "openssl req -x509 -new -key host.key -subj /CN=Another -days 2 -out another.pem");
    scene->options.authorities = file_in(scene, "another.pem");
    assert_failure(scene, STATUS_UNAVAILABLE, open_repo(scene), "certificate");
    scene->options.authorities = file_in(scene, "none.pem");
    assert_failure(scene, STATUS_UNAVAILABLE, open_repo(scene), "certificate");
    scene->options.authorities = file_in(scene, "authority.pem");
    scene->options.url =
        arena_format(&scene->git.arena, "https://127.0.0.1:%s/data.git", strrchr(git_server_url(scene->server), ':') + 1);
    assert_failure(scene, STATUS_UNAVAILABLE, open_repo(scene), "certificate"); /* it is localhost's */
    assert_int_equal(git_server_requests(scene->server), 0);
}

static void a_wrong_token_is_named_by_its_setting_and_not_shown(void **state) {
    struct scene *scene = *state;
    scene->options.token = "wrong-secret-token";
    assert_failure(scene, STATUS_FORBIDDEN, open_repo(scene), "PACCHETTIBOTTI_TOKEN is wrong");
    scene->options.token = NULL;
    assert_failure(scene, STATUS_NOT_FOUND, open_repo(scene), "does not exist or is private");
}

static void a_token_that_may_read_and_not_write_is_named_as_well(void **state) {
    struct scene *scene = *state;
    assert_opened(scene);
    git_script(&scene->git, "git -C data.git config http.receivepack false"); /* answered with 403 */
    assert_failure(scene, STATUS_FORBIDDEN, push(scene, "new"), "does not let in the token of " BOT " (HTTP status 403)");
}

static void a_new_token_is_used_from_then_on(void **state) {
    struct scene *scene = *state;
    assert_opened(scene);
    git_server_need_login(scene->server, BOT, "ghp_another-secret-token");
    assert_failure(scene, STATUS_FORBIDDEN, push(scene, "new"), "PACCHETTIBOTTI_TOKEN is wrong");
    registry_repo_set_token(scene->repo, "ghp_another-secret-token");
    if (push(scene, "new")) fail_msg("%s", scene->err.message);
    assert_string_equal(git_output(&scene->git, "git -C data.git cat-file blob HEAD:file"), "new");
}

static void assert_redirect_keeps_the_token(struct scene *scene, struct git_server *other) {
    size_t before = git_server_logins(scene->server);
    git_server_behave(scene->server, GIT_SERVER_REDIRECT, 0, git_server_url(other));
    git_script(&scene->git, "rm -rf clones");
    assert_opened(scene);
    assert_true(git_server_requests(other) >= 2);
    assert_false(git_server_has_seen(other, "Authorization"));
    assert_false(git_server_has_seen(other, TOKEN));
    git_server_need_login(other, BOT, TOKEN);
    assert_failure(scene, STATUS_FORBIDDEN, open_repo(scene), "to no host that it redirects to");
    assert_int_equal(git_server_logins(other), 0);
    assert_int_equal(git_server_logins(scene->server), before + 2);
}

static void the_token_does_not_follow_a_redirect(void **state) {
    struct scene *scene = *state;
    struct git_server *other = git_server_start_tls(scene->git.folder, file_in(scene, "host.pem"), file_in(scene, "host.key"));
    assert_redirect_keeps_the_token(scene, other);
    git_server_stop(other);
    other = git_server_start(scene->git.folder); /* and to plain http less than ever */
    assert_redirect_keeps_the_token(scene, other);
    git_server_stop(other);
}

/* 127.1 is this machine, too, but it does not look like it. */
static void the_token_does_not_go_over_plain_http(void **state) {
    struct scene *scene = *state;
    struct git_server *plain = git_server_start(scene->git.folder);
    scene->options.url = arena_format(&scene->git.arena, "http://127.1:%s/data.git", strrchr(git_server_url(plain), ':') + 1);
    assert_opened(scene);
    git_server_need_login(plain, BOT, TOKEN);
    assert_failure(scene, STATUS_FORBIDDEN, push(scene, "new"), "over https only");
    assert_int_equal(git_server_logins(plain), 0);
    git_server_stop(plain);
}

static void a_token_in_the_url_is_refused_and_not_repeated(void **state) {
    struct scene *scene = *state;
    scene->options.url = "https://pacchettibotti:ghp_very-secret-token@localhost/data.git";
    assert_failure(scene, STATUS_INVALID, open_repo(scene), "may not hold a user or password");
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
