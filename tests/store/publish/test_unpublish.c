/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Unpublishing by the job runner (lib/domain/README.md, Unpublish): permissions, refusals, the removals and their order, and
 * runs that continue from an earlier one's record. Killed services: tests/flow/owners/test_faults.c.
 */
#include "tests/store/publish/publish_scene.h"

#define HOUR_MS INT64_C(3600000)
#define PAYLOAD(name) "{\"name\":\"" name "\",\"version\":\"1.0.0\",\"reason\":\"It is broken.\"}"
#define WITHOUT_REASON "{\"name\":\"arrays\",\"version\":\"1.0.0\",\"reason\":\" \"}"

/* Lists a version of the owner's, published `age_ms` ago, with a tarball in storage. */
static void list_arrays(struct publish_scene *p, int64_t age_ms) {
    list_version(&p->s,
                 &(struct listed_version){
                     .name = "arrays", .version = "1.0.0", .owners = owners_of_key(&p->s, &p->s.owner), .age_ms = age_ms});
    write_file(tarball_path(p, "arrays", "1.0.0"), "a tarball");
}

static struct job_request ask(struct publish_scene *p, const char *payload, const struct owner_key_pair *key) {
    return signed_job(&p->s, JOB_KIND_UNPUBLISH, "arrays", payload, key);
}

static struct job_request ask_as_owner(struct publish_scene *p) {
    return ask(p, PAYLOAD("arrays"), &p->s.owner);
}

static void expect_gone(struct publish_scene *p) {
    const struct metadata metadata = read_metadata(&p->s, "arrays");
    assert_int_equal(metadata.published_count, 0);
    assert_int_equal(metadata.unpublished_count, 1);
    assert_string_equal(metadata.unpublished[0].reason, "It is broken.");
    assert_null(index_file(&p->s, "arrays"));
    assert_false(is_stored(p, "arrays", "1.0.0"));
}

static void expect_kept(struct publish_scene *p) {
    assert_non_null(find_published(p, "arrays", "1.0.0"));
    assert_non_null(index_file(&p->s, "arrays"));
    assert_true(is_stored(p, "arrays", "1.0.0"));
}

/* ---- Removals ---- */

static void entry_metadata_and_tarball_go_in_this_order(void **state) {
    struct publish_scene *p = *state;
    struct service_scene *s = &p->s;
    list_arrays(p, 0);
    int64_t published_ms = find_published(p, "arrays", "1.0.0")->published_ms;
    const struct job_request request = ask_as_owner(p);
    const struct job job = run_to_success(s, &request);
    expect_gone(p);
    assert_int_equal(read_metadata(s, "arrays").unpublished[0].published_ms, published_ms);
    assert_string_equal(bare_repository_subject(s->index, &s->f.arena), "Remove manifest entry for arrays@1.0.0");
    assert_string_equal(bare_repository_subject(s->registry, &s->f.arena), "Update metadata for arrays");
    assert_string_equal(job.commits,
                        arena_format(&s->f.arena, "index=%s registry=%s", bare_repository_head(s->index, &s->f.arena),
                                     bare_repository_head(s->registry, &s->f.arena)));
    static const char *const lines[] = {"INFO Unpublishing arrays@1.0.0: It is broken.",
                                        "INFO Removed the manifest from the index: ",
                                        "INFO Committed the metadata: ",
                                        "INFO Removed the tarball.",
                                        "INFO Timings: unpublish-read=",
                                        " unpublish-right=",
                                        " unpublish-version=",
                                        " unpublish-age=",
                                        " unpublish-dependants=",
                                        " unpublish-record=",
                                        " unpublish-index=",
                                        " unpublish-metadata=",
                                        " unpublish-tarball=",
                                        "NOTICE Unpublished arrays@1.0.0."};
    const char *log = log_of(s, job.id), *at = log;
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++)
        if (!(at = strstr(at, lines[i]))) fail_msg("%s is not in its place in %s", lines[i], log);
}

static void other_versions_stay(void **state) {
    struct publish_scene *p = *state;
    list_arrays(p, 0);
    list_version(&p->s,
                 &(struct listed_version){.name = "arrays", .version = "1.1.0", .owners = owners_of_key(&p->s, &p->s.owner)});
    const struct job_request request = ask_as_owner(p);
    run_to_success(&p->s, &request);
    assert_null(find_published(p, "arrays", "1.0.0"));
    assert_non_null(find_published(p, "arrays", "1.1.0"));
    assert_null(strstr(index_file(&p->s, "arrays"), "\"version\":\"1.0.0\""));
    assert_non_null(strstr(index_file(&p->s, "arrays"), "\"version\":\"1.1.0\""));
}

