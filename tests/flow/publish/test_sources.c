/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Fetching of sources: which refs can be published and which never, folders of a repository, and the three reasons why a source
 * cannot be fetched: it does not exist, it has no such ref, its host is away. (Contents of sources: test_hostile.c.)
 */
#include "tests/support/cmocka_all.h"

#include <poll.h>
#include <string.h>

#include "tests/support/git/git_fixture.h"
#include "tests/support/git/git_server.h"
#include "tests/support/refusal.h"
#include "tests/support/registry_check.h"
#include "tests/support/shell.h"

enum { TRIES = 3 };

static struct server *server;
static struct git_fixture git;  /* has the sources, in `sources` */
static struct git_server *host; /* serves only the sources, so that their requests can be counted */

static const char *sources(void) {
    return arena_format(&git.arena, "%s/sources", git.folder);
}

static int set_up(void **state) {
    (void)state;
    git_fixture_make(&git);
    host = git_server_start(git.folder);
    const char *const settings[] = {arena_format(&git.arena, "GITHUB_GIT_URL=%s/sources", git_server_url(host)),
                                    "SOURCE_TRIES=3", "SOURCE_RETRY_MS=20", "SOURCE_SILENCE_MS=2000", NULL};
    server = server_start(&(struct server_options){.settings = settings});
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    registry_expect_consistency(server);
    server_stop(server);
    git_server_stop(host);
    git_fixture_remove(&git);
    return 0;
}

static const char *request(const char *name, const char *version, const char *ref, const char *subdir) {
    return arena_format(&git.arena,
                        "{\"name\": \"%s\", \"version\": \"%s\", \"ref\": \"%s\", \"compiler\": \"0.15.15\", \"location\": "
                        "{\"githubOwner\": \"flow\", \"githubRepo\": \"purescript-%s\"%s}}",
                        name, version, ref, name, subdir ? arena_format(&git.arena, ", \"subdir\": \"%s\"", subdir) : "");
}

static void expect_published(const char *name, const char *version, const char *ref) {
    server_expect_success(server, server_publish(server, request(name, version, ref, NULL)).id);
}

/* The request must be refused, at once or as a job, and leave no trace. Returns the job's log. */
static const char *expect_refused(const char *body, const char *words) {
    const char *log = NULL;
    char *before = registry_snapshot(server);
    const char *sentence = refusal_sentence(server, body, &log);
    if (!strstr(sentence, words)) fail_msg("\"%s\" is not in: %s\n%s", words, sentence, log);
    assert_string_equal(registry_snapshot(server), before);
    refusal_expect_no_work(server);
    return log;
}

/* ---- Refs ---- */

/* Otherwise anybody could publish the package and set its owners, because a fork or a pull request makes a commit available
 * under the repository's name. */
