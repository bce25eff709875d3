/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Successful publications, from the gateway to the result: repositories byte for byte, the tarball, the log, and requirements
 * of existing clients (services/gateway/README.md). One server for all tests here; each test has its own packages.
 */
#include "tests/support/cmocka_all.h"

#include <string.h>

#include "lib/base/clock.h"
#include "lib/base/hash.h"
#include "tests/support/registry_check.h"
#include "tests/support/server/held_compiler.h"
#include "tests/support/shell.h"

static int set_up(void **state) {
    *state = server_start(NULL);
    return 0;
}

static int tear_down(void **state) {
    registry_expect_consistency(*state);
    server_stop(*state);
    return 0;
}

/* ---- The registry's files ---- */

static const char *expected_metadata(struct server *server, const char *name, const char *const *versions) {
    struct text out = {0};
    text_append_format(&out,
                       "{\n  \"location\": {\n    \"githubOwner\": \"flow\",\n    \"githubRepo\": \"purescript-%s\"\n  },\n"
                       "  \"published\": {",
                       name);
    for (const char *const *version = versions; *version != NULL; version++) {
        json_t *entry = registry_published(server, name, *version);
        text_append_format(&out,
                           "%s\n    \"%s\": {\n      \"bytes\": %d,\n      \"compilers\": [\n        \"0.15.15\"\n      ],\n"
                           "      \"hash\": \"%s\",\n      \"publishedTime\": \"%s\",\n      \"ref\": \"\"\n    }",
                           version == versions ? "" : ",", *version, (int)json_integer_value(json_object_get(entry, "bytes")),
                           server_job_text(entry, "hash"), server_job_text(entry, "publishedTime"));
        json_decref(entry);
    }
    text_append(&out, "\n  },\n  \"unpublished\": {}\n}\n");
    const char *copy = arena_copy(&server->arena, text_view(&out));
    text_release(&out);
    return copy;
}

static void two_packages_are_published_with_every_byte_in_its_place(void **state) {
    struct server *server = *state;
    const struct package first = {"pair-first", "1.0.0", .dependencies = {{NULL, NULL}}};
    const struct package second = {"pair-second", "2.1.0", .dependencies = {{"pair-first", ">=1.0.0 <2.0.0"}}};
    int64_t before_ms = clock_now_ms();
    server_expect_published(server, &first);
    server_expect_published(server, &second);

    assert_string_equal(registry_file(server, REGISTRY_REPO, "metadata/pair-first.json"),
                        expected_metadata(server, "pair-first", (const char *const[]){"1.0.0", NULL}));
    assert_string_equal(registry_file(server, REGISTRY_REPO, "metadata/pair-second.json"),
                        expected_metadata(server, "pair-second", (const char *const[]){"2.1.0", NULL}));
    assert_string_equal(registry_file(server, INDEX_REPO, "pa/ir/pair-first"), package_index_line(&server->arena, &first));
    assert_string_equal(registry_file(server, INDEX_REPO, "pa/ir/pair-second"), package_index_line(&server->arena, &second));

    json_t *entry = registry_published(server, "pair-second", "2.1.0");
    assert_in_range(server_job_time(entry, "publishedTime"), before_ms, clock_now_ms());
    json_decref(entry);
    registry_expect_one_commit_each(server);
}

static void the_index_files_of_short_names_are_where_clients_look(void **state) {
    struct server *server = *state;
    const struct package one = {"a", "1.0.0", .files = {{NULL, NULL}}}, two = {"ab", "1.0.0", .files = {{NULL, NULL}}},
                         three = {"abc", "1.0.0", .files = {{NULL, NULL}}};
    server_expect_published(server, &one);
    server_expect_published(server, &two);
    server_expect_published(server, &three);
    assert_string_equal(registry_file(server, INDEX_REPO, "1/a"), package_index_line(&server->arena, &one));
    assert_string_equal(registry_file(server, INDEX_REPO, "2/ab"), package_index_line(&server->arena, &two));
    assert_string_equal(registry_file(server, INDEX_REPO, "3/a/abc"), package_index_line(&server->arena, &three));
}

