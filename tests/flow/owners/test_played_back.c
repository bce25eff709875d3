/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Replays of transfers and unpublishings that were carried out, byte for byte (lib/domain/README.md, Transfer): while the
 * change still holds, the answer is the job that made it, for ever; if it was undone since, by this server or by hand in the
 * repositories, the request is refused, with that job and with advice. Nothing is ever done twice.
 */
#include "tests/support/cmocka_all.h"

#include <stdlib.h>
#include <string.h>

#include "lib/base/hash.h"
#include "tests/support/owners_scene.h"
#include "tests/support/registry_check.h"
#include "tests/support/shell.h"
#include "tests/support/trustee_call.h"

#define TOKEN "ghp_TheTokenOfTrusteesInTests0123456"
#define ACTOR "a-trustee"

static struct owners_scene scene;

static int start(void **state) {
    (void)state;
    static char digest[SHA256_HEX_MAX + sizeof "PACCHETTIBOTTI_TOKEN_SHA256="] = "PACCHETTIBOTTI_TOKEN_SHA256=";
    hash_sha256_hex(TOKEN, strlen(TOKEN), digest + strlen(digest));
    const char *const gateway[] = {digest, NULL}, *const settings[] = {"PENDING_SCAN_MS=100", NULL};
    owners_scene_start(&scene, &(struct server_options){.settings = settings, .gateway_settings = gateway});
    *state = &scene;
    return 0;
}

/* ---- Helpers ---- */

static void publish(const char *name) {
    owners_scene_publish(&scene, name, "1.0.0", owners_of(&scene, &scene.owner));
}

static const char *done(const char *route, const char *payload) {
    return owners_scene_expect_done(&scene, route, payload, &scene.owner);
}

/* The same request in other bytes. */
static const char *once_more(const char *payload) {
    return arena_format(&scene.server->arena, "%s ", payload);
}

static void expect_holds(const char *route, const char *payload, const char *done_by) {
    struct server_accepted again = owners_scene_send(&scene, route, payload, &scene.owner);
    assert_false(again.created);
    assert_string_equal(again.id, done_by);
}

/* Counts all jobs except builds, which are made automatically. */
static size_t count_requests(void) {
    json_t *jobs = server_get(scene.server, "/api/v1/jobs?include_completed=true&order=DESC"), *job;
    size_t i, count = 0;
    assert_true(json_array_size(jobs) < 100); /* one page */
    json_array_foreach(jobs, i, job) {
        if (strcmp(server_job_text(job, "jobType"), "matrix") != 0) count++;
    }
    json_decref(jobs);
    return count;
}

/* The request must be answered with 400 and all the words; nothing is written, and no job is made. */
static void expect_undone(const char *route, const char *payload, const char *done_by, const char *first, const char *second) {
    struct arena *arena = &scene.server->arena;
    const char *const words[] = {"\"refused\"", "\"path\":\"payload\"", done_by, "an extra space is enough", first, second};
    struct http_response response = {0};
    size_t requests = count_requests();
    char *snapshot = registry_snapshot(scene.server);
    server_call(scene.server, "POST", route, signed_request_body(arena, payload, owner_key_sign(arena, &scene.owner, payload)),
                &response);
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
        if (response.status != 400 || !strstr(text_view(&response.body), words[i]))
            fail_msg("%d, no %s in %s", response.status, words[i], text_view(&response.body));
    http_response_release(&response);
    assert_int_equal(count_requests(), requests);
    assert_string_equal(registry_snapshot(scene.server), snapshot);
}

static const char *repository_of(const char *name) {
    json_t *metadata = owners_scene_metadata(&scene, name);
    const char *repository =
        arena_copy(&scene.server->arena, server_job_text(json_object_get(metadata, "location"), "githubRepo"));
    json_decref(metadata);
    return repository;
}

static void move_by_hand(const char *name, const char *location) {
    json_t *metadata = owners_scene_metadata(&scene, name);
    assert_int_equal(json_object_set_new(metadata, "location", json_loads(location, 0, NULL)), 0);
    owners_scene_write_metadata(&scene, name, metadata);
    json_decref(metadata);
}

static const char *path_of(const char *name) {
    return arena_format(&scene.server->arena, "metadata/%s.json", name);
}

/* ---- Transfers ---- */

