/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The mirror of released sets for older tools: its commit, files and tags, on this disk and over http; a release that goes on
 * without it; the service killed between its writes.
 */
#include "tests/support/cmocka_all.h"

#include <stdio.h>
#include <string.h>

#include "lib/base/text.h"
#include "lib/domain/registry/package_set.h"
#include "tests/support/git/git_fixture.h"
#include "tests/support/git/git_server.h"
#include "tests/support/registry_check.h"
#include "tests/support/set_scene.h"

#define BOTH "[0.15.15 0.15.16]"
#define REPO "https://github.com/owner/repo.git"
enum { TAG_MAX = 32, SETTINGS_MAX = 6 };

static struct server *server;
static struct git_fixture git; /* with old.git, the mirror */
static struct git_server *host;

static int set_up(void **state) {
    (void)state;
    git_fixture_make(&git);
    git_script(&git, "mkdir -p old/src; echo '{\"0.15.10\": \"psc-0.15.10-20230101\"}' >old/latest-compatible-sets.json; "
                     "echo old >old/src/packages.dhall; echo stays >old/README.md; push_files old.git");
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    if (server) set_scene_stop(server);
    if (host) git_server_stop(host);
    git_fixture_remove(&git);
    server = NULL;
    host = NULL;
    return 0;
}

/* `nested` is moved to a folder of its repository by move_into_folder(). */
static const char *const rows[] = {
    "a1 1.0.0 " BOTH " ",
    "a2 1.0.0 " BOTH " base >=1.0.0 <2.0.0",
    "a3 1.0.0 " BOTH " ",
    "a4 1.0.0 " BOTH " ",
    "a5 1.0.0 " BOTH " ",
    "a6 1.0.0 " BOTH " ",
    "base 1.0.0 " BOTH " ",
    "nested 1.0.0 " BOTH " ",
    "nested-user 1.0.0 " BOTH " nested >=1.0.0 <2.0.0",
};

static void start(bool is_remote, const char *setting) {
    if (is_remote) host = git_server_start(git.folder);
    const char *base = is_remote ? git_server_url(host) : git.folder;
    const char *const settings[SETTINGS_MAX] = {arena_format(&git.arena, "LEGACY_PACKAGE_SETS_REPO=%s/old.git", base),
                                                "REGISTRY_FAULT=none", "LEASE_MS=5000", setting};
    server = set_scene_start(&(struct set_scene_options){
        .rows = rows, .row_count = sizeof rows / sizeof rows[0], .members = "base 1.0.0", .settings = settings});
}

/* Requests the package's addition to the set; returns the job. */
static const char *add(const char *package) {
    return set_scene_request(server, arena_format(&server->arena, "{\"packages\":{\"%s\":\"1.0.0\"}}", package));
}

/* The day of the set in the registry, and its tag in the mirror. */
static const char *tag_of(const char *version) {
    struct package_set set;
    struct error err = {0};
    const char *file = registry_file(server, REGISTRY_REPO, arena_format(&server->arena, "package-sets/%s.json", version));
    if (package_set_parse(&set, file, strlen(file), &server->arena, &err)) fail_msg("%s", err.message);
    return arena_format(&server->arena, "psc-0.15.15-%.4s%.2s%.2s", set.published, set.published + 5, set.published + 8);
}

static const char *refs(void) {
    return git_output(&git, "git -C old.git for-each-ref --format='%%(refname:short) %%(subject)'");
}

static const char *file_of(const char *ref, const char *path) {
    return git_output(&git, "git -C old.git cat-file blob %s:%s", ref, path);
}

static void expect_refs(const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    assert_string_equal(refs(), arena_format_list(&git.arena, format, arguments));
    va_end(arguments);
    git_script(&git, "git -C old.git fsck --strict --no-dangling");
}

/* ---- What is written ---- */

/* The index has the location of each version. */
static void move_into_folder(void) {
    char *line = registry_file(server, INDEX_REPO, "ne/st/nested");
    char *end = strstr(line, "\"repo\"");
    assert_non_null(end);
    registry_write(server, INDEX_REPO, "ne/st/nested",
                   arena_format(&server->arena, "%.*s\"repo\",\"subdir\":\"nested\"%s\n", (int)(end - line), line,
                                end + strlen("\"repo\"")));
}

