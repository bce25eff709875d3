/* SPDX-License-Identifier: BSD-3-Clause
 *
 * New tags of repositories at GitHub become publications, each once, whatever happens to GitHub and to the service meanwhile.
 */
#include "tests/support/cmocka_all.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/clock.h"
#include "lib/base/text.h"
#include "lib/store/redis/github_store.h"
#include "services/package-set/github_look.h"
#include "tests/support/github_scene.h"
#include "tests/support/registry_check.h"
#include "tests/support/server/second_service.h"
#include "tests/support/shell.h"

#define GAMMA_COMMITS "GET /repos/" PACKAGE_OWNER "/purescript-gamma/commits/"
#define BETA_TAGS "GET /repos/" PACKAGE_OWNER "/purescript-beta/tags"
#define ALPHA_TAGS "GET /repos/" PACKAGE_OWNER "/purescript-alpha/tags"

enum { HOUR_MS = 3600 * 1000, STORE_TIMEOUT_MS = 10000 };

static struct github_scene scene;
static struct child_process second;

static int begin(void **state) {
    (void)state;
    github_scene_start(&scene, "new-tags", "NEW_TAGS_TIME");
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

static size_t count_publications(const char *package) {
    json_t *jobs = github_scene_jobs(&scene, "publish", package);
    size_t count = json_array_size(jobs);
    json_decref(jobs);
    return count;
}

static void tag(const char *package, const char *name, char digit, int hours_ago) {
    char commit[41];
    memset(commit, digit, sizeof commit - 1);
    commit[sizeof commit - 1] = '\0';
    github_server_tag(scene.github, github_scene_repository(&scene, package), name, commit,
                      clock_now_ms() - (int64_t)hours_ago * HOUR_MS);
}

/* A package whose repository has others too: its metadata alone. */
static void add_package_with_folder(const char *name) {
    registry_write(scene.server, REGISTRY_REPO, arena_format(&scene.server->arena, "metadata/%s.json", name),
                   arena_format(&scene.server->arena,
                                "{\"location\":{\"githubOwner\":\"" PACKAGE_OWNER "\",\"githubRepo\":\"purescript-%s\","
                                "\"subdir\":\"%s\"},\"published\":{},\"unpublished\":{}}\n",
                                name, name));
    github_server_add_repository(scene.github, github_scene_repository(&scene, name));
    tag(name, "v3.0.0", 'f', 1);
}

static void expect_published(const char *package, const char *version) {
    github_scene_expect_job(&scene, "publish", package, version);
    json_decref(registry_published(scene.server, package, version));
}

/* The health check's requests since the number `from`, by their order: the path's end, and words of the body. */
static void expect_ping(size_t index, const char *suffix, const char *words) {
    const char *request = http_stub_request(scene.health, index);
    assert_non_null(request);
    if (!strstr(request, arena_format(&scene.server->arena, "/check%s?rid=", suffix)) || !strstr(request, words))
        fail_msg("no %s with %s: %s", suffix, words, request);
}

static const char *run_id(size_t index) {
    const char *found = strstr(http_stub_request(scene.health, index), "?rid=");
    return arena_format(&scene.server->arena, "%.36s", found + strlen("?rid="));
}

static void recent_tags_are_published(void **state) {
    (void)state;
    const struct package published = {.name = "alpha", .version = "1.0.1"};
    server_expect_published(scene.server, &published);
    owners_scene_expect_done(&scene.owners, ROUTE_UNPUBLISH, unpublish_payload(&scene.owners, "alpha", "1.0.1"),
                             &scene.owners.pacchettibotti);
    add_package_with_folder("folder");
    github_scene_push(&scene, "alpha", "1.1.0", 2);
    github_scene_push(&scene, "beta", "2.0.0", 23);
    tag("alpha", "v1.0.1", 'a', 1); /* unpublished */
    tag("alpha", "v0.9.0", 'b', 25);
    tag("alpha", "latest", 'c', 1);
    tag("alpha", "v2.0", 'c', 1);
    tag("alpha", "v2.0.0-rc1", 'c', 1);
    tag("beta", "2.0.0", 'd', 1); /* the same version */
    size_t pings = http_stub_count(scene.health);
    github_scene_begin_round(&scene);
    github_scene_end_round(&scene, "succeeded");
    expect_published("alpha", "1.1.0");
    expect_published("beta", "2.0.0");
    assert_int_equal(count_publications("alpha"), 3);
    assert_int_equal(count_publications("beta"), 2);
    assert_int_equal(count_publications("gamma"), 1);
    assert_int_equal(github_server_count(scene.github, "GET /repos/" PACKAGE_OWNER "/purescript-folder"), 0);
    expect_ping(pings, "/start", "new-tags");
    expect_ping(pings + 1, "/log", "lost: There is no public repository " PACKAGE_OWNER "/purescript-lost at GitHub.");
    expect_ping(pings + 1, "/log", "alpha@1.1.0: the job ");
    expect_ping(pings + 2, "", "Repositories looked at: 3, passed over: 1, without an answer: 0. Jobs made: 2.");
    assert_string_equal(run_id(pings), run_id(pings + 1));
    assert_string_equal(run_id(pings), run_id(pings + 2));
}

static void what_has_not_changed_costs_nothing(void **state) {
    (void)state;
    size_t unchanged = github_server_count_unchanged(scene.github), calls = github_server_count(scene.github, "");
    github_scene_begin_round(&scene);
    github_scene_end_round(&scene, "succeeded");
    assert_int_equal(github_server_count_unchanged(scene.github), unchanged + 3);
    assert_int_equal(github_server_count(scene.github, ""), calls + 4); /* and the one that is gone */
    assert_int_equal(count_publications("alpha"), 3);
    assert_int_equal(count_publications("beta"), 2);
}

static void every_page_is_read(void **state) {
    (void)state;
    enum { FILLERS = 93 }; /* with the tags above, exactly one page */
    for (int i = 0; i < FILLERS; i++)
        tag("alpha", arena_format(&scene.server->arena, "build-%d", i), 'e', 1);
    github_scene_begin_round(&scene);
    github_scene_end_round(&scene, "succeeded");
    assert_int_equal(github_server_count(scene.github, ALPHA_TAGS), 3);
    /* The first page stays the same when a second one is begun. */
    github_scene_push(&scene, "alpha", "1.2.0", 1);
    github_scene_begin_round(&scene);
    github_scene_end_round(&scene, "succeeded");
    expect_published("alpha", "1.2.0");
    assert_int_equal(github_server_count(scene.github, ALPHA_TAGS), 5);
    github_scene_push(&scene, "alpha", "1.3.0", 1);
    github_scene_begin_round(&scene);
    github_scene_end_round(&scene, "succeeded");
    expect_published("alpha", "1.3.0");
    assert_int_equal(github_server_count(scene.github, ALPHA_TAGS), 7);
}

static struct job_store *open_store(void) {
    struct job_store *store;
    struct error err = {0};
    if (job_store_create(&store, redis_server_url(scene.server->redis), STORE_TIMEOUT_MS, &err)) fail_msg("%s", err.message);
    return store;
}

/* As if no look at the package had succeeded for some hours. */
static void forget_looks(const char *package, int hours) {
    struct job_store *store = open_store();
    struct error err = {0};
    const struct look_note note = {.round_ms = 1, .begun_ms = clock_now_ms() - (int64_t)hours * HOUR_MS};
    if (look_note_write(store, "new-tags", package, &note, &err)) fail_msg("%s", err.message);
    job_store_free(store);
}

static void an_outage_is_made_up_for(void **state) {
    (void)state;
    forget_looks("alpha", 100);
    forget_looks("beta", 10);
    github_scene_push(&scene, "alpha", "1.4.0", 99);
    github_scene_push(&scene, "beta", "2.1.0", 99);
    github_scene_begin_round(&scene);
    github_scene_end_round(&scene, "succeeded");
    expect_published("alpha", "1.4.0");
    assert_int_equal(count_publications("beta"), 2);
}

static void a_round_goes_on_after_the_rate_limit(void **state) {
    (void)state;
    github_scene_push(&scene, "alpha", "1.5.0", 1);
    github_scene_push(&scene, "beta", "2.2.0", 1);
    github_scene_push(&scene, "gamma", "1.1.0", 1);
    github_server_limit(scene.github, 3, 3);
    github_scene_begin_round(&scene);
    github_scene_end_round(&scene, "succeeded");
    assert_true(github_scene_count_lines(&scene, "event=github_limited") > 0);
    expect_published("alpha", "1.5.0");
    expect_published("beta", "2.2.0");
    expect_published("gamma", "1.1.0");
}

/* One repository cannot use up the rate limit, and none of its tags is lost. */
static void many_tags_take_several_rounds(void **state) {
    (void)state;
    enum { TAGS = 120 };
    char name[32], commit[41];
    size_t calls = github_server_count(scene.github, GAMMA_COMMITS);
    for (int i = 0; i < TAGS; i++) {
        snprintf(name, sizeof name, "v0.1.%d", i);
        snprintf(commit, sizeof commit, "%040d", i);
        github_server_tag(scene.github, github_scene_repository(&scene, "gamma"), name, commit,
                          clock_now_ms() - (int64_t)1000 * HOUR_MS);
    }
    github_scene_push(&scene, "gamma", "0.0.1", 1); /* the lowest */
    github_scene_begin_round(&scene);
    github_scene_end_round(&scene, "succeeded");
    assert_int_equal(github_server_count(scene.github, GAMMA_COMMITS), calls + 100);
    assert_int_equal(count_publications("gamma"), 2);
    github_scene_begin_round(&scene);
    github_scene_end_round(&scene, "succeeded");
    assert_int_equal(github_server_count(scene.github, GAMMA_COMMITS), calls + TAGS + 1);
    expect_published("gamma", "0.0.1");
}

/* Nothing is lost: the next round looks at a longer time. */
static void a_repository_that_cannot_be_asked_about_fails_the_round(void **state) {
    (void)state;
    size_t pings = http_stub_count(scene.health);
    github_scene_push(&scene, "alpha", "1.6.0", 1);
    github_scene_push(&scene, "beta", "2.3.0", 1);
    github_server_fail(scene.github, "/repos/" PACKAGE_OWNER "/purescript-alpha", 1000);
    github_scene_begin_round(&scene);
    github_scene_end_round(&scene, "failed");
    expect_ping(pings + 1, "/log", "alpha: GitHub answered 502.");
    expect_ping(pings + 2, "/fail", "without an answer: 1.");
    expect_published("beta", "2.3.0");
    assert_int_equal(count_publications("alpha"), 7);
    github_server_fail(scene.github, "", 0);
    github_scene_begin_round(&scene);
    github_scene_end_round(&scene, "succeeded");
    expect_published("alpha", "1.6.0");
}

static void a_wrong_token_ends_the_round(void **state) {
    (void)state;
    size_t calls = github_server_count(scene.github, "");
    server_change_setting(scene.server, SERVER_PACKAGE_SET, "GITHUB_TOKEN", "ghp_NobodysToken000123456789abcdef");
    github_scene_begin_round(&scene);
    github_scene_end_round(&scene, "failed");
    assert_in_range(github_server_count(scene.github, ""), calls + 1, calls + GITHUB_WORKERS);
    server_change_setting(scene.server, SERVER_PACKAGE_SET, "GITHUB_TOKEN", "ghp_ReadsRepositories0123456789abcdef");
}

/* The author's request is unfinished: its runner is away. */
static void a_version_that_is_being_published_is_left(void **state) {
    (void)state;
    const struct package package = {.name = "gamma", .version = "1.2.0"};
    server_terminate(scene.server, SERVER_PUBLISH);
    github_scene_push(&scene, "gamma", "1.2.0", 1);
    server_post(scene.server, "/api/v1/publish",
                arena_format(&scene.server->arena, "{\"name\":\"gamma\",\"version\":\"1.2.0\",\"ref\":\"v1.2.0\"}"));
    github_scene_begin_round(&scene);
    github_scene_end_round(&scene, "succeeded");
    assert_int_equal(count_publications("gamma"), 4);
    server_start_program(scene.server, SERVER_PUBLISH);
    expect_published("gamma", package.version);
}

static void two_services_look_once(void **state) {
    (void)state;
    github_scene_push(&scene, "beta", "2.3.1", 1);
    size_t calls = github_server_count(scene.github, BETA_TAGS);
    server_terminate(scene.server, SERVER_PACKAGE_SET);
    github_scene_begin_round(&scene);
    second_service_start(scene.server, SERVER_PACKAGE_SET, NULL, &second);
    github_scene_end_round(&scene, "succeeded");
    expect_published("beta", "2.3.1");
    assert_int_equal(child_stop(&second, SIGTERM, PATIENCE_MS), 0);
    assert_int_equal(github_server_count(scene.github, BETA_TAGS), calls + 1);
}

static void another_service_goes_on_after_a_kill(void **state) {
    (void)state;
    static const char *const points[] = {"tag-accepted", "github-looked"};
    github_scene_push(&scene, "alpha", "1.8.0", 1);
    for (size_t i = 0; i < 2; i++) {
        server_change_setting(scene.server, SERVER_PACKAGE_SET, "REGISTRY_FAULT", points[i]);
        if (i == 0)
            github_scene_begin_round(&scene);
        else
            server_start_program(scene.server, SERVER_PACKAGE_SET);
        server_wait_for_death(scene.server, SERVER_PACKAGE_SET);
        github_scene_free_lock(&scene);
    }
    server_change_setting(scene.server, SERVER_PACKAGE_SET, "REGISTRY_FAULT", "none");
    server_start_program(scene.server, SERVER_PACKAGE_SET);
    github_scene_end_round(&scene, "succeeded");
    expect_published("alpha", "1.8.0");
}

/* A stop lets go of the work at once. */
static void another_service_goes_on_after_a_stop(void **state) {
    (void)state;
    size_t started = github_scene_count_lines(&scene, "event=daily_work_started");
    github_server_set_mode(scene.github, GITHUB_SILENT);
    github_scene_push(&scene, "beta", "2.4.0", 1);
    github_scene_begin_round(&scene);
    github_scene_wait_for_lines(&scene, "event=daily_work_started", started + 1);
    server_terminate(scene.server, SERVER_PACKAGE_SET);
    github_server_set_mode(scene.github, GITHUB_WELL);
    server_start_program(scene.server, SERVER_PACKAGE_SET);
    github_scene_end_round(&scene, "succeeded");
    expect_published("beta", "2.4.0");
}

/* The other daily work, which comes first in each round of the schedule, shows that the round has come. */
static void nothing_is_asked_without_a_token(void **state) {
    (void)state;
    size_t calls = github_server_count(scene.github, "");
    size_t started = github_scene_count_lines(&scene, "event=daily_work_started work=new-tags");
    char time[TIME_TEXT_MAX];
    time_print(clock_now_ms() - HOUR_MS, time);
    server_change_setting(scene.server, SERVER_PACKAGE_SET, "GITHUB_TOKEN", "");
    server_change_setting(scene.server, SERVER_PACKAGE_SET, "PACKAGE_SET_TIME",
                          arena_format(&scene.server->arena, "%.5s", strchr(time, 'T') + 1));
    github_scene_begin_round(&scene);
    github_scene_wait_for_lines(&scene, "event=daily_work_ended work=package-set", 1);
    assert_int_equal(github_server_count(scene.github, ""), calls);
    assert_int_equal(github_scene_count_lines(&scene, "event=daily_work_started work=new-tags"), started);
    registry_expect_consistency(scene.server);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(recent_tags_are_published),
        cmocka_unit_test(what_has_not_changed_costs_nothing),
        cmocka_unit_test(every_page_is_read),
        cmocka_unit_test(an_outage_is_made_up_for),
        cmocka_unit_test(a_round_goes_on_after_the_rate_limit),
        cmocka_unit_test(many_tags_take_several_rounds),
        cmocka_unit_test(a_repository_that_cannot_be_asked_about_fails_the_round),
        cmocka_unit_test(a_wrong_token_ends_the_round),
        cmocka_unit_test(a_version_that_is_being_published_is_left),
        cmocka_unit_test(two_services_look_once),
        cmocka_unit_test(another_service_goes_on_after_a_kill),
        cmocka_unit_test(another_service_goes_on_after_a_stop),
        cmocka_unit_test(nothing_is_asked_without_a_token),
    };
    return cmocka_run_group_tests(tests, begin, end);
}
