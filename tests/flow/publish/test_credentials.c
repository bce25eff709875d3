/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The registry's own repositories by https, with the bot's token in a file: an expired token is reported to operators, and a
 * new one needs no restart. (Which hosts get the token is tested in tests/store/test_registry_repo_tls.c.)
 */
#include "tests/support/cmocka_all.h"

#include <signal.h>
#include <string.h>

#include "tests/support/git/git_fixture.h"
#include "tests/support/git/git_server.h"
#include "tests/support/server/held_compiler.h"
#include "tests/support/server/server_fixture.h"
#include "tests/support/shell.h"

#define BOT "pacchettibotti"
#define FIRST_TOKEN "ghp_first-secret-token"

struct scene {
    struct git_fixture git; /* has the repositories, the certificates, and the file with the token */
    struct git_server *host;
    struct server *server;
};

static int set_up(void **state) {
    static struct scene scene;
    scene = (struct scene){0};
    git_fixture_make(&scene.git);
    git_fixture_make_authority(&scene.git);
    git_script(&scene.git, "for name in registry registry-index; do mkdir $name; echo 'Nothing yet.' >$name/README.md; "
                           "push_files $name.git; done");
    write_file(git_fixture_file(&scene.git, "token"), FIRST_TOKEN "\n");
    scene.host = git_server_start_tls(scene.git.folder, git_fixture_file(&scene.git, "host.pem"),
                                      git_fixture_file(&scene.git, "host.key"));
    git_server_need_login(scene.host, BOT, FIRST_TOKEN);
    const char *url = git_server_url(scene.host);
    const char *const settings[] = {
        arena_format(&scene.git.arena, "REGISTRY_REPO=%s/registry.git", url),
        arena_format(&scene.git.arena, "REGISTRY_INDEX_REPO=%s/registry-index.git", url),
        arena_format(&scene.git.arena, "GIT_CA_FILE=%s", git_fixture_file(&scene.git, "authority.pem")),
        arena_format(&scene.git.arena, "PACCHETTIBOTTI_TOKEN_FILE=%s", git_fixture_file(&scene.git, "token")),
        NULL,
    };
    scene.server = server_start(&(struct server_options){.settings = settings});
    *state = &scene;
    return 0;
}

static int tear_down(void **state) {
    struct scene *scene = *state;
    server_stop(scene->server);
    git_server_stop(scene->host);
    git_fixture_remove(&scene->git);
    return 0;
}

/* From now on the host requires another token. */
static void replace_token(struct scene *scene, const char *token) {
    git_server_need_login(scene->host, BOT, token);
}

/* The operator's fix: writes a valid token to the file. */
static void bring_token(struct scene *scene, const char *token) {
    write_file(git_fixture_file(&scene->git, "token"), token);
    for (enum server_program program = SERVER_PUBLISH; program < SERVER_GATEWAY; program++)
        assert_int_equal(kill(scene->server->children[program].pid, SIGHUP), 0);
}

static void assert_commits(struct scene *scene, const char *repo, const char *count) {
    assert_string_equal(git_output(&scene->git, "git -C %s rev-list --count --author=" BOT " HEAD", repo), count);
}

/* The token must not be in logs, in folders or in the output of `ps`. */
static void assert_hidden(struct scene *scene, const char *token) {
    shell_run("! grep -rqF '%s' '%s'", token, scene->server->folder);
    for (enum server_program program = SERVER_REDIS + 1; program <= SERVER_GATEWAY; program++)
        shell_run("! cat /proc/%d/cmdline /proc/%d/environ | grep -aqF '%s'", (int)scene->server->children[program].pid,
                  (int)scene->server->children[program].pid, token);
}

static void a_publication_is_pushed_with_the_token_from_the_file(void **state) {
    struct scene *scene = *state;
    const struct package package = {"pushed", "1.0.0", .pragma = NULL};
    server_expect_published(scene->server, &package);
    assert_commits(scene, "registry.git", "1");
    assert_commits(scene, "registry-index.git", "1");
    assert_true(git_server_has_seen(scene->host, BOT ":" FIRST_TOKEN));
    assert_hidden(scene, FIRST_TOKEN);
}

static bool readiness_names_the_token(void *context) {
    struct scene *scene = context;
    struct http_response response = {0};
    server_call(scene->server, "GET", "/readyz", NULL, &response);
    bool is_named = response.status == 503 && strstr(text_view(&response.body), "PACCHETTIBOTTI_TOKEN is wrong");
    assert_null(strstr(text_view(&response.body), "secret-token"));
    http_response_release(&response);
    return is_named;
}

static void a_token_that_has_run_out_is_told_and_a_new_one_is_read(void **state) {
    struct scene *scene = *state;
    replace_token(scene, "ghp_second-secret-token");
    assert_true(wait_until(readiness_names_the_token, scene, PATIENCE_MS));
    bring_token(scene, "ghp_second-secret-token\n");
    server_wait_until_ready(scene->server);
    const struct package package = {"pushed-later", "1.0.0", .pragma = NULL};
    server_expect_published(scene->server, &package);
    assert_hidden(scene, FIRST_TOKEN);
    assert_hidden(scene, "ghp_second-secret-token");
}

struct watched_job {
    struct server *server;
    const char *id, *words;
    int times;
};

/* True if the job's log has those words that many times. */
static bool log_has(void *context) {
    struct watched_job *watched = context;
    json_t *job =
        server_get(watched->server, arena_format(&watched->server->arena, "/api/v1/jobs/%s?level=DEBUG", watched->id));
    int times = 0;
    for (const char *at = server_log_text(watched->server, job); (at = strstr(at, watched->words)); at++)
        times++;
    json_decref(job);
    return times >= watched->times;
}

static void wait_for_log(struct scene *scene, const char *id, const char *words, int times) {
    struct watched_job watched = {scene->server, id, words, times};
    if (wait_until(log_has, &watched, PATIENCE_MS)) return;
    json_t *job = server_get(scene->server, arena_format(&scene->git.arena, "/api/v1/jobs/%s?level=DEBUG", id));
    fail_msg("\"%s\" is not in:\n%s", words, server_log_text(scene->server, job));
}

static void a_publication_that_has_begun_to_write_waits_for_a_good_token(void **state) {
    struct scene *scene = *state;
    const struct package package = {"waiting", "1.0.0", .pragma = held_compiler_pragma(scene->server)};
    held_compiler_hold(scene->server, "0.15.15");
    const char *id = server_post_package(scene->server, &package);
    wait_for_log(scene, id, "Packed", 1);
    replace_token(scene, "ghp_third-secret-token");
    held_compiler_release(scene->server, "0.15.15");
    wait_for_log(scene, id, "so it is retried", 2);
    bring_token(scene, "ghp_third-secret-token\n");
    server_expect_success(scene->server, id);
    assert_hidden(scene, "ghp_third-secret-token");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_publication_is_pushed_with_the_token_from_the_file),
        cmocka_unit_test(a_token_that_has_run_out_is_told_and_a_new_one_is_read),
        cmocka_unit_test(a_publication_that_has_begun_to_write_waits_for_a_good_token),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
