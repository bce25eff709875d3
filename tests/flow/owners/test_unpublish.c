/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Unpublishing through the gateway (lib/domain/README.md, Unpublish): its result, permissions, every refusal, repeats (replays
 * after it was undone: test_played_back.c), and the further rights of trustees.
 */
#include "tests/support/cmocka_all.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/clock.h"
#include "lib/store/job/job_store.h"
#include "tests/support/owners_scene.h"
#include "tests/support/registry_check.h"
#include "tests/support/shell.h"

#define HOUR_MS INT64_C(3600000)

static struct owners_scene scene;

/* ---- The state afterwards ---- */

static void expect_head(const char *repo, const char *subject, const char *id) {
    char *message = shell_output(&scene.server->arena, "git -C '%s/%s' log -1 --format=%%B", scene.server->folder, repo);
    assert_string_equal(message, arena_format(&scene.server->arena, "%s\n\nJob ID: %s\n\n", subject, id));
}

static int tarball_status(const char *name, const char *version) {
    struct http_response response = {0};
    server_call(scene.server, "GET", arena_format(&scene.server->arena, "/%s/%s.tar.gz", name, version), NULL, &response);
    int status = response.status;
    http_response_release(&response);
    return status;
}

static void expect_moved(const char *name, const char *version, const char *published_time, int64_t since_ms) {
    json_t *metadata = owners_scene_metadata(&scene, name);
    assert_null(json_object_get(json_object_get(metadata, "published"), version));
    const json_t *entry = json_object_get(json_object_get(metadata, "unpublished"), version);
    assert_int_equal(json_object_size(entry), 3);
    assert_string_equal(server_job_text(entry, "reason"), "It was not \"done\".");
    assert_string_equal(server_job_text(entry, "publishedTime"), published_time);
    assert_in_range(server_job_time(entry, "unpublishedTime"), since_ms, clock_now_ms());
    assert_int_equal(json_array_size(json_object_get(metadata, "owners")), 1);
    json_decref(metadata);
}

static void an_owner_unpublishes_a_version(void **state) {
    (void)state;
    struct server *server = scene.server;
    owners_scene_publish(&scene, "owned", "1.0.0", owners_of(&scene, &scene.owner));
    const char *index_before = registry_file(server, INDEX_REPO, "ow/ne/owned");
    owners_scene_publish(&scene, "owned", "1.1.0", owners_of(&scene, &scene.owner));
    json_t *entry = registry_published(server, "owned", "1.1.0");
    assert_int_equal(tarball_status("owned", "1.1.0"), 200);

    int64_t since_ms = clock_now_ms();
    const char *payload = unpublish_payload(&scene, "owned", "1.1.0");
    const char *id = owners_scene_expect_done(&scene, ROUTE_UNPUBLISH, payload, &scene.owner);
    expect_moved("owned", "1.1.0", server_job_text(entry, "publishedTime"), since_ms);
    assert_string_equal(registry_file(server, INDEX_REPO, "ow/ne/owned"), index_before);
    assert_int_equal(tarball_status("owned", "1.1.0"), 404);
    assert_int_equal(tarball_status("owned", "1.0.0"), 200);
    expect_head(INDEX_REPO, "Remove manifest entry for owned@1.1.0", id);
    expect_head(REGISTRY_REPO, "Update metadata for owned", id);
    registry_expect_consistency(server);
    json_decref(entry);
}

static void the_last_version_leaves_no_index_file(void **state) {
    (void)state;
    owners_scene_publish(&scene, "alone", "1.0.0", owners_of(&scene, &scene.owner));
    assert_non_null(registry_file(scene.server, INDEX_REPO, "al/on/alone"));
    owners_scene_expect_done(&scene, ROUTE_UNPUBLISH, unpublish_payload(&scene, "alone", "1.0.0"), &scene.owner);
    assert_null(registry_file(scene.server, INDEX_REPO, "al/on/alone"));
    json_t *metadata = owners_scene_metadata(&scene, "alone");
    assert_int_equal(json_object_size(json_object_get(metadata, "published")), 0);
    assert_int_equal(json_object_size(json_object_get(metadata, "unpublished")), 1);
    json_decref(metadata);
    registry_expect_consistency(scene.server);
}