static void a_commit_of_a_fork_or_pull_request_cannot_be_published(void **state) {
    (void)state;
    const struct package package = {"owned", "1.0.0", .pragma = NULL}, strangers = {"owned", "6.6.6", .pragma = NULL};
    package_push(sources(), &package);
    expect_published("owned", "1.0.0", "v1.0.0");
    package_push(arena_format(&git.arena, "%s/strangers", git.folder), &strangers);
    const char *commit = git_output(
        &git,
        "cd sources/flow/purescript-owned.git; git config uploadpack.allowAnySHA1InWant true; "
        "git fetch -q --no-tags %s/strangers/flow/purescript-owned.git main:refs/pull/1/head main:refs/merge-requests/1/head; "
        "git rev-parse refs/pull/1/head",
        git.folder);

    const struct {
        const char *ref, *words;
    } rows[] = {
        {commit, "looks like a commit id"},
        {"pull/1/head", "pull requests cannot be published"},
        {"refs/pull/1/head", "without \"refs/tags/\" or \"refs/heads/\""},
        {"refs/heads/main", "without \"refs/tags/\" or \"refs/heads/\""},
        {"pull/1/head:refs/heads/main", "cannot be used as a ref"},
        {"+main", "cannot be used as a ref"},
        {"merge-requests/1/head", "There is no tag or branch named 'merge-requests/1/head'"},
        {arena_format(&git.arena, "%.12s", commit), "There is no tag or branch named"},
        {"v6.6.6", "There is no tag or branch named"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        expect_refused(request("owned", "6.6.6", rows[i].ref, NULL), rows[i].words);
}

static void a_ref_of_an_impossible_name_is_answered_with_400_and_its_field(void **state) {
    (void)state;
    static const char *const refs[] = {"-x", "a..b", "v1.0.0.lock", "a b", "v1.0.0^", "@{u}", "refs/tags/v1.0.0", ""};
    for (size_t i = 0; i < sizeof refs / sizeof *refs; i++) {
        struct http_response response = {0};
        server_call(server, "POST", "/api/v1/publish", request("owned", "2.0.0", refs[i], NULL), &response);
        assert_int_equal(response.status, 400);
        assert_non_null(strstr(text_view(&response.body), "\"path\":\"ref\""));
        http_response_release(&response);
    }
}

#define MANIFEST(version, ref)                                                                                                 \
    "{\"name\": \"referred\", \"version\": \"" version                                                                         \
    "\", \"license\": \"BSD-3-Clause\", \"location\": {\"githubOwner\": \"flow\", "                                            \
    "\"githubRepo\": \"purescript-referred\"}, \"ref\": \"" ref "\", \"dependencies\": {}}"

static void tags_branches_and_tags_of_tags_can(void **state) {
    (void)state;
    struct package package = {"referred", "1.0.0", .files = {{"purs.json", MANIFEST("1.0.0", "two")}}};
    package_push(sources(), &package);
    git_script(&git,
               "cd sources/flow/purescript-referred.git; git tag -a -m One one v1.0.0; git -c advice.nestedTag=false tag -a "
               "-m Two two one; git tag -d v1.0.0");
    expect_published("referred", "1.0.0", "two");
    package.version = "1.1.0";
    package.files[0].content = MANIFEST("1.1.0", "releases/next");
    package_push(sources(), &package);
    git_script(&git, "cd sources/flow/purescript-referred.git; git tag -d v1.1.0; git branch releases/next main");
    expect_published("referred", "1.1.0", "releases/next");
}

static void a_tag_goes_before_a_branch_of_its_name(void **state) {
    (void)state;
    struct package package = {"ambiguous", "1.0.0", .pragma = NULL};
    package_push(sources(), &package);
    package.version = "2.0.0";
    package_push(sources(), &package);
    git_script(&git, "cd sources/flow/purescript-ambiguous.git; git branch v1.0.0 main");
    expect_published("ambiguous", "1.0.0", "v1.0.0");
}

/* ---- Folders ---- */

static void a_package_may_be_in_a_folder_of_its_repository(void **state) {
    (void)state;
    git_script(&git, "mkdir -p inner/packages/core/src inner/src; cd inner; echo 'module Elsewhere where' >src/Elsewhere.purs; "
                     "echo 'module Flow.Inner where' >packages/core/src/Inner.purs; echo BSD >packages/core/LICENSE; "
                     "printf '{\"name\": \"inner\", \"version\": \"1.0.0\", \"license\": \"BSD-3-Clause\", \"ref\": \"main\", "
                     "\"location\": {\"githubOwner\": \"flow\", \"githubRepo\": \"purescript-inner\", \"subdir\": "
                     "\"packages/core\"}, \"dependencies\": {}}' >packages/core/purs.json; cd ..; push_files inner.git; "
                     "mv inner.git sources/flow/purescript-inner.git");
    expect_refused(request("inner", "1.0.0", "main", "packages/none"), "There is no folder 'packages/none' in the repository");
    expect_refused(request("inner", "1.0.0", "main", "packages/core/purs.json"), "There is no folder");
    expect_refused(request("inner", "1.0.0", "main", "../inner"), "cannot be a folder of the repository");
    server_expect_success(server, server_publish(server, request("inner", "1.0.0", "main", "packages/core")).id);
    const char *files = shell_output(&git.arena, "tar -tzf '%s/storage/inner/1.0.0.tar.gz' | sort", server->folder);
    assert_null(strstr(files, "Elsewhere"));
    assert_non_null(strstr(files, "inner-1.0.0/src/Inner.purs"));
}

/* ---- Sources that cannot be fetched ---- */

static void a_source_that_does_not_exist_is_asked_for_once(void **state) {
    (void)state;
    size_t before = git_server_requests(host);
    const char *log = expect_refused(request("absent", "1.0.0", "v1.0.0", NULL), "does not exist or is private");
    assert_int_equal(git_server_requests(host), before + 1);
    assert_null(strstr(log, "later"));
    git_server_behave(host, GIT_SERVER_STATUS, 401, NULL); /* GitHub's answer for it */
    expect_refused(request("absent", "1.0.0", "v1.0.0", NULL), "does not exist or is private");
    git_server_behave(host, GIT_SERVER_SERVE, 0, NULL);
}

static void a_ref_that_does_not_exist_is_asked_for_once(void **state) {
    (void)state;
    const struct package package = {"refless", "1.0.0", .pragma = NULL};
    package_push(sources(), &package);
    size_t before = git_server_requests(host);
    const char *log =
        expect_refused(request("refless", "1.0.0", "v2.0.0", NULL), "There is no tag or branch named 'v2.0.0' in ");
    assert_int_equal(git_server_requests(host), before + 1);
    assert_null(strstr(log, "later"));
}

static void a_host_that_is_away_is_asked_some_times_and_then_later(void **state) {
    (void)state;
    static const struct {
        enum git_server_mode mode;
        int http_status;
    } rows[] = {{GIT_SERVER_STATUS, 500}, {GIT_SERVER_STATUS, 503}, {GIT_SERVER_STATUS, 429}, {GIT_SERVER_DROP, 0}};
    const struct package package = {"waiting", "1.0.0", .pragma = NULL};
    package_push(sources(), &package);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        size_t before = git_server_requests(host);
        git_server_behave(host, rows[i].mode, rows[i].http_status, NULL);
        const char *log = expect_refused(request("waiting", "1.0.0", "v1.0.0", NULL),
                                         "This may be temporary: try again later. (Tried 3 times.)");
        assert_true(git_server_requests(host) >= before + TRIES); /* curl itself tries a dropped connection again */
        assert_non_null(strstr(log, "WARN "));
        assert_non_null(strstr(log, "This may be temporary; retrying in 0.0 s (attempt 2 of 3)."));
        assert_non_null(strstr(log, "This may be temporary; retrying in 0.0 s (attempt 3 of 3)."));
    }
    git_server_behave(host, GIT_SERVER_SERVE, 0, NULL);
    expect_published("waiting", "1.0.0", "v1.0.0"); /* the same request can be sent again */
}

static void a_host_that_comes_back_is_not_noticed_but_in_the_log(void **state) {
    (void)state;
    const struct package package = {"patient", "1.0.0", .pragma = NULL};
    package_push(sources(), &package);
    git_server_fail_next(host, TRIES - 1, 503);
    const char *id = server_publish(server, request("patient", "1.0.0", "v1.0.0", NULL)).id;
    server_expect_success(server, id);
    json_t *job = server_wait_for_job(server, id);
    assert_non_null(strstr(server_log_text(server, job), "(attempt 3 of 3)"));
    json_decref(job);
}

/* One attempt used to take the whole time of a publication. */
static void a_host_that_falls_silent_is_asked_again(void **state) {
    (void)state;
    static const enum git_server_mode modes[] = {GIT_SERVER_HANG, GIT_SERVER_STALL};
    for (size_t i = 0; i < sizeof modes / sizeof *modes; i++) {
        const struct package package = {i ? "halting" : "hanging", "1.0.0", .pragma = NULL};
        package_push(sources(), &package);
        size_t before = git_server_requests(host);
        git_server_behave(host, modes[i], 0, NULL);
        const char *id = server_publish(server, request(package.name, "1.0.0", "v1.0.0", NULL)).id;
        while (git_server_requests(host) == before)
            poll(NULL, 0, 10);
        git_server_behave(host, GIT_SERVER_SERVE, 0, NULL);
        json_t *job = server_wait_for_job(server, id);
        const char *log = server_log_text(server, job);
        if (!json_is_true(json_object_get(job, "success"))) fail_msg("%s", log);
        if (!strstr(log, " sent nothing for 2000 ms. This may be temporary; retrying in 0.0 s (attempt 2 of 3)."))
            fail_msg("%s", log);
        json_decref(job);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_commit_of_a_fork_or_pull_request_cannot_be_published),
        cmocka_unit_test(a_ref_of_an_impossible_name_is_answered_with_400_and_its_field),
        cmocka_unit_test(tags_branches_and_tags_of_tags_can),
        cmocka_unit_test(a_tag_goes_before_a_branch_of_its_name),
        cmocka_unit_test(a_package_may_be_in_a_folder_of_its_repository),
        cmocka_unit_test(a_source_that_does_not_exist_is_asked_for_once),
        cmocka_unit_test(a_ref_that_does_not_exist_is_asked_for_once),
        cmocka_unit_test(a_host_that_is_away_is_asked_some_times_and_then_later),
        cmocka_unit_test(a_host_that_comes_back_is_not_noticed_but_in_the_log),
        cmocka_unit_test(a_host_that_falls_silent_is_asked_again),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
