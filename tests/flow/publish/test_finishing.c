/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Requests for a version that is already published (lib/domain/README.md, Publish, step 5): if parts of it are missing, a
 * source with the same manifest as its stored tarball completes it; if nothing is missing, or the manifest differs, the request
 * is refused. Jobs that resume their own work: test_faults.c. One server and one Pursuit for all tests here.
 */
#include "tests/support/cmocka_all.h"

#include <string.h>

#include "tests/support/refusal.h"
#include "tests/support/registry_check.h"
#include "tests/support/server/pursuit_server.h"
#include "tests/support/shell.h"

#define TOKEN "ghp_OnlyForThisTest0123456789"

static struct server *server;
static struct pursuit_server *pursuit;

static int set_up(void **state) {
    (void)state;
    pursuit = pursuit_server_start(TOKEN);
    struct arena arena = {0};
    const char *const settings[] = {arena_format(&arena, "PURSUIT_API_URL=%s", pursuit_server_url(pursuit)),
                                    "PACCHETTIBOTTI_TOKEN=" TOKEN, NULL};
    server = server_start(&(struct server_options){.settings = settings});
    arena_release(&arena);
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    registry_expect_consistency(server);
    refusal_expect_no_work(server);
    server_stop(server);
    pursuit_server_stop(pursuit);
    return 0;
}

static int heal(void **state) {
    (void)state;
    pursuit_server_set_mode(pursuit, PURSUIT_WELL);
    return 0;
}

/* Publishes the package, with or without documentation; returns its metadata afterwards. */
static const char *publish(const struct package *package, bool with_documentation) {
    pursuit_server_set_mode(pursuit, with_documentation ? PURSUIT_WELL : PURSUIT_REFUSING);
    server_expect_published(server, package);
    pursuit_server_set_mode(pursuit, PURSUIT_WELL);
    return registry_file(server, REGISTRY_REPO, arena_format(&server->arena, "metadata/%s.json", package->name));
}

static const char *index_path(const struct package *package) {
    return arena_format(&server->arena, "%.2s/%.2s/%s", package->name, package->name + 2, package->name);
}

static void remove_from_index(const struct package *package) {
    registry_write(server, INDEX_REPO, index_path(package), NULL);
}

/* A request for the version that differs from the first, because it has no location; with `source` it has that source's
 * location, and the tag is moved there. */
static const char *request_from(const struct package *package, const struct package *source) {
    if (source) package_push(arena_format(&server->arena, "%s/sources", server->folder), source);
    const char *location =
        source ? arena_format(&server->arena, ", \"location\": {\"githubOwner\": \"flow\", \"githubRepo\": \"purescript-%s\"}",
                              package->name)
               : "";
    return arena_format(&server->arena, "{\"name\": \"%s\", \"version\": \"%s\", \"ref\": \"v%s\"%s}", package->name,
                        package->version, package->version, location);
}

/* Returns the log of the job that completes the version; nothing is missing afterwards, and the metadata is unchanged. */
static const char *expect_finished(const char *request, const struct package *package, const char *metadata) {
    const char *path = arena_format(&server->arena, "metadata/%s.json", package->name);
    json_t *job = server_wait_for_job(server, server_publish(server, request).id);
    const char *log = server_log_text(server, job);
    if (!json_is_true(json_object_get(job, "success"))) fail_msg("%s", log);
    assert_string_equal(server_job_text(job, "disposition"), "already-published");
    json_decref(job);
    assert_string_equal(registry_file(server, REGISTRY_REPO, path), metadata);
    assert_string_equal(registry_file(server, INDEX_REPO, index_path(package)), package_index_line(&server->arena, package));
    return log;
}

static bool is_documented(const struct package *package) {
    json_t *found = pursuit_server_documentation(pursuit, package->name, package->version);
    json_decref(found);
    return found != NULL;
}

static void expect_in(const char *text, const char *words) {
    if (strstr(text, words) == NULL) fail_msg("no \"%s\" in:\n%s", words, text);
}

/* ---- Finished ---- */

static void a_missing_index_entry_is_finished(void **state) {
    (void)state;
    const struct package package = {"indexless", "1.0.0", .pragma = NULL};
    const char *metadata = publish(&package, true);
    remove_from_index(&package);
    size_t uploads = pursuit_server_uploads(pursuit);
    expect_in(expect_finished(request_from(&package, NULL), &package, metadata),
              "NOTICE indexless@1.0.0 is published, but its manifest is not in the index; this job completes it.");
    assert_int_equal(pursuit_server_uploads(pursuit), uploads); /* it was there already */
}

static void missing_documentation_is_finished_and_commits_nothing(void **state) {
    (void)state;
    const struct package base = {"foundation", "1.0.0", .pragma = NULL};
    const struct package package = {"wordless", "1.0.0", .dependencies = {{"foundation", ">=1.0.0 <2.0.0"}}};
    publish(&base, true);
    const char *metadata = publish(&package, false), *before = registry_snapshot(server);
    assert_false(is_documented(&package));
    expect_in(expect_finished(request_from(&package, NULL), &package, metadata),
              "NOTICE wordless@1.0.0 is published, but its documentation is not on Pursuit; this job completes it.");
    assert_true(is_documented(&package));
    assert_string_equal(registry_snapshot(server), before);
}