/* Its manifest never reached the index (or is gone from there), and its tarball is missing. */
static void an_unfinished_version_can_be_unpublished_too(void **state) {
    (void)state;
    owners_scene_publish(&scene, "halfway", "1.0.0", owners_of(&scene, &scene.owner));
    registry_write(scene.server, INDEX_REPO, "ha/lf/halfway", NULL);
    shell_run("rm '%s/storage/halfway/1.0.0.tar.gz'", scene.server->folder);
    owners_scene_expect_done(&scene, ROUTE_UNPUBLISH, unpublish_payload(&scene, "halfway", "1.0.0"), &scene.owner);
    json_t *metadata = owners_scene_metadata(&scene, "halfway");
    assert_non_null(json_object_get(json_object_get(metadata, "unpublished"), "1.0.0"));
    json_decref(metadata);
    registry_expect_consistency(scene.server);
}

static void the_job_shows_what_was_sent_and_by_whom(void **state) {
    (void)state;
    struct server *server = scene.server;
    owners_scene_publish(&scene, "shown", "1.0.0", owners_of(&scene, &scene.owner));
    const char *payload = unpublish_payload(&scene, "shown", "1.0.0");
    const char *id = owners_scene_expect_done(&scene, ROUTE_UNPUBLISH, payload, &scene.owner);
    json_t *job = server_wait_for_job(server, id);
    assert_string_equal(server_job_text(job, "jobType"), "unpublish");
    assert_string_equal(server_job_text(job, "packageName"), "shown");
    assert_string_equal(server_job_text(job, "packageVersion"), "1.0.0");
    const json_t *sent = json_object_get(job, "payload");
    assert_string_equal(server_job_text(sent, "payload"), payload);
    assert_string_equal(server_job_text(sent, "signature"), owner_key_sign(&server->arena, &scene.owner, payload));
    const char *log = server_log_text(server, job);
    assert_non_null(strstr(
        log, arena_format(&server->arena, "Signed by the ssh-ed25519 key %s, me@example.org.", scene.owner.fingerprint)));
    assert_non_null(strstr(log, "NOTICE Unpublished shown@1.0.0."));
    const char *timings = strstr(log, "INFO Timings: unpublish-read=");
    assert_non_null(timings);
    assert_null(strstr(timings + strlen("INFO Timings:"), "Timings:")); /* one line for all steps */
    assert_non_null(strstr(timings, "ms unpublish-record="));
    assert_non_null(strstr(timings, "ms unpublish-tarball="));
    json_decref(job);

    char *actor =
        shell_output(&server->arena, "printf %%s '%s' | sed 's,+,%%2B,g; s,/,%%2F,g; s,:,%%3A,'", scene.owner.fingerprint);
    json_t *jobs =
        server_get(server, arena_format(&server->arena, "/api/v1/jobs?include_completed=true&package=shown&actor=%s", actor));
    assert_int_equal(json_array_size(jobs), 1);
    assert_string_equal(server_job_text(json_array_get(jobs, 0), "jobId"), id);
    json_decref(jobs);
}

static void an_unpublished_version_cannot_come_back(void **state) {
    (void)state;
    owners_scene_publish(&scene, "gone", "1.0.0", owners_of(&scene, &scene.owner));
    owners_scene_expect_done(&scene, ROUTE_UNPUBLISH, unpublish_payload(&scene, "gone", "1.0.0"), &scene.owner);
    const struct package package = {.name = "gone", .version = "1.0.0"};
    struct server_accepted again = server_publish(scene.server, package_request(&scene.server->arena, &package));
    assert_true(again.created); /* the publication's old job is no duplicate any more */
    json_t *job = server_wait_for_job(scene.server, again.id);
    assert_non_null(strstr(server_last_error(scene.server, job), "unpublished"));
    json_decref(job);
    owners_scene_publish(&scene, "gone", "1.0.1", owners_of(&scene, &scene.owner));
}

