/* SPDX-License-Identifier: BSD-3-Clause
 *
 * A trustee changes the bounds of a published version (lib/domain/README.md, Revise bounds), with real programs: its result,
 * refusals, which change no byte, and concurrent changes. Killed services: test_revise_faults.c.
 */
#include "tests/support/cmocka_all.h"

#include <string.h>
#include <unistd.h>

#include "lib/base/clock.h"
#include "tests/support/matrix_scene.h"
#include "tests/support/registry_check.h"
#include "tests/support/revise_scene.h"
#include "tests/support/shell.h"
#include "tests/support/trustee_call.h"

static const char *const settings[] = {"LEASE_MS=3000", "MATRIX_SWEEP_INTERVAL_MS=86400000", "DRAIN_MS=200", NULL};

static int begin(void **state) {
    *state = revise_scene_start(settings);
    return 0;
}

static int end(void **state) {
    server_stop(*state);
    return 0;
}

/* A package NAME-base with the versions 1.0.0 and 2.0.0. */
static const char *publish_base(struct server *server, const char *name) {
    const char *base = arena_format(&server->arena, "%s-base", name);
    const struct package first = {base, "1.0.0", .pragma = NULL}, second = {base, "2.0.0", .pragma = NULL};
    revise_scene_publish(server, &first);
    revise_scene_publish(server, &second);
    return base;
}

static const char *range_of(struct server *server, const char *name, const char *range) {
    return arena_format(&server->arena, "\"%s\":\"%s\"", name, range);
}

/* ---- Accepted requests ---- */

static void a_revision_loosens_bounds(void **state) {
    struct server *server = *state;
    const char *base = publish_base(server, "loose");
    const struct package before = {"loose", "1.0.0", {{base, ">=1.0.0 <2.0.0"}}, .pragma = NULL},
                         after = {"loose", "1.0.0", {{base, ">=1.0.0 <3.0.0"}}, .pragma = NULL},
                         both = {
                             "loose-both", "1.0.0", {{"loose", ">=1.0.0 <2.0.0"}, {base, ">=2.0.0 <3.0.0"}}, .pragma = NULL};
    revise_scene_publish(server, &before);
    const char *impossible = server_post_package(server, &both);
    json_t *job = server_wait_for_job(server, impossible);
    assert_non_null(strstr(server_last_error(server, job), "loose-base"));
    json_decref(job);

    const char *storage = shell_output(&server->arena, "cd '%s/storage' && sha256sum */*", server->folder);
    const char *id = revise_expect_done(server, "loose", "1.0.0", range_of(server, base, ">=1.0.0 <3.0.0"));
    revise_expect_indexed(server, &after);
    assert_int_equal(revise_number(server, "loose", "1.0.0"), 1);
    assert_string_equal(matrix_compilers_of(server, "loose", "1.0.0"), "0.15.14 0.15.15");
    assert_string_equal(shell_output(&server->arena, "cd '%s/storage' && sha256sum */*", server->folder), storage);
    job = server_wait_for_job(server, id);
    assert_string_equal(server_job_text(job, "jobType"), "revision");
    assert_string_equal(server_job_text(job, "packageVersion"), "1.0.0");
    assert_int_equal(json_array_size(json_object_get(job, "commits")), 2);
    const char *log = server_log_text(server, job);
    assert_non_null(strstr(log, "NOTICE Requested by the trustee " REVISE_ACTOR ", issue 7."));
    assert_non_null(strstr(log, "loose-base >=1.0.0 <3.0.0 (was >=1.0.0 <2.0.0)"));
    assert_non_null(strstr(log, "The package builds with compiler 0.15.14."));
    assert_non_null(strstr(log, "NOTICE Revised the bounds of loose@1.0.0."));
    const char *timings = strstr(log, "INFO Timings: revision-read=");
    assert_non_null(timings);
    assert_non_null(strstr(timings, "ms revision-builds="));
    assert_non_null(strstr(timings, "ms revision-commit="));
    json_decref(job);
    json_t *builds = revise_builds(server, "loose"), *build;
    size_t i;
    assert_int_equal(json_array_size(builds), 2);
    json_array_foreach(builds, i, build) {
        assert_string_equal(server_job_text(build, "verdict"), "succeeded");
        assert_string_equal(server_job_text(json_object_get(build, "payload"), "loose-base"), "2.0.0");
    }
    json_decref(builds);
    revise_scene_publish(server, &both); /* all services have the change */
    registry_expect_consistency(server);
}