static void versions_stand_in_order_whatever_the_order_of_their_publication(void **state) {
    struct server *server = *state;
    const struct package packages[] = {
        {"ordered", "1.0.0", .pragma = NULL}, {"ordered", "1.10.0", .pragma = NULL}, {"ordered", "1.9.0", .pragma = NULL}};
    for (int i = 0; i < 3; i++)
        server_expect_published(server, &packages[i]);
    assert_string_equal(registry_file(server, REGISTRY_REPO, "metadata/ordered.json"),
                        expected_metadata(server, "ordered", (const char *const[]){"1.0.0", "1.9.0", "1.10.0", NULL}));
    assert_string_equal(registry_file(server, INDEX_REPO, "or/de/ordered"),
                        arena_format(&server->arena, "%s%s%s", package_index_line(&server->arena, &packages[0]),
                                     package_index_line(&server->arena, &packages[2]),
                                     package_index_line(&server->arena, &packages[1])));
}

static void the_tarball_can_be_downloaded_as_the_metadata_says(void **state) {
    struct server *server = *state;
    const struct package package = {"loaded", "1.0.0",
                                    .files = {{"README.md", "# loaded\n"}, {"test/Test.purs", "module Test where\n"}}};
    server_expect_published(server, &package);
    struct http_response response = {0};
    server_call(server, "GET", "/loaded/1.0.0.tar.gz", NULL, &response);
    assert_int_equal(response.status, 200);
    json_t *entry = registry_published(server, "loaded", "1.0.0");
    assert_int_equal(response.body.length, json_integer_value(json_object_get(entry, "bytes")));
    char hash[SHA256_SRI_MAX];
    hash_sha256_sri(response.body.bytes, response.body.length, hash);
    assert_string_equal(hash, server_job_text(entry, "hash"));
    json_decref(entry);
    http_response_release(&response);

    const char *tarball = arena_format(&server->arena, "%s/storage/loaded/1.0.0.tar.gz", server->folder);
    assert_string_equal(shell_output(&server->arena, "tar -tzf '%s' | grep -v '/$'", tarball),
                        "loaded-1.0.0/LICENSE\nloaded-1.0.0/README.md\nloaded-1.0.0/purs.json\nloaded-1.0.0/src/Main.purs\n");
    assert_string_equal(shell_output(&server->arena, "tar -xzOf '%s' loaded-1.0.0/purs.json", tarball),
                        package_manifest(&server->arena, &package));
}

static void a_spago_package_becomes_the_same_manifest(void **state) {
    struct server *server = *state;
    const struct package dependency = {"for-spago", "1.0.0", .pragma = NULL};
    const struct package package = {"from-spago", "1.2.3", .dependencies = {{"for-spago", ">=1.0.0 <1.0.1"}},
                                    .files = {{"purs.json", NULL},
                                              {"spago.yaml", "package:\n"
                                                             "  name: from-spago\n"
                                                             "  description: Written for spago\n"
                                                             "  dependencies:\n"
                                                             "    - for-spago: 1.0.0\n"
                                                             "  publish:\n"
                                                             "    version: 1.2.3\n"
                                                             "    license: BSD-3-Clause\n"
                                                             "    location:\n"
                                                             "      githubOwner: flow\n"
                                                             "      githubRepo: purescript-from-spago\n"}}};
    server_expect_published(server, &dependency);
    server_expect_published(server, &package);
    assert_string_equal(registry_file(server, INDEX_REPO, "fr/om/from-spago"),
                        "{\"name\":\"from-spago\",\"version\":\"1.2.3\",\"license\":\"BSD-3-Clause\","
                        "\"description\":\"Written for spago\","
                        "\"location\":{\"githubOwner\":\"flow\",\"githubRepo\":\"purescript-from-spago\"},\"ref\":\"v1.2.3\","
                        "\"dependencies\":{\"for-spago\":\">=1.0.0 <1.0.1\"}}\n");
}

