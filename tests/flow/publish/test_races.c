/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Publications during which the registry changes between plan and commit (lib/domain/README.md, Publish, steps
 * 6 and 10; lib/store/README.md, Locks): the test holds the index repository's lock, as another server would, makes a change
 * while the job waits for the lock, and releases it. And publications while another author pushes to both repositories without
 * pause.
 */
#include "tests/support/cmocka_all.h"

#include <string.h>

#include "lib/store/redis/lock.h"
#include "lib/store/registry/change_queue.h"
#include "tests/support/git/git_rival.h"
#include "tests/support/refusal.h"
#include "tests/support/registry_check.h"
#include "tests/support/shell.h"

enum { STORE_TIMEOUT_MS = 60000, LOCK_MS = 60000 };

static struct server *server;
static struct job_store *store;

#define OTHER_HASH "sha256-47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="
#define OTHER_ENTRY                                                                                                            \
    "{\n      \"bytes\": 100,\n      \"compilers\": [\n        \"0.15.15\"\n      ],\n      \"hash\": \"" OTHER_HASH           \
    "\",\n      \"publishedTime\": \"2026-01-01T00:00:00.000Z\",\n      \"ref\": \"\"\n    }"

static int set_up(void **state) {
    (void)state;
    struct error err;
    server = server_start(&(struct server_options){.has_git_server = true});
    if (job_store_create(&store, redis_server_url(server->redis), STORE_TIMEOUT_MS, &err)) fail_msg("%s", err.message);
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    job_store_free(store);
    registry_expect_consistency(server);
    server_stop(server);
    return 0;
}

/* ---- A job that waits for the lock ---- */

struct waiting {
    struct lock lock;
    const char *id;
    const char *log;
};

static bool has_compiled(void *context) {
    struct waiting *waiting = context;
    json_t *job = server_get(server, arena_format(&server->arena, "/api/v1/jobs/%s?level=DEBUG", waiting->id));
    waiting->log = server_log_text(server, job);
    if (json_object_get(job, "finishedAt") != NULL) fail_msg("it has ended:\n%s", waiting->log);
    json_decref(job);
    return strstr(waiting->log, "INFO Compiled ") != NULL;
}

/* Its next step is the commit. */
static bool has_record(void *context) {
    struct waiting *waiting = context;
    struct job job;
    struct error err;
    if (job_store_get(store, waiting->id, &server->arena, &job, &err)) fail_msg("%s", err.message);
    return job.record != NULL;
}

static struct waiting begin(const struct package *package) {
    struct waiting waiting = {0};
    struct error err;
    package_push(arena_format(&server->arena, "%s/sources", server->folder), package);
    if (lock_take(store, CHANGE_QUEUE_INDEX, LOCK_MS, PATIENCE_MS, &waiting.lock, &err)) fail_msg("%s", err.message);
    waiting.id = server_publish(server, package_request(&server->arena, package)).id;
    if (!wait_until(has_compiled, &waiting, PATIENCE_MS)) fail_msg("it does not come to its commit:\n%s", waiting.log);
    return waiting;
}

/* Releases the lock and returns the ended job; the caller owns it. */
static json_t *end(const struct waiting *waiting) {
    struct error err;
    if (lock_release(store, &waiting->lock, &err)) fail_msg("%s", err.message);
    return server_wait_for_job(server, waiting->id);
}

static void end_refused(const struct waiting *waiting, const char *sentence) {
    char *before = registry_snapshot(server);
    json_t *job = end(waiting);
    assert_string_equal(server_last_error(server, job), sentence);
    json_decref(job);
    assert_string_equal(registry_snapshot(server), before);
    refusal_expect_no_work(server);
}

static void end_published(const struct waiting *waiting, const char *line) {
    json_t *job = end(waiting);
    const char *log = server_log_text(server, job);
    if (!json_is_true(json_object_get(job, "success")) || strstr(log, line) == NULL) fail_msg("no \"%s\" in:\n%s", line, log);
    json_decref(job);
}

/* Changes the metadata of a package behind the server's back: `from` becomes `to`, once. */
static void change_metadata(const char *name, const char *from, const char *to) {
    const char *path = arena_format(&server->arena, "metadata/%s.json", name);
    const char *before = registry_file(server, REGISTRY_REPO, path);
    const char *place = strstr(before, from);
    assert_non_null(place);
    registry_write(server, REGISTRY_REPO, path,
                   arena_format(&server->arena, "%.*s%s%s", (int)(place - before), before, to, place + strlen(from)));
}

/* ---- Refused ---- */