static void a_revision_tightens_bounds_and_another_undoes_it(void **state) {
    struct server *server = *state;
    const char *base = publish_base(server, "tight");
    const struct package before = {"tight", "1.0.0", {{base, ">=1.0.0 <3.0.0"}}, .pragma = NULL},
                         after = {"tight", "1.0.0", {{base, ">=1.0.0 <2.0.0"}}, .pragma = NULL},
                         other = {"tight", "1.1.0", {{base, ">=1.0.0 <3.0.0"}}, .pragma = NULL};
    revise_scene_publish(server, &before);
    revise_scene_publish(server, &other);
    const char *index = registry_file(server, INDEX_REPO, "ti/gh/tight");
    revise_expect_done(server, "tight", "1.0.0", range_of(server, base, ">=1.0.0 <2.0.0"));
    revise_expect_indexed(server, &after);
    revise_expect_indexed(server, &other);
    assert_int_equal(revise_number(server, "tight", "1.0.0"), 1);
    revise_expect_done(server, "tight", "1.0.0", range_of(server, base, ">=1.0.0 <3.0.0"));
    assert_string_equal(registry_file(server, INDEX_REPO, "ti/gh/tight"), index);
    assert_int_equal(revise_number(server, "tight", "1.0.0"), 2);
    assert_int_equal(revise_number(server, "tight", "1.1.0"), 0);
    /* The first request again is a new job, with its own builds. */
    revise_expect_done(server, "tight", "1.0.0", range_of(server, base, ">=1.0.0 <2.0.0"));
    revise_expect_indexed(server, &after);
    assert_int_equal(revise_number(server, "tight", "1.0.0"), 3);
    registry_expect_consistency(server);
}

/* ---- Refusals ---- */

/* The job fails with the words in the last line of its log, and both repositories and the storage are as they were. Returns the
 * log. */
static const char *expect_refused(struct server *server, const char *name, const char *version, const char *ranges,
                                  const char *words) {
    char *before = registry_snapshot(server);
    json_t *job = server_wait_for_job(server, revise_ask(server, name, version, ranges));
    assert_false(json_is_true(json_object_get(job, "success")));
    const char *last = server_last_error(server, job), *log = server_log_text(server, job);
    if (!strstr(last, words)) fail_msg("\"%s\" is not in: %s", words, last);
    json_decref(job);
    assert_string_equal(registry_snapshot(server), before);
    return log;
}

static void missing_versions_and_empty_changes_are_refused(void **state) {
    struct server *server = *state;
    const char *base = publish_base(server, "strict");
    const struct package package = {"strict", "1.0.0", {{base, ">=1.0.0 <2.0.0"}}, .pragma = NULL},
                         gone = {"strict", "1.1.0", {{base, ">=1.0.0 <2.0.0"}}, .pragma = NULL};
    revise_scene_publish(server, &package);
    revise_scene_publish(server, &gone);
    server_expect_success(server,
                          trustee_expect_job(server, REVISE_TOKEN,
                                             trustee_body(server, "unpublish", "{\"name\":\"strict\",\"version\":\"1.1.0\"}",
                                                          REVISE_ACTOR, "A test.")));
    const char *looser = range_of(server, base, ">=1.0.0 <3.0.0");
    expect_refused(server, "unheard-of", "1.0.0", looser, "There is no package named unheard-of");
    expect_refused(server, "strict", "7.0.0", looser, "There is no version 7.0.0 of strict");
    expect_refused(server, "strict", "1.1.0", looser, "strict@1.1.0 was unpublished");
    expect_refused(server, "strict", "1.0.0", arena_format(&server->arena, "%s,\"prelude\":\">=1.0.0 <2.0.0\"", looser),
                   "strict@1.0.0 does not depend on prelude.");
    expect_refused(server, "strict", "1.0.0", range_of(server, base, ">=1.0.0 <2.0.0"), "nothing would change");
    json_t *builds = revise_builds(server, "strict");
    assert_int_equal(json_array_size(builds), 0);
    json_decref(builds);
}

