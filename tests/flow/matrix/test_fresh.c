/* SPDX-License-Identifier: BSD-3-Clause
 *
 * A build-matrix service whose registry in memory is older than the changes of another service: it must not end or refuse jobs,
 * or answer "not found", because of that. The other service is this test, which pushes versions into the repositories without
 * an event, and makes their jobs.
 */
#include "tests/support/cmocka_all.h"

#include <string.h>
#include <unistd.h>

#include "lib/base/clock.h"
#include "lib/base/hash.h"
#include "lib/base/text.h"
#include "lib/store/job/job_store.h"
#include "tests/support/git/git_server.h"
#include "tests/support/http/http.h"
#include "tests/support/matrix_scene.h"
#include "tests/support/shell.h"
#include "tests/support/trustee_call.h"

#define TOKEN "ghp_TheTokenOfTrusteesInTests0123456"
#define ORIGINAL "copied-00"

enum { BUILDS = 20, RETRY_MS = 200 };

static struct server *server;
static struct job_store *store;
static int copies;

static int begin(void **state) {
    (void)state;
    static char digest[64 + SHA256_HEX_MAX] = "PACCHETTIBOTTI_TOKEN_SHA256=";
    static const char *const gateway[] = {digest, NULL};
    struct error err;
    hash_sha256_hex(TOKEN, strlen(TOKEN), digest + strlen(digest));
    server = server_start(&(struct server_options){.workers = 1, .gateway_settings = gateway, .has_git_server = true});
    if (job_store_create(&store, redis_server_url(server->redis), PATIENCE_MS, &err)) fail_msg("%s", err.message);
    server_expect_published(server, &(struct package){ORIGINAL, "1.0.0", .pragma = NULL});
    matrix_expect_verdict(server, ORIGINAL, "1.0.0", "0.15.14", "succeeded");
    return 0;
}

static int end(void **state) {
    (void)state;
    job_store_free(store);
    server_stop(server);
    return 0;
}

/* Pushes another package with the original's content, as if another service had just published it; returns its name. */
static const char *push_copy(void) {
    const char *name = arena_format(&server->arena, "copied-%02d", ++copies);
    shell_run("cd '%s' && rm -rf pushed && mkdir pushed && cd pushed && git clone -q ../registry.git metadata && "
              "git clone -q ../registry-index.git index && sed 's/" ORIGINAL
              "/%s/g; s/, *\"0\\.15\\.14\"//; s/\"0\\.15\\.14\",* *//' "
              "metadata/metadata/" ORIGINAL ".json >metadata/metadata/%s.json && "
              "sed 's/" ORIGINAL "/%s/g' index/co/pi/" ORIGINAL " >index/co/pi/%s && cp -r ../storage/" ORIGINAL
              " ../storage/%s && "
              "for repository in index metadata; do cd $repository && git add -A && "
              "git -c user.name=other -c user.email=other@example.org commit -qm 'Add %s' && git push -q && cd ..; done",
              server->folder, name, name, name, name, name, name);
    return name;
}

static const char *make_job(const char *name) {
    struct job_request request = {.kind = JOB_KIND_MATRIX,
                                  .payload = "{}",
                                  .package = name,
                                  .version = "1.0.0",
                                  .compiler = "0.15.14",
                                  .actor = "anonymous",
                                  .purpose = MATRIX_PURPOSE_WAVE};
    struct job_accepted accepted;
    struct error err;
    hash_random_uuid(request.id);
    if (job_store_accept(store, &request, NULL, &accepted, &err)) fail_msg("%s", err.message);
    return arena_copy(&server->arena, accepted.id);
}

/* The status of the answer about a package or a version. Where fetching takes longer than the gateway waits, as on a slow
 * machine, it is 503, and the client asks again. */
static int ask_for(const char *name) {
    int64_t until_ms = clock_monotonic_ms() + PATIENCE_MS;
    for (;;) {
        struct http_response response =
            http_ask(NULL, server->url, arena_format(&server->arena, "/api/v1/packages/%s", name), NULL, NULL);
        int status = response.status;
        if (status == 429) assert_string_not_equal(http_header(&response, "retry-after"), "");
        http_response_release(&response);
        if (status != 503 || clock_monotonic_ms() > until_ms) return status;
        usleep(RETRY_MS * 1000);
    }
}

static void a_version_published_elsewhere_is_found_at_once(void **state) {
    (void)state;
    for (int i = 0; i < 3; i++) {
        const char *name = push_copy();
        assert_int_equal(ask_for(arena_format(&server->arena, "%s/1.0.0", name)), 200);
        assert_int_equal(ask_for(name), 200);
    }
}

