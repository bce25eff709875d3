/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Interruptions of an accepted job: its service, Redis or the gateway is killed or stopped during its run, or its source never
 * answers. Every job ends exactly once (lib/store/README.md). tests/chaos does the same at random moments.
 */
#include "tests/support/cmocka_all.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/support/registry_check.h"
#include "tests/support/server/held_compiler.h"
#include "tests/support/shell.h"

static const char *const short_lease[] = {"LEASE_MS=2000", "PENDING_SCAN_MS=200", NULL};

static void expect_all_well_and_stop(struct server *server) {
    registry_expect_consistency(server);
    registry_expect_one_commit_each(server);
    server_stop(server);
}

static void a_job_whose_service_was_killed_ends_once(void **state) {
    (void)state;
    struct server *server = server_start(&(struct server_options){.settings = short_lease});
    const struct package package = {"survivor", "1.0.0", .pragma = held_compiler_pragma(server)};
    held_compiler_hold(server, "0.15.15");
    const char *id = server_post_package(server, &package);
    server_wait_for_state(server, id, "running");
    server_kill(server, SERVER_PUBLISH);
    held_compiler_release(server, "0.15.15");
    server_start_program(server, SERVER_PUBLISH);
    server_expect_success(server, id);
    expect_all_well_and_stop(server);
}

/* A job's next start (it stays "running" in between), or its end. */
struct next_start {
    struct server *server;
    const char *id;
    int64_t started_ms; /* of the start before */
    bool has_finished;
};

static bool has_started_again(void *context) {
    struct next_start *next = context;
    json_t *job = server_get(next->server, arena_format(&next->server->arena, "/api/v1/jobs/%s", next->id));
    int64_t started_ms = json_object_get(job, "startedAt") != NULL ? server_job_time(job, "startedAt") : 0;
    next->has_finished = json_object_get(job, "finishedAt") != NULL;
    bool is_new = started_ms > next->started_ms;
    if (is_new) next->started_ms = started_ms;
    json_decref(job);
    return is_new || next->has_finished;
}

static void a_job_that_was_killed_three_times_fails_and_its_repeat_publishes(void **state) {
    (void)state;
    struct server *server = server_start(&(struct server_options){.settings = short_lease});
    struct package package = {"unlucky", "1.0.0", .pragma = "sleep 60000"};
    const char *id = server_post_package(server, &package);
    int kills = 0;
    struct next_start next = {.server = server, .id = id};
    while (wait_until(has_started_again, &next, PATIENCE_MS) && !next.has_finished) {
        server_kill(server, SERVER_PUBLISH);
        kills++;
        server_start_program(server, SERVER_PUBLISH);
    }
    assert_in_range(kills, 3, 4); /* a kill does not count if Redis was not yet up for a whole lease */
    json_t *job = server_wait_for_job(server, id);
    assert_true(strlen(server_last_error(server, job)) > 20);
    json_decref(job);

    package.pragma = NULL;
    package_push(arena_format(&server->arena, "%s/sources", server->folder), &package);
    struct server_accepted again = server_publish(server, package_request(&server->arena, &package));
    assert_true(again.created);
    server_expect_success(server, again.id);
    expect_all_well_and_stop(server);
}

static void a_service_that_is_told_to_stop_ends_its_job_first(void **state) {
    (void)state;
    struct server *server = server_start(NULL);
    const struct package package = {"drained", "1.0.0", .pragma = "sleep 700"};
    const char *id = server_post_package(server, &package);
    server_wait_for_state(server, id, "running");
    server_terminate(server, SERVER_PUBLISH);
    server_wait_for_state(server, id, "succeeded");
    server_start_program(server, SERVER_PUBLISH);
    expect_all_well_and_stop(server);
}

static void a_service_that_may_not_wait_hands_its_job_back(void **state) {
    (void)state;
    const char *const settings[] = {"DRAIN_MS=100", NULL};
    struct server *server = server_start(&(struct server_options){.settings = settings});
    const struct package package = {"handed-back", "1.0.0", .pragma = held_compiler_pragma(server)};
    held_compiler_hold(server, "0.15.15");
    const char *id = server_post_package(server, &package);
    server_wait_for_state(server, id, "running");
    server_terminate(server, SERVER_PUBLISH);
    server_wait_for_state(server, id, "pending"); /* at once, not when the lease of 30 s has run out */
    held_compiler_release(server, "0.15.15");
    server_start_program(server, SERVER_PUBLISH);
    server_expect_success(server, id);
    expect_all_well_and_stop(server);
}