static void without_a_plan_it_is_refused_with_the_reason(void **state) {
    struct server *server = *state;
    const char *base = publish_base(server, "planless");
    const struct package package = {"planless", "1.0.0", {{base, ">=1.0.0 <2.0.0"}}, .pragma = NULL};
    revise_scene_publish(server, &package);
    const char *ranges = range_of(server, base, ">=3.0.0 <4.0.0");
    const char *log =
        expect_refused(server, "planless", "1.0.0", ranges, "planless@1.0.0 cannot be built with compiler 0.15.14");
    assert_non_null(strstr(log, "The registry has no version of planless-base inside its bounds"));

    /* Once there is such a version, the request can be retried. */
    json_t *jobs = server_get(server, "/api/v1/jobs?include_completed=true&kinds=revision&package=planless");
    const char *failed = arena_copy(&server->arena, server_job_text(json_array_get(jobs, 0), "jobId"));
    json_decref(jobs);
    const struct package third = {base, "3.0.0", .pragma = NULL};
    revise_scene_publish(server, &third);
    const char *payload = arena_format(&server->arena, "{\"jobId\":\"%s\"}", failed);
    const char *again = trustee_expect_job(server, REVISE_TOKEN, trustee_body(server, "retry", payload, REVISE_ACTOR, NULL));
    server_expect_success(server, again);
    assert_int_equal(revise_number(server, "planless", "1.0.0"), 1);
    json_t *job = server_wait_for_job(server, again);
    assert_string_equal(server_job_text(job, "retryOf"), failed);
    json_decref(job);
}

static void packages_that_do_not_compile_are_refused_with_the_compilers_errors(void **state) {
    struct server *server = *state;
    const struct package base = {"broken-base", "1.0.0", .pragma = NULL},
                         renamed = {"broken-base", "2.0.0",
                                    .files = {{"src/Main.purs", "module Flow.BrokenBaseNew where\n\nx :: Int\nx = 1\n"}}},
                         package = {"broken", "1.0.0", {{"broken-base", ">=1.0.0 <2.0.0"}}, .pragma = NULL};
    revise_scene_publish(server, &base);
    revise_scene_publish(server, &renamed);
    revise_scene_publish(server, &package);
    const char *log = expect_refused(server, "broken", "1.0.0", "\"broken-base\":\">=1.0.0 <3.0.0\"",
                                     "With these bounds broken@1.0.0 does not build with compiler 0.15.");
    assert_non_null(strstr(log, "ERROR ModuleNotFound in src/Main.purs"));
    assert_non_null(strstr(log, "Module Flow.BrokenBase was not found."));
    const char *named = strstr(log, "(job ");
    assert_non_null(named);
    json_t *builds = revise_builds(server, "broken"), *build;
    size_t i;
    bool is_named = false;
    assert_int_equal(json_array_size(builds), 2);
    json_array_foreach(builds, i, build) {
        json_t *ended = server_wait_for_job(server, server_job_text(build, "jobId")); /* none is left */
        assert_false(json_is_true(json_object_get(ended, "success")));
        is_named = is_named || strncmp(named + strlen("(job "), server_job_text(ended, "jobId"), 36) == 0;
        json_decref(ended);
    }
    json_decref(builds);
    assert_true(is_named);
    assert_string_equal(matrix_compilers_of(server, "broken", "1.0.0"), "0.15.14 0.15.15");
}

