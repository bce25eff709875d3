/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Sources over http (git's own server behind tests/support/git_server.h), in this process.
 */
#include "lib/tools/git_source.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/clock.h"
#include "lib/base/folder.h"
#include "lib/base/text.h"
#include "tests/support/cmocka_all.h"
#include "tests/support/git_fixture.h"
#include "tests/support/git_server.h"

enum { TEST_TIMEOUT_MS = 20000, SHORT_TIMEOUT_MS = 300 };

struct scene {
    struct git_fixture git;
    struct git_server *server;
    struct git_source source; /* changed by a test as it likes */
    int64_t timeout_ms;
    char url[200];
    char work[200];
    char commit[GIT_COMMIT_MAX];
    struct error err;
};

static int set_up(void **state) {
    static struct scene scene;
    scene = (struct scene){.timeout_ms = TEST_TIMEOUT_MS};
    git_fixture_make(&scene.git);
    scene.server = git_server_start(scene.git.folder);
    snprintf(scene.url, sizeof scene.url, "%s/lib.git", git_server_url(scene.server));
    snprintf(scene.work, sizeof scene.work, "%s/fetched", scene.git.folder);
    scene.source = (struct git_source){
        .url = scene.url, .ref = "v1.0.0", .allow_private = true, .limit_bytes = 1000000, .limit_files = 100};
    git_script(&scene.git, "mkdir -p lib/src && echo one >lib/src/Main.purs && push_files lib.git && git -C lib tag v1.0.0 && "
                           "git -C lib push -q ../lib.git v1.0.0");
    *state = &scene;
    return 0;
}

static int tear_down(void **state) {
    struct scene *scene = *state;
    git_server_stop(scene->server);
    git_fixture_remove(&scene->git);
    return 0;
}

static enum status fetch(struct scene *scene) {
    struct deadline deadline;
    folder_remove(scene->work);
    assert_int_equal(mkdir(scene->work, 0755), 0);
    scene->err = (struct error){0};
    deadline_start(&deadline, scene->timeout_ms);
    return git_source_fetch(&scene->source, scene->work, &deadline, scene->commit, &scene->err);
}

static void assert_fetched(struct scene *scene) {
    if (fetch(scene)) fail_msg("%s", scene->err.message);
}

static void assert_refused(struct scene *scene, enum status status, const char *part_of_message) {
    assert_int_equal(fetch(scene), status);
    assert_int_equal(scene->err.status, status);
    if (!strstr(scene->err.message, part_of_message)) fail_msg("not in '%s': %s", scene->err.message, part_of_message);
}

static const char *content(struct scene *scene, const char *path) {
    return git_output(&scene->git, "cat 'fetched/tree/%s'", path);
}

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

static void what_is_no_plain_name_is_refused(void **state) {
    struct scene *scene = *state;
    static const char *const refs[] = {"refs/tags/v1.0.0",
                                       "pull/1/head",
                                       "v1.0.0:refs/heads/x",
                                       "+v1.0.0",
                                       "v*",
                                       "",
                                       "a..b",
                                       "-v",
                                       "HEAD~1",
                                       "a b",
                                       "refs/pull/1/head",
                                       "0123456789abcdef0123456789abcdef01234567"};
    for (size_t i = 0; i < sizeof refs / sizeof *refs; i++) {
        scene->source.ref = refs[i];
        assert_refused(scene, STATUS_INVALID, "name of a tag or a branch");
    }
}

static void a_strangers_commit_is_not_had_by_its_id(void **state) {
    struct scene *scene = *state;
    git_script(&scene->git, "git -C lib.git config uploadpack.allowAnySHA1InWant true; echo stranger >lib/src/Main.purs && "
                            "git -C lib commit -qam Fork && git -C lib push -q ../lib.git HEAD:refs/pull/1/head");
    scene->source.ref = git_output(&scene->git, "git -C lib rev-parse HEAD");
    assert_refused(scene, STATUS_INVALID, "no commit id");
    scene->source.known_commit = scene->source.ref;
    scene->source.ref = "v1.0.0";
    assert_refused(scene, STATUS_REFUSED, "moved away");
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

/* ---- Trees ---- */

/* Commits what `script` makes in lib/, and tags it v1.0.0. */
static void change(struct scene *scene, const char *script) {
    git_script(&scene->git,
               "(cd lib; %s) && push_files lib.git && git -C lib tag -f v1.0.0 >/dev/null && "
               "git -C lib push -q -f ../lib.git v1.0.0",
               script);
}

static void a_subdirectory_alone_is_written(void **state) {
    struct scene *scene = *state;
    change(scene, "mkdir -p packages/core && echo core >packages/core/file");
    scene->source.subdir = "packages/core";
    assert_fetched(scene);
    assert_string_equal(git_output(&scene->git, "cd fetched/tree; find . -type f"), "./file");
    scene->source.subdir = "packages/none";
    assert_refused(scene, STATUS_INVALID, "no folder 'packages/none'");
    assert_string_equal(scene->err.path, "location.subdir");
}

static void files_keep_bytes_and_mode_and_nothing_else(void **state) {
    struct scene *scene = *state;
    change(scene, "printf 'a\\n' >lines; printf '* text eol=crlf\\n*.bin filter=lfs\\n' >.gitattributes; echo 1 >x.bin; "
                  "chmod 755 x.bin; chmod 600 lines");
    assert_fetched(scene);
    assert_string_equal(git_output(&scene->git, "stat -c %%a fetched/tree/x.bin fetched/tree/lines fetched/tree/src"),
                        "755\n644\n755");
    assert_string_equal(git_output(&scene->git, "od -An -c fetched/tree/lines"), "   a  \\n");
}

static void links_that_stay_inside_are_kept(void **state) {
    struct scene *scene = *state;
    change(scene, "mkdir -p a/b; ln -s ../../src/Main.purs a/b/link; ln -s a/b folder; ln -s folder/../../src through; "
                  "ln -s nowhere dangling");
    assert_fetched(scene);
    assert_string_equal(content(scene, "a/b/link"), "one");
    assert_string_equal(git_output(&scene->git, "readlink fetched/tree/through"), "folder/../../src");
}

static void links_that_leave_are_refused_by_name(void **state) {
    struct scene *scene = *state;
    static const char *const links[] = {
        "ln -s /etc/passwd x",
        "ln -s ../x x",
        "ln -s src/../../x x",
        "mkdir -p a/b; ln -s a/b y; ln -s y/../../../src x; ln -s .. a/b/up; ln -s a/b/up/../../src x2",
        "ln -s . here; mkdir deep; ln -s here/../out x",
        "ln -s x x"};
    for (size_t i = 0; i < sizeof links / sizeof *links; i++) {
        git_script(&scene->git, "rm -rf lib/x lib/x2 lib/y lib/a lib/here lib/deep");
        change(scene, links[i]);
        assert_refused(scene, STATUS_REFUSED, "The symbolic link 'x");
    }
}

static void a_link_out_of_the_subdirectory_is_refused(void **state) {
    struct scene *scene = *state;
    change(scene, "mkdir core; ln -s ../src core/src");
    scene->source.subdir = "core";
    assert_refused(scene, STATUS_REFUSED, "'src' leads out");
}

static void submodules_are_left_out(void **state) {
    struct scene *scene = *state;
    git_script(&scene->git, "git -C lib update-index --add --cacheinfo 160000,$(git -C lib rev-parse HEAD),module && "
                            "git -C lib commit -qm Module && git -C lib tag v2 && git -C lib push -q ../lib.git v2");
    scene->source.ref = "v2";
    assert_fetched(scene);
    assert_string_equal(git_output(&scene->git, "ls fetched/tree"), "src");
}

/* A tree as git would not make it: each name for the same file. */
static void push_odd_tree(struct scene *scene, const char *names) {
    git_script(&scene->git,
               "cd lib; blob=$(git rev-parse HEAD:src/Main.purs | sed 's/../\\\\x&/g'); "
               "for name in %s; do printf '100644 %%s\\0' $name; /usr/bin/printf \"$blob\"; done >../odd; "
               "tree=$(git hash-object -t tree -w --literally ../odd); "
               "commit=$(git commit-tree -m Odd $tree); git push -q -f ../lib.git $commit:refs/tags/odd",
               names);
}

static void names_that_cannot_be_are_refused(void **state) {
    struct scene *scene = *state;
    scene->source.ref = "odd";
    push_odd_tree(scene, "..");
    assert_refused(scene, STATUS_REFUSED, "'..'");
    push_odd_tree(scene, ".GIT");
    assert_refused(scene, STATUS_REFUSED, "'.GIT'");
    push_odd_tree(scene, "../escaped");
    assert_refused(scene, STATUS_REFUSED, "'../escaped'");
    push_odd_tree(scene, "same same");
    assert_refused(scene, STATUS_REFUSED, "'same' twice");
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
    change(scene, "head -c 2000000 /dev/zero >zeros"); /* packs to next to nothing */
    assert_refused(scene, STATUS_TOO_LARGE, "larger than 1000000 bytes");
}

static void too_much_received_is_refused(void **state) {
    struct scene *scene = *state;
    change(scene, "head -c 1500000 /dev/urandom >noise; git add noise; git commit -qm Noise; git rm -q noise");
    assert_refused(scene, STATUS_TOO_LARGE, "sends more than 1000000 bytes");
    scene->source.url = arena_format(&scene->git.arena, "file://%s/lib.git", scene->git.folder);
    assert_refused(scene, STATUS_TOO_LARGE, "sends more than 1000000 bytes");
}

static void refs_without_end_are_refused(void **state) {
    struct scene *scene = *state;
    git_server_behave(scene->server, GIT_SERVER_FLOOD, 0, NULL);
    assert_refused(scene, STATUS_TOO_LARGE, "sends more than");
}

/* ---- Hosts ---- */

static void a_host_that_hangs_ends_at_the_time_limit(void **state) {
    struct scene *scene = *state;
    static const enum git_server_mode modes[] = {GIT_SERVER_HANG, GIT_SERVER_STALL};
    scene->timeout_ms = SHORT_TIMEOUT_MS;
    for (size_t i = 0; i < sizeof modes / sizeof *modes; i++) {
        int64_t begin_ms = clock_monotonic_ms();
        git_server_behave(scene->server, modes[i], 0, NULL);
        assert_refused(scene, STATUS_TIMEOUT, "time limit");
        assert_in_range(clock_monotonic_ms() - begin_ms, SHORT_TIMEOUT_MS, TEST_TIMEOUT_MS / 2);
    }
}

static void answers_of_the_host_are_told_apart(void **state) {
    struct scene *scene = *state;
    static const struct {
        int http;
        enum status status;
        const char *message;
    } rows[] = {{404, STATUS_NOT_FOUND, "does not exist or is private"},
                {401, STATUS_NOT_FOUND, "does not exist or is private"},
                {403, STATUS_FORBIDDEN, "does not let us in"},
                {500, STATUS_UNAVAILABLE, "HTTP status 500"},
                {503, STATUS_UNAVAILABLE, "HTTP status 503"},
                {429, STATUS_UNAVAILABLE, "HTTP status 429"}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        git_server_behave(scene->server, GIT_SERVER_STATUS, rows[i].http, NULL);
        assert_refused(scene, rows[i].status, rows[i].message);
    }
    git_server_behave(scene->server, GIT_SERVER_PAGE, 0, NULL);
    assert_refused(scene, STATUS_NOT_FOUND, "does not answer as a git repository");
}

static void a_repository_that_is_not_there_is_named(void **state) {
    struct scene *scene = *state;
    scene->source.url = arena_format(&scene->git.arena, "%s/none.git", git_server_url(scene->server));
    assert_refused(scene, STATUS_NOT_FOUND, "/none.git");
    scene->source.url = arena_format(&scene->git.arena, "file://%s/none.git", scene->git.folder);
    assert_refused(scene, STATUS_NOT_FOUND, "does not exist or is private");
    scene->source.url = "http://127.0.0.1:1/lib.git";
    assert_refused(scene, STATUS_UNAVAILABLE, "could not be reached");
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
    assert_refused(scene, STATUS_REFUSED, "redirects to something else");
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

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(a_tags_files_and_commit_are_fetched),
        TEST(a_tag_comes_before_a_branch_of_that_name),
        TEST(an_annotated_tag_is_peeled_to_its_commit),
        TEST(a_branch_with_slashes_will_do),
        TEST(a_missing_ref_is_named),
        TEST(a_tag_of_something_else_than_a_commit_is_refused),
        TEST(what_is_no_plain_name_is_refused),
        TEST(a_strangers_commit_is_not_had_by_its_id),
        TEST(a_known_commit_is_used_though_the_branch_moved_on),
        TEST(a_subdirectory_alone_is_written),
        TEST(files_keep_bytes_and_mode_and_nothing_else),
        TEST(links_that_stay_inside_are_kept),
        TEST(links_that_leave_are_refused_by_name),
        TEST(a_link_out_of_the_subdirectory_is_refused),
        TEST(submodules_are_left_out),
        TEST(names_that_cannot_be_are_refused),
        TEST(too_many_files_are_refused),
        TEST(too_large_a_tree_is_refused),
        TEST(too_much_received_is_refused),
        TEST(refs_without_end_are_refused),
        TEST(a_host_that_hangs_ends_at_the_time_limit),
        TEST(answers_of_the_host_are_told_apart),
        TEST(a_repository_that_is_not_there_is_named),
        TEST(a_redirect_is_followed_by_all_requests),
        TEST(private_places_are_refused_unless_allowed),
        TEST(git_and_file_urls_serve_where_private_ones_may),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