/* ---- Permissions ---- */

static void every_kind_of_key_may_sign(void **state) {
    (void)state;
    struct arena *arena = &scene.arena;
    static const struct {
        const char *name, *arguments;
        const char *digests[3]; /* for the openssl program */
    } kinds[] = {
        {"ed25519", "-t ed25519", {NULL}},
        {"p256", "-t ecdsa -b 256", {"sha256"}},
        {"p384", "-t ecdsa -b 384", {"sha384"}},
        {"p521", "-t ecdsa -b 521", {"sha512"}},
        {"rsa", "-t rsa -b 2048", {"sha1", "sha256", "sha512"}},
    };
    enum { KINDS = sizeof kinds / sizeof kinds[0] };
    struct owner_key_pair keys[KINDS];
    for (int i = 0; i < KINDS; i++)
        keys[i] = owner_key_make(arena, scene.folder, kinds[i].name, kinds[i].arguments, kinds[i].name);
    const char *owners =
        arena_format(arena, "[%s,%s,%s,%s,%s]", keys[0].json, keys[1].json, keys[2].json, keys[3].json, keys[4].json);
    int patch = 0;
    for (int i = 0; i < KINDS; i++) {
        for (int j = 0; j == 0 || (j <= 3 && kinds[i].digests[j - 1] != NULL); j++) {
            const char *version = arena_format(arena, "1.0.%d", patch++);
            owners_scene_publish(&scene, "keyring", version, owners);
            const char *payload = unpublish_payload(&scene, "keyring", version);
            const char *signature = j == 0 ? owner_key_sign(arena, &keys[i], payload)
                                           : owner_key_sign_by_openssl(arena, &keys[i], kinds[i].digests[j - 1], payload);
            server_expect_success(
                scene.server, server_post(scene.server, ROUTE_UNPUBLISH, signed_request_body(arena, payload, signature)).id);
        }
    }
    assert_int_equal(patch, 11);
    registry_expect_consistency(scene.server);
}

static void pacchettibotti_may_for_a_package_without_owners(void **state) {
    (void)state;
    owners_scene_publish(&scene, "nobodys", "1.0.0", NULL);
    const char *id =
        owners_scene_expect_done(&scene, ROUTE_UNPUBLISH, unpublish_payload(&scene, "nobodys", "1.0.0"), &scene.pacchettibotti);
    json_t *jobs = server_get(scene.server, "/api/v1/jobs?include_completed=true&actor=pacchettibotti");
    bool is_there = false;
    for (size_t i = 0; i < json_array_size(jobs); i++)
        is_there = is_there || strcmp(server_job_text(json_array_get(jobs, i), "jobId"), id) == 0;
    assert_true(is_there);
    json_decref(jobs);
}

/* ---- Refusals ---- */

static const char *by(const struct owner_key_pair *key, const char *payload) {
    return owner_key_sign(&scene.server->arena, key, payload);
}

static void expect_refused(const char *payload, const char *signature, const char *first, const char *second,
                           const char *third) {
    const char *const words[] = {first, second, third, NULL};
    owners_scene_expect_refused(&scene, ROUTE_UNPUBLISH, payload, signature, words);
}

static void a_missing_version_cannot_be_unpublished(void **state) {
    (void)state;
    owners_scene_publish(&scene, "twice", "1.0.0", owners_of(&scene, &scene.owner));
    owners_scene_publish(&scene, "twice", "2.0.0", owners_of(&scene, &scene.owner));
    const char *payload = unpublish_payload(&scene, "nothing-here", "1.0.0");
    expect_refused(payload, by(&scene.pacchettibotti, payload), "nothing-here", "no package", NULL);
    payload = unpublish_payload(&scene, "twice", "1.5.0");
    expect_refused(payload, by(&scene.owner, payload), "no version 1.5.0", "1.0.0, 2.0.0", NULL);
    owners_scene_expect_done(&scene, ROUTE_UNPUBLISH, unpublish_payload(&scene, "twice", "1.0.0"), &scene.owner);
    payload = "{\"name\":\"twice\",\"version\":\"1.0.0\",\"reason\":\"Again.\"}";
    expect_refused(payload, by(&scene.owner, payload), "twice@1.0.0", "already unpublished", "It was not \"done\".");
}

