/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Uploads of documentation to Pursuit (lib/tools/README.md, Pursuit): done after a publication, logged at NOTICE if they fail,
 * completed when the request is sent again; and the job's field `documentation`, which decides whether a repeated request is a
 * duplicate (lib/store/README.md, Duplicates).
 */
#include "tests/support/cmocka_all.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/refusal.h"
#include "tests/support/registry_check.h"
#include "tests/support/server/pursuit_server.h"
#include "tests/support/shell.h"

#define TOKEN "ghp_OnlyForThisTest0123456789"
#define NEW_TOKEN "ghp_TheOneThatCameAfterIt9876"

/* A server with a stand-in for Pursuit, for one test. */
struct scene {
    struct server *server;
    struct pursuit_server *pursuit;
};

enum { SETTINGS_MAX = 8 };

/* `settings`: more of them, NULL at the end, or NULL for none. */
static struct scene start_scene(const char *const *settings, const char *compilers) {
    struct scene scene = {.pursuit = pursuit_server_start(TOKEN)};
    struct arena arena = {0};
    const char *all[SETTINGS_MAX + 1] = {NULL};
    size_t count = 0;
    for (; settings && settings[count]; count++)
        all[count] = settings[count];
    all[count++] = arena_format(&arena, "PURSUIT_API_URL=%s", pursuit_server_url(scene.pursuit));
    all[count] = "PACCHETTIBOTTI_TOKEN=" TOKEN;
    scene.server = server_start(&(struct server_options){.settings = all, .compilers = compilers});
    arena_release(&arena);
    return scene;
}

static void stop_scene(struct scene *scene) {
    registry_expect_consistency(scene->server);
    refusal_expect_no_work(scene->server);
    shell_run("! grep -q ghp_ '%s'/*.log", scene->server->folder);
    server_stop(scene->server);
    pursuit_server_stop(scene->pursuit);
}

static const char *documentation_of(struct scene *scene, const char *id) {
    char *field = shell_output(&scene->server->arena, "redis-cli -s '%s' HGET job:%s documentation",
                               redis_server_url(scene->server->redis) + strlen("unix://"), id);
    field[strcspn(field, "\n")] = '\0';
    return field;
}

/* Waits for the job's end, which must have that success and that field; returns its log. */
static const char *expect_end(struct scene *scene, const char *id, bool success, const char *documentation) {
    json_t *job = server_wait_for_job(scene->server, id);
    const char *log = server_log_text(scene->server, job);
    if (json_is_true(json_object_get(job, "success")) != success) fail_msg("%s", log);
    if (strstr(log, "ghp_")) fail_msg("a token is in the log:\n%s", log);
    assert_string_equal(documentation_of(scene, id), documentation);
    json_decref(job);
    return log;
}

static void expect_in(const char *log, const char *words) {
    if (strstr(log, words) == NULL) fail_msg("no \"%s\" in:\n%s", words, log);
}

/* Sends the same request again, which must be a new job. */
static const char *ask_again(struct scene *scene, const struct package *package) {
    struct server_accepted again = server_publish(scene->server, package_request(&scene->server->arena, package));
    assert_true(again.created);
    return again.id;
}

static void expect_same_job(struct scene *scene, const struct package *package, const char *id) {
    struct server_accepted again = server_publish(scene->server, package_request(&scene->server->arena, package));
    assert_false(again.created);
    assert_string_equal(again.id, id);
}

/* A different request for the same version: from another ref. */
static const char *ask_without_location(struct scene *scene, const struct package *package) {
    struct server *server = scene->server;
    return server_publish(server,
                          arena_format(&server->arena,
                                       "{\"name\": \"%s\", \"version\": \"%s\", \"ref\": \"v%s\", \"compiler\": \"0.15.15\"}",
                                       package->name, package->version, package->version))
        .id;
}

/* ---- Sent ---- */

/* Committed long ago. */
static const char *post_old_package(struct scene *scene, const struct package *package) {
    assert_int_equal(setenv("GIT_COMMITTER_DATE", "2001-02-03T04:05:06Z", 1), 0);
    const char *id = server_post_package(scene->server, package);
    assert_int_equal(unsetenv("GIT_COMMITTER_DATE"), 0);
    return id;
}