static void a_dependency_that_goes_away_is_missed(void **state) {
    (void)state;
    const struct package ground = {"ground", "1.0.0", .pragma = NULL};
    const struct package package = {"above", "1.0.0", .dependencies = {{"ground", ">=1.0.0 <2.0.0"}}};
    server_expect_published(server, &ground);
    const char *line = registry_file(server, INDEX_REPO, "gr/ou/ground");
    struct waiting waiting = begin(&package);
    registry_write(server, INDEX_REPO, "gr/ou/ground", NULL);
    end_refused(&waiting,
                "Could not produce valid dependencies for manifest.\nabove@1.0.0 has unsatisfied dependencies: no version in "
                "the registry index fits ground >=1.0.0 <2.0.0.\nUnpublished while the publication was running: ground@1.0.0.");
    registry_write(server, INDEX_REPO, "gr/ou/ground", line);
}

static void a_package_that_moves_is_not_published_from_where_it_was(void **state) {
    (void)state;
    const struct package first = {"moving", "1.0.0", .pragma = NULL}, second = {"moving", "1.1.0", .pragma = NULL};
    server_expect_published(server, &first);
    struct waiting waiting = begin(&second);
    change_metadata("moving", "purescript-moving", "purescript-moved");
    end_refused(
        &waiting,
        "The package moving was moved to github.com/flow/purescript-moved while this job was running: publish it from there.");
}

static void a_version_that_others_publish_is_theirs(void **state) {
    (void)state;
    const struct package first = {"shared", "1.0.0", .pragma = NULL}, second = {"shared", "1.1.0", .pragma = NULL};
    server_expect_published(server, &first);
    const char *metadata = registry_file(server, REGISTRY_REPO, "metadata/shared.json");
    struct waiting waiting = begin(&second);
    change_metadata("shared", "\n  },\n  \"unpublished\"", ",\n    \"1.1.0\": " OTHER_ENTRY "\n  },\n  \"unpublished\"");
    end_refused(&waiting, "The package shared: Version 1.1.0 is already published.");
    registry_write(server, REGISTRY_REPO, "metadata/shared.json", metadata);
}

static void a_version_that_is_unpublished_stays_so(void **state) {
    (void)state;
    const struct package first = {"withdrawn", "1.0.0", .pragma = NULL}, second = {"withdrawn", "1.1.0", .pragma = NULL};
    server_expect_published(server, &first);
    struct waiting waiting = begin(&second);
    change_metadata("withdrawn", "\"unpublished\": {}",
                    "\"unpublished\": {\n    \"1.1.0\": {\n      \"publishedTime\": \"2026-01-01T00:00:00.000Z\",\n      "
                    "\"reason\": \"It was a mistake\",\n      \"unpublishedTime\": \"2026-01-01T01:00:00.000Z\"\n    }\n  }");
    end_refused(&waiting, "The package withdrawn: Version 1.1.0 was unpublished and cannot be published again.");
}

static void a_tarball_that_others_store_is_never_overwritten(void **state) {
    (void)state;
    const struct package package = {"stored", "1.0.0", .pragma = NULL};
    struct waiting waiting = begin(&package);
    const char *object = arena_format(&server->arena, "%s/storage/stored/1.0.0.tar.gz", server->folder);
    write_file(object, "not one of ours\n");
    char *before = registry_snapshot(server);
    json_t *job = end(&waiting);
    const char *sentence = server_last_error(server, job);
    assert_non_null(strstr(sentence, "The storage already holds a different tarball for stored@1.0.0 ("));
    json_decref(job);
    assert_string_equal(registry_snapshot(server), before);
    assert_string_equal(read_file(&server->arena, object), "not one of ours\n");
    shell_run("rm '%s'", object);
}

/* The metadata's push is refused because another one came first, and with the new head there is nothing left to publish. */
static void move_while_it_is_pushed(void *context) {
    (void)context;
    change_metadata("pushed", "purescript-pushed", "purescript-moved");
}

static void a_package_that_moves_while_it_is_pushed_takes_its_tarball_back(void **state) {
    (void)state;
    const struct package first = {"pushed", "1.0.0", .pragma = NULL}, second = {"pushed", "1.1.0", .pragma = NULL};
    server_expect_published(server, &first);
    struct waiting waiting = begin(&second);
    git_server_before_next_push(server->git, move_while_it_is_pushed, NULL);
    json_t *job = end(&waiting);
    assert_string_equal(
        server_last_error(server, job),
        "The package pushed was moved to github.com/flow/purescript-moved while this job was running: publish it from there.");
    assert_non_null(strstr(server_log_text(server, job), "INFO Stored the tarball."));
    json_decref(job);
    assert_string_equal(shell_output(&server->arena, "ls '%s/storage/pushed'", server->folder), "1.0.0.tar.gz\n");
    refusal_expect_no_work(server);
}