static void only_owners_and_pacchettibotti_may(void **state) {
    (void)state;
    struct arena *arena = &scene.server->arena;
    owners_scene_publish(&scene, "guarded", "1.0.0", owners_of(&scene, &scene.owner));
    owners_scene_publish(&scene, "ownerless", "1.0.0", NULL);
    const char *payload = unpublish_payload(&scene, "guarded", "1.0.0");
    const char *other = unpublish_payload(&scene, "guarded", "1.0.1");
    const char *by_owner = by(&scene.owner, payload);
    expect_refused(payload, by(&scene.stranger, payload), "exactly this payload", scene.owner.fingerprint, "me@example.org");
    expect_refused(payload, by(&scene.owner, other), "exactly this payload", "guarded", NULL);
    expect_refused(arena_format(arena, "%s ", payload), by_owner, "exactly this payload", "guarded", NULL);
    expect_refused(payload, arena_format(arena, "%.126s", by_owner), "exactly this payload", NULL, NULL);
    expect_refused(payload, arena_format(arena, "%s00", by_owner), "exactly this payload", NULL, NULL);
    expect_refused(payload, "00", "exactly this payload", "guarded", NULL);
    /* Nor is an owner's signature of a transfer accepted for an unpublishing. */
    const char *transfer = transfer_payload(&scene, "guarded", "flow/purescript-elsewhere");
    expect_refused(payload, by(&scene.owner, transfer), "exactly this payload", NULL, NULL);

    payload = unpublish_payload(&scene, "ownerless", "1.0.0");
    expect_refused(payload, by(&scene.owner, payload), "ownerless has no owners", "trustees", "\"owners\"");
    /* The stranger's key has pacchettibotti's name in it. */
    expect_refused(payload, by(&scene.stranger, payload), "ownerless has no owners", NULL, NULL);
}

static void after_48_hours_it_is_too_late(void **state) {
    (void)state;
    owners_scene_publish(&scene, "settled", "1.0.0", owners_of(&scene, &scene.owner));
    owners_scene_backdate(&scene, "settled", "1.0.0", clock_now_ms() - 48 * HOUR_MS - 1000);
    const char *payload = unpublish_payload(&scene, "settled", "1.0.0");
    expect_refused(payload, by(&scene.owner, payload), "can no longer unpublish it", "48 hours", "trustees");
    expect_refused(payload, by(&scene.pacchettibotti, payload), "can no longer unpublish it", "48 hours", "trustees");
    owners_scene_backdate(&scene, "settled", "1.0.0", clock_now_ms() - 48 * HOUR_MS + 60000);
    owners_scene_expect_done(&scene, ROUTE_UNPUBLISH, payload, &scene.owner);
}

static bool has_passed(void *context) {
    return clock_now_ms() > *(int64_t *)context;
}

static void the_age_is_that_when_the_request_came(void **state) {
    (void)state;
    owners_scene_publish(&scene, "patient", "1.0.0", owners_of(&scene, &scene.owner));
    server_terminate(scene.server, SERVER_PUBLISH);
    const char *payload = unpublish_payload(&scene, "patient", "1.0.0");
    struct server_accepted accepted = owners_scene_send(&scene, ROUTE_UNPUBLISH, payload, &scene.owner);
    json_t *job = server_get(scene.server, arena_format(&scene.server->arena, "/api/v1/jobs/%s", accepted.id));
    int64_t created_ms = server_job_time(job, "createdAt"), published_ms = created_ms - 48 * HOUR_MS;
    json_decref(job);
    owners_scene_backdate(&scene, "patient", "1.0.0", published_ms);
    int64_t too_late_ms = created_ms + 500;
    assert_true(wait_until(has_passed, &too_late_ms, PATIENCE_MS));
    server_start_program(scene.server, SERVER_PUBLISH);
    server_expect_success(scene.server, accepted.id);
}