static void documentation_is_on_pursuit_after_a_publication(void **state) {
    (void)state;
    struct scene scene = start_scene(NULL, NULL);
    const struct package base = {"base", "1.0.0", .pragma = NULL};
    const struct package package = {"documented", "1.2.3", .dependencies = {{"base", ">=1.0.0 <2.0.0"}}};
    expect_end(&scene, server_post_package(scene.server, &base), true, "published");
    const char *id = post_old_package(&scene, &package);
    const char *log = expect_end(&scene, id, true, "published");
    const char *index = strstr(log, "Committed the manifest to the index"),
               *sent = strstr(log, "The documentation is on Pursuit: ");
    assert_true(index && sent && index < sent);
    expect_in(sent, "/packages/purescript-documented/1.2.3\n");
    assert_int_equal(pursuit_server_uploads(scene.pursuit), 2);

    json_t *found = pursuit_server_documentation(scene.pursuit, "documented", "1.2.3");
    json_t *expected = json_pack("{s:s}", "purescript-base", "1.0.0");
    assert_true(json_equal(json_object_get(found, "resolvedDependencies"), expected));
    assert_string_equal(server_job_text(found, "versionTag"), "v1.2.3");
    assert_string_equal(server_job_text(found, "compilerVersion"), "0.15.15");
    assert_int_equal(json_array_size(json_object_get(found, "modules")), 1);            /* only its own modules */
    assert_string_equal(server_job_text(found, "tagTime"), "2001-02-03T04:05:06+0000"); /* not the time of publication */
    const json_t *declaration =
        json_array_get(json_object_get(json_array_get(json_object_get(found, "modules"), 0), "declarations"), 0);
    assert_string_equal(server_job_text(json_object_get(declaration, "sourceSpan"), "name"), "src/Main.purs");
    json_decref(expected);
    json_decref(found);
    expect_same_job(&scene, &package, id);
    stop_scene(&scene);
}

static bool has_second_upload(void *context) {
    return pursuit_server_uploads(context) == 2;
}

static void a_job_that_was_killed_while_it_sent_is_finished_by_the_next_run(void **state) {
    (void)state;
    const char *const settings[] = {"LEASE_MS=3000", "PENDING_SCAN_MS=200", NULL};
    struct scene scene = start_scene(settings, NULL);
    const struct package base = {"base", "1.0.0", .pragma = NULL};
    const struct package package = {"cut-off", "1.0.0", .dependencies = {{"base", ">=1.0.0 <2.0.0"}}};
    server_expect_published(scene.server, &base);
    pursuit_server_set_mode(scene.pursuit, PURSUIT_SILENT);
    const char *id = post_old_package(&scene, &package);
    assert_true(wait_until(has_second_upload, scene.pursuit, PATIENCE_MS));
    server_kill(scene.server, SERVER_PUBLISH);
    pursuit_server_set_mode(scene.pursuit, PURSUIT_WELL);
    server_start_program(scene.server, SERVER_PUBLISH);
    expect_in(expect_end(&scene, id, true, "published"), "Resuming after");
    assert_int_equal(pursuit_server_uploads(scene.pursuit), 3);
    json_t *found = pursuit_server_documentation(scene.pursuit, "cut-off", "1.0.0");
    assert_string_equal(server_job_text(found, "tagTime"), "2001-02-03T04:05:06+0000"); /* kept in the record */
    assert_int_equal(json_object_size(json_object_get(found, "resolvedDependencies")), 1);
    json_decref(found);
    registry_expect_one_commit_each(scene.server);
    stop_scene(&scene);
}

static void a_job_with_nothing_else_to_do_goes_on_after_a_kill_too(void **state) {
    (void)state;
    const char *const settings[] = {"LEASE_MS=3000", "PENDING_SCAN_MS=200", NULL};
    struct scene scene = start_scene(settings, NULL);
    const struct package package = {"late", "1.0.0", .pragma = NULL};
    pursuit_server_set_mode(scene.pursuit, PURSUIT_REFUSING);
    expect_end(&scene, server_post_package(scene.server, &package), true, "failed");
    char *before = registry_snapshot(scene.server);
    pursuit_server_set_mode(scene.pursuit, PURSUIT_SILENT);
    const char *id = ask_again(&scene, &package);
    assert_true(wait_until(has_second_upload, scene.pursuit, PATIENCE_MS));
    server_kill(scene.server, SERVER_PUBLISH);
    pursuit_server_set_mode(scene.pursuit, PURSUIT_WELL);
    server_start_program(scene.server, SERVER_PUBLISH);
    expect_in(expect_end(&scene, id, true, "published"), "Resuming after");
    assert_string_equal(registry_snapshot(scene.server), before);
    stop_scene(&scene);
}