static void index_entry_and_documentation_are_finished_together(void **state) {
    (void)state;
    const struct package package = {"unfinished", "1.0.0", .pragma = NULL};
    const char *metadata = publish(&package, false);
    remove_from_index(&package);
    expect_finished(request_from(&package, NULL), &package, metadata);
    assert_true(is_documented(&package));
}

static void the_index_entry_is_finished_while_pursuit_is_away(void **state) {
    (void)state;
    const struct package package = {"half-way", "1.0.0", .pragma = NULL};
    const char *metadata = publish(&package, false);
    remove_from_index(&package);
    const char *request = request_from(&package, NULL);
    pursuit_server_set_mode(pursuit, PURSUIT_AWAY);
    expect_in(expect_finished(request, &package, metadata), "its documentation could not be sent to Pursuit");
    pursuit_server_set_mode(pursuit, PURSUIT_WELL);
    expect_finished(request, &package, metadata); /* the same request is a new job */
    assert_true(is_documented(&package));
}

/* ---- Refused ---- */

/* Returns the sentence of the refusal; nothing may have changed. */
static const char *expect_refused(const char *request) {
    const char *before = registry_snapshot(server);
    size_t uploads = pursuit_server_uploads(pursuit);
    json_t *job = server_wait_for_job(server, server_publish(server, request).id);
    const char *sentence = server_last_error(server, job);
    json_decref(job);
    assert_string_equal(registry_snapshot(server), before);
    assert_int_equal(pursuit_server_uploads(pursuit), uploads);
    return sentence;
}

static void a_complete_version_is_refused_with_both_addresses(void **state) {
    (void)state;
    const struct package package = {"complete", "1.0.0", .pragma = NULL};
    publish(&package, true);
    const char *sentence = expect_refused(request_from(&package, NULL));
    expect_in(sentence, "complete@1.0.0 is already published");
    expect_in(sentence, "Its tarball is at this server's /complete/1.0.0.tar.gz and its"); /* named only if it exists */
    expect_in(sentence, arena_format(&server->arena, "%s/packages/purescript-complete/1.0.0", pursuit_server_url(pursuit)));
}

static void another_manifest_is_refused_showing_both(void **state) {
    (void)state;
    const struct package base = {"bottom", "1.0.0", .pragma = NULL}, package = {"two-faced", "1.0.0", .pragma = NULL};
    const struct package other = {"two-faced", "1.0.0", .dependencies = {{"bottom", ">=1.0.0 <2.0.0"}}};
    publish(&base, true);
    const char *metadata = publish(&package, false), *changed = request_from(&package, &other);
    const char *sentence = expect_refused(changed); /* the documentation is missing */
    expect_in(sentence, "\"dependencies\": {}");
    expect_in(sentence, "\"bottom\": \">=1.0.0 <2.0.0\"");
    remove_from_index(&package);
    sentence = expect_refused(changed); /* the index entry, too */
    expect_in(sentence, "\"dependencies\": {}");
    expect_in(sentence, "\"bottom\": \">=1.0.0 <2.0.0\"");
    expect_finished(request_from(&package, &package), &package, metadata);
}

/* As after a crash of an older server, or a commit by hand. */
static void an_index_entry_without_metadata_is_never_replaced_by_another_manifest(void **state) {
    (void)state;
    const struct package base = {"basement", "1.0.0", .pragma = NULL}, package = {"orphaned", "1.0.0", .pragma = NULL};
    const struct package other = {"orphaned", "1.0.0", .dependencies = {{"basement", ">=1.0.0 <2.0.0"}}};
    publish(&base, true);
    registry_write(server, INDEX_REPO, index_path(&package), package_index_line(&server->arena, &package));
    const char *sentence = expect_refused(request_from(&package, &other));
    expect_in(sentence, "orphaned@1.0.0 is already in the index with another manifest, and an entry is never replaced.");
    expect_in(sentence, "\"dependencies\": {}");
    expect_in(sentence, "\"basement\": \">=1.0.0 <2.0.0\"");
    server_expect_success(server, server_publish(server, request_from(&package, &package)).id); /* the same: accepted */
    assert_string_equal(registry_file(server, INDEX_REPO, index_path(&package)), package_index_line(&server->arena, &package));
}

/* Operators must fix the storage: the job waits for that, and the wrong tarball completes nothing. */
static void a_tarball_that_is_not_the_metadatas_finishes_nothing(void **state) {
    (void)state;
    const struct package package = {"tampered", "1.0.0", .pragma = NULL};
    const char *metadata = publish(&package, false), *request = request_from(&package, NULL);
    const char *tarball = arena_format(&server->arena, "%s/storage/tampered/1.0.0.tar.gz", server->folder);
    shell_run("cp '%s' '%s/kept' && echo more >>'%s'", tarball, server->folder, tarball);
    char *before = registry_snapshot(server);
    const char *id = server_publish(server, request).id, *log = "";
    while (!strstr(log, "WARN The job is waiting for ")) {
        json_t *job = server_get(server, arena_format(&server->arena, "/api/v1/jobs/%s?level=DEBUG", id));
        log = server_log_text(server, job);
        if (json_object_get(job, "finishedAt")) fail_msg("it has ended:\n%s", log);
        json_decref(job);
    }
    assert_string_equal(registry_snapshot(server), before);
    shell_run("mv '%s/kept' '%s'", server->folder, tarball);
    expect_finished(request, &package, metadata);
}