/* The package `right` in the repository of `left`: a second new package at the same location. */
#define RIGHT_MANIFEST                                                                                                         \
    "{\"name\": \"right\", \"version\": \"2.0.0\", \"license\": \"BSD-3-Clause\", \"location\": {\"githubOwner\": \"flow\", "  \
    "\"githubRepo\": \"purescript-left\"}, \"ref\": \"v2.0.0\", \"dependencies\": {}}\n"
#define RIGHT_REQUEST                                                                                                          \
    "{\"name\": \"right\", \"version\": \"2.0.0\", \"ref\": \"v2.0.0\", \"compiler\": \"0.15.15\", \"location\": "             \
    "{\"githubOwner\": "                                                                                                       \
    "\"flow\", \"githubRepo\": \"purescript-left\"}}"

static void only_one_of_two_new_packages_at_one_place_is_published(void **state) {
    (void)state;
    const struct package left = {"left", "1.0.0", .pragma = NULL},
                         right = {"left", "2.0.0", .files = {{"purs.json", RIGHT_MANIFEST}}};
    struct waiting first = begin(&left), second = first;
    package_push(arena_format(&server->arena, "%s/sources", server->folder), &right);
    second.id = server_publish(server, RIGHT_REQUEST).id;
    if (!wait_until(has_record, &first, PATIENCE_MS) || !wait_until(has_record, &second, PATIENCE_MS))
        fail_msg("they do not come to their commits");
    json_t *job = end(&first), *other = server_wait_for_job(server, second.id);
    assert_int_not_equal(json_is_true(json_object_get(job, "success")), json_is_true(json_object_get(other, "success")));
    const char *error = server_last_error(server, json_is_true(json_object_get(job, "success")) ? other : job);
    if (!strstr(error, "github.com/flow/purescript-left belongs to the package ")) fail_msg("%s", error);
    json_decref(job);
    json_decref(other);
    refusal_expect_no_work(server);
}

static void a_new_package_does_not_come_where_another_has_moved(void **state) {
    (void)state;
    const struct package neighbour = {"neighbour", "1.0.0", .pragma = NULL}, late = {"late", "1.0.0", .pragma = NULL};
    server_expect_published(server, &neighbour);
    struct waiting waiting = begin(&late);
    change_metadata("neighbour", "purescript-neighbour", "PureScript-Late");
    end_refused(&waiting, "github.com/flow/purescript-late belongs to the package neighbour. "
                          "If several packages share a repository, each needs its own \"subdir\".");
}

/* ---- Published all the same ---- */

static void a_tarball_with_the_same_bytes_is_used_again(void **state) {
    (void)state;
    const struct package package = {"kept", "1.0.0", .pragma = NULL};
    package_push(arena_format(&server->arena, "%s/sources", server->folder), &package);
    const char *object = arena_format(&server->arena, "%s/storage/kept/1.0.0.tar.gz", server->folder);
    shell_run("mkdir -p '%s/storage/kept' && '%s/registryctl' pack '%s/sources/flow/purescript-kept.tree' '%s' && touch -d "
              "2001-02-03 '%s'",
              server->folder, server->programs, server->folder, object, object);
    const char *before = shell_output(&server->arena, "stat -c '%%i %%Y' '%s'", object);
    server_expect_success(server, server_publish(server, package_request(&server->arena, &package)).id);
    assert_string_equal(shell_output(&server->arena, "stat -c '%%i %%Y' '%s'", object), before);
}

static void metadata_that_is_there_already_is_left_as_it_is(void **state) {
    (void)state;
    const struct package first = {"twin", "1.0.0", .pragma = NULL}, second = {"twin", "1.1.0", .pragma = NULL};
    server_expect_published(server, &first);
    struct waiting waiting = begin(&second);
    int files = 0, size_bytes = 0;
    char hash[64] = "";
    assert_int_equal(
        sscanf(strstr(waiting.log, "INFO Packed "), "INFO Packed %d files into %d bytes, %51s", &files, &size_bytes, hash), 3);
    change_metadata(
        "twin", "\n  },\n  \"unpublished\"",
        arena_format(&server->arena,
                     ",\n    \"1.1.0\": {\n      \"bytes\": %d,\n      \"compilers\": [\n        \"0.15.14\"\n      ],\n"
                     "      \"hash\": \"%s\",\n      \"publishedTime\": \"2026-01-01T00:00:00.000Z\",\n      "
                     "\"ref\": \"\"\n    }\n  },\n  \"unpublished\"",
                     size_bytes, hash));
    const char *metadata = registry_file(server, REGISTRY_REPO, "metadata/twin.json");
    end_published(&waiting, "INFO The metadata was already up to date: ");
    assert_string_equal(registry_file(server, REGISTRY_REPO, "metadata/twin.json"), metadata);
}