static void a_token_that_comes_in_a_file_is_read_again(void **state) {
    (void)state;
    struct pursuit_server *pursuit = pursuit_server_start(TOKEN);
    char file[] = "/tmp/registry-flow-token-XXXXXX";
    assert_int_not_equal(mkstemp(file), -1);
    write_file(file, TOKEN "\n");
    struct arena arena = {0};
    const char *const settings[] = {arena_format(&arena, "PURSUIT_API_URL=%s", pursuit_server_url(pursuit)),
                                    arena_format(&arena, "PACCHETTIBOTTI_TOKEN_FILE=%s", file), NULL};
    struct scene scene = {server_start(&(struct server_options){.settings = settings}), pursuit};
    const struct package package = {"retold", "1.0.0", .pragma = NULL};
    pursuit_server_set_token(pursuit, NEW_TOKEN);
    expect_in(expect_end(&scene, server_post_package(scene.server, &package), true, "failed"), "Pursuit answered 401");

    write_file(file, NEW_TOKEN "\n");
    assert_int_equal(kill(scene.server->children[SERVER_PUBLISH].pid, SIGHUP), 0);
    json_t *job = NULL;
    do { /* the signal may come after the next job */
        json_decref(job);
        job = server_wait_for_job(scene.server, ask_again(&scene, &package));
    } while (!json_is_true(json_object_get(job, "success")));
    assert_string_equal(documentation_of(&scene, server_job_text(job, "jobId")), "published");
    json_decref(job);
    stop_scene(&scene);
    shell_run("rm '%s'", file);
    arena_release(&arena);
}

/* ---- Not sent ---- */

static void a_pursuit_that_is_away_fails_no_publication_but_whoever_asks_again(void **state) {
    (void)state;
    struct scene scene = start_scene(NULL, NULL);
    const struct package package = {"patient", "1.0.0", .pragma = NULL};
    pursuit_server_set_mode(scene.pursuit, PURSUIT_AWAY);
    const char *log = expect_end(&scene, server_post_package(scene.server, &package), true, "failed");
    expect_in(log, "NOTICE patient@1.0.0 is published, but its documentation could not be sent to Pursuit. Send the same "
                   "request again to retry.");
    char *before = registry_snapshot(scene.server);

    const char *id = ask_again(&scene, &package); /* while Pursuit is asked for existing documentation */
    json_t *job = server_wait_for_job(scene.server, id);
    expect_in(server_last_error(scene.server, job), "Please try again later.");
    json_decref(job);
    pursuit_server_set_mode(scene.pursuit, PURSUIT_GARBLED);
    job = server_wait_for_job(scene.server, ask_again(&scene, &package));
    expect_in(server_last_error(scene.server, job), "Please try again later.");
    json_decref(job);

    pursuit_server_set_mode(scene.pursuit, PURSUIT_WELL);
    id = ask_again(&scene, &package);
    expect_in(expect_end(&scene, id, true, "published"), "its documentation is not on Pursuit; this job completes it.");
    expect_same_job(&scene, &package, id);

    job = server_wait_for_job(scene.server, ask_without_location(&scene, &package));
    const char *refusal = server_last_error(scene.server, job);
    expect_in(refusal, "/patient/1.0.0.tar.gz");
    expect_in(refusal,
              arena_format(&scene.server->arena, "%s/packages/purescript-patient/1.0.0", pursuit_server_url(scene.pursuit)));
    json_decref(job);
    assert_string_equal(registry_snapshot(scene.server), before);
    stop_scene(&scene);
}

static void a_run_with_nothing_but_documentation_to_do_fails_with_it(void **state) {
    (void)state;
    struct scene scene = start_scene(NULL, NULL);
    const struct package package = {"unwanted", "1.0.0", .pragma = NULL};
    pursuit_server_set_mode(scene.pursuit, PURSUIT_REFUSING);
    const char *log = expect_end(&scene, server_post_package(scene.server, &package), true, "failed");
    expect_in(log, "NOTICE unwanted@1.0.0 is published, but its documentation could not be sent to Pursuit. Pursuit answered "
                   "400: \"{\"error\":\"This package is not wanted\"}\".");
    assert_null(strstr(log, "again to retry")); /* a retry would be refused again */
    const char *id = ask_again(&scene, &package);
    expect_end(&scene, id, false, "failed");
    json_t *job = server_wait_for_job(scene.server, id);
    const char *error = server_last_error(scene.server, job);
    expect_in(error, "unwanted@1.0.0 is published, but its documentation could not be sent to Pursuit");
    expect_in(error, "This package is not wanted");
    json_decref(job);
    stop_scene(&scene);
}