static void a_dependant_that_would_lose_its_plan_is_named(void **state) {
    struct server *server = *state;
    const char *base = publish_base(server, "needed");
    const struct package middle = {"needed", "1.0.0", {{base, ">=1.0.0 <3.0.0"}}, .pragma = NULL},
                         top = {
                             "needed-top", "1.0.0", {{"needed", ">=1.0.0 <2.0.0"}, {base, ">=1.0.0 <2.0.0"}}, .pragma = NULL};
    revise_scene_publish(server, &middle);
    revise_scene_publish(server, &top);
    const char *log = expect_refused(server, "needed", "1.0.0", range_of(server, base, ">=2.0.0 <3.0.0"),
                                     "needed-top@1.0.0 (compiler 0.15.14)");
    assert_non_null(strstr(log, "needed-top@1.0.0 (compiler 0.15.15)"));
    json_t *builds = revise_builds(server, "needed");
    assert_int_equal(json_array_size(builds), 0); /* before anything is built */
    json_decref(builds);
    revise_expect_done(server, "needed", "1.0.0", range_of(server, base, ">=1.0.0 <2.0.0"));
}

/* Without a worker that has the compiler, nothing can be checked. */
static void a_compiler_that_is_not_there_is_named(void **state) {
    struct server *server = *state;
    const char *base = publish_base(server, "older");
    const struct package package = {"older", "1.0.0", {{base, ">=1.0.0 <2.0.0"}}, .pragma = NULL};
    revise_scene_publish(server, &package);
    const char *metadata = shell_output(
        &server->arena, "git -C '%s/" REGISTRY_REPO "' show HEAD:metadata/older.json | sed 's/\"0.15.14\"/\"0.14.9\"/'",
        server->folder);
    registry_write(server, REGISTRY_REPO, "metadata/older.json", metadata);
    expect_refused(server, "older", "1.0.0", range_of(server, base, ">=1.0.0 <3.0.0"),
                   "older@1.0.0 is known to build with compiler 0.14.9, which this server does not have");
}

