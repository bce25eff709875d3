/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Transfers through the gateway (lib/domain/README.md, Transfer): their changes, permissions, every refusal, and repeats
 * (replays after a change was undone: test_played_back.c).
 */
#include "tests/support/cmocka_all.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/owners_scene.h"
#include "tests/support/registry_check.h"
#include "tests/support/shell.h"

static struct owners_scene scene;

static void expect_location(const char *name, const char *repository) {
    json_t *metadata = owners_scene_metadata(&scene, name);
    const json_t *location = json_object_get(metadata, "location");
    const char *owner = server_job_text(location, "githubOwner"), *repo = server_job_text(location, "githubRepo");
    assert_string_equal(arena_format(&scene.server->arena, "%s/%s", owner, repo), repository);
    json_decref(metadata);
}

static const char *transfer(const char *name, const char *repository, const struct owner_key_pair *key) {
    return owners_scene_expect_done(&scene, ROUTE_TRANSFER, transfer_payload(&scene, name, repository), key);
}

static const char *by(const struct owner_key_pair *key, const char *payload) {
    return owner_key_sign(&scene.server->arena, key, payload);
}

static const char *expect_refused(const char *payload, const char *signature, const char *first, const char *second,
                                  const char *third) {
    const char *const words[] = {first, second, third, NULL};
    return owners_scene_expect_refused(&scene, ROUTE_TRANSFER, payload, signature, words);
}

/* ---- Changes ---- */

static void an_owner_moves_a_package(void **state) {
    (void)state;
    struct server *server = scene.server;
    struct arena *arena = &server->arena;
    owners_scene_publish(&scene, "moving", "1.0.0", owners_of(&scene, &scene.owner));
    const char *before = registry_file(server, REGISTRY_REPO, "metadata/moving.json");
    char *rest_before =
        shell_output(arena, "cd '%s' && git -C " INDEX_REPO " for-each-ref && find storage -type f -ls", server->folder);
    const char *id = transfer("moving", "flow-moved/purescript-moving", &scene.owner);
    char *path = arena_format(arena, "%s/before", server->folder);
    write_file(path, before);
    char *expected = shell_output(arena, "sed 's,\"githubOwner\": \"flow\",\"githubOwner\": \"flow-moved\",' '%s'", path);
    assert_string_equal(registry_file(server, REGISTRY_REPO, "metadata/moving.json"), expected);
    assert_string_equal(
        shell_output(arena, "cd '%s' && git -C " INDEX_REPO " for-each-ref && find storage -type f -ls", server->folder),
        rest_before);
    assert_string_equal(shell_output(arena, "git -C '%s/" REGISTRY_REPO "' log -1 --format=%%B", server->folder),
                        arena_format(arena, "Update metadata for moving\n\nJob ID: %s\n\n", id));
    registry_expect_consistency(server);
}

static void the_job_shows_what_was_sent_and_by_whom(void **state) {
    (void)state;
    struct server *server = scene.server;
    owners_scene_publish(&scene, "shown", "1.0.0", owners_of(&scene, &scene.owner));
    const char *payload = transfer_payload(&scene, "shown", "flow/purescript-seen");
    const char *id = owners_scene_expect_done(&scene, ROUTE_TRANSFER, payload, &scene.owner);
    json_t *job = server_wait_for_job(server, id);
    assert_string_equal(server_job_text(job, "jobType"), "transfer");
    assert_string_equal(server_job_text(job, "packageName"), "shown");
    assert_null(json_object_get(job, "packageVersion"));
    assert_string_equal(server_job_text(json_object_get(job, "payload"), "payload"), payload);
    const char *log = server_log_text(server, job);
    assert_non_null(strstr(log, scene.owner.fingerprint));
    assert_non_null(strstr(log, "NOTICE Transferred shown from "));
    const char *timings = strstr(log, "INFO Timings: transfer-read=");
    assert_non_null(timings);
    assert_non_null(strstr(timings, "ms transfer-metadata="));
    json_decref(job);
}

static void versions_are_published_from_the_new_place_only(void **state) {
    (void)state;
    struct server *server = scene.server;
    struct package next = {.name = "settler", .version = "1.1.0"};
    owners_scene_publish(&scene, "settler", "1.0.0", owners_of(&scene, &scene.owner));
    transfer("settler", "flow/purescript-colony", &scene.owner);
    package_push(arena_format(&server->arena, "%s/sources", server->folder), &next);
    json_t *job = server_wait_for_job(server, server_publish(server, package_request(&server->arena, &next)).id);
    assert_non_null(strstr(server_last_error(server, job), "purescript-colony"));
    json_decref(job);

    const char *manifest = "{\"name\": \"settler\", \"version\": \"1.1.0\", \"license\": \"BSD-3-Clause\", \"location\": "
                           "{\"githubOwner\": \"flow\", \"githubRepo\": \"purescript-colony\"}, \"ref\": \"v1.1.0\", "
                           "\"dependencies\": {}}\n";
    struct package moved = {.name = "colony", .version = "1.1.0", .files = {{"purs.json", manifest}}};
    package_push(arena_format(&server->arena, "%s/sources", server->folder), &moved);
    server_expect_success(server,
                          server_publish(server, "{\"name\": \"settler\", \"version\": \"1.1.0\", \"ref\": \"v1.1.0\"}").id);
}

