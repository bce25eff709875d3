/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Sources fetched by the child process registry-fetch-source. Refs, trees and hosts are tested in
 * tests/unit/tools/test_git_source.c; here: the process runs within its limits, and every way in which it ends gives a message.
 */
#include "lib/source/source_fetch.h"

#include <arpa/inet.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/clock.h"
#include "lib/base/folder.h"
#include "lib/source/source_child.h"
#include "tests/support/cmocka_all.h"
#include "tests/support/git/git_fixture.h"
#include "tests/support/git/git_server.h"

enum { TEST_TIMEOUT_MS = 60000, SHORT_TIMEOUT_MS = 300 };

struct scene {
    struct git_fixture git;
    struct git_server *server;
    struct source_request request;
    struct source_limits limits;
    struct source_fetched fetched;
    struct deadline deadline;
    struct error err;
};

static int set_up(void **state) {
    static struct scene scene;
    scene = (struct scene){0};
    git_fixture_make(&scene.git);
    scene.server = git_server_start(scene.git.folder);
    git_script(&scene.git, "mkdir -p lib/src && echo one >lib/src/Main.purs && push_files lib.git && git -C lib tag v1.0.0 && "
                           "git -C lib push -q ../lib.git v1.0.0");
    scene.request = (struct source_request){
        .url = arena_format(&scene.git.arena, "%s/lib.git", git_server_url(scene.server)),
        .ref = "v1.0.0",
        .work_folder = arena_format(&scene.git.arena, "%s/fetched", scene.git.folder),
    };
    scene.limits = (struct source_limits){.program = BUILD_DIR "/bin/registry-fetch-source",
                                          .allow_private = true,
                                          .timeout_ms = TEST_TIMEOUT_MS,
                                          .bytes = 1000000,
                                          .files = 100};
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
    deadline_start(&scene->deadline, TEST_TIMEOUT_MS);
    scene->err = (struct error){0};
    return source_fetch(&scene->fetched, &scene->request, &scene->limits, &scene->deadline, &scene->git.arena, &scene->err);
}

static void assert_refused(struct scene *scene, enum status status, const char *part_of_message) {
    assert_int_equal(fetch(scene), status);
    if (!strstr(scene->err.message, part_of_message)) fail_msg("not in '%s': %s", scene->err.message, part_of_message);
}

static void a_source_is_fetched_by_a_child(void **state) {
    struct scene *scene = *state;
    if (fetch(scene)) fail_msg("%s", scene->err.message);
    assert_string_equal(git_output(&scene->git, "cat %s/src/Main.purs", scene->fetched.folder), "one");
    assert_string_equal(scene->fetched.commit, git_output(&scene->git, "git -C lib.git rev-parse v1.0.0"));
    assert_int_equal(scene->fetched.committed_ms,
                     1000 * strtoll(git_output(&scene->git, "git -C lib.git log -1 --format=%%ct v1.0.0"), NULL, 10));
    assert_string_equal(git_output(&scene->git, "ls %s", scene->request.work_folder), "tree");
}

static void the_childs_error_is_passed_on(void **state) {
    struct scene *scene = *state;
    scene->request.ref = "v2.0.0";
    assert_refused(scene, STATUS_INVALID, "no tag or branch named 'v2.0.0'");
    assert_string_equal(scene->err.path, "ref");
    folder_remove(scene->request.work_folder);
    scene->request.url = arena_format(&scene->git.arena, "%s/none.git", git_server_url(scene->server));
    assert_refused(scene, STATUS_NOT_FOUND, "does not exist or is private");
}

static void a_host_that_hangs_ends_at_the_time_limit(void **state) {
    struct scene *scene = *state;
    int64_t begin_ms = clock_monotonic_ms();
    git_server_behave(scene->server, GIT_SERVER_HANG, 0, NULL);
    scene->limits.timeout_ms = SHORT_TIMEOUT_MS;
    assert_refused(scene, STATUS_TIMEOUT, "time limit");
    assert_in_range(clock_monotonic_ms() - begin_ms, SHORT_TIMEOUT_MS, TEST_TIMEOUT_MS - 1);
}

/* libgit2's own git:// waits for ever, so the child is ended by an alarm. */
static void a_git_host_that_hangs_ends_as_well(void **state) {
    struct scene *scene = *state;
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof address;
    int listener = socket(AF_INET, SOCK_STREAM, 0); /* queues connections and never answers */
    assert_int_equal(bind(listener, (struct sockaddr *)&address, length), 0);
    assert_int_equal(listen(listener, 4), 0);
    assert_int_equal(getsockname(listener, (struct sockaddr *)&address, &length), 0);
    scene->request.url = arena_format(&scene->git.arena, "git://127.0.0.1:%d/lib.git", ntohs(address.sin_port));
    scene->limits.timeout_ms = SHORT_TIMEOUT_MS;
    assert_refused(scene, STATUS_TIMEOUT, "within the time limit");
    close(listener);
}

