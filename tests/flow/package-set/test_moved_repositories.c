/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Packages follow their repositories when these have another owner or name at GitHub.
 */
#include "tests/support/cmocka_all.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/text.h"
#include "tests/support/github_scene.h"
#include "tests/support/registry_check.h"
#include "tests/support/server/second_service.h"

static struct github_scene scene;
static struct child_process second;

static int begin(void **state) {
    (void)state;
    github_scene_start(&scene, "moved-repositories", "MOVED_REPOSITORIES_TIME");
    static const char *const names[] = {"alpha", "beta", "gamma", "lost"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        github_scene_publish(&scene, names[i], "1.0.0");
    github_server_remove_repository(scene.github, github_scene_repository(&scene, "lost"));
    return 0;
}

static int end(void **state) {
    (void)state;
    if (second.pid) assert_int_equal(child_stop(&second, SIGTERM, PATIENCE_MS), 0);
    github_scene_stop(&scene);
    return 0;
}

static size_t count_transfers(const char *package) {
    json_t *jobs = github_scene_jobs(&scene, "transfer", package);
    size_t count = json_array_size(jobs);
    json_decref(jobs);
    return count;
}

static void move(const char *package, const char *to) {
    github_server_move_repository(scene.github, github_scene_repository(&scene, package), to);
}

static void expect_location(const char *package, const char *json) {
    json_t *metadata = owners_scene_metadata(&scene.owners, package);
    char *found = json_dumps(json_object_get(metadata, "location"), JSON_COMPACT | JSON_SORT_KEYS);
    assert_string_equal(found, json);
    free(found);
    json_decref(metadata);
}

/* Waits for all transfers of the package, which must have succeeded, signed by pacchettibotti. */
static void expect_transfers(const char *package, size_t count) {
    json_t *jobs = github_scene_jobs(&scene, "transfer", package), *job;
    size_t i;
    assert_int_equal(json_array_size(jobs), count);
    json_array_foreach(jobs, i, job) {
        const char *id = server_job_text(job, "jobId");
        server_expect_success(scene.server, id);
        json_t *ended = server_get(scene.server, arena_format(&scene.server->arena, "/api/v1/jobs/%s", id));
        assert_string_equal(server_job_text(ended, "actor"), "pacchettibotti");
        json_decref(ended);
    }
    json_decref(jobs);
}

static void round_with(const char *outcome) {
    github_scene_begin_round(&scene);
    github_scene_end_round(&scene, outcome);
}

/* A package in a folder of a repository that has others, too. */
static void add_package_with_folder(const char *name, const char *repository) {
    registry_write(scene.server, REGISTRY_REPO, arena_format(&scene.server->arena, "metadata/%s.json", name),
                   arena_format(&scene.server->arena,
                                "{\n  \"location\": {\n    \"githubOwner\": \"" PACKAGE_OWNER
                                "\",\n    \"githubRepo\": \"%s\",\n"
                                "    \"subdir\": \"%s\"\n  },\n  \"published\": {},\n  \"unpublished\": {}\n}\n",
                                repository, name));
}

static void packages_follow_their_repositories(void **state) {
    (void)state;
    add_package_with_folder("left", "many");
    add_package_with_folder("right", "many");
    github_server_add_repository(scene.github, PACKAGE_OWNER "/many");
    move("alpha", "Us/alpha-js");
    github_server_move_repository(scene.github, PACKAGE_OWNER "/many", PACKAGE_OWNER "/Monorepo");
    move("beta", "FLOW/purescript-Beta"); /* the same place */
    size_t pings = http_stub_count(scene.health);
    round_with("succeeded");
    expect_transfers("alpha", 1);
    expect_transfers("left", 1);
    expect_transfers("right", 1);
    expect_location("alpha", "{\"githubOwner\":\"Us\",\"githubRepo\":\"alpha-js\"}");
    expect_location("left", "{\"githubOwner\":\"flow\",\"githubRepo\":\"Monorepo\",\"subdir\":\"left\"}");
    expect_location("right", "{\"githubOwner\":\"flow\",\"githubRepo\":\"Monorepo\",\"subdir\":\"right\"}");
    assert_int_equal(count_transfers("beta") + count_transfers("gamma") + count_transfers("lost"), 0);
    const char *report = http_stub_request(scene.health, pings + 1);
    assert_non_null(strstr(report, "lost: There is no public repository"));
    assert_non_null(strstr(report, "alpha: the job "));
}

static void nothing_is_done_twice(void **state) {
    (void)state;
    size_t unchanged = github_server_count_unchanged(scene.github);
    round_with("succeeded"); /* the new places are asked about for the first time */
    assert_int_equal(count_transfers("alpha"), 1);
    assert_true(github_server_count_unchanged(scene.github) > unchanged);
    unchanged = github_server_count_unchanged(scene.github);
    round_with("succeeded");
    assert_int_equal(github_server_count_unchanged(scene.github), unchanged + 5);
    assert_int_equal(count_transfers("alpha"), 1);
}

/* The payload of the first move away must not stand for the second one. */
static void a_repository_may_come_back_and_go_again(void **state) {
    (void)state;
    static const char home[] = "{\"githubOwner\":\"flow\",\"githubRepo\":\"purescript-alpha\"}";
    static const char away[] = "{\"githubOwner\":\"Us\",\"githubRepo\":\"alpha-js\"}";
    github_server_move_repository(scene.github, "us/alpha-js", "flow/purescript-alpha");
    round_with("succeeded");
    expect_transfers("alpha", 2);
    expect_location("alpha", home);
    move("alpha", "Us/alpha-js");
    round_with("succeeded");
    expect_transfers("alpha", 3);
    expect_location("alpha", away);
    github_server_move_repository(scene.github, "us/alpha-js", "flow/purescript-alpha");
    round_with("succeeded");
    expect_transfers("alpha", 4);
    expect_location("alpha", home);
}

static void an_occupied_place_is_left(void **state) {
    (void)state;
    /* GitHub lets another repository take the old name of gamma's. */
    move("gamma", "flow/Purescript-ALPHA");
    size_t pings = http_stub_count(scene.health);
    round_with("succeeded");
    assert_int_equal(count_transfers("gamma"), 0);
    assert_int_equal(github_scene_count_lines(&scene, "level=WARN .*event=repository_move_left package=gamma"), 1);
    assert_non_null(strstr(http_stub_request(scene.health, pings + 1), "belongs to the package alpha"));
    expect_location("gamma", "{\"githubOwner\":\"flow\",\"githubRepo\":\"purescript-gamma\"}");
    github_server_add_repository(scene.github, "flow/purescript-alpha");
    github_server_add_repository(scene.github, "flow/purescript-gamma");
}

static void without_the_key_the_round_fails(void **state) {
    (void)state;
    move("gamma", "Us/gamma-js");
    server_change_setting(scene.server, SERVER_PACKAGE_SET, "PACCHETTIBOTTI_ED25519", "");
    const char *key = NULL;
    for (const char **at = scene.server->environments[SERVER_TRANSFER]; *at; at++)
        if (text_starts_with(*at, "PACCHETTIBOTTI_ED25519=")) key = *at + strlen("PACCHETTIBOTTI_ED25519=");
    assert_non_null(key);
    round_with("failed");
    assert_int_equal(count_transfers("gamma"), 0);
    server_change_setting(scene.server, SERVER_PACKAGE_SET, "PACCHETTIBOTTI_ED25519", key);
    round_with("succeeded");
    expect_transfers("gamma", 1);
}

/* The service dies after the job was made, and with another package's note only half of the round is repeated. */
static void a_kill_and_two_services_make_one_transfer(void **state) {
    (void)state;
    move("beta", "Us/beta-js");
    server_change_setting(scene.server, SERVER_PACKAGE_SET, "REGISTRY_FAULT", "transfer-accepted");
    github_scene_begin_round(&scene);
    server_wait_for_death(scene.server, SERVER_PACKAGE_SET);
    server_change_setting(scene.server, SERVER_PACKAGE_SET, "REGISTRY_FAULT", "none");
    github_scene_free_lock(&scene);
    server_start_program(scene.server, SERVER_PACKAGE_SET);
    second_service_start(scene.server, SERVER_PACKAGE_SET, NULL, &second);
    github_scene_end_round(&scene, "succeeded");
    expect_transfers("beta", 1);
    expect_location("beta", "{\"githubOwner\":\"Us\",\"githubRepo\":\"beta-js\"}");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(packages_follow_their_repositories),      cmocka_unit_test(nothing_is_done_twice),
        cmocka_unit_test(a_repository_may_come_back_and_go_again), cmocka_unit_test(an_occupied_place_is_left),
        cmocka_unit_test(without_the_key_the_round_fails),         cmocka_unit_test(a_kill_and_two_services_make_one_transfer),
    };
    return cmocka_run_group_tests(tests, begin, end);
}