static void without_a_compiler_in_the_request_the_newest_is_taken(void **state) {
    struct server *server = *state;
    const struct package package = {"uncompiled", "1.0.0", .pragma = NULL};
    package_push(arena_format(&server->arena, "%s/sources", server->folder), &package);
    server_expect_success(server,
                          server_publish(server, "{\"name\": \"uncompiled\", \"version\": \"1.0.0\", \"ref\": \"v1.0.0\","
                                                 "\"location\": {\"githubOwner\": \"flow\","
                                                 "\"githubRepo\": \"purescript-uncompiled\"}}")
                              .id);
    json_t *entry = registry_published(server, "uncompiled", "1.0.0");
    assert_string_equal(json_string_value(json_array_get(json_object_get(entry, "compilers"), 0)), "0.15.15");
    json_decref(entry);
}

/* ---- Repeated requests ---- */

/* The `disposition` of the answer to a publication, which must be that of `id`'s job (NULL: any). */
static const char *disposition_of(struct server *server, const char *request, const char *id) {
    struct http_response response = {0};
    server_call(server, "POST", "/api/v1/publish", request, &response);
    assert_int_equal(response.status, 200);
    json_t *answer = json_loads(text_view(&response.body), 0, NULL);
    if (id) assert_string_equal(server_job_text(answer, "jobId"), id);
    const char *disposition = arena_copy(&server->arena, server_job_text(answer, "disposition"));
    json_decref(answer);
    http_response_release(&response);
    return disposition;
}

static void the_same_request_is_the_same_job_while_it_runs_and_after_its_success(void **state) {
    struct server *server = *state;
    const struct package package = {"repeated", "1.0.0", .pragma = held_compiler_pragma(server)};
    held_compiler_hold(server, "0.15.15");
    const char *id = server_post_package(server, &package);
    const char *request = package_request(&server->arena, &package);
    struct server_accepted repeat = server_publish(server, request);
    assert_string_equal(repeat.id, id);
    assert_false(repeat.created);
    assert_string_equal(disposition_of(server, request, id), "duplicate-active");
    /* Another compiler does not make it another request. */
    repeat = server_publish(server,
                            "{\"name\": \"repeated\", \"version\": \"1.0.0\", \"ref\": \"v1.0.0\", \"compiler\": \"0.15.14\","
                            "\"location\": {\"githubOwner\": \"flow\", \"githubRepo\": \"purescript-repeated\"}}");
    assert_string_equal(repeat.id, id);
    held_compiler_release(server, "0.15.15");
    server_expect_success(server, id);
    repeat = server_publish(server, request);
    assert_string_equal(repeat.id, id);
    assert_false(repeat.created);
    assert_string_equal(disposition_of(server, request, id), "already-published");
    json_t *job = server_wait_for_job(server, id);
    assert_string_equal(server_job_text(job, "disposition"), "published");
    assert_null(json_object_get(job, "error"));
    json_decref(job);
}

static void a_request_that_failed_can_be_made_again(void **state) {
    struct server *server = *state;
    struct package package = {"mended", "1.0.0", .pragma = "fail It does not add up."};
    const char *id = server_post_package(server, &package);
    json_t *job = server_wait_for_job(server, id);
    assert_false(json_is_true(json_object_get(job, "success")));
    assert_null(json_object_get(job, "disposition"));
    assert_string_equal(server_job_text(json_object_get(job, "error"), "code"), "job-failed");
    assert_string_equal(server_job_text(json_object_get(job, "error"), "message"), server_last_error(server, job));
    json_decref(job);
    package.pragma = NULL;
    package_push(arena_format(&server->arena, "%s/sources", server->folder), &package);
    const char *request = package_request(&server->arena, &package);
    assert_string_equal(disposition_of(server, request, NULL), "created");
    struct server_accepted again = server_publish(server, request);
    assert_string_not_equal(again.id, id);
    server_expect_success(server, again.id);
}

/* ---- Requirements of existing clients ---- */

static void expect_no_nulls(const json_t *job) {
    const char *key;
    const json_t *value;
    json_object_foreach((json_t *)job, key, value) {
        if (json_is_null(value)) fail_msg("%s is null", key);
    }
}

