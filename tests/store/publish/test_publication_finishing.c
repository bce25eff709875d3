/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Documentation on Pursuit, and versions that an earlier publication left unfinished (lib/domain/README.md, Publish, steps
 * 5 and 11), by the job runner.
 */
#include "tests/store/publish/publish_scene.h"
#include "tests/support/server/pursuit_server.h"

#define TOKEN "ghp_OnlyForThisTest0123456789"

static struct pursuit_server *pursuit;

static int open_with_pursuit(void **state) {
    pursuit = pursuit_server_start(TOKEN);
    setenv("PURSUIT_API_URL", pursuit_server_url(pursuit), true);
    setenv("PACCHETTIBOTTI_TOKEN", TOKEN, true);
    return open_publish_runner(state);
}

static int close_with_pursuit(void **state) {
    close_publish(state);
    pursuit_server_stop(pursuit);
    return 0;
}

#define pursuit_test(name) cmocka_unit_test_setup_teardown(name, open_with_pursuit, close_with_pursuit)

static const struct package prelude = {.name = "prelude", .version = "1.0.0"};
static const struct package maybe = {.name = "maybe", .version = "1.0.0", .dependencies = {{"prelude", ">=1.0.0 <2.0.0"}}};

static bool is_documented(const char *name) {
    json_t *found = pursuit_server_documentation(pursuit, name, "1.0.0");
    json_decref(found);
    return found != NULL;
}

/* Publishes prelude while Pursuit refuses its documentation. */
static struct job publish_without_documentation(struct publish_scene *p) {
    pursuit_server_set_mode(pursuit, PURSUIT_REFUSING);
    const struct job job = publish_package(p, &prelude);
    pursuit_server_set_mode(pursuit, PURSUIT_WELL);
    return job;
}

/* Sends the request again; storage and metadata must not change. */
static struct job finish(struct publish_scene *p) {
    const char *metadata = metadata_file(&p->s, "prelude");
    const struct job_request request = short_request(p, &prelude, "");
    const struct job job = run_to_success(&p->s, &request);
    assert_string_equal(job.ending, JOB_ENDING_ALREADY_PUBLISHED);
    assert_string_equal(metadata_file(&p->s, "prelude"), metadata);
    assert_string_equal(index_file(&p->s, "prelude"), package_index_line(&p->s.f.arena, &prelude));
    expect_line(&p->s, job.id, "NOTICE prelude@1.0.0 is finished.");
    expect_no_line(&p->s, job.id, "Stored the tarball.");
    return job;
}

/* ---- Documentation ---- */

static void it_has_the_packages_of_the_plan_and_the_time_of_the_commit(void **state) {
    struct publish_scene *p = *state;
    publish_package(p, &prelude);
    const struct job job = publish_package(p, &maybe);
    assert_string_equal(job.documentation, "published");
    expect_line(&p->s, job.id, "INFO The documentation is on Pursuit: ");
    json_t *found = pursuit_server_documentation(pursuit, "maybe", "1.0.0");
    assert_non_null(json_object_get(json_object_get(found, "resolvedDependencies"), "purescript-prelude"));
    assert_string_equal(json_string_value(json_object_get(found, "version")), "1.0.0");
    json_decref(found);
}

static void a_refused_upload_fails_no_publication(void **state) {
    struct publish_scene *p = *state;
    const struct job job = publish_without_documentation(p);
    assert_string_equal(job.documentation, "failed");
    assert_string_equal(job.ending, JOB_ENDING_PUBLISHED);
    expect_line(&p->s, job.id, "NOTICE prelude@1.0.0 is published, but its documentation could not be sent to Pursuit.");
    expect_no_line(&p->s, job.id, "Send the same request again to retry."); /* a repeated request would be refused, too */
    assert_false(is_documented("prelude"));
}

static void where_pursuit_is_away_the_log_advises_to_send_it_again(void **state) {
    struct publish_scene *p = *state;
    pursuit_server_set_mode(pursuit, PURSUIT_AWAY);
    const struct job job = publish_package(p, &prelude);
    assert_string_equal(job.documentation, "failed");
    expect_line(&p->s, job.id, "NOTICE prelude@1.0.0 is published, but its documentation could not be sent to Pursuit.");
    expect_line(&p->s, job.id, "Send the same request again to retry.");
}

static void impossible_documentation_fails_no_publication(void **state) {
    struct publish_scene *p = *state;
    struct package package = prelude;
    package.pragma = "fail-publish It has no words.";
    const struct job job = publish_package(p, &package);
    assert_string_equal(job.documentation, "failed");
    expect_line(&p->s, job.id, "It has no words.");
    assert_int_equal(pursuit_server_uploads(pursuit), 0);
}

static void existing_documentation_is_not_uploaded_again(void **state) {
    struct publish_scene *p = *state;
    pursuit_server_add(pursuit, "prelude", "1.0.0");
    const struct job job = publish_package(p, &prelude);
    assert_string_equal(job.documentation, "published");
    expect_line(&p->s, job.id, "INFO The documentation is already on Pursuit: ");
    assert_int_equal(pursuit_server_uploads(pursuit), 0);
}