static void a_cancelled_job_ends_the_child(void **state) {
    struct scene *scene = *state;
    git_server_behave(scene->server, GIT_SERVER_HANG, 0, NULL);
    deadline_start(&scene->deadline, SHORT_TIMEOUT_MS); /* the job's, shorter than the source's */
    assert_int_equal(
        source_fetch(&scene->fetched, &scene->request, &scene->limits, &scene->deadline, &scene->git.arena, &scene->err),
        STATUS_TIMEOUT);
}

static void too_large_a_source_is_refused(void **state) {
    struct scene *scene = *state;
    scene->limits.files = 1;
    assert_refused(scene, STATUS_TOO_LARGE, "more than 1 files");
}

/* Zeros, which are compressed to a megabyte for the transfer. (With a sanitizer there is no limit on memory.) */
static void sources_larger_than_the_memory_are_refused(void **state) {
    struct scene *scene = *state;
    git_script(&scene->git,
               "cd lib; truncate -s 160M zeros; git -c core.compression=1 -c core.bigFileThreshold=1m add zeros; "
               "rm zeros; git push -q -f ../lib.git $(git commit-tree -m Huge $(git write-tree)):refs/tags/v1.0.0");
    scene->limits.memory_bytes = 128 << 20;
    scene->limits.bytes = 2000000;
    assert_refused(scene, STATUS_TOO_LARGE, "larger than 2000000 bytes");
}

static void a_child_that_breaks_is_a_fault_of_ours(void **state) {
    struct scene *scene = *state;
    scene->limits.program = "/bin/false";
    assert_refused(scene, STATUS_INTERNAL, "exit status 1");
    assert_int_equal(scene->err.trouble, TROUBLE_NONE); /* the source may have caused the crash: no retry */
    folder_remove(scene->request.work_folder);
    scene->limits.program = "/bin/true";
    assert_refused(scene, STATUS_INTERNAL, "is malformed");
    folder_remove(scene->request.work_folder);
    scene->limits.program = "/bin/no-such-program";
    assert_refused(scene, STATUS_INTERNAL, "not installed");
}

static void a_ref_that_is_no_name_starts_no_child(void **state) {
    struct scene *scene = *state;
    scene->request.ref = "refs/heads/main";
    scene->limits.program = "/bin/false";
    assert_refused(scene, STATUS_INVALID, "cannot be used as a ref");
    assert_int_not_equal(access(scene->request.work_folder, F_OK), 0);
}

static void root_fetches_as_another_user(void **state) {
    struct scene *scene = *state;
    struct passwd *nobody = getpwnam("nobody");
    if (geteuid() != 0 || !nobody) skip(); /* only root can become another user */
    struct stat status;
    scene->limits.user = "nobody";
    if (fetch(scene)) fail_msg("%s", scene->err.message);
    assert_int_equal(stat(scene->fetched.folder, &status), 0);
    assert_int_equal(status.st_uid, nobody->pw_uid);
}

static void a_github_url_is_made_of_base_owner_and_repository(void **state) {
    struct scene *scene = *state;
    assert_string_equal(source_github_url(&scene->git.arena, "https://github.com", "purescript", "purescript-prelude"),
                        "https://github.com/purescript/purescript-prelude.git");
    assert_string_equal(source_github_url(&scene->git.arena, "file:///mirror/", "a", "b"), "file:///mirror/a/b.git");
}

static void an_answer_with_what_is_no_commit_is_none(void **state) {
    (void)state;
    static const char answer[] = "{\"commit\": \"../../../../../../../../../../../../../..\"}";
    char commit[GIT_COMMIT_MAX];
    int64_t committed_ms;
    struct error err;
    assert_int_equal(source_answer_read(commit, &committed_ms, answer, strlen(answer), &err), STATUS_INTERNAL);
    assert_string_equal(err.message, "The answer of registry-fetch-source is malformed.");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(a_source_is_fetched_by_a_child),
        TEST(the_childs_error_is_passed_on),
        TEST(a_host_that_hangs_ends_at_the_time_limit),
        TEST(a_git_host_that_hangs_ends_as_well),
        TEST(a_cancelled_job_ends_the_child),
        TEST(too_large_a_source_is_refused),
        TEST(sources_larger_than_the_memory_are_refused),
        TEST(a_child_that_breaks_is_a_fault_of_ours),
        TEST(a_ref_that_is_no_name_starts_no_child),
        cmocka_unit_test(an_answer_with_what_is_no_commit_is_none),
        TEST(root_fetches_as_another_user),
        TEST(a_github_url_is_made_of_base_owner_and_repository),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