static void a_job_has_every_field_in_the_form_that_clients_read(void **state) {
    struct server *server = *state;
    const struct package package = {"formed", "1.0.0", .pragma = "sleep 300"};
    const char *id = server_post_package(server, &package);
    json_t *job = server_get(server, arena_format(&server->arena, "/api/v1/jobs/%s", id));
    assert_true(json_is_false(json_object_get(job, "success"))); /* present from the start */
    assert_null(json_object_get(job, "finishedAt"));
    expect_no_nulls(job);
    json_decref(job);

    job = server_wait_for_job(server, id);
    expect_no_nulls(job);
    assert_string_equal(server_job_text(job, "jobId"), id);
    assert_string_equal(server_job_text(job, "jobType"), "publish");
    assert_string_equal(server_job_text(job, "packageName"), "formed");
    assert_string_equal(server_job_text(job, "packageVersion"), "1.0.0");
    assert_true(json_is_true(json_object_get(job, "success")));
    json_t *request = json_loads(package_request(&server->arena, &package), 0, NULL);
    assert_true(json_equal(json_object_get(job, "payload"), request));
    json_decref(request);
    int64_t created_ms = server_job_time(job, "createdAt"), started_ms = server_job_time(job, "startedAt");
    int64_t finished_ms = server_job_time(job, "finishedAt"), last_ms = 0;
    assert_true(created_ms <= started_ms && started_ms < finished_ms);
    size_t i;
    const json_t *line;
    json_array_foreach(json_object_get(job, "logs"), i, line) {
        int64_t time_ms = server_job_time(line, "timestamp");
        assert_true(time_ms > last_ms); /* strictly: clients page by time */
        assert_string_equal(server_job_text(line, "jobId"), id);
        assert_non_null(strstr("DEBUG INFO WARN NOTICE ERROR", server_job_text(line, "level")));
        last_ms = time_ms;
    }
    assert_true(i > 3);
    assert_true(finished_ms > last_ms);
    json_decref(job);
}

/* Polls as spago does, `since` one millisecond after the last line's time, until it sees `finishedAt`. */
static char *follow_as_spago(struct server *server, const char *id) {
    struct text lines = {0};
    char since[64] = "";
    for (bool ended = false; !ended;) {
        json_t *job = server_get(server, arena_format(&server->arena, "/api/v1/jobs/%s?level=INFO&order=ASC%s", id, since));
        size_t i;
        const json_t *line;
        json_array_foreach(json_object_get(job, "logs"), i, line) {
            char next[TIME_TEXT_MAX];
            time_print(server_job_time(line, "timestamp") + 1, next);
            snprintf(since, sizeof since, "&since=%s", next);
            text_append_format(&lines, "%s %s\n", server_job_text(line, "level"), server_job_text(line, "message"));
        }
        ended = json_object_get(job, "finishedAt") != NULL;
        json_decref(job);
    }
    char *copy = arena_copy(&server->arena, text_view(&lines));
    text_release(&lines);
    return copy;
}

static void a_client_that_pages_by_time_sees_every_line_once(void **state) {
    struct server *server = *state;
    const struct package package = {"followed", "1.0.0", .pragma = "sleep 400"};
    const char *id = server_post_package(server, &package);
    char *seen = follow_as_spago(server, id);
    json_t *job = server_get(server, arena_format(&server->arena, "/api/v1/jobs/%s?level=INFO", id));
    assert_string_equal(seen, server_log_text(server, job));
    json_decref(job);
}