static void a_job_that_was_posted_while_its_service_was_down_is_taken_up(void **state) {
    (void)state;
    const char *const settings[] = {"PENDING_SCAN_MS=0", NULL}; /* found by the scan at its start */
    struct server *server = server_start(&(struct server_options){.settings = settings});
    server_terminate(server, SERVER_PUBLISH);
    const struct package package = {"early", "1.0.0", .pragma = NULL};
    const char *id = server_post_package(server, &package);
    server_wait_for_state(server, id, "pending");
    server_start_program(server, SERVER_PUBLISH);
    server_expect_success(server, id);
    expect_all_well_and_stop(server);
}

static void a_job_goes_on_without_the_gateway(void **state) {
    (void)state;
    struct server *server = server_start(NULL);
    const struct package package = {"unwatched", "1.0.0", .pragma = "sleep 500"};
    const char *id = server_post_package(server, &package);
    server_kill(server, SERVER_GATEWAY);
    server_start_program(server, SERVER_GATEWAY);
    server_wait_until_ready(server);
    server_expect_success(server, id);
    expect_all_well_and_stop(server);
}

static void without_redis_the_answer_is_503_and_work_goes_on_when_it_is_back(void **state) {
    (void)state;
    struct server *server = server_start(&(struct server_options){.settings = short_lease});
    const struct package running = {"interrupted", "1.0.0", .pragma = held_compiler_pragma(server)};
    const struct package refused = {"refused-once", "1.0.0", .pragma = NULL};
    held_compiler_hold(server, "0.15.15");
    const char *id = server_post_package(server, &running);
    server_wait_for_state(server, id, "running");
    server_kill(server, SERVER_REDIS);

    package_push(arena_format(&server->arena, "%s/sources", server->folder), &refused);
    const char *request = package_request(&server->arena, &refused);
    struct http_response response = {0};
    server_call(server, "POST", "/api/v1/publish", request, &response);
    assert_int_equal(response.status, 503);
    struct text retry_after = {0};
    assert_true(http_response_header(&response, "Retry-After", &retry_after));
    text_release(&retry_after);
    http_response_release(&response);

    server_start_program(server, SERVER_REDIS);
    held_compiler_release(server, "0.15.15");
    server_expect_success(server, id);
    server_expect_success(server, server_publish(server, request).id);
    assert_true(child_is_running(&server->children[SERVER_PUBLISH])); /* neither of them has died */
    assert_true(child_is_running(&server->children[SERVER_GATEWAY]));
    expect_all_well_and_stop(server);
}

/* A socket that accepts connections, and nothing more. */
static int listen_in_silence(int *port) {
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct sockaddr_in address = {.sin_family = AF_INET};
    socklen_t length = sizeof address;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    assert_int_equal(bind(listener, (struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(listen(listener, 16), 0);
    assert_int_equal(getsockname(listener, (struct sockaddr *)&address, &length), 0);
    *port = ntohs(address.sin_port);
    return listener;
}

static void a_source_that_hangs_fails_its_job_in_time(void **state) {
    (void)state;
    int port = 0, listener = listen_in_silence(&port);
    char source[64];
    snprintf(source, sizeof source, "GITHUB_GIT_URL=http://127.0.0.1:%d", port);
    const char *const settings[] = {source, "SOURCE_TIMEOUT_MS=1000", NULL};
    struct server *server = server_start(&(struct server_options){.settings = settings});
    const struct package package = {"hanging", "1.0.0", .pragma = NULL};
    char *before = registry_snapshot(server);
    json_t *job = server_wait_for_job(server, server_publish(server, package_request(&server->arena, &package)).id);
    const char *sentence = server_last_error(server, job);
    if (strstr(sentence, "purescript-hanging") == NULL && strstr(sentence, "127.0.0.1") == NULL)
        fail_msg("this does not say what hangs: %s", sentence);
    assert_true(server_job_time(job, "finishedAt") - server_job_time(job, "startedAt") >= 900);
    json_decref(job);
    assert_string_equal(registry_snapshot(server), before);
    server_stop(server);
    close(listener);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_job_whose_service_was_killed_ends_once),
        cmocka_unit_test(a_job_that_was_killed_three_times_fails_and_its_repeat_publishes),
        cmocka_unit_test(a_service_that_is_told_to_stop_ends_its_job_first),
        cmocka_unit_test(a_service_that_may_not_wait_hands_its_job_back),
        cmocka_unit_test(a_job_that_was_posted_while_its_service_was_down_is_taken_up),
        cmocka_unit_test(a_job_goes_on_without_the_gateway),
        cmocka_unit_test(without_redis_the_answer_is_503_and_work_goes_on_when_it_is_back),
        cmocka_unit_test(a_source_that_hangs_fails_its_job_in_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