/* The request and the manifest may spell a location differently from the metadata. */
static void a_place_may_be_spelled_in_any_case(void **state) {
    (void)state;
    struct server *server = scene.server;
    owners_scene_publish(&scene, "spelled", "1.0.0", owners_of(&scene, &scene.owner));
    const char *manifest = "{\"name\": \"spelled\", \"version\": \"1.1.0\", \"license\": \"BSD-3-Clause\", \"location\": "
                           "{\"gitUrl\": \"https://github.com/Flow/PureScript-Spelled.git\"}, \"ref\": \"v1.1.0\", "
                           "\"dependencies\": {}}\n";
    const struct package next = {.name = "spelled", .version = "1.1.0", .files = {{"purs.json", manifest}}};
    package_push(arena_format(&server->arena, "%s/sources", server->folder), &next);
    server_expect_success(
        server, server_publish(server, "{\"name\": \"spelled\", \"version\": \"1.1.0\", \"ref\": \"v1.1.0\", \"location\": "
                                       "{\"githubOwner\": \"FLOW\", \"githubRepo\": \"purescript-SPELLED\"}}")
                    .id);
    expect_location("spelled", "flow/purescript-spelled");
}

/* ---- Permissions ---- */

static void every_kind_of_key_may_sign(void **state) {
    (void)state;
    static const struct {
        const char *name, *arguments;
    } kinds[] = {
        {"p256", "-t ecdsa -b 256"}, {"p384", "-t ecdsa -b 384"}, {"p521", "-t ecdsa -b 521"}, {"rsa", "-t rsa -b 3072"}};
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        const char *name = arena_format(&scene.arena, "signed-%s", kinds[i].name);
        struct owner_key_pair key =
            owner_key_make(&scene.arena, scene.folder, kinds[i].name, kinds[i].arguments, kinds[i].name);
        const char *owners = arena_format(&scene.arena, "[%s,%s]", scene.owner.json, key.json);
        owners_scene_publish(&scene, name, "1.0.0", owners);
        const char *place = arena_format(&scene.arena, "flow-moved/purescript-%s", name);
        transfer(name, place, &key);
        expect_location(name, place);
    }
}

static void pacchettibotti_may_for_a_package_without_owners(void **state) {
    (void)state;
    owners_scene_publish(&scene, "nobodys", "1.0.0", NULL);
    transfer("nobodys", "flow/purescript-somewhere", &scene.pacchettibotti);
    expect_location("nobodys", "flow/purescript-somewhere");
}

/* ---- Refusals ---- */

static void a_package_must_be_there(void **state) {
    (void)state;
    const char *payload = transfer_payload(&scene, "not-there", "flow/purescript-not-there");
    expect_refused(payload, by(&scene.pacchettibotti, payload), "no package named not-there", NULL, NULL);
}

static void a_place_must_be_new_and_free(void **state) {
    (void)state;
    owners_scene_publish(&scene, "here", "1.0.0", owners_of(&scene, &scene.owner));
    owners_scene_publish(&scene, "taken", "1.0.0", NULL);
    const char *payload = transfer_payload(&scene, "here", "flow/purescript-here");
    expect_refused(payload, by(&scene.owner, payload), "here is already at", "purescript-here", "already");
    payload = transfer_payload(&scene, "here", "flow/purescript-taken");
    expect_refused(payload, by(&scene.owner, payload), "purescript-taken", "the package taken", "subdir");
    /* Compared as GitHub compares them. */
    payload = transfer_payload(&scene, "here", "FLOW/PureScript-Here");
    expect_refused(payload, by(&scene.owner, payload), "here is already at", "already", NULL);
    payload = transfer_payload(&scene, "here", "Flow/purescript-TAKEN");
    expect_refused(payload, by(&scene.owner, payload), "github.com/Flow/purescript-TAKEN", "the package taken", NULL);
    payload = "{\"name\":\"here\",\"newLocation\":{\"gitUrl\":\"https://github.com/flow/PureScript-Taken.git\"}}";
    expect_refused(payload, by(&scene.owner, payload), "https://github.com/flow/PureScript-Taken.git", "the package taken",
                   NULL);
    payload = "{\"name\":\"here\",\"newLocation\":{\"gitUrl\":\"https://github.com/flow/PureScript-Here\"}}";
    expect_refused(payload, by(&scene.owner, payload), "here is already at", "already", NULL);
    /* Another folder of the same repository is another location. */
    payload = "{\"name\":\"here\",\"newLocation\":{\"githubOwner\":\"flow\",\"githubRepo\":\"purescript-taken\",\"subdir\":"
              "\"here\"}}";
    owners_scene_expect_done(&scene, ROUTE_TRANSFER, payload, &scene.owner);
    /* The location that it left is free. */
    transfer("taken", "flow/purescript-here", &scene.pacchettibotti);
    expect_location("taken", "flow/purescript-here");
}