static void a_trustee_may_ask_for_a_build_at_once(void **state) {
    (void)state;
    const char *name = push_copy();
    const char *payload =
        arena_format(&server->arena, "{\"name\":\"%s\",\"version\":\"1.0.0\",\"compiler\":\"0.15.14\"}", name);
    trustee_expect_job(server, TOKEN, trustee_body(server, "matrix", payload, "a-trustee", "Is it true?"));
}

static void no_build_is_ended_by_an_old_view(void **state) {
    (void)state;
    for (int i = 0; i < BUILDS; i++) {
        const char *name = push_copy(), *id = make_job(name);
        json_t *job = server_wait_for_job(server, id);
        if (!*server_job_text(job, "verdict")) fail_msg("%s", server_log_text(server, job));
        assert_null(strstr(server_log_text(server, job), "is no longer published"));
        json_decref(job);
    }
}

/* A version that was really removed is still refused. */
static void a_build_of_what_is_gone_is_ended(void **state) {
    (void)state;
    const char *id = make_job("copied-99");
    json_t *job = server_wait_for_job(server, id);
    assert_string_equal(server_last_error(server, job), "copied-99@1.0.0 is no longer published.");
    json_decref(job);
}

/* ---- Made-up names ---- */

/* Each 404 needs a fetch of both repositories, of which an address may cause 60 a minute; two services fetch by themselves every
 * 10 s (build-matrix, and package-set, whose schedule does so once a minute, too). Known packages are answered all the same,
 * and new ones are not answered 404. */
static void made_up_names_cost_few_fetches(void **state) {
    (void)state;
    enum { NAMES = 400, PER_MINUTE = 60, REPOSITORIES = 2, FOLLOWERS = 2 };
    size_t requests = git_server_requests(server->git), denied = 0;
    int64_t began_ms = clock_monotonic_ms();
    for (int i = 0; i < NAMES; i++) {
        int status = ask_for(arena_format(&server->arena, "made-up-%d", i));
        assert_true(status == 404 || status == 429);
        denied += status == 404;
    }
    size_t seconds = (size_t)(clock_monotonic_ms() - began_ms) / 1000 + 1;
    requests = git_server_requests(server->git) - requests;
    print_message("%d made-up names in %zu s: %zu times 404, %zu requests to the git server\n", NAMES, seconds, denied,
                  requests);
    assert_in_range(denied, 1, PER_MINUTE + seconds);
    assert_in_range(requests, 1, REPOSITORIES * (denied + FOLLOWERS * (seconds / 10 + 1) + seconds / 60 + 2));
    assert_int_equal(ask_for(ORIGINAL), 200);
    const char *name = push_copy();
    for (int status = 0; status != 200;) {
        status = ask_for(name);
        if (status != 200 && status != 429) fail_msg("%s is answered %d", name, status);
    }
}

/* While a commit could not be read yet, each question used to ask the git host again. */
static void a_git_host_that_fails_is_not_asked_by_each_question(void **state) {
    (void)state;
    enum { QUESTIONS = 300, REPOSITORIES = 2, OTHERS = 20 };
    server_terminate_worker(server, 0); /* no build commits meanwhile */
    server_expect_published(server, &(struct package){"not-read-yet", "1.0.0", .pragma = NULL});
    matrix_wait_for_job(server, "not-read-yet", "1.0.0", "0.15.14"); /* the planner is done with it */
    git_server_behave(server->git, GIT_SERVER_STATUS, 500, NULL);
    size_t requests = git_server_requests(server->git);
    int64_t began_ms = clock_monotonic_ms();
    for (int i = 0; i < QUESTIONS; i++)
        json_decref(server_get(server, "/api/v1/packages"));
    size_t seconds = (size_t)(clock_monotonic_ms() - began_ms) / 1000 + 1;
    requests = git_server_requests(server->git) - requests;
    git_server_behave(server->git, GIT_SERVER_SERVE, 0, NULL);
    print_message("%d questions in %zu s: %zu requests to the git server\n", QUESTIONS, seconds, requests);
    assert_in_range(requests, 1, REPOSITORIES * seconds + OTHERS);
    server_start_worker(server, 0);
    matrix_expect_verdict(server, "not-read-yet", "1.0.0", "0.15.14", "succeeded");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_version_published_elsewhere_is_found_at_once),
        cmocka_unit_test(a_trustee_may_ask_for_a_build_at_once),
        cmocka_unit_test(no_build_is_ended_by_an_old_view),
        cmocka_unit_test(a_build_of_what_is_gone_is_ended),
        cmocka_unit_test(made_up_names_cost_few_fetches),
        cmocka_unit_test(a_git_host_that_fails_is_not_asked_by_each_question),
    };
    return cmocka_run_group_tests(tests, begin, end);
}