static void a_transfer_played_back_after_another_is_refused(void **state) {
    (void)state;
    publish("wanderer");
    const char *to_first = transfer_payload(&scene, "wanderer", "flow/purescript-first");
    const char *first = done(ROUTE_TRANSFER, to_first);
    expect_holds(ROUTE_TRANSFER, to_first, first);
    const char *to_second = transfer_payload(&scene, "wanderer", "flow/purescript-second");
    const char *second = done(ROUTE_TRANSFER, to_second);
    expect_undone(ROUTE_TRANSFER, to_first, first, second, "wanderer is now at github.com/flow/purescript-second.");
    assert_string_equal(repository_of("wanderer"), "purescript-second");
    /* An owner who wants to repeat it signs other bytes, and then the first request holds again. */
    const char *third = done(ROUTE_TRANSFER, once_more(to_first));
    assert_string_equal(repository_of("wanderer"), "purescript-first");
    expect_holds(ROUTE_TRANSFER, to_first, first);
    expect_undone(ROUTE_TRANSFER, to_second, second, third, "wanderer is now at github.com/flow/purescript-first.");
}

static void a_transfer_undone_by_hand_is_refused(void **state) {
    (void)state;
    publish("stray");
    const char *payload = transfer_payload(&scene, "stray", "flow/purescript-signed");
    const char *id = done(ROUTE_TRANSFER, payload);
    move_by_hand("stray", "{\"githubOwner\": \"flow\", \"githubRepo\": \"purescript-by-hand\"}");
    expect_undone(ROUTE_TRANSFER, payload, id, "stray is now at github.com/flow/purescript-by-hand.", "");
    done(ROUTE_TRANSFER, once_more(payload));
    assert_string_equal(repository_of("stray"), "purescript-signed");
    expect_holds(ROUTE_TRANSFER, payload, id);
}

/* The metadata counts, not which job was the last. */
static void a_transfer_that_was_brought_back_by_hand_holds(void **state) {
    (void)state;
    publish("returner");
    const char *to_first = transfer_payload(&scene, "returner", "flow/purescript-returner-1");
    const char *first = done(ROUTE_TRANSFER, to_first);
    const char *to_second = transfer_payload(&scene, "returner", "flow/purescript-returner-2");
    const char *second = done(ROUTE_TRANSFER, to_second);
    move_by_hand("returner", "{\"gitUrl\": \"https://github.com/Flow/PureScript-Returner-1.git\"}"); /* the same place */
    expect_holds(ROUTE_TRANSFER, to_first, first);
    expect_undone(ROUTE_TRANSFER, to_second, second, "returner is now at https://github.com/Flow/PureScript-Returner-1.git.",
                  "");
}

/* ---- Unpublishings ---- */

static void an_unpublishing_undone_by_hand_is_refused(void **state) {
    (void)state;
    publish("revived");
    const char *metadata = registry_file(scene.server, REGISTRY_REPO, path_of("revived"));
    const char *manifest = registry_file(scene.server, INDEX_REPO, "re/vi/revived");
    const char *payload = unpublish_payload(&scene, "revived", "1.0.0"), *id = done(ROUTE_UNPUBLISH, payload);
    expect_holds(ROUTE_UNPUBLISH, payload, id);
    registry_write(scene.server, REGISTRY_REPO, path_of("revived"), metadata);
    registry_write(scene.server, INDEX_REPO, "re/vi/revived", manifest);
    expect_undone(ROUTE_UNPUBLISH, payload, id, "revived@1.0.0 is published again.", "");
    done(ROUTE_UNPUBLISH, once_more(payload));
    assert_null(registry_file(scene.server, INDEX_REPO, "re/vi/revived"));
    expect_holds(ROUTE_UNPUBLISH, payload, id);
}

/* The package has no versions any more, and no location. */
static void for_a_removed_package_an_unpublishing_holds_and_a_transfer_does_not(void **state) {
    (void)state;
    publish("vanished");
    const char *move = transfer_payload(&scene, "vanished", "flow/purescript-vanished-1"), *moved = done(ROUTE_TRANSFER, move);
    const char *payload = unpublish_payload(&scene, "vanished", "1.0.0"), *id = done(ROUTE_UNPUBLISH, payload);
    registry_write(scene.server, REGISTRY_REPO, path_of("vanished"), NULL);
    expect_holds(ROUTE_UNPUBLISH, payload, id);
    expect_undone(ROUTE_TRANSFER, move, moved, "The package vanished is no longer in the registry.", "");
}

/* ---- Trustees ---- */

static const char *body(const char *action, const char *payload, const char *reason) {
    return trustee_body(scene.server, action, payload, ACTOR, reason);
}