static void a_read_only_service_says_so_and_writes_nothing(void **state) {
    struct publish_scene *p = *state;
    list_arrays(p, 0);
    p->service.settings.readonly = true;
    const char *before = heads_of(&p->s);
    const struct job_request request = ask_as_owner(p);
    const struct job job = run_to_success(&p->s, &request);
    assert_true(job.is_readonly);
    assert_null(job.record);
    assert_string_equal(heads_of(&p->s), before);
    expect_kept(p);
    expect_line(&p->s, job.id, "WARN Read-only: the manifest is not removed from the index.");
    expect_line(&p->s, job.id, "WARN Read-only: the metadata is not committed.");
    expect_line(&p->s, job.id, "WARN Read-only: the tarball is not removed.");
    expect_line(&p->s, job.id, "but this server is read-only.");
}

/* ---- Permissions and deadlines ---- */

static void a_stranger_may_not(void **state) {
    struct publish_scene *p = *state;
    list_arrays(p, 0);
    const struct job_request request = ask(p, PAYLOAD("arrays"), &p->s.stranger);
    run_to_refusal(&p->s, &request, "No owner of arrays has signed exactly this payload.");
    expect_kept(p);
}

static void pacchettibotti_may_for_a_package_without_owners(void **state) {
    struct publish_scene *p = *state;
    list_version(&p->s, &(struct listed_version){.name = "arrays", .version = "1.0.0"});
    struct job_request request = ask_as_owner(p);
    run_to_refusal(&p->s, &request, "The package arrays has no owners");
    request = ask(p, PAYLOAD("arrays"), &p->s.pacchettibotti);
    assert_string_equal(run_to_success(&p->s, &request).actor, "pacchettibotti");
}

static void two_days_after_the_publication_it_is_too_late_for_owners(void **state) {
    struct publish_scene *p = *state;
    list_arrays(p, 49 * HOUR_MS);
    struct job_request request = ask_as_owner(p);
    run_to_refusal(&p->s, &request, "more than 48 hours before this request");
    request = ask(p, PAYLOAD("arrays"), &p->s.pacchettibotti);
    run_to_refusal(&p->s, &request, "more than 48 hours before this request");
    expect_kept(p);
}

static void the_time_of_the_request_counts_not_that_of_the_run(void **state) {
    struct publish_scene *p = *state;
    struct fixture *f = &p->s.f;
    const struct job_request request = ask_as_owner(p);
    accept_job(f, &request);
    int64_t left_ms = 100;
    list_arrays(p, 48 * HOUR_MS - left_ms - (clock_now_ms() - get_job(f, request.id).created_ms));
    wait_ms(2 * (int)left_ms); /* the version is older than that now */
    start_publish_runner(p);
    expect_success(&p->s, request.id);
}

static void trustees_may_at_any_age_with_a_reason(void **state) {
    struct publish_scene *p = *state;
    list_arrays(p, 1000 * HOUR_MS);
    struct job_request request = trustee_job(&p->s, JOB_KIND_UNPUBLISH, "arrays", WITHOUT_REASON, NULL);
    run_to_refusal(&p->s, &request, "so a reason is required.");
    expect_kept(p);
    request = trustee_job(&p->s, JOB_KIND_UNPUBLISH, "arrays", PAYLOAD("arrays"), NULL);
    const struct job job = run_to_success(&p->s, &request);
    expect_gone(p);
    expect_line(&p->s, job.id, "NOTICE Requested by the trustee a-trustee, issue 7.");
    assert_string_equal(job.payload,
                        signed_request_body(&p->s.f.arena, PAYLOAD("arrays"),
                                            owner_key_sign(&p->s.f.arena, &p->s.pacchettibotti, PAYLOAD("arrays"))));
}

/* ---- Refusals ---- */

static void an_unpublished_or_unknown_version_cannot_be_unpublished(void **state) {
    struct publish_scene *p = *state;
    list_arrays(p, 0);
    struct job_request request = ask(p, PAYLOAD("gone"), &p->s.owner);
    run_to_refusal(&p->s, &request, "There is no package named gone in the registry.");
    request = ask(p, "{\"name\":\"arrays\",\"version\":\"2.0.0\",\"reason\":\"It is broken.\"}", &p->s.owner);
    run_to_refusal(&p->s, &request, "arrays has no version 2.0.0. Published versions: 1.0.0.");
    request = ask_as_owner(p);
    run_to_success(&p->s, &request);
    request = ask(p, WITHOUT_REASON, &p->s.owner);
    run_to_refusal(&p->s, &request, "arrays@1.0.0 is already unpublished, since ");
}