static void a_read_only_service_sends_none(void **state) {
    struct publish_scene *p = *state;
    p->service.settings.readonly = true;
    const struct job job = publish_package(p, &prelude);
    assert_string_equal(job.documentation, "skipped");
    expect_line(&p->s, job.id, "WARN Read-only: the documentation is not sent to Pursuit.");
    assert_int_equal(pursuit_server_uploads(pursuit), 0);
}

/* ---- Finishing ---- */

static void missing_documentation_is_finished_and_commits_nothing(void **state) {
    struct publish_scene *p = *state;
    struct event *events;
    publish_without_documentation(p);
    read_events(&p->s, &events);
    const char *before = heads_of(&p->s);
    const struct job job = finish(p);
    assert_string_equal(job.documentation, "published");
    assert_true(is_documented("prelude"));
    assert_string_equal(heads_of(&p->s), before);
    assert_null(job.commits);
    expect_line(&p->s, job.id,
                "NOTICE prelude@1.0.0 is published, but its documentation is not on Pursuit; this job completes it.");
    expect_no_line(&p->s, job.id, " compile=");
    expect_no_line(&p->s, job.id, " commit=");
    assert_int_equal(read_events(&p->s, &events), 0); /* nothing new to build */
}

static void a_missing_index_entry_is_finished(void **state) {
    struct publish_scene *p = *state;
    struct event *events;
    publish_package(p, &prelude);
    write_index_file(&p->s, "prelude", NULL);
    read_events(&p->s, &events);
    const struct job job = finish(p);
    expect_line(&p->s, job.id,
                "NOTICE prelude@1.0.0 is published, but its manifest is not in the index; this job completes it.");
    expect_line(&p->s, job.id, "INFO The metadata was already up to date: ");
    expect_no_line(&p->s, job.id, " compile=");
    assert_int_equal(read_events(&p->s, &events), 1); /* dependants can be built now */
    assert_int_equal(pursuit_server_uploads(pursuit), 1);
}

static void complete_versions_are_refused_with_both_addresses(void **state) {
    struct publish_scene *p = *state;
    publish_package(p, &prelude);
    const struct job_request request = short_request(p, &prelude, "");
    const struct job job = run_to_refusal(&p->s, &request, "prelude@1.0.0 is already published");
    assert_non_null(strstr(job.error, "/prelude/1.0.0.tar.gz"));
    assert_non_null(
        strstr(job.error, arena_format(&p->s.f.arena, "%s/packages/purescript-prelude/1.0.0.", pursuit_server_url(pursuit))));
}

static void another_manifest_than_the_stored_one_is_refused_showing_both(void **state) {
    struct publish_scene *p = *state;
    struct package other = prelude;
    other.owners = owners_of_key(&p->s, &p->s.stranger);
    publish_without_documentation(p);
    push_source(p, &other);
    const struct job_request request = short_request(p, &prelude, "");
    const struct job job = run_to_refusal(&p->s, &request, "prelude@1.0.0 is already published with another manifest.");
    assert_non_null(strstr(job.error, package_manifest(&p->s.f.arena, &prelude)));
    assert_non_null(strstr(job.error, "\"owners\": ["));
    assert_false(is_documented("prelude"));
}

static void a_version_is_not_judged_where_pursuit_does_not_answer(void **state) {
    struct publish_scene *p = *state;
    publish_without_documentation(p);
    pursuit_server_set_mode(pursuit, PURSUIT_AWAY);
    const struct job_request request = short_request(p, &prelude, "");
    run_to_refusal(&p->s, &request, "Please try again later.");
}

static void a_job_that_has_only_documentation_to_finish_fails_with_it(void **state) {
    struct publish_scene *p = *state;
    publish_without_documentation(p);
    pursuit_server_set_mode(pursuit, PURSUIT_REFUSING);
    const struct job_request request = short_request(p, &prelude, "");
    const struct job job =
        run_to_refusal(&p->s, &request, "prelude@1.0.0 is published, but its documentation could not be sent to Pursuit");
    assert_string_equal(job.documentation, "failed");
}

int main(void) {
    static const struct CMUnitTest tests[] = {
        pursuit_test(it_has_the_packages_of_the_plan_and_the_time_of_the_commit),
        pursuit_test(a_refused_upload_fails_no_publication),
        pursuit_test(where_pursuit_is_away_the_log_advises_to_send_it_again),
        pursuit_test(impossible_documentation_fails_no_publication),
        pursuit_test(existing_documentation_is_not_uploaded_again),
        pursuit_test(a_read_only_service_sends_none),
        pursuit_test(missing_documentation_is_finished_and_commits_nothing),
        pursuit_test(a_missing_index_entry_is_finished),
        pursuit_test(complete_versions_are_refused_with_both_addresses),
        pursuit_test(another_manifest_than_the_stored_one_is_refused_showing_both),
        pursuit_test(a_version_is_not_judged_where_pursuit_does_not_answer),
        pursuit_test(a_job_that_has_only_documentation_to_finish_fails_with_it),
    };
    return cmocka_run_group_tests(tests, start_publish, stop_publish);
}
