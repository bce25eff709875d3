/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Publications by the job runner: their writes and choices (lib/domain/README.md, Publish). Refusals:
 * test_publication_refused.c. Whole programs: tests/flow/.
 */
#include "lib/tools/archive/archive.h"
#include "tests/store/publish/publish_scene.h"

static const struct package prelude = {.name = "prelude", .version = "1.0.0"};
static const struct package prelude_2 = {.name = "prelude", .version = "1.1.0"};
static const struct package maybe = {.name = "maybe", .version = "1.0.0", .dependencies = {{"prelude", ">=1.0.0 <2.0.0"}}};

/* ---- Writes ---- */

static void the_tarball_is_stored_as_the_metadata_says(void **state) {
    struct publish_scene *p = *state;
    struct fixture *f = &p->s.f;
    struct text tarball = {0}, purs_json = {0};
    char hash[SHA256_SRI_MAX];
    const struct archive_limits limits = {.bytes = 1 << 20, .entries = 100};
    publish_package(p, &prelude);
    const struct published_version *published = find_published(p, "prelude", "1.0.0");
    read_tarball(p, "prelude", "1.0.0", &tarball);
    hash_sha256_sri(tarball.bytes, tarball.length, hash);
    assert_string_equal(published->hash, hash);
    assert_int_equal(published->size_bytes, tarball.length);
    assert_int_equal(published->compiler_count, 1);
    assert_true(version_equal(published->compilers[0], (struct version){0, 15, 15}));
    assert_ok(archive_read_file(&purs_json, tarball.bytes, tarball.length, "prelude-1.0.0", "purs.json", &limits, &f->err));
    assert_string_equal(text_view(&purs_json), package_manifest(&f->arena, &prelude));
    assert_string_equal(index_file(&p->s, "prelude"), package_index_line(&f->arena, &prelude));
    text_release(&purs_json);
    text_release(&tarball);
}

static void one_commit_is_made_in_each_repository_and_shown_with_the_job(void **state) {
    struct publish_scene *p = *state;
    struct service_scene *s = &p->s;
    struct event *events;
    size_t registry = bare_repository_count(s->registry), index = bare_repository_count(s->index);
    const struct job job = publish_package(p, &prelude);
    assert_int_equal(bare_repository_count(s->registry), registry + 1);
    assert_int_equal(bare_repository_count(s->index), index + 1);
    assert_string_equal(bare_repository_subject(s->registry, &s->f.arena), "Update metadata for prelude");
    assert_string_equal(bare_repository_subject(s->index, &s->f.arena), "Update manifest for prelude@1.0.0");
    assert_string_equal(job.commits, heads_of(s));
    assert_string_equal(job.ending, JOB_ENDING_PUBLISHED);
    assert_string_equal(job.documentation, "skipped"); /* no token is set */
    assert_int_equal(read_events(s, &events), 1);
    assert_string_equal(
        events[0].payload,
        arena_format(&s->f.arena,
                     "{\"event\":\"published\",\"name\":\"prelude\",\"version\":\"1.0.0\",\"compiler\":\"0.15.15\","
                     "\"registryCommit\":\"%s\",\"indexCommit\":\"%s\"}",
                     bare_repository_head(s->registry, &s->f.arena), bare_repository_head(s->index, &s->f.arena)));
    expect_no_work(p);
}

static void every_step_is_timed_in_its_order(void **state) {
    struct publish_scene *p = *state;
    static const char *const steps[] = {
        "Timings: metadata=", " fetch=", " manifest=", " license=",  " check=",  " solve=",  " modules=",      " pack=",
        " install=",          " graph=", " compile=",  " detector=", " record=", " commit=", " documentation="};
    const struct job job = publish_package(p, &prelude);
    const char *log = log_of(&p->s, job.id), *at = log;
    for (size_t i = 0; i < sizeof steps / sizeof *steps; i++)
        if (!(at = strstr(at, steps[i]))) fail_msg("%s is not in its place in %s", steps[i], log);
    assert_true(text_ends_with(log, "NOTICE Published prelude@1.0.0."));
}

static void a_read_only_service_compiles_and_writes_nothing(void **state) {
    struct publish_scene *p = *state;
    struct event *events;
    p->service.settings.readonly = true;
    const char *before = heads_of(&p->s);
    const struct job job = publish_package(p, &prelude);
    assert_true(job.is_readonly);
    assert_null(job.ending);
    assert_null(job.record);
    assert_string_equal(heads_of(&p->s), before);
    assert_false(is_stored(p, "prelude", "1.0.0"));
    assert_int_equal(read_events(&p->s, &events), 0);
    expect_line(&p->s, job.id, "INFO Compiled 1 module with compiler 0.15.15.");
    expect_line(&p->s, job.id, "WARN Read-only: the tarball is not stored.");
    expect_line(&p->s, job.id, "WARN Read-only: the metadata is not committed.");
    expect_line(&p->s, job.id, "WARN Read-only: the manifest is not committed to the index.");
    expect_line(&p->s, job.id, "NOTICE prelude@1.0.0 would be published now, but this server is read-only.");
}