static void a_version_that_others_need_stays(void **state) {
    struct publish_scene *p = *state;
    list_arrays(p, 0);
    list_version(&p->s, &(struct listed_version){.name = "lists", .version = "1.0.0", .dependencies = "arrays >=1.0.0 <2.0.0"});
    struct job_request request = ask_as_owner(p);
    run_to_refusal(&p->s, &request,
                   "would leave unsatisfied dependencies. It is still needed by:\n  lists@1.0.0 (needs >=1.0.0 <2.0.0)\n");
    expect_kept(p);
    list_version(&p->s,
                 &(struct listed_version){.name = "arrays", .version = "1.1.0", .owners = owners_of_key(&p->s, &p->s.owner)});
    request = ask_as_owner(p);
    run_to_success(&p->s, &request); /* the other version satisfies it, too */
}

static void many_dependants_are_counted(void **state) {
    struct publish_scene *p = *state;
    enum { SHOWN = 20, MORE = 3 };
    list_arrays(p, 0);
    for (int i = 0; i < SHOWN + MORE; i++)
        list_version(&p->s, &(struct listed_version){.name = arena_format(&p->s.f.arena, "user-%d", i),
                                                     .version = "1.0.0",
                                                     .dependencies = "arrays >=1.0.0 <2.0.0"});
    const struct job_request request = ask_as_owner(p);
    run_to_refusal(&p->s, &request, "\n  and 3 more\n");
}

/* ---- Resuming an earlier run ---- */

#define RECORD "{\"reason\":\"It is broken.\",\"unpublishedTime\":\"2026-11-23T12:00:00.000Z\"}"

static void a_run_with_a_record_writes_its_time_and_reason(void **state) {
    struct publish_scene *p = *state;
    list_arrays(p, 1000 * HOUR_MS); /* age and permission were checked before the record */
    const struct job_request request = ask(p, WITHOUT_REASON, &p->s.stranger);
    leave_record(&p->s, &request, RECORD);
    start_publish_runner(p);
    expect_success(&p->s, request.id);
    expect_gone(p);
    char time[TIME_TEXT_MAX];
    time_print(read_metadata(&p->s, "arrays").unpublished[0].unpublished_ms, time);
    assert_string_equal(time, "2026-11-23T12:00:00.000Z");
    expect_line(&p->s, request.id, "INFO Resuming after an interruption: decided at 2026-11-23T12:00:00.000Z.");
}

static void a_missing_object_is_not_removed_again(void **state) {
    struct publish_scene *p = *state;
    struct fixture *f = &p->s.f;
    list_arrays(p, 0);
    struct metadata metadata = read_metadata(&p->s, "arrays");
    assert_ok(metadata_unpublish(&metadata, (struct version){.major = 1}, "It is broken.", clock_now_ms(), &f->arena, &f->err));
    write_metadata(&p->s, "arrays", &metadata);
    write_index_file(&p->s, "arrays", NULL);
    const char *before = heads_of(&p->s);
    const struct job_request request = ask_as_owner(p);
    leave_record(&p->s, &request, RECORD);
    start_publish_runner(p);
    expect_success(&p->s, request.id);
    assert_string_equal(heads_of(&p->s), before);
    expect_line(&p->s, request.id, "INFO The index does not have the manifest: ");
    assert_false(is_stored(p, "arrays", "1.0.0"));
}

static void a_new_dependant_meanwhile_prevents_it(void **state) {
    struct publish_scene *p = *state;
    list_arrays(p, 0);
    list_version(&p->s, &(struct listed_version){.name = "lists", .version = "1.0.0", .dependencies = "arrays >=1.0.0 <2.0.0"});
    const struct job_request request = ask_as_owner(p);
    leave_record(&p->s, &request, RECORD);
    start_publish_runner(p);
    assert_int_equal(await_end(&p->s.f, request.id).state, JOB_STATE_FAILED);
    assert_non_null(strstr(get_job(&p->s.f, request.id).error, "would leave unsatisfied dependencies"));
    expect_kept(p);
}

int main(void) {
    static const struct CMUnitTest tests[] = {
        publish_test(entry_metadata_and_tarball_go_in_this_order),
        publish_test(other_versions_stay),
        publish_test(a_read_only_service_says_so_and_writes_nothing),
        publish_test(a_stranger_may_not),
        publish_test(pacchettibotti_may_for_a_package_without_owners),
        publish_test(two_days_after_the_publication_it_is_too_late_for_owners),
        publish_test_without_runner(the_time_of_the_request_counts_not_that_of_the_run),
        publish_test(trustees_may_at_any_age_with_a_reason),
        publish_test(an_unpublished_or_unknown_version_cannot_be_unpublished),
        publish_test(a_version_that_others_need_stays),
        publish_test(many_dependants_are_counted),
        publish_test_without_runner(a_run_with_a_record_writes_its_time_and_reason),
        publish_test_without_runner(a_missing_object_is_not_removed_again),
        publish_test_without_runner(a_new_dependant_meanwhile_prevents_it),
    };
    return cmocka_run_group_tests(tests, start_publish, stop_publish);
}