static void a_pursuit_that_does_not_answer_is_left_after_a_while(void **state) {
    (void)state;
    const char *const settings[] = {"PURSUIT_TIMEOUT_MS=300", NULL};
    struct scene scene = start_scene(settings, NULL);
    const struct package package = {"unanswered", "1.0.0", .pragma = NULL};
    pursuit_server_set_mode(scene.pursuit, PURSUIT_SILENT);
    expect_in(expect_end(&scene, server_post_package(scene.server, &package), true, "failed"), "did not answer in time");
    assert_int_equal(pursuit_server_uploads(scene.pursuit), 1);
    stop_scene(&scene);
}

static void refused_documentation_is_reported_in_the_compilers_words(void **state) {
    (void)state;
    struct scene scene = start_scene(NULL, NULL);
    const struct package package = {"undocumented", "1.0.0", .pragma = "fail-publish No words for this."};
    const char *log = expect_end(&scene, server_post_package(scene.server, &package), true, "failed");
    expect_in(log, "No words for this.");
    assert_int_equal(pursuit_server_uploads(scene.pursuit), 0);
    stop_scene(&scene);
}

static void a_compiler_that_is_too_old_is_told_and_counts_as_done(void **state) {
    (void)state;
    struct scene scene = start_scene(NULL, "0_14_6 0_15_15");
    const struct package package = {"old", "1.0.0", .pragma = NULL};
    const char *request = "{\"name\": \"old\", \"version\": \"1.0.0\", \"ref\": \"v1.0.0\", \"compiler\": \"0.14.6\", "
                          "\"location\": {\"githubOwner\": \"flow\", \"githubRepo\": \"purescript-old\"}}";
    package_push(arena_format(&scene.server->arena, "%s/sources", scene.server->folder), &package);
    const char *id = server_publish(scene.server, request).id;
    expect_in(expect_end(&scene, id, true, "skipped"),
              "NOTICE No documentation is sent to Pursuit: it needs compiler 0.14.7 or later");
    assert_int_equal(pursuit_server_look_ups(scene.pursuit), 0);
    expect_same_job(&scene, &package, id); /* another compiler does not make it a new request */
    expect_end(&scene, ask_without_location(&scene, &package), true, "published"); /* by a newer compiler */
    stop_scene(&scene);
}

static void without_a_token_there_is_no_pursuit(void **state) {
    (void)state;
    const char *const settings[] = {"PACCHETTIBOTTI_TOKEN=", NULL};
    struct scene scene = start_scene(settings, NULL);
    const struct package package = {"tokenless", "1.0.0", .pragma = NULL};
    const char *id = server_post_package(scene.server, &package);
    expect_end(&scene, id, true, "skipped");
    expect_same_job(&scene, &package, id);
    json_t *job = server_wait_for_job(scene.server, ask_without_location(&scene, &package));
    expect_in(server_last_error(scene.server, job), "is already published");
    json_decref(job);
    assert_int_equal(pursuit_server_look_ups(scene.pursuit), 0);
    stop_scene(&scene);
}

static void a_read_only_server_sends_nothing_and_says_so(void **state) {
    (void)state;
    const char *const settings[] = {"READONLY=true", NULL};
    struct scene scene = start_scene(settings, NULL);
    const struct package package = {"unsent", "1.0.0", .pragma = NULL};
    expect_in(expect_end(&scene, server_post_package(scene.server, &package), true, "skipped"),
              "WARN Read-only: the documentation is not sent to Pursuit.");
    expect_end(&scene, ask_again(&scene, &package), true, "skipped");
    assert_int_equal(pursuit_server_uploads(scene.pursuit), 0);
    stop_scene(&scene);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(documentation_is_on_pursuit_after_a_publication),
        cmocka_unit_test(a_job_that_was_killed_while_it_sent_is_finished_by_the_next_run),
        cmocka_unit_test(a_job_with_nothing_else_to_do_goes_on_after_a_kill_too),
        cmocka_unit_test(a_token_that_comes_in_a_file_is_read_again),
        cmocka_unit_test(a_pursuit_that_is_away_fails_no_publication_but_whoever_asks_again),
        cmocka_unit_test(a_run_with_nothing_but_documentation_to_do_fails_with_it),
        cmocka_unit_test(a_pursuit_that_does_not_answer_is_left_after_a_while),
        cmocka_unit_test(refused_documentation_is_reported_in_the_compilers_words),
        cmocka_unit_test(a_compiler_that_is_too_old_is_told_and_counts_as_done),
        cmocka_unit_test(without_a_token_there_is_no_pursuit),
        cmocka_unit_test(a_read_only_server_sends_nothing_and_says_so),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