static void owners_are_those_of_the_manifest_that_was_published_last(void **state) {
    struct publish_scene *p = *state;
    struct package package = prelude;
    package.owners = owners_of_key(&p->s, &p->s.owner);
    publish_package(p, &package);
    assert_int_equal(read_metadata(&p->s, "prelude").owners.count, 1);
    publish_package(p, &prelude_2); /* has no owners */
    assert_int_equal(read_metadata(&p->s, "prelude").owners.count, 0);
    assert_non_null(find_published(p, "prelude", "1.0.0"));
    assert_non_null(find_published(p, "prelude", "1.1.0"));
}

/* ---- Choices ---- */

static void a_known_package_needs_no_location(void **state) {
    struct publish_scene *p = *state;
    publish_package(p, &prelude);
    push_source(p, &prelude_2);
    const struct job_request request = short_request(p, &prelude_2, "");
    expect_line(&p->s, run_to_success(&p->s, &request).id, "INFO Building with compiler 0.15.15 and no other packages.");
}

static void the_newest_plan_is_taken_where_the_request_has_none(void **state) {
    struct publish_scene *p = *state;
    publish_package(p, &prelude);
    publish_package(p, &prelude_2);
    expect_line(&p->s, publish_package(p, &maybe).id, "INFO Building with compiler 0.15.15 and prelude@1.1.0.");
}

static void resolutions_are_taken_as_they_are(void **state) {
    struct publish_scene *p = *state;
    publish_package(p, &prelude);
    publish_package(p, &prelude_2);
    push_source(p, &maybe);
    const struct job_request request =
        short_request(p, &maybe,
                      ",\"compiler\":\"0.15.15\",\"resolutions\":{\"prelude\":\"1.0.0\"},\"location\":{\"githubOwner\":"
                      "\"flow\",\"githubRepo\":\"purescript-maybe\"}");
    const struct job job = run_to_success(&p->s, &request);
    expect_line(&p->s, job.id, "INFO Building with compiler 0.15.15 and prelude@1.0.0.");
    assert_non_null(strstr(job.record, "\"plan\":{\"compiler\":\"0.15.15\",\"packages\":{\"prelude\":\"1.0.0\"}}"));
}

static void the_compiler_that_is_asked_for_builds_it(void **state) {
    struct publish_scene *p = *state;
    push_source(p, &prelude);
    const struct job_request request = short_request(
        p, &prelude, ",\"compiler\":\"0.15.14\",\"location\":{\"githubOwner\":\"flow\",\"githubRepo\":\"purescript-prelude\"}");
    run_to_success(&p->s, &request);
    assert_true(version_equal(find_published(p, "prelude", "1.0.0")->compilers[0], (struct version){0, 15, 14}));
}

static void a_package_of_a_folder_is_published_from_that_folder(void **state) {
    struct publish_scene *p = *state;
    static const struct package package = {
        .name = "prelude",
        .version = "1.0.0",
        .files = {{"purs.json", NULL},
                  {"src/Main.purs", NULL},
                  {"packages/prelude/LICENSE", "BSD 3-Clause\n"},
                  {"packages/prelude/src/Prelude.purs", "module Prelude where\n"},
                  {"packages/prelude/purs.json",
                   "{\"name\":\"prelude\",\"version\":\"1.0.0\",\"license\":\"BSD-3-Clause\",\"location\":{\"githubOwner\":"
                   "\"flow\",\"githubRepo\":\"purescript-prelude\",\"subdir\":\"packages/prelude\"},\"ref\":\"v1.0.0\","
                   "\"dependencies\":{}}"}}};
    push_source(p, &package);
    const struct job_request request = short_request(p, &package,
                                                     ",\"location\":{\"githubOwner\":\"flow\",\"githubRepo\":"
                                                     "\"purescript-prelude\",\"subdir\":\"packages/prelude\"}");
    run_to_success(&p->s, &request);
    assert_string_equal(read_metadata(&p->s, "prelude").location.subdir, "packages/prelude");
}

/* ---- Messages ---- */

static void warnings_of_its_own_modules_are_in_the_log_at_debug(void **state) {
    struct publish_scene *p = *state;
    struct package package = prelude;
    package.pragma = "warn This is odd.";
    const struct job job = publish_package(p, &package);
    expect_line(&p->s, job.id, "DEBUG The compiler warns:\n");
    expect_line(&p->s, job.id, "This is odd.");
    expect_line(&p->s, job.id, "INFO Compiled 1 module with compiler 0.15.15, with 1 warning in the package's own.");
}

static void an_include_that_matches_nothing_and_an_exclude_of_what_is_always_in_are_warnings(void **state) {
    struct publish_scene *p = *state;
    static const struct package package = {
        .name = "prelude",
        .version = "1.0.0",
        .files = {{"purs.json",
                   "{\"name\":\"prelude\",\"version\":\"1.0.0\",\"license\":\"BSD-3-Clause\",\"location\":{\"githubOwner\":"
                   "\"flow\",\"githubRepo\":\"purescript-prelude\"},\"ref\":\"v1.0.0\",\"includeFiles\":[\"docs/*.md\"],"
                   "\"excludeFiles\":[\"LICENSE\"],\"dependencies\":{}}"}}};
    const struct job job = publish_package(p, &package);
    expect_line(&p->s, job.id, "WARN ");
    expect_line(&p->s, job.id, "docs/*.md");
    expect_line(&p->s, job.id, "LICENSE");
}