static void malformed_input_is_refused_by_its_field(void **state) {
    struct server *server = *state;
    static const struct {
        const char *payload, *path;
    } rows[] = {
        {"{\"version\":\"1.0.0\",\"dependencies\":{}}", "payload.name"},
        {"{\"name\":\"a\",\"version\":\"1\",\"dependencies\":{}}", "payload.version"},
        {"{\"name\":\"a\",\"version\":\"1.0.0\"}", "payload.dependencies"},
        {"{\"name\":\"a\",\"version\":\"1.0.0\",\"dependencies\":{}}", "payload.dependencies"},
        {"{\"name\":\"a\",\"version\":\"1.0.0\",\"dependencies\":{\"prelude\":\"^6.0.0\"}}", "payload.dependencies.prelude"},
        {"{\"name\":\"a\",\"version\":\"1.0.0\",\"dependencies\":{\"prelude\":6}}", "payload.dependencies.prelude"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        trustee_expect_refusal(server, REVISE_TOKEN, NULL, trustee_body(server, "revise", rows[i].payload, REVISE_ACTOR, NULL),
                               400, rows[i].path);
}

/* ---- Concurrent changes: builds wait while there is no worker ---- */

static void stop_workers(struct server *server) {
    for (int worker = 0; worker < server->worker_count; worker++)
        server_terminate_worker(server, worker);
}

static void start_workers(struct server *server) {
    for (int worker = 0; worker < server->worker_count; worker++)
        server_start_worker(server, worker);
}

static const char *state_of(struct server *server, const char *id) {
    json_t *status = server_get(server, arena_format(&server->arena, "/status/%s", id));
    const char *state = arena_copy(&server->arena, server_job_text(status, "state"));
    json_decref(status);
    return state;
}

static void a_publication_of_the_package_is_not_held_up(void **state) {
    struct server *server = *state;
    const char *base = publish_base(server, "busy");
    const struct package package = {"busy", "1.0.0", {{base, ">=1.0.0 <2.0.0"}}, .pragma = NULL},
                         after = {"busy", "1.0.0", {{base, ">=1.0.0 <3.0.0"}}, .pragma = NULL},
                         next = {"busy", "2.0.0", {{base, ">=1.0.0 <2.0.0"}}, .pragma = NULL};
    revise_scene_publish(server, &package);
    stop_workers(server);
    const char *id = revise_ask(server, "busy", "1.0.0", range_of(server, base, ">=1.0.0 <3.0.0"));
    revise_wait_for_line(server, id, "Building with compiler 0.15.15");
    json_t *published = server_wait_for_job(server, server_expect_published(server, &next));
    assert_string_equal(state_of(server, id), "running");
    json_decref(published);
    start_workers(server);
    server_expect_success(server, id);
    revise_expect_indexed(server, &after);
    revise_expect_indexed(server, &next);
    matrix_expect_compilers(server, "busy", "2.0.0", "0.15.14 0.15.15"); /* then there are no more writes */
    registry_expect_consistency(server);
}

/* Its tarball is missing in storage for a while, which is a trouble for operators. */
static void a_build_that_says_nothing_about_the_bounds_is_made_again(void **state) {
    struct server *server = *state;
    const char *base = publish_base(server, "mislaid");
    const struct package package = {"mislaid", "1.0.0", {{base, ">=1.0.0 <2.0.0"}}, .pragma = NULL},
                         after = {"mislaid", "1.0.0", {{base, ">=1.0.0 <3.0.0"}}, .pragma = NULL};
    revise_scene_publish(server, &package);
    stop_workers(server); /* unpacked packages are forgotten */
    shell_run("mv '%s/storage/mislaid' '%s/mislaid'", server->folder, server->folder);
    const char *id = revise_ask(server, "mislaid", "1.0.0", range_of(server, base, ">=1.0.0 <3.0.0"));
    start_workers(server);
    revise_wait_for_line(server, id, "gave no result for these bounds and is repeated");
    shell_run("mv '%s/mislaid' '%s/storage/mislaid'", server->folder, server->folder);
    server_expect_success(server, id);
    revise_expect_indexed(server, &after);
    registry_expect_consistency(server);
}

static void a_manifest_that_changes_meanwhile_makes_it_start_over(void **state) {
    struct server *server = *state;
    const char *base = publish_base(server, "moving");
    const struct package package = {"moving", "1.0.0", {{base, ">=1.0.0 <2.0.0"}}, .pragma = NULL};
    revise_scene_publish(server, &package);
    stop_workers(server);
    const char *id = revise_ask(server, "moving", "1.0.0", range_of(server, base, ">=1.0.0 <3.0.0"));
    revise_wait_for_line(server, id, "Building with compiler 0.15.15");
    const char *line = shell_output(&server->arena,
                                    "git -C '%s/" INDEX_REPO "' show HEAD:mo/vi/moving | "
                                    "jq -c '{name, version, license, description: \"By hand.\"} + .'",
                                    server->folder);
    registry_write(server, INDEX_REPO, "mo/vi/moving", line);
    start_workers(server);
    server_expect_success(server, id);
    json_t *job = server_wait_for_job(server, id);
    assert_non_null(strstr(server_log_text(server, job), "has changed meanwhile. Starting over."));
    json_decref(job);
    const char *file = registry_file(server, INDEX_REPO, "mo/vi/moving");
    assert_non_null(strstr(file, "By hand."));
    assert_non_null(strstr(file, "\"moving-base\":\">=1.0.0 <3.0.0\""));
    assert_int_equal(revise_number(server, "moving", "1.0.0"), 1);
}

static void two_revisions_of_a_package_come_one_after_the_other(void **state) {
    struct server *server = *state;
    const char *base = publish_base(server, "twice"), *more = publish_base(server, "twice-more");
    const struct package package = {"twice", "1.0.0", {{base, ">=1.0.0 <2.0.0"}, {more, ">=1.0.0 <2.0.0"}}, .pragma = NULL},
                         after = {"twice", "1.0.0", {{base, ">=1.0.0 <3.0.0"}, {more, ">=1.0.0 <3.0.0"}}, .pragma = NULL};
    revise_scene_publish(server, &package);
    stop_workers(server);
    const char *first = revise_ask(server, "twice", "1.0.0", range_of(server, base, ">=1.0.0 <3.0.0"));
    const char *second = revise_ask(server, "twice", "1.0.0", range_of(server, more, ">=1.0.0 <3.0.0"));
    revise_wait_for_line(server, first, "Building with compiler 0.15.15");
    revise_wait_for_line(server, second, "Building with compiler 0.15.15");
    start_workers(server);
    server_expect_success(server, first);
    server_expect_success(server, second);
    revise_expect_indexed(server, &after);
    assert_int_equal(revise_number(server, "twice", "1.0.0"), 2);
    registry_expect_consistency(server);
}

static void a_version_that_is_unpublished_meanwhile_is_not_revised(void **state) {
    struct server *server = *state;
    const char *base = publish_base(server, "fading");
    const struct package package = {"fading", "1.0.0", {{base, ">=1.0.0 <2.0.0"}}, .pragma = NULL};
    revise_scene_publish(server, &package);
    stop_workers(server);
    const char *id = revise_ask(server, "fading", "1.0.0", range_of(server, base, ">=1.0.0 <3.0.0"));
    revise_wait_for_line(server, id, "Building with compiler 0.15.15");
    server_expect_success(server,
                          trustee_expect_job(server, REVISE_TOKEN,
                                             trustee_body(server, "unpublish", "{\"name\":\"fading\",\"version\":\"1.0.0\"}",
                                                          REVISE_ACTOR, "A test.")));
    start_workers(server);
    json_t *job = server_wait_for_job(server, id);
    assert_non_null(strstr(server_last_error(server, job), "fading@1.0.0 was unpublished"));
    json_decref(job);
    registry_expect_consistency(server);
}

/* ---- Services that stop ---- */

static void expect_goes_on(struct server *server, const char *name, bool is_killed) {
    const char *base = publish_base(server, name);
    const struct package package = {name, "1.0.0", {{base, ">=1.0.0 <2.0.0"}}, .pragma = NULL},
                         after = {name, "1.0.0", {{base, ">=1.0.0 <3.0.0"}}, .pragma = NULL};
    revise_scene_publish(server, &package);
    stop_workers(server);
    const char *id = revise_ask(server, name, "1.0.0", range_of(server, base, ">=1.0.0 <3.0.0"));
    revise_wait_for_line(server, id, "Building with compiler 0.15.15");
    (is_killed ? server_kill : server_terminate)(server, SERVER_BUILD_MATRIX);
    server_start_program(server, SERVER_BUILD_MATRIX);
    start_workers(server);
    server_expect_success(server, id);
    revise_expect_indexed(server, &after);
    json_t *builds = revise_builds(server, name);
    assert_int_equal(json_array_size(builds), 2); /* the same builds, although another service waits for them */
    json_decref(builds);
    assert_int_equal(revise_number(server, name, "1.0.0"), 1);
}

static void a_service_that_is_killed_while_it_waits_for_builds_finds_them_again(void **state) {
    expect_goes_on(*state, "killed", true);
}

static void a_service_that_is_told_to_stop_hands_the_job_back(void **state) {
    expect_goes_on(*state, "drained", false);
}

/* Restarts the service with one more setting; NULL: without the added one. */
static void restart_with(struct server *server, const char *setting) {
    static const char **place;
    if (!place)
        for (place = server->environments[SERVER_BUILD_MATRIX]; *place;)
            place++;
    server_terminate(server, SERVER_BUILD_MATRIX);
    *place = setting;
    server_start_program(server, SERVER_BUILD_MATRIX);
}

static void a_revision_over_its_limit_is_refused_and_its_builds_end(void **state) {
    struct server *server = *state;
    const char *base = publish_base(server, "endless");
    const struct package package = {"endless", "1.0.0", {{base, ">=1.0.0 <2.0.0"}}, .pragma = NULL};
    revise_scene_publish(server, &package);
    stop_workers(server);
    restart_with(server, "REVISION_TIMEOUT_MS=8000");
    expect_refused(server, "endless", "1.0.0", range_of(server, base, ">=1.0.0 <3.0.0"), "it took longer than the 8000 ms");
    json_t *builds = revise_builds(server, "endless"), *build;
    size_t i;
    assert_int_equal(json_array_size(builds), 2);
    json_array_foreach(builds, i, build) {
        json_t *ended = server_wait_for_job(server, server_job_text(build, "jobId")); /* although no worker builds */
        assert_string_equal(server_last_error(server, ended), "The revision that requested this build no longer needs it.");
        assert_string_equal(server_job_text(ended, "verdict"), "");
        json_decref(ended);
    }
    json_decref(builds);
    restart_with(server, NULL);
    start_workers(server);
}

static void a_server_that_is_read_only_checks_and_writes_nothing(void **state) {
    struct server *server = *state;
    const char *base = publish_base(server, "written");
    const struct package package = {"written", "1.0.0", {{base, ">=1.0.0 <2.0.0"}}, .pragma = NULL};
    revise_scene_publish(server, &package);
    restart_with(server, "READONLY=true");
    char *before = registry_snapshot(server);
    json_t *job =
        server_wait_for_job(server, revise_expect_done(server, "written", "1.0.0", range_of(server, base, ">=1.0.0 <3.0.0")));
    const char *log = server_log_text(server, job);
    assert_non_null(strstr(log, "The package builds with compiler 0.15.15."));
    assert_non_null(strstr(log, "WARN Read-only: the manifest is not committed to the index."));
    assert_non_null(strstr(log, "would be revised now, but this server is read-only."));
    json_decref(job);
    assert_string_equal(registry_snapshot(server), before);
    restart_with(server, NULL);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_revision_loosens_bounds),
        cmocka_unit_test(a_revision_tightens_bounds_and_another_undoes_it),
        cmocka_unit_test(missing_versions_and_empty_changes_are_refused),
        cmocka_unit_test(without_a_plan_it_is_refused_with_the_reason),
        cmocka_unit_test(packages_that_do_not_compile_are_refused_with_the_compilers_errors),
        cmocka_unit_test(a_dependant_that_would_lose_its_plan_is_named),
        cmocka_unit_test(a_compiler_that_is_not_there_is_named),
        cmocka_unit_test(malformed_input_is_refused_by_its_field),
        cmocka_unit_test(a_publication_of_the_package_is_not_held_up),
        cmocka_unit_test(a_build_that_says_nothing_about_the_bounds_is_made_again),
        cmocka_unit_test(a_manifest_that_changes_meanwhile_makes_it_start_over),
        cmocka_unit_test(two_revisions_of_a_package_come_one_after_the_other),
        cmocka_unit_test(a_version_that_is_unpublished_meanwhile_is_not_revised),
        cmocka_unit_test(a_service_that_is_killed_while_it_waits_for_builds_finds_them_again),
        cmocka_unit_test(a_service_that_is_told_to_stop_hands_the_job_back),
        cmocka_unit_test(a_revision_over_its_limit_is_refused_and_its_builds_end),
        cmocka_unit_test(a_server_that_is_read_only_checks_and_writes_nothing),
    };
    return cmocka_run_group_tests(tests, begin, end);
}