static void a_trustees_unpublishing_undone_by_hand_is_refused(void **state) {
    (void)state;
    publish("restored");
    const char *metadata = registry_file(scene.server, REGISTRY_REPO, path_of("restored"));
    const char *payload = unpublish_payload(&scene, "restored", "1.0.0");
    const char *id = trustee_expect_job(scene.server, TOKEN, body("unpublish", payload, NULL));
    server_expect_success(scene.server, id);
    struct trustee_answer again = trustee_ask(scene.server, TOKEN, NULL, body("unpublish", payload, NULL));
    assert_false(again.created);
    assert_string_equal(again.job_id, id);
    registry_write(scene.server, REGISTRY_REPO, path_of("restored"), metadata);
    again = trustee_ask(scene.server, TOKEN, NULL, body("unpublish", payload, NULL));
    assert_int_equal(again.status, 400);
    if (!strstr(again.message, id) || !strstr(again.message, "restored@1.0.0 is published again.") ||
        !strstr(again.message, "change the payload (another reason in it is enough)."))
        fail_msg("%s", again.message);
    payload = "{\"name\":\"restored\",\"version\":\"1.0.0\",\"reason\":\"Once more.\"}";
    server_expect_success(scene.server, trustee_expect_job(scene.server, TOKEN, body("unpublish", payload, NULL)));
}

/* A signed payload is carried out once, regardless of the requester. */
static void a_trustees_retry_is_carried_out_by_that_job(void **state) {
    (void)state;
    publish("persistent");
    publish("in-its-way");
    const char *payload = transfer_payload(&scene, "persistent", "flow/purescript-in-its-way");
    const char *failed = owners_scene_send(&scene, ROUTE_TRANSFER, payload, &scene.owner).id;
    server_wait_for_state(scene.server, failed, "failed");
    done(ROUTE_TRANSFER, transfer_payload(&scene, "in-its-way", "flow/purescript-out-of-it"));
    const char *retry = body("retry", arena_format(&scene.server->arena, "{\"jobId\":\"%s\"}", failed), NULL);
    const char *id = trustee_expect_job(scene.server, TOKEN, retry);
    server_expect_success(scene.server, id);
    expect_holds(ROUTE_TRANSFER, payload, id);
    trustee_expect_refusal(scene.server, TOKEN, NULL, retry, 400, "");
    move_by_hand("persistent", "{\"githubOwner\": \"flow\", \"githubRepo\": \"purescript-elsewhere\"}");
    expect_undone(ROUTE_TRANSFER, payload, id, "persistent is now at github.com/flow/purescript-elsewhere.", "");
}

/* ---- When the answer is unknown ---- */

static void without_build_matrix_what_this_server_has_done_decides(void **state) {
    (void)state;
    publish("unseen");
    publish("unseen-too");
    const char *to_first = transfer_payload(&scene, "unseen", "flow/purescript-unseen-1");
    const char *to_second = transfer_payload(&scene, "unseen", "flow/purescript-unseen-2");
    const char *first = done(ROUTE_TRANSFER, to_first), *second = done(ROUTE_TRANSFER, to_second);
    const char *unpublishing = unpublish_payload(&scene, "unseen-too", "1.0.0");
    const char *unpublished = done(ROUTE_UNPUBLISH, unpublishing);
    server_kill(scene.server, SERVER_BUILD_MATRIX);
    expect_holds(ROUTE_TRANSFER, to_second, second);
    expect_holds(ROUTE_UNPUBLISH, unpublishing, unpublished);
    expect_undone(ROUTE_TRANSFER, to_first, first, second, "has since moved unseen elsewhere.");
    server_start_program(scene.server, SERVER_BUILD_MATRIX);
    server_wait_until_ready(scene.server);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_transfer_played_back_after_another_is_refused),
        cmocka_unit_test(a_transfer_undone_by_hand_is_refused),
        cmocka_unit_test(a_transfer_that_was_brought_back_by_hand_holds),
        cmocka_unit_test(an_unpublishing_undone_by_hand_is_refused),
        cmocka_unit_test(for_a_removed_package_an_unpublishing_holds_and_a_transfer_does_not),
        cmocka_unit_test(a_trustees_unpublishing_undone_by_hand_is_refused),
        cmocka_unit_test(a_trustees_retry_is_carried_out_by_that_job),
        cmocka_unit_test(without_build_matrix_what_this_server_has_done_decides),
    };
    return cmocka_run_group_tests(tests, start, owners_scene_tear_down);
}