/* ---- Existing objects ---- */

static void an_equal_index_entry_without_metadata_is_gone_on_with(void **state) {
    struct publish_scene *p = *state;
    write_index_file(&p->s, "prelude", package_index_line(&p->s.f.arena, &prelude));
    const struct job job = publish_package(p, &prelude);
    expect_line(&p->s, job.id, "INFO The index already has the manifest: ");
    assert_non_null(find_published(p, "prelude", "1.0.0"));
}

static void a_stored_object_with_the_same_bytes_is_used(void **state) {
    struct publish_scene *p = *state;
    publish_package(p, &prelude);
    write_registry_file(&p->s, "prelude", NULL);
    write_index_file(&p->s, "prelude", NULL);
    publish_package(p, &prelude);
    assert_non_null(find_published(p, "prelude", "1.0.0"));
}

static void a_stored_object_with_other_bytes_is_never_overwritten(void **state) {
    struct publish_scene *p = *state;
    push_source(p, &prelude);
    write_file(tarball_path(p, "prelude", "1.0.0"), "another");
    const struct job_request request = request_of(p, &prelude);
    run_to_refusal(&p->s, &request, "and a stored tarball is never overwritten.");
    assert_string_equal(read_file(&p->s.f.arena, tarball_path(p, "prelude", "1.0.0")), "another");
    assert_null(metadata_file(&p->s, "prelude"));
}

/* ---- Storage ---- */

static void a_tarball_that_the_metadata_lists_must_be_brought_back_to_storage(void **state) {
    struct publish_scene *p = *state;
    list_version(&p->s, &(struct listed_version){.name = "prelude", .version = "1.0.0"});
    push_source(p, &maybe);
    const struct job_request request = request_of(p, &maybe);
    begin_job(&p->s, &request);
    await_line(&p->s, request.id, "WARN The job is waiting for the registry's tarball storage, ");
    assert_null(metadata_file(&p->s, "maybe"));
}

/* ---- Git hosts ---- */

/* The job must fail with these words, because its host's address has no server. */
static struct job run_without_host(struct publish_scene *p, const char *words) {
    struct settings *settings = &p->service.settings;
    free(settings->github_git_url);
    settings->github_git_url = memory_copy_text("http://127.0.0.1:9");
    const struct job_request request = request_of(p, &prelude);
    return run_to_refusal(&p->s, &request, words);
}

static void a_source_that_cannot_be_had_now_is_asked_for_again(void **state) {
    struct publish_scene *p = *state;
    const struct job job = run_without_host(p, "This may be temporary: try again later. (Tried 4 times.)");
    expect_line(&p->s, job.id, "(attempt 2 of 4)");
    expect_line(&p->s, job.id, "(attempt 4 of 4)");
    expect_no_line(&p->s, job.id, "(attempt 5 of 4)");
}

static void tries_end_with_the_time_of_the_source(void **state) {
    struct publish_scene *p = *state;
    p->service.settings.source_retry_ms = p->service.settings.source_timeout_ms; /* a second attempt would be too late */
    run_without_host(p, "This may be temporary: try again later. (Tried 1 time.)");
}

int main(void) {
    static const struct CMUnitTest tests[] = {
        publish_test(the_tarball_is_stored_as_the_metadata_says),
        publish_test(one_commit_is_made_in_each_repository_and_shown_with_the_job),
        publish_test(every_step_is_timed_in_its_order),
        publish_test(a_read_only_service_compiles_and_writes_nothing),
        publish_test(owners_are_those_of_the_manifest_that_was_published_last),
        publish_test(a_known_package_needs_no_location),
        publish_test(the_newest_plan_is_taken_where_the_request_has_none),
        publish_test(resolutions_are_taken_as_they_are),
        publish_test(the_compiler_that_is_asked_for_builds_it),
        publish_test(a_package_of_a_folder_is_published_from_that_folder),
        publish_test(warnings_of_its_own_modules_are_in_the_log_at_debug),
        publish_test(an_include_that_matches_nothing_and_an_exclude_of_what_is_always_in_are_warnings),
        publish_test(an_equal_index_entry_without_metadata_is_gone_on_with),
        publish_test(a_stored_object_with_the_same_bytes_is_used),
        publish_test(a_stored_object_with_other_bytes_is_never_overwritten),
        publish_test(a_tarball_that_the_metadata_lists_must_be_brought_back_to_storage),
        publish_test(a_source_that_cannot_be_had_now_is_asked_for_again),
        publish_test(tries_end_with_the_time_of_the_source),
    };
    return cmocka_run_group_tests(tests, start_publish, stop_publish);
}