static void a_version_that_others_need_stays(void **state) {
    (void)state;
    const struct package leaf = {"leaf", "1.0.0", .dependencies = {{"ground", ">=1.0.0 <2.0.0"}}};
    owners_scene_publish(&scene, "ground", "1.0.0", owners_of(&scene, &scene.owner));
    server_expect_published(scene.server, &leaf);
    const char *payload = unpublish_payload(&scene, "ground", "1.0.0");
    expect_refused(payload, by(&scene.owner, payload), "unsatisfied dependencies", "leaf@1.0.0", ">=1.0.0 <2.0.0");
    owners_scene_publish(&scene, "ground", "1.1.0", owners_of(&scene, &scene.owner));
    owners_scene_expect_done(&scene, ROUTE_UNPUBLISH, payload, &scene.owner); /* it failed, so this is a new job */
    const char *second = unpublish_payload(&scene, "ground", "1.1.0");
    expect_refused(second, by(&scene.owner, second), "unsatisfied dependencies", "leaf@1.0.0", NULL);
    registry_expect_consistency(scene.server);
}

/* ---- Repeats ---- */

static void the_same_bytes_are_the_same_job(void **state) {
    (void)state;
    owners_scene_publish(&scene, "repeated", "1.0.0", owners_of(&scene, &scene.owner));
    server_terminate(scene.server, SERVER_PUBLISH);
    const char *payload = unpublish_payload(&scene, "repeated", "1.0.0");
    struct server_accepted first = owners_scene_send(&scene, ROUTE_UNPUBLISH, payload, &scene.owner);
    struct server_accepted second = owners_scene_send(&scene, ROUTE_UNPUBLISH, payload, &scene.owner);
    struct server_accepted bad = owners_scene_send(&scene, ROUTE_UNPUBLISH, payload, &scene.stranger);
    assert_true(first.created && !second.created && bad.created);
    assert_string_equal(second.id, first.id);
    server_start_program(scene.server, SERVER_PUBLISH);
    server_expect_success(scene.server, first.id);
    server_wait_for_state(scene.server, bad.id, "failed");
    char *before = registry_snapshot(scene.server);
    second = owners_scene_send(&scene, ROUTE_UNPUBLISH, payload, &scene.owner);
    assert_false(second.created);
    assert_string_equal(second.id, first.id);
    assert_string_equal(registry_snapshot(scene.server), before);
}

static void another_signature_made_without_the_key_does_nothing(void **state) {
    (void)state;
    struct arena *arena = &scene.server->arena;
    struct owner_key_pair key = owner_key_make(&scene.arena, scene.folder, "remade", "-t ecdsa -b 256", "remade");
    owners_scene_publish(&scene, "remade", "1.0.0", owners_of(&scene, &key));
    const char *payload = unpublish_payload(&scene, "remade", "1.0.0"), *signature = owner_key_sign(arena, &key, payload);
    const char *id = server_post(scene.server, ROUTE_UNPUBLISH, signed_request_body(arena, payload, signature)).id;
    server_expect_success(scene.server, id);
    expect_refused(payload, ecdsa_p256_make_another(arena, signature), id, "carried out only once", NULL);
}