static void a_release_is_mirrored_without_folders_of_repositories(void **state) {
    (void)state;
    start(false, NULL);
    move_into_folder();
    const char *id = set_scene_update(server);
    set_scene_expect_done(server, id,
                          "The mirror of the package set is without packages in a folder of their repository, and "
                          "without those that depend on one: nested, nested-user.");
    set_scene_expect_set(server, "1.1.0",
                         "a1 1.0.0 a2 1.0.0 a3 1.0.0 a4 1.0.0 a5 1.0.0 a6 1.0.0 base 1.0.0 nested 1.0.0 "
                         "nested-user 1.0.0");
    const char *tag = tag_of("1.1.0");
    expect_refs("main Update to the 1.1.0 package set.\n0.15.15 Update to the 1.1.0 package set.\n"
                "%s Update to the 1.1.0 package set.",
                tag);
    assert_string_equal(git_output(&git, "git -C old.git log -1 --format='%%an <%%ae>|%%cn|%%B'"),
                        arena_format(&git.arena,
                                     "pacchettibotti <pacchettibotti@purescript.org>|pacchettibotti|"
                                     "Update to the 1.1.0 package set.\n\nJob ID: %s\n",
                                     id));
    assert_string_equal(git_output(&git, "git -C old.git diff-tree -r --no-commit-id --name-status HEAD"),
                        "M\tlatest-compatible-sets.json\nA\tpackages.json\nM\tsrc/packages.dhall");
    assert_string_equal(file_of(tag, "latest-compatible-sets.json"),
                        arena_format(&git.arena, "{\n  \"0.15.10\": \"psc-0.15.10-20230101\",\n  \"0.15.15\": \"%s\"\n}", tag));
    const char *json = file_of(tag, "packages.json"), *dhall = file_of(tag, "src/packages.dhall");
    if (!strstr(json, "  \"a2\": {\n    \"dependencies\": [\n      \"base\"\n    ],\n    \"repo\": \"" REPO "\",\n"
                      "    \"version\": \"v1.0.0\"\n  }") ||
        strstr(json, "nested"))
        fail_msg("%s", json);
    if (!strstr(dhall, ", a2 =\n  { dependencies =\n    [ \"base\"\n    ]\n  , repo = \"" REPO "\"\n"
                       "  , version = \"v1.0.0\"\n  }\n") ||
        strstr(dhall, "nested"))
        fail_msg("%s", dhall);
    set_scene_expect_done(server, id, arena_format(&git.arena, ", with the tag %s.", tag));
}

static void the_second_release_of_a_day_is_not_mirrored(void **state) {
    (void)state;
    start(true, NULL);
    set_scene_expect_done(server, add("a1"), "INFO Mirrored the package set: ");
    const char *before = refs(), *tag = tag_of("1.1.0");
    const char *second = add("a2");
    set_scene_expect_done(server, second, "Released the package set 1.2.0");
    if (!text_equal(tag, tag_of("1.2.0"))) return; /* midnight came in between */
    set_scene_expect_done(server, second,
                          arena_format(&git.arena,
                                       "NOTICE The package set is not mirrored: another one of the same day has "
                                       "the tag %s already, at ",
                                       tag));
    assert_string_equal(refs(), before);

    /* On another day it is, and the tag of the compiler stays. */
    git_script(&git, "git -C old.git tag other %s; git -C old.git tag -d %s", tag, tag);
    set_scene_expect_done(server, add("a3"), "INFO Mirrored the package set: ");
    expect_refs("main Update to the 1.3.0 package set.\n0.15.15 Update to the 1.1.0 package set.\n"
                "other Update to the 1.1.0 package set.\n%s Update to the 1.3.0 package set.",
                tag_of("1.3.0"));
    if (!strstr(file_of("main", "packages.json"), "\"a2\"")) fail_msg("the set between is lost");
}

/* ---- What others do ---- */

static void push_as_rival(void *context) {
    (void)context;
    git_script(&git, "git clone -q old.git rival; echo rival >rival/other; git -C rival add -A; "
                     "git -C rival commit -qam Rival; git -C rival push -q");
}

static void a_rival_that_is_faster_is_kept(void **state) {
    (void)state;
    start(true, NULL);
    git_server_before_next_push(host, push_as_rival, NULL);
    set_scene_expect_done(server, add("a1"), "INFO Mirrored the package set: ");
    expect_refs("main Update to the 1.1.0 package set.\n0.15.15 Update to the 1.1.0 package set.\n"
                "%s Update to the 1.1.0 package set.",
                tag_of("1.1.0"));
    assert_string_equal(git_output(&git, "git -C old.git log -2 --format=%%s"), "Update to the 1.1.0 package set.\nRival");
    assert_string_equal(file_of("main", "other"), "rival");
}