static void only_owners_and_pacchettibotti_may(void **state) {
    (void)state;
    owners_scene_publish(&scene, "guarded", "1.0.0", owners_of(&scene, &scene.owner));
    owners_scene_publish(&scene, "ownerless", "1.0.0", NULL);
    const char *payload = transfer_payload(&scene, "guarded", "thief/purescript-guarded");
    const char *other = transfer_payload(&scene, "guarded", "flow/purescript-guarded-2");
    expect_refused(payload, by(&scene.stranger, payload), "exactly this payload", scene.owner.fingerprint, NULL);
    expect_refused(payload, by(&scene.owner, other), "exactly this payload", "guarded", NULL);
    expect_refused(payload, by(&scene.owner, unpublish_payload(&scene, "guarded", "1.0.0")), "exactly this payload", NULL,
                   NULL);
    payload = transfer_payload(&scene, "ownerless", "thief/purescript-ownerless");
    expect_refused(payload, by(&scene.stranger, payload), "ownerless has no owners", "trustees", "\"owners\"");
}

/* The owners in the metadata at that time count: those of the newest published version. */
static void a_former_owner_may_not(void **state) {
    (void)state;
    owners_scene_publish(&scene, "handed-on", "1.0.0", owners_of(&scene, &scene.owner));
    owners_scene_publish(&scene, "handed-on", "1.1.0", owners_of(&scene, &scene.stranger));
    const char *payload = transfer_payload(&scene, "handed-on", "flow/purescript-handed");
    expect_refused(payload, by(&scene.owner, payload), "exactly this payload", scene.stranger.fingerprint, NULL);
    owners_scene_expect_done(&scene, ROUTE_TRANSFER, payload, &scene.stranger);
}

/* ---- Repeats ---- */

static void another_signature_made_without_the_key_does_nothing(void **state) {
    (void)state;
    struct arena *arena = &scene.server->arena;
    struct owner_key_pair key = owner_key_make(&scene.arena, scene.folder, "remade", "-t ecdsa -b 256", "remade");
    owners_scene_publish(&scene, "remade", "1.0.0", owners_of(&scene, &key));
    const char *payload = transfer_payload(&scene, "remade", "flow/purescript-remade-1");
    const char *signature = owner_key_sign(arena, &key, payload);
    const char *id = server_post(scene.server, ROUTE_TRANSFER, signed_request_body(arena, payload, signature)).id;
    server_expect_success(scene.server, id);
    transfer("remade", "flow/purescript-remade-2", &key);
    expect_refused(payload, ecdsa_p256_make_another(arena, signature), id, "carried out only once", NULL);
    expect_location("remade", "flow/purescript-remade-2");
}

static void a_failed_request_may_be_repeated(void **state) {
    (void)state;
    owners_scene_publish(&scene, "hopeful", "1.0.0", owners_of(&scene, &scene.owner));
    owners_scene_publish(&scene, "in-the-way", "1.0.0", NULL);
    const char *payload = transfer_payload(&scene, "hopeful", "flow/purescript-in-the-way");
    expect_refused(payload, by(&scene.owner, payload), "in-the-way", NULL, NULL);
    transfer("in-the-way", "flow/purescript-out-of-it", &scene.pacchettibotti);
    owners_scene_expect_done(&scene, ROUTE_TRANSFER, payload, &scene.owner);
}

/* ---- registryctl ---- */

static const char *registryctl(const struct owner_key_pair *key, int exit_status, const char *words) {
    return shell_output(&scene.server->arena,
                        BUILD_DIR "/bin/registryctl --gateway '%s' %s --key '%s' --follow 2>&1 || test $? = %d",
                        scene.server->url, words, key->path, exit_status);
}