static void the_log_is_read_by_level_and_since(void **state) {
    struct server *server = *state;
    const struct package package = {"levelled", "1.0.0", .pragma = "warn A line at DEBUG."};
    const char *id = server_expect_published(server, &package);
    json_t *all = server_get(server, arena_format(&server->arena, "/api/v1/jobs/%s?level=DEBUG", id));
    json_t *notices = server_get(server, arena_format(&server->arena, "/api/v1/jobs/%s?level=NOTICE", id));
    json_t *standard = server_get(server, arena_format(&server->arena, "/api/v1/jobs/%s", id));
    size_t count = json_array_size(json_object_get(all, "logs"));
    assert_true(count > json_array_size(json_object_get(standard, "logs")));
    assert_true(json_array_size(json_object_get(standard, "logs")) > json_array_size(json_object_get(notices, "logs")));
    assert_true(json_array_size(json_object_get(notices, "logs")) > 0);

    const json_t *third = json_array_get(json_object_get(all, "logs"), 2);
    json_t *rest = server_get(
        server, arena_format(&server->arena, "/api/v1/jobs/%s?level=DEBUG&since=%s", id, server_job_text(third, "timestamp")));
    assert_int_equal(json_array_size(json_object_get(rest, "logs")), count - 2);
    assert_true(json_equal(json_array_get(json_object_get(rest, "logs"), 0), third));
    json_t *before = server_get(
        server, arena_format(&server->arena, "/api/v1/jobs/%s?level=DEBUG&until=%s", id, server_job_text(third, "timestamp")));
    assert_int_equal(json_array_size(json_object_get(before, "logs")), 2);
    json_t *const read[] = {all, notices, standard, rest, before};
    for (size_t i = 0; i < sizeof read / sizeof read[0]; i++)
        json_decref(read[i]);
}

static void the_short_forms_tell_state_and_lines(void **state) {
    struct server *server = *state;
    const struct package good = {"short-good", "1.0.0", .pragma = NULL}, bad = {"short-bad", "1.0.0", .pragma = "fail No."};
    const char *id = server_expect_published(server, &good);
    json_t *status = server_get(server, arena_format(&server->arena, "/status/%s", id));
    assert_string_equal(server_job_text(status, "state"), "succeeded");
    json_decref(status);
    json_t *lines = server_get(server, arena_format(&server->arena, "/logs/%s", id));
    json_decref(lines);

    id = server_post_package(server, &bad);
    json_decref(server_wait_for_job(server, id));
    status = server_get(server, arena_format(&server->arena, "/status/%s", id));
    assert_string_equal(server_job_text(status, "state"), "failed");
    assert_non_null(strstr(server_job_text(status, "error"), "short-bad"));
    json_decref(status);
}

static void finished_jobs_are_listed_when_asked_for(void **state) {
    struct server *server = *state;
    const struct package package = {"listed", "1.0.0", .pragma = NULL};
    const char *id = server_expect_published(server, &package);
    json_t *jobs = server_get(server, "/api/v1/jobs?include_completed=true&kinds=publish&package=listed");
    assert_int_equal(json_array_size(jobs), 1);
    const json_t *job = json_array_get(jobs, 0);
    assert_string_equal(server_job_text(job, "jobId"), id);
    assert_int_equal(json_array_size(json_object_get(job, "logs")), 0);
    assert_true(json_is_array(json_object_get(job, "logs")));
    json_decref(jobs);
    jobs = server_get(server, "/api/v1/jobs?kinds=publish&package=listed");
    assert_int_equal(json_array_size(jobs), 0);
    json_decref(jobs);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(two_packages_are_published_with_every_byte_in_its_place),
        cmocka_unit_test(the_index_files_of_short_names_are_where_clients_look),
        cmocka_unit_test(versions_stand_in_order_whatever_the_order_of_their_publication),
        cmocka_unit_test(the_tarball_can_be_downloaded_as_the_metadata_says),
        cmocka_unit_test(a_spago_package_becomes_the_same_manifest),
        cmocka_unit_test(without_a_compiler_in_the_request_the_newest_is_taken),
        cmocka_unit_test(the_same_request_is_the_same_job_while_it_runs_and_after_its_success),
        cmocka_unit_test(a_request_that_failed_can_be_made_again),
        cmocka_unit_test(a_job_has_every_field_in_the_form_that_clients_read),
        cmocka_unit_test(a_client_that_pages_by_time_sees_every_line_once),
        cmocka_unit_test(the_log_is_read_by_level_and_since),
        cmocka_unit_test(the_short_forms_tell_state_and_lines),
        cmocka_unit_test(finished_jobs_are_listed_when_asked_for),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