/* Neither its host nor its content can stop a release. The service is ready all the time. */
static void a_mirror_that_fails_fails_no_release(void **state) {
    (void)state;
    start(true, NULL);
    git_server_behave(host, GIT_SERVER_STATUS, 503, NULL);
    const char *before = refs();
    const char *id = add("a1");
    set_scene_expect_done(server, id, "WARN The package set is released, but it could not be mirrored; the next one will be. ");
    set_scene_expect_done(server, id, "NOTICE Released the package set 1.1.0");
    server_wait_until_ready(server);

    git_server_behave(host, GIT_SERVER_SERVE, 0, NULL);
    git_script(&git, "echo '[1]' >old/latest-compatible-sets.json; push_files old.git");
    set_scene_expect_done(server, add("a2"), "WARN The package set is released, but it could not be mirrored");
    assert_string_equal(refs(), "main Change");

    git_script(&git, "echo '{}' >old/latest-compatible-sets.json; push_files old.git");
    set_scene_expect_done(server, add("a3"), "INFO Mirrored the package set: ");
    expect_refs("main Update to the 1.3.0 package set.\n0.15.15 Update to the 1.3.0 package set.\n"
                "%s Update to the 1.3.0 package set.",
                tag_of("1.3.0"));
    const char *json = file_of("main", "packages.json");
    if (!strstr(json, "\"a1\"") || !strstr(json, "\"a2\"") || !strstr(json, "\"a3\"")) fail_msg("%s", json);
    assert_string_equal(before, "main Change");
    registry_expect_consistency(server);
}

static void under_readonly_nothing_is_mirrored(void **state) {
    (void)state;
    start(false, "READONLY=true");
    set_scene_expect_done(server, set_scene_update(server), "WARN Read-only: the package set is not mirrored.");
    assert_string_equal(refs(), "main Change");
}

/* ---- Killed in between ---- */

/* In the order in which an update gets there; the first `unpushed` is of the registry repository. */
static const char *const local_points[] = {"unpushed#2", "untagged", "repository:package-sets", "package-set-mirror"};
static const char *const remote_points[] = {"package-set-commit", "unpushed#2", "repository:package-sets",
                                            "package-set-mirror"};
enum { POINTS = 4 };

static void end_day(const char *tag) {
    git_script(&git, "git -C old.git tag -d 0.15.15; git -C old.git tag -d %s", tag);
}

/* The service dies at each point, in a release of its own; the next run mirrors the set once, and leaves nothing. */
static void kill_at_each(const char *const points[POINTS], bool is_remote) {
    start(is_remote, NULL);
    for (int i = 0; i < POINTS; i++) {
        server_terminate(server, SERVER_PACKAGE_SET);
        server_start_with_fault(server, SERVER_PACKAGE_SET, points[i]);
        const char *id = add(arena_format(&server->arena, "a%d", i + 1));
        const char *version = arena_format(&server->arena, "1.%d.0", i + 1);
        server_wait_for_death(server, SERVER_PACKAGE_SET);
        server_start_with_fault(server, SERVER_PACKAGE_SET, "none");
        set_scene_expect_done(server, id, "Resuming after an interruption: package set ");
        set_scene_expect_done(server, id, arena_format(&server->arena, "Released the package set %s", version));
        const char *tag = tag_of(version);
        expect_refs("main Update to the %s package set.\n0.15.15 Update to the %s package set.\n"
                    "%s Update to the %s package set.",
                    version, version, tag, version);
        assert_string_equal(git_output(&git, "git -C old.git rev-list --count HEAD"), arena_format(&git.arena, "%d", i + 2));
        end_day(tag);
    }
    registry_expect_consistency(server);
}

static void a_mirror_on_this_disk_is_finished_after_a_kill(void **state) {
    (void)state;
    kill_at_each(local_points, false);
}

static void a_mirror_over_http_is_finished_after_a_kill(void **state) {
    (void)state;
    kill_at_each(remote_points, true);
}

#define MIRROR_TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        MIRROR_TEST(a_release_is_mirrored_without_folders_of_repositories),
        MIRROR_TEST(the_second_release_of_a_day_is_not_mirrored),
        MIRROR_TEST(a_rival_that_is_faster_is_kept),
        MIRROR_TEST(a_mirror_that_fails_fails_no_release),
        MIRROR_TEST(under_readonly_nothing_is_mirrored),
        MIRROR_TEST(a_mirror_on_this_disk_is_finished_after_a_kill),
        MIRROR_TEST(a_mirror_over_http_is_finished_after_a_kill),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