static void registryctl_signs_asks_and_follows(void **state) {
    (void)state;
    owners_scene_publish(&scene, "from-terminal", "1.0.0", owners_of(&scene, &scene.owner));
    const char *words = "transfer from-terminal --github flow/purescript-terminal";
    assert_non_null(strstr(registryctl(&scene.stranger, 1, words), "exactly this payload"));
    assert_non_null(strstr(registryctl(&scene.owner, 0, words), "NOTICE Transferred from-terminal from "));
    expect_location("from-terminal", "flow/purescript-terminal");
    /* Each call is a separate request. */
    assert_non_null(strstr(registryctl(&scene.owner, 1, words), "from-terminal is already at "));
    const char *back = "transfer from-terminal --github flow/purescript-from-terminal";
    assert_non_null(strstr(registryctl(&scene.owner, 0, back), "NOTICE Transferred from-terminal from "));
    assert_non_null(strstr(registryctl(&scene.owner, 0, words), "NOTICE Transferred from-terminal from "));
    expect_location("from-terminal", "flow/purescript-terminal");
    words = "unpublish from-terminal 1.0.0 'It was \"wrong\".'";
    assert_non_null(strstr(registryctl(&scene.owner, 0, words), "NOTICE Unpublished from-terminal@1.0.0."));
    assert_non_null(strstr(registryctl(&scene.owner, 1, "unpublish from-terminal 1.0 x"), "HTTP status 400"));
}

/* ---- At once ---- */

static void one_place_is_taken_by_one_of_many(void **state) {
    (void)state;
    enum { PACKAGES = 6 };
    struct server *server = scene.server;
    const char *ids[PACKAGES];
    int moved = 0;
    for (int i = 0; i < PACKAGES; i++)
        owners_scene_publish(&scene, arena_format(&scene.arena, "rival-%d", i), "1.0.0", owners_of(&scene, &scene.owner));
    for (int i = 0; i < PACKAGES; i++) {
        const char *payload = transfer_payload(&scene, arena_format(&scene.arena, "rival-%d", i), "flow/purescript-coveted");
        ids[i] = owners_scene_send(&scene, ROUTE_TRANSFER, payload, &scene.owner).id;
    }
    for (int i = 0; i < PACKAGES; i++) {
        json_t *job = server_wait_for_job(server, ids[i]);
        if (json_is_true(json_object_get(job, "success")))
            moved++;
        else
            assert_non_null(strstr(server_last_error(server, job), "belongs to the package rival-"));
        json_decref(job);
    }
    assert_int_equal(moved, 1);
    char *count = shell_output(&server->arena, "cd '%s/" REGISTRY_REPO "' && git grep -l purescript-coveted HEAD | wc -l",
                               server->folder);
    assert_int_equal(atoi(count), 1);
}

/* ---- Read-only ---- */

static void a_read_only_server_changes_nothing(void **state) {
    (void)state;
    struct server *server = scene.server;
    owners_scene_publish(&scene, "staying", "1.0.0", owners_of(&scene, &scene.owner));
    owners_scene_set_readonly(&scene, SERVER_TRANSFER, true);
    char *before = registry_snapshot(server);
    const char *payload = transfer_payload(&scene, "staying", "flow/purescript-going");
    json_t *job = server_wait_for_job(server, owners_scene_expect_done(&scene, ROUTE_TRANSFER, payload, &scene.owner));
    assert_non_null(strstr(server_log_text(server, job), "WARN Read-only: the metadata is not committed."));
    json_decref(job);
    assert_string_equal(registry_snapshot(server), before);
    owners_scene_set_readonly(&scene, SERVER_TRANSFER, false);
    owners_scene_expect_done(&scene, ROUTE_TRANSFER, payload, &scene.owner); /* nothing was done, so this is a new job */
    expect_location("staying", "flow/purescript-going");
}

static int start(void **state) {
    static const char *const settings[] = {"PENDING_SCAN_MS=100", NULL};
    owners_scene_start(&scene, &(struct server_options){.settings = settings});
    *state = &scene;
    return 0;
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_owner_moves_a_package),
        cmocka_unit_test(the_job_shows_what_was_sent_and_by_whom),
        cmocka_unit_test(versions_are_published_from_the_new_place_only),
        cmocka_unit_test(a_place_may_be_spelled_in_any_case),
        cmocka_unit_test(every_kind_of_key_may_sign),
        cmocka_unit_test(pacchettibotti_may_for_a_package_without_owners),
        cmocka_unit_test(a_package_must_be_there),
        cmocka_unit_test(a_place_must_be_new_and_free),
        cmocka_unit_test(only_owners_and_pacchettibotti_may),
        cmocka_unit_test(a_former_owner_may_not),
        cmocka_unit_test(another_signature_made_without_the_key_does_nothing),
        cmocka_unit_test(a_failed_request_may_be_repeated),
        cmocka_unit_test(registryctl_signs_asks_and_follows),
        cmocka_unit_test(one_place_is_taken_by_one_of_many),
        cmocka_unit_test(a_read_only_server_changes_nothing),
    };
    return cmocka_run_group_tests(tests, start, owners_scene_tear_down);
}