static void malformed_input_is_refused_by_field(void **state) {
    (void)state;
    static const struct {
        const char *route, *body, *path;
    } rows[] = {
        {ROUTE_UNPUBLISH, "", ""},
        {ROUTE_UNPUBLISH, "{\"signature\":\"00\"}", "payload"},
        {ROUTE_UNPUBLISH, "{\"payload\":{},\"signature\":\"00\"}", "payload"},
        {ROUTE_UNPUBLISH, "{\"payload\":\"{\",\"signature\":\"00\"}", "payload"},
        {ROUTE_UNPUBLISH, "{\"payload\":\"[]\",\"signature\":\"00\"}", "payload"},
        {ROUTE_UNPUBLISH, "{\"payload\":\"{\\\"name\\\":\\\"a\\\",\\\"version\\\":\\\"1.0.0\\\",\\\"reason\\\":\\\"x\\\"}\"}",
         "signature"},
        {ROUTE_UNPUBLISH, "{\"payload\":\"{\\\"name\\\":\\\"a\\\"}\",\"signature\":\"00\"}", "payload.version"},
        {ROUTE_UNPUBLISH, "{\"payload\":\"{\\\"name\\\":\\\"a\\\",\\\"newLocation\\\":{}}\",\"signature\":\"00\"}",
         "payload.newLocation"},
        {ROUTE_TRANSFER, "{\"payload\":\"{\\\"name\\\":\\\"A\\\"}\",\"signature\":\"00\"}", "payload.name"},
        {ROUTE_TRANSFER, "{\"payload\":\"{\\\"name\\\":\\\"a\\\"}\",\"signature\":\"00\"}", "payload.newLocation"},
        {ROUTE_TRANSFER, "{\"payload\":\"{\\\"name\\\":\\\"a\\\",\\\"version\\\":\\\"1.0.0\\\"}\",\"signature\":\"00\"}",
         "payload.version"},
        {ROUTE_TRANSFER,
         "{\"payload\":\"{\\\"name\\\":\\\"a\\\",\\\"newLocation\\\":{\\\"gitUrl\\\":\\\"ssh://x\\\"}}\",\"signature\":\"00\"}",
         "payload.newLocation.gitUrl"},
        {ROUTE_TRANSFER, "{\"payload\":\"{}\",\"signature\":\"0G\"}", "signature"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct http_response response = {0};
        server_call(scene.server, "POST", rows[i].route, rows[i].body, &response);
        json_t *answer = json_loads(text_view(&response.body), 0, NULL);
        if (response.status != 400 || strcmp(server_job_text(answer, "path"), rows[i].path) != 0)
            fail_msg("%s: %d %s", rows[i].body, response.status, text_view(&response.body));
        json_decref(answer);
        http_response_release(&response);
    }
}

/* ---- Trustees: the job as the gateway makes it ---- */

static const char *make_trustee_job(const char *payload, const char *reason) {
    struct arena *arena = &scene.server->arena;
    struct job_store *store = NULL;
    struct job_accepted accepted;
    struct error err;
    json_t *json = json_loads(payload, 0, NULL);
    struct job_request request = {.kind = JOB_KIND_UNPUBLISH,
                                  .payload = signed_request_body(arena, payload, ""),
                                  .package = arena_copy(arena, server_job_text(json, "name")),
                                  .version = arena_copy(arena, server_job_text(json, "version")),
                                  .actor = "a-trustee",
                                  .authority = JOB_AUTHORITY_TRUSTEE,
                                  .issue = "314",
                                  .reason = reason};
    hash_random_uuid(request.id);
    if (job_store_create(&store, redis_server_url(scene.server->redis), PATIENCE_MS, &err) ||
        job_store_accept(store, &request, NULL, &accepted, &err))
        fail_msg("%s", err.message);
    job_store_free(store);
    json_decref(json);
    return arena_copy(arena, accepted.id);
}

static void a_trustee_may_at_any_age_and_says_why(void **state) {
    (void)state;
    struct server *server = scene.server;
    owners_scene_publish(&scene, "ancient", "1.0.0", owners_of(&scene, &scene.owner));
    owners_scene_backdate(&scene, "ancient", "1.0.0", clock_now_ms() - 1000 * HOUR_MS);
    char *before = registry_snapshot(server);
    const char *silent = make_trustee_job("{\"name\":\"ancient\",\"version\":\"1.0.0\",\"reason\":\" \"}", NULL);
    json_t *job = server_wait_for_job(server, silent);
    assert_non_null(strstr(server_last_error(server, job), "a reason is required"));
    json_decref(job);
    assert_string_equal(registry_snapshot(server), before);

    const char *id =
        make_trustee_job("{\"name\":\"ancient\",\"version\":\"1.0.0\",\"reason\":\"Stolen.\"}", "A court said so.");
    server_expect_success(server, id);
    char *message = shell_output(&server->arena, "git -C '%s/" INDEX_REPO "' log -1 --format=%%B", server->folder);
    assert_string_equal(message,
                        arena_format(&server->arena,
                                     "Remove manifest entry for ancient@1.0.0\n\nJob ID: %s\nTrustee: a-trustee\nIssue: 314\n"
                                     "Reason: A court said so.\n\n",
                                     id));
    json_t *metadata = owners_scene_metadata(&scene, "ancient");
    const json_t *entry = json_object_get(json_object_get(metadata, "unpublished"), "1.0.0");
    assert_string_equal(server_job_text(entry, "reason"), "Stolen.");
    json_decref(metadata);
}

/* ---- Read-only ---- */

static void a_read_only_server_changes_nothing(void **state) {
    (void)state;
    struct server *server = scene.server;
    owners_scene_publish(&scene, "kept", "1.0.0", owners_of(&scene, &scene.owner));
    owners_scene_set_readonly(&scene, SERVER_PUBLISH, true);
    char *before = registry_snapshot(server);
    const char *payload = unpublish_payload(&scene, "kept", "1.0.0");
    const char *id = owners_scene_expect_done(&scene, ROUTE_UNPUBLISH, payload, &scene.owner);
    json_t *job = server_wait_for_job(server, id);
    const char *log = server_log_text(server, job);
    assert_non_null(strstr(log, "WARN Read-only: the manifest is not removed from the index."));
    assert_non_null(strstr(log, "WARN Read-only: the metadata is not committed."));
    assert_non_null(strstr(log, "WARN Read-only: the tarball is not removed."));
    json_decref(job);
    assert_string_equal(registry_snapshot(server), before);
    owners_scene_set_readonly(&scene, SERVER_PUBLISH, false);
    owners_scene_expect_done(&scene, ROUTE_UNPUBLISH, payload, &scene.owner); /* nothing was done, so this is a new job */
}

static int start(void **state) {
    static const char *const settings[] = {"PENDING_SCAN_MS=100", NULL};
    owners_scene_start(&scene, &(struct server_options){.settings = settings});
    *state = &scene;
    return 0;
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_owner_unpublishes_a_version),
        cmocka_unit_test(the_last_version_leaves_no_index_file),
        cmocka_unit_test(an_unfinished_version_can_be_unpublished_too),
        cmocka_unit_test(the_job_shows_what_was_sent_and_by_whom),
        cmocka_unit_test(an_unpublished_version_cannot_come_back),
        cmocka_unit_test(every_kind_of_key_may_sign),
        cmocka_unit_test(pacchettibotti_may_for_a_package_without_owners),
        cmocka_unit_test(a_missing_version_cannot_be_unpublished),
        cmocka_unit_test(only_owners_and_pacchettibotti_may),
        cmocka_unit_test(after_48_hours_it_is_too_late),
        cmocka_unit_test(the_age_is_that_when_the_request_came),
        cmocka_unit_test(a_version_that_others_need_stays),
        cmocka_unit_test(the_same_bytes_are_the_same_job),
        cmocka_unit_test(another_signature_made_without_the_key_does_nothing),
        cmocka_unit_test(malformed_input_is_refused_by_field),
        cmocka_unit_test(a_trustee_may_at_any_age_and_says_why),
        cmocka_unit_test(a_read_only_server_changes_nothing),
    };
    return cmocka_run_group_tests(tests, start, owners_scene_tear_down);
}