static void an_index_entry_that_is_there_already_is_left_as_it_is(void **state) {
    (void)state;
    const struct package package = {"indexed", "1.0.0", .pragma = NULL};
    registry_write(server, INDEX_REPO, "in/de/indexed", package_index_line(&server->arena, &package));
    struct waiting waiting = begin(&package);
    end_published(&waiting, "INFO The index already has the manifest: ");
}

static void push_something_else(void *context) {
    (void)context;
    registry_write(server, REGISTRY_REPO, "README.md", "Somebody else's.\n");
}

static void a_push_that_comes_second_is_made_again(void **state) {
    (void)state;
    const struct package package = {"second", "1.0.0", .pragma = NULL};
    struct waiting waiting = begin(&package);
    git_server_before_next_push(server->git, push_something_else, NULL);
    end_published(&waiting, "INFO Committed the metadata: ");
    assert_string_equal(registry_file(server, REGISTRY_REPO, "README.md"), "Somebody else's.\n");
}

/* ---- A rival without pause ---- */

enum { CONTESTED = 12 };

static void expect_one_commit_each(const char *repo, const char *subject, const struct package packages[CONTESTED]) {
    for (int i = 0; i < CONTESTED; i++) {
        const char *count = shell_output(&server->arena, "git -C '%s/%s' log --format=%%s | grep -cxE '%s%s(@.*)?'",
                                         server->folder, repo, subject, packages[i].name);
        assert_string_equal(count, "1\n");
    }
}

static void expect_fairness(struct git_rival *rival, const char *repo) {
    struct git_rival_counts counts = git_rival_counts(rival, repo);
    print_message("%s: %d pushes of ours with %d jobs, %d of a rival's\n", repo, counts.let_through, CONTESTED,
                  counts.of_rival);
    assert_true(counts.let_through > 0 && counts.of_rival >= counts.let_through);
    if (counts.of_rival > 10 * CONTESTED) fail_msg("%d pushes of a rival to %d jobs of ours", counts.of_rival, CONTESTED);
}

static void for_ten_pushes_of_a_rival_without_pause_a_job_of_ours_ends(void **state) {
    (void)state;
    struct package packages[CONTESTED] = {0};
    const char *ids[CONTESTED];
    for (int i = 0; i < CONTESTED; i++)
        packages[i] = (struct package){arena_format(&server->arena, "contested-%d", i), "1.0.0", .pragma = NULL};
    struct git_rival *rival = git_rival_start(server->git, server->folder);
    for (int i = 0; i < CONTESTED; i++)
        ids[i] = server_post_package(server, &packages[i]);
    for (int i = 0; i < CONTESTED; i++)
        server_expect_success(server, ids[i]);
    git_rival_stop(rival);
    expect_fairness(rival, REGISTRY_REPO);
    expect_fairness(rival, INDEX_REPO);
    git_rival_free(rival);
    expect_one_commit_each(REGISTRY_REPO, "Update metadata for ", packages);
    expect_one_commit_each(INDEX_REPO, "Update manifest for ", packages);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_dependency_that_goes_away_is_missed),
        cmocka_unit_test(a_package_that_moves_is_not_published_from_where_it_was),
        cmocka_unit_test(a_version_that_others_publish_is_theirs),
        cmocka_unit_test(a_version_that_is_unpublished_stays_so),
        cmocka_unit_test(a_tarball_that_others_store_is_never_overwritten),
        cmocka_unit_test(a_package_that_moves_while_it_is_pushed_takes_its_tarball_back),
        cmocka_unit_test(only_one_of_two_new_packages_at_one_place_is_published),
        cmocka_unit_test(a_new_package_does_not_come_where_another_has_moved),
        cmocka_unit_test(a_tarball_with_the_same_bytes_is_used_again),
        cmocka_unit_test(metadata_that_is_there_already_is_left_as_it_is),
        cmocka_unit_test(an_index_entry_that_is_there_already_is_left_as_it_is),
        cmocka_unit_test(a_push_that_comes_second_is_made_again),
        cmocka_unit_test(for_ten_pushes_of_a_rival_without_pause_a_job_of_ours_ends),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