static void an_unpublished_version_is_refused(void **state) {
    (void)state;
    const struct package package = {"gone", "1.0.0", .pragma = NULL};
    registry_write(server, REGISTRY_REPO, "metadata/gone.json",
                   "{\n  \"location\": {\n    \"githubOwner\": \"flow\",\n    \"githubRepo\": \"purescript-gone\"\n  },\n"
                   "  \"published\": {},\n  \"unpublished\": {\n    \"1.0.0\": {\n"
                   "      \"publishedTime\": \"2026-01-01T00:00:00.000Z\",\n      \"reason\": \"It was a mistake\",\n"
                   "      \"unpublishedTime\": \"2026-01-01T01:00:00.000Z\"\n    }\n  }\n}\n");
    expect_in(expect_refused(request_from(&package, &package)), "gone@1.0.0 was unpublished");
}

/* As harmonia 0.1.0 is in the real registry: with 432 characters, which shipped spagos cannot read, nor any other version then.
 */
static void a_description_that_is_too_long_is_not_finished(void **state) {
    (void)state;
    char description[433] = "";
    memset(description, 'd', sizeof description - 1);
    const struct package package = {
        .name = "harmonious",
        .version = "0.1.0",
        .files = {{"purs.json", arena_format(&server->arena,
                                             "{\"name\": \"harmonious\", \"version\": \"0.1.0\", \"license\": \"MIT\", "
                                             "\"description\": \"%s\", \"location\": {\"githubOwner\": \"flow\", "
                                             "\"githubRepo\": \"purescript-harmonious\"}, \"ref\": \"v0.1.0\", "
                                             "\"dependencies\": {}}",
                                             description)}}};
    registry_write(server, REGISTRY_REPO, "metadata/harmonious.json",
                   "{\n  \"location\": {\n    \"githubOwner\": \"flow\",\n    \"githubRepo\": \"purescript-harmonious\"\n  },\n"
                   "  \"published\": {\n    \"0.1.0\": {\n      \"bytes\": 1000,\n      \"compilers\": [\n        \"0.15.15\"\n"
                   "      ],\n      \"hash\": \"sha256-47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\",\n"
                   "      \"publishedTime\": \"2026-01-01T00:00:00.000Z\",\n      \"ref\": \"\"\n    }\n  },\n"
                   "  \"unpublished\": {}\n}\n");
    expect_in(expect_refused(request_from(&package, &package)),
              "at description: The description has 432 characters, but package managers read no more than 300: shorten it.");
    registry_write(server, REGISTRY_REPO, "metadata/harmonious.json", NULL);
}

static void a_version_that_no_compiler_here_can_build_is_explained(void **state) {
    (void)state;
    const struct package ancient = {"ancient", "1.0.0", .pragma = NULL};
    const struct package package = {"stranded", "1.0.0", .dependencies = {{"ancient", ">=1.0.0 <2.0.0"}}};
    const char *metadata = publish(&ancient, true);
    char *old = arena_copy(&server->arena, metadata), *compiler = strstr(old, "0.15.15");
    assert_non_null(compiler);
    memcpy(compiler, "0.13.8\"", 7);
    memmove(compiler + 7, compiler + 8, strlen(compiler + 8) + 1); /* one character less */
    registry_write(server, REGISTRY_REPO, "metadata/ancient.json", old);
    const char *sentence = expect_refused(request_from(&package, &package)); /* names no compiler */
    expect_in(sentence, "Could not produce valid dependencies for manifest.");
    expect_in(sentence, "ancient");
    registry_write(server, REGISTRY_REPO, "metadata/ancient.json", metadata);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(a_missing_index_entry_is_finished, heal),
        cmocka_unit_test_teardown(missing_documentation_is_finished_and_commits_nothing, heal),
        cmocka_unit_test_teardown(index_entry_and_documentation_are_finished_together, heal),
        cmocka_unit_test_teardown(the_index_entry_is_finished_while_pursuit_is_away, heal),
        cmocka_unit_test_teardown(a_complete_version_is_refused_with_both_addresses, heal),
        cmocka_unit_test_teardown(another_manifest_is_refused_showing_both, heal),
        cmocka_unit_test_teardown(an_index_entry_without_metadata_is_never_replaced_by_another_manifest, heal),
        cmocka_unit_test_teardown(a_tarball_that_is_not_the_metadatas_finishes_nothing, heal),
        cmocka_unit_test_teardown(an_unpublished_version_is_refused, heal),
        cmocka_unit_test_teardown(a_description_that_is_too_long_is_not_finished, heal),
        cmocka_unit_test_teardown(a_version_that_no_compiler_here_can_build_is_explained, heal),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
