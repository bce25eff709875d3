/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Sources over http (git's own server behind tests/support/git/git_server.h), in this process: refs, limits and hosts. The
 * tree's files: test_git_checkout.c.
 */
#include "tests/unit/tools/git_source_scene.h"

#include "lib/base/clock.h"

enum { SHORT_TIMEOUT_MS = 300 };

/* ---- Refs ---- */

static void a_tags_files_and_commit_are_fetched(void **state) {
    struct scene *scene = *state;
    assert_fetched(scene);
    assert_string_equal(content(scene, "src/Main.purs"), "one");
    assert_string_equal(scene->commit, git_output(&scene->git, "git -C lib.git rev-parse v1.0.0"));
    assert_string_equal(git_output(&scene->git, "find fetched/tree -name '.git*'"), "");
}

static void a_tag_comes_before_a_branch_of_that_name(void **state) {
    struct scene *scene = *state;
    git_script(&scene->git, "echo two >lib/src/Main.purs && push_files lib.git && git -C lib push -q ../lib.git "
                            "HEAD:refs/heads/v1.0.0");
    assert_fetched(scene);
    assert_string_equal(content(scene, "src/Main.purs"), "one");
}

static void an_annotated_tag_is_peeled_to_its_commit(void **state) {
    struct scene *scene = *state;
    git_script(&scene->git, "git -C lib tag -a -m Release v2 && git -C lib tag -a -m Again v3 v2 && "
                            "git -C lib push -q ../lib.git v2 v3");
    scene->source.ref = "v3";
    assert_fetched(scene);
    assert_string_equal(scene->commit, git_output(&scene->git, "git -C lib.git rev-parse HEAD"));
}

static void a_branch_with_slashes_will_do(void **state) {
    struct scene *scene = *state;
    git_script(&scene->git, "git -C lib push -q ../lib.git HEAD:refs/heads/releases/next");
    scene->source.ref = "releases/next";
    assert_fetched(scene);
}

static void a_missing_ref_is_named(void **state) {
    struct scene *scene = *state;
    scene->source.ref = "v9.9.9";
    assert_refused(scene, STATUS_INVALID, "no tag or branch named 'v9.9.9'");
    assert_string_equal(scene->err.path, "ref");
}

static void a_tag_of_something_else_than_a_commit_is_refused(void **state) {
    struct scene *scene = *state;
    git_script(&scene->git, "git -C lib tag odd HEAD:src/Main.purs && git -C lib push -q ../lib.git odd");
    scene->source.ref = "odd";
    assert_refused(scene, STATUS_INVALID, "does not name a commit");
}

/* The rule and its messages come from lib/domain/package/ref.h. */
static void refs_that_are_no_plain_names_are_refused(void **state) {
    struct scene *scene = *state;
    static const char *const refs[] = {"refs/tags/v1.0.0",
                                       "refs/pull/1/head",
                                       "pull/1/head",
                                       "0123456789abcdef0123456789abcdef01234567",
                                       "v1.0.0:refs/heads/x",
                                       "+v1.0.0",
                                       "-v",
                                       "v*",
                                       "a..b",
                                       "a b",
                                       "v1.0.0.lock",
                                       "v1.0.0^{}",
                                       "main~1",
                                       "@",
                                       "HEAD",
                                       ""};
    for (size_t i = 0; i < sizeof refs / sizeof *refs; i++) {
        scene->source.ref = refs[i];
        assert_refused(scene, STATUS_INVALID, "cannot be used as a ref");
        assert_string_equal(scene->err.path, "ref");
    }
    assert_int_equal(git_server_requests(scene->server), 0);
}

/* Hosts keep pull requests under names that are neither tags nor branches. */
static void pull_requests_are_not_found(void **state) {
    struct scene *scene = *state;
    static const char *const refs[] = {"merge-requests/1/head", "changes/01/1/1", "tags/v1.0.0", "heads/main",
                                       "remotes/fork/main"};
    git_script(&scene->git, "for ref in pull merge-requests; do git -C lib push -q ../lib.git HEAD:refs/$ref/1/head; done");
    for (size_t i = 0; i < sizeof refs / sizeof *refs; i++) {
        scene->source.ref = refs[i];
        assert_refused(scene, STATUS_INVALID, "There is no tag or branch named");
    }
}

static void a_strangers_commit_is_not_had_by_its_id(void **state) {
    struct scene *scene = *state;
    git_script(&scene->git, "git -C lib.git config uploadpack.allowAnySHA1InWant true; echo stranger >lib/src/Main.purs && "
                            "git -C lib commit -qam Fork && git -C lib push -q ../lib.git HEAD:refs/pull/1/head");
    scene->source.ref = git_output(&scene->git, "git -C lib rev-parse HEAD");
    assert_refused(scene, STATUS_INVALID, "looks like a commit id");
    scene->source.known_commit = scene->source.ref;
    scene->source.ref = "v1.0.0";
    assert_refused(scene, STATUS_REFUSED, "no longer names");
}

static void a_known_commit_is_used_though_the_branch_moved_on(void **state) {
    struct scene *scene = *state;
    char *first = git_output(&scene->git, "git -C lib rev-parse HEAD");
    git_script(&scene->git, "echo two >lib/src/Main.purs && push_files lib.git");
    scene->source.ref = "main";
    scene->source.known_commit = first;
    assert_fetched(scene);
    assert_string_equal(scene->commit, first);
    assert_string_equal(content(scene, "src/Main.purs"), "one");
}

/* ---- Limits ---- */

static void too_many_files_are_refused(void **state) {
    struct scene *scene = *state;
    change(scene, "for i in 1 2 3 4 5 6 7 8 9; do echo $i >file$i; done");
    scene->source.limit_files = 9;
    assert_refused(scene, STATUS_TOO_LARGE, "more than 9 files");
}

static void too_large_a_tree_is_refused(void **state) {
    struct scene *scene = *state;
    change(scene, "head -c 2000000 /dev/zero >zeros"); /* compresses to almost nothing */
    assert_refused(scene, STATUS_TOO_LARGE, "larger than 1000000 bytes");
}

static void too_much_received_is_refused(void **state) {
    struct scene *scene = *state;
    change(scene, "head -c 1500000 /dev/urandom >noise; git add noise; git commit -qm Noise; git rm -q noise");
    assert_refused(scene, STATUS_TOO_LARGE, "sends more than 1000000 bytes");
    scene->source.url = arena_format(&scene->git.arena, "file://%s/lib.git", scene->git.folder);
    assert_refused(scene, STATUS_TOO_LARGE, "sends more than 1000000 bytes");
}

static void endless_answers_are_refused(void **state) {
    struct scene *scene = *state;
    static const struct {
        enum git_server_mode mode;
        const char *message;
    } rows[] = {
        {GIT_SERVER_FLOOD, "sends more than 1000000 bytes"},
        {GIT_SERVER_ENDLESS_PACK, "sends more than 1000000 bytes"},
        {GIT_SERVER_ENDLESS_HEAD, "sends headers of more than"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        git_server_behave(scene->server, rows[i].mode, 0, NULL);
        assert_refused(scene, STATUS_TOO_LARGE, rows[i].message);
    }
}

static void refs_are_bounded_apart_from_the_rest(void **state) {
    struct scene *scene = *state;
    git_server_behave(scene->server, GIT_SERVER_FLOOD, 0, NULL);
    scene->source.limit_bytes = 1000000000;
    scene->timeout_ms = 3 * TEST_TIMEOUT_MS;
    assert_refused(scene, STATUS_TOO_LARGE, "bytes of refs");
}

/* ---- Hosts ---- */

static void a_host_that_hangs_ends_at_the_time_limit(void **state) {
    struct scene *scene = *state;
    static const enum git_server_mode modes[] = {GIT_SERVER_HANG, GIT_SERVER_STALL, GIT_SERVER_TRICKLE};
    scene->timeout_ms = SHORT_TIMEOUT_MS;
    for (size_t i = 0; i < sizeof modes / sizeof *modes; i++) {
        int64_t begin_ms = clock_monotonic_ms();
        git_server_behave(scene->server, modes[i], 0, NULL);
        assert_refused(scene, STATUS_TIMEOUT, "time limit");
        assert_in_range(clock_monotonic_ms() - begin_ms, SHORT_TIMEOUT_MS, TEST_TIMEOUT_MS - 1);
    }
}

static void answers_of_the_host_are_told_apart(void **state) {
    struct scene *scene = *state;
    static const struct {
        int http;
        enum status status;
        const char *message;
    } rows[] = {{404, STATUS_NOT_FOUND, "does not exist or is private (HTTP status 404)"},
                {401, STATUS_NOT_FOUND, "does not exist or is private"},
                {410, STATUS_NOT_FOUND, "no longer exists"},
                {403, STATUS_FORBIDDEN, "refuses access"},
                {451, STATUS_REFUSED, "gave an answer that is not of git's protocol (HTTP status 451)"},
                {400, STATUS_REFUSED, "gave an answer that is not of git's protocol"},
                {500, STATUS_UNAVAILABLE, "is not available at the moment (HTTP status 500)"},
                {503, STATUS_UNAVAILABLE, "is not available at the moment"},
                {408, STATUS_UNAVAILABLE, "is not available at the moment"},
                {429, STATUS_UNAVAILABLE, "limits the number of requests"}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        git_server_behave(scene->server, GIT_SERVER_STATUS, rows[i].http, NULL);
        assert_refused(scene, rows[i].status, rows[i].message);
    }
    git_server_behave(scene->server, GIT_SERVER_PAGE, 0, NULL);
    assert_refused(scene, STATUS_NOT_FOUND, "does not answer as a git repository");
    git_server_behave(scene->server, GIT_SERVER_DROP, 0, NULL);
    assert_refused(scene, STATUS_UNAVAILABLE, "lib.git");
    assert_true(status_is_temporary(STATUS_UNAVAILABLE));
}

static void a_repository_that_is_not_there_is_named(void **state) {
    struct scene *scene = *state;
    scene->source.url = arena_format(&scene->git.arena, "%s/none.git", git_server_url(scene->server));
    assert_refused(scene, STATUS_NOT_FOUND, "/none.git");
    scene->source.url = arena_format(&scene->git.arena, "file://%s/none.git", scene->git.folder);
    assert_refused(scene, STATUS_NOT_FOUND, "does not exist or is private");
    scene->source.url = "http://127.0.0.1:1/lib.git";
    assert_refused(scene, STATUS_UNAVAILABLE, "could not be reached");
    scene->source.url = "https://no-such-host.invalid/lib.git";
    assert_refused(scene, STATUS_UNAVAILABLE, "has a host name that could not be resolved");
}

static void a_redirect_is_followed_by_all_requests(void **state) {
    struct scene *scene = *state;
    struct git_server *front = git_server_start(scene->git.folder);
    git_server_behave(front, GIT_SERVER_REDIRECT, 0, git_server_url(scene->server));
    scene->source.url = arena_format(&scene->git.arena, "%s/lib.git", git_server_url(front));
    assert_fetched(scene);
    git_server_behave(front, GIT_SERVER_REDIRECT, 0, git_server_url(front));
    assert_refused(scene, STATUS_REFUSED, "redirects too often");
    git_server_behave(front, GIT_SERVER_REDIRECT, 0, "file://");
    assert_refused(scene, STATUS_REFUSED, "redirects to another scheme");
    git_server_stop(front);
}

static void private_places_are_refused_unless_allowed(void **state) {
    struct scene *scene = *state;
    static const char *const urls[] = {
        "http://example.org/lib.git",       "git://example.org/lib.git",    "file:///lib.git", "/lib.git",
        "https://example.org:8443/lib.git", "ssh://git@example.org/lib.git"};
    scene->source.allow_private = false;
    for (size_t i = 0; i < 5; i++) {
        scene->source.url = urls[i];
        assert_refused(scene, STATUS_REFUSED, "cannot be fetched");
    }
    scene->source.url = urls[5];
    assert_refused(scene, STATUS_INVALID, "user or password");
    scene->source.url = "https://127.0.0.1/lib.git";
    assert_refused(scene, STATUS_REFUSED, "address or port");
    scene->source.url = "https://localhost/lib.git";
    assert_refused(scene, STATUS_REFUSED, "address or port");
    scene->source.url = "https://[::ffff:127.0.0.1]/lib.git";
    assert_int_equal(fetch(scene), STATUS_REFUSED);
}

static void git_and_file_urls_serve_where_private_ones_may(void **state) {
    struct scene *scene = *state;
    scene->source.url = arena_format(&scene->git.arena, "file://%s/lib.git", scene->git.folder);
    assert_fetched(scene);
    assert_string_equal(content(scene, "src/Main.purs"), "one");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(a_tags_files_and_commit_are_fetched),
        TEST(a_tag_comes_before_a_branch_of_that_name),
        TEST(an_annotated_tag_is_peeled_to_its_commit),
        TEST(a_branch_with_slashes_will_do),
        TEST(a_missing_ref_is_named),
        TEST(a_tag_of_something_else_than_a_commit_is_refused),
        TEST(refs_that_are_no_plain_names_are_refused),
        TEST(pull_requests_are_not_found),
        TEST(a_strangers_commit_is_not_had_by_its_id),
        TEST(a_known_commit_is_used_though_the_branch_moved_on),
        TEST(too_many_files_are_refused),
        TEST(too_large_a_tree_is_refused),
        TEST(too_much_received_is_refused),
        TEST(endless_answers_are_refused),
        TEST(refs_are_bounded_apart_from_the_rest),
        TEST(a_host_that_hangs_ends_at_the_time_limit),
        TEST(answers_of_the_host_are_told_apart),
        TEST(a_repository_that_is_not_there_is_named),
        TEST(a_redirect_is_followed_by_all_requests),
        TEST(private_places_are_refused_unless_allowed),
        TEST(git_and_file_urls_serve_where_private_ones_may),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
