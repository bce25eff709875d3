/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Trustee actions through the whole server (lib/domain/README.md, Trustee actions): each action, refusals and their order,
 * duplicates, retries, and the record of the requester. Attacks on tokens: test_attack.c; look-ups at GitHub: test_lookup.c.
 */
#include "tests/support/cmocka_all.h"

#include <signal.h>
#include <string.h>

#include "lib/base/clock.h"
#include "lib/base/hash.h"
#include "lib/store/job/job_store.h"
#include "tests/support/owners_scene.h"
#include "tests/support/registry_check.h"
#include "tests/support/shell.h"
#include "tests/support/trustee_call.h"

#define TOKEN "ghp_TheTokenOfTrusteesInTests0123456"
#define NEW_TOKEN "ghp_TheNextTokenOfTrusteesInTests012"
#define ACTOR "a-trustee"
#define HOUR_MS INT64_C(3600000)

enum { STORE_TIMEOUT_MS = 60000 };

static struct owners_scene scene;
static struct arena arena; /* of this file's settings */
static const char *folder; /* with the digest */

static void write_digest(const char *token) {
    char digest[SHA256_HEX_MAX];
    hash_sha256_hex(token, strlen(token), digest);
    shell_run("echo '%s  -' >'%s/digest'", digest, folder); /* as sha256sum prints it */
}

static int start(void **state) {
    (void)state;
    folder = shell_output(&arena, "mktemp -d | tr -d '\\n'");
    write_digest(TOKEN);
    const char *const gateway[] = {arena_format(&arena, "PACCHETTIBOTTI_TOKEN_SHA256_FILE=%s/digest", folder),
                                   "TRUSTED_PROXIES=127.0.0.1", NULL};
    owners_scene_start(&scene, &(struct server_options){.gateway_settings = gateway});
    return 0;
}

static int stop(void **state) {
    (void)state;
    owners_scene_stop(&scene);
    shell_run("rm -r '%s'", folder);
    arena_release(&arena);
    return 0;
}

static const char *body(const char *action, const char *payload, const char *reason) {
    return trustee_body(scene.server, action, payload, ACTOR, reason);
}

static const char *version_payload(const char *name) {
    return arena_format(&scene.server->arena, "{\"name\":\"%s\",\"version\":\"1.0.0\"}", name);
}

/* ---- Actions ---- */

static char *last_message(const char *repo) {
    return shell_output(&scene.server->arena, "git -C '%s/%s' log -1 --format=%%B", scene.server->folder, repo);
}

static void expect_audit(const char *id, const char *repository) {
    json_t *job = server_wait_for_job(scene.server, id);
    assert_string_equal(server_job_text(job, "actor"), ACTOR);
    assert_string_equal(server_job_text(job, "credential"), "PACCHETTIBOTTI_TOKEN");
    assert_int_equal(json_integer_value(json_object_get(job, "issue")), 7);
    const json_t *commits = json_object_get(job, "commits");
    const json_t *last = json_array_get(commits, json_array_size(commits) - 1);
    const char *repo = strcmp(repository, "index") == 0 ? INDEX_REPO : REGISTRY_REPO;
    assert_string_equal(server_job_text(last, "repository"), repository);
    assert_string_equal(
        server_job_text(last, "commit"),
        shell_output(&scene.server->arena, "git -C '%s/%s' rev-parse HEAD | tr -d '\\n'", scene.server->folder, repo));
    json_decref(job);
}

static void push(const struct package *package) {
    package_push(arena_format(&scene.server->arena, "%s/sources", scene.server->folder), package);
}

static void a_trustee_publishes(void **state) {
    (void)state;
    const struct package package = {.name = "by-trustee", .version = "1.0.0"};
    push(&package);
    const char *id =
        trustee_expect_job(scene.server, TOKEN, body("publish", package_request(&scene.server->arena, &package), NULL));
    server_expect_success(scene.server, id);
    assert_string_equal(last_message(INDEX_REPO), arena_format(&scene.server->arena,
                                                               "Update manifest for by-trustee@1.0.0\n\nJob ID: %s\n"
                                                               "Trustee: " ACTOR "\nIssue: 7\n\n",
                                                               id));
    expect_audit(id, "index");
}

static void a_trustee_unpublishes_at_any_age_with_a_reason(void **state) {
    (void)state;
    struct server *server = scene.server;
    owners_scene_publish(&scene, "ancient", "1.0.0", NULL);
    owners_scene_backdate(&scene, "ancient", "1.0.0", clock_now_ms() - 1000 * HOUR_MS);
    char *before = registry_snapshot(server);
    json_t *job =
        server_wait_for_job(server, trustee_expect_job(server, TOKEN, body("unpublish", version_payload("ancient"), NULL)));
    assert_non_null(strstr(server_last_error(server, job), "a reason is required"));
    /* A request that was not carried out is shown without its signature, or anybody could use it. */
    assert_string_equal(json_string_value(json_object_get(json_object_get(job, "payload"), "signature")), "");
    json_decref(job);
    assert_string_equal(registry_snapshot(server), before);

    const char *id = trustee_expect_job(server, TOKEN, body("unpublish", version_payload("ancient"), "A court said so."));
    job = server_wait_for_job(server, id);
    const json_t *payload = json_object_get(job, "payload");
    assert_string_equal(server_job_text(payload, "payload"),
                        "{\"name\":\"ancient\",\"version\":\"1.0.0\",\"reason\":\"A court said so.\"}");
    assert_string_equal(server_job_text(payload, "signature"),
                        owner_key_sign(&scene.arena, &scene.pacchettibotti, server_job_text(payload, "payload")));
    /* The signature is public, but cannot be used again after the job's end. */
    const char *replay =
        signed_request_body(&scene.arena, server_job_text(payload, "payload"), server_job_text(payload, "signature"));
    before = registry_snapshot(server);
    json_t *replayed = server_wait_for_job(server, server_post(server, ROUTE_UNPUBLISH, replay).id);
    assert_non_null(strstr(server_last_error(server, replayed), id));
    json_decref(replayed);
    assert_string_equal(registry_snapshot(server), before);
    assert_string_equal(server_job_text(job, "reason"), "A court said so.");
    json_decref(job);
    expect_audit(id, "registry");
    json_t *metadata = owners_scene_metadata(&scene, "ancient");
    const json_t *entry = json_object_get(json_object_get(metadata, "unpublished"), "1.0.0");
    assert_string_equal(server_job_text(entry, "reason"), "A court said so.");
    json_decref(metadata);
}

static void a_trustee_transfers_there_and_back_and_there_again(void **state) {
    (void)state;
    static const char *const places[] = {"new/place", "other/place", "new/place"};
    owners_scene_publish(&scene, "movable", "1.0.0", NULL);
    for (size_t i = 0; i < 3; i++) {
        const char *id =
            trustee_expect_job(scene.server, TOKEN, body("transfer", transfer_payload(&scene, "movable", places[i]), NULL));
        server_expect_success(scene.server, id);
        expect_audit(id, "registry");
    }
    json_t *jobs = server_get(scene.server, "/api/v1/jobs?actor=" ACTOR "&include_completed=true&package=movable");
    assert_int_equal(json_array_size(jobs), 3);
    json_decref(jobs);
}

static void an_owners_act_says_by_which_key(void **state) {
    (void)state;
    owners_scene_publish(&scene, "owned", "1.0.0", owners_of(&scene, &scene.owner));
    const char *id =
        owners_scene_expect_done(&scene, ROUTE_TRANSFER, transfer_payload(&scene, "owned", "new/home"), &scene.owner);
    json_t *job = server_wait_for_job(scene.server, id);
    assert_string_equal(server_job_text(job, "actor"), scene.owner.fingerprint);
    assert_string_equal(server_job_text(job, "credential"),
                        arena_format(&scene.arena, "ssh-ed25519 %s", scene.owner.fingerprint));
    assert_int_equal(json_array_size(json_object_get(job, "commits")), 1);
    json_decref(job);
}

static void registryctl_asks_for_a_trustee(void **state) {
    (void)state;
    struct arena *calls = &scene.server->arena;
    owners_scene_publish(&scene, "by-terminal", "1.0.0", NULL);
    write_file(arena_format(calls, "%s/token", folder), TOKEN "\n");
    const char *program = arena_format(calls, "%s/registryctl --gateway %s", scene.server->programs, scene.server->url);
    const char *options = arena_format(calls, "--token-file %s/token --actor " ACTOR " --issue 7 --follow", folder);
    char *log = shell_output(calls, "%s trustee %s transfer '%s'", program, options,
                             transfer_payload(&scene, "by-terminal", "new/terminal"));
    assert_non_null(strstr(log, "Transferred by-terminal"));
    char *refusal = shell_output(calls, "TRUSTEE_TOKEN=wrong %s trustee --actor a transfer '{}' 2>&1 || echo exit $?", program);
    assert_non_null(strstr(refusal, "not one of a trustee"));
    assert_non_null(strstr(refusal, "exit 1"));
    assert_non_null(strstr(shell_output(calls, "%s trustee --actor a retry '{}' 2>&1 || echo exit $?", program), "exit 2"));
}

/* ---- Duplicates and retries ---- */

static void the_same_action_by_the_same_trustee_is_one_job_while_it_lasts(void **state) {
    (void)state;
    struct server *server = scene.server;
    server_terminate(server, SERVER_TRANSFER);
    const char *payload = transfer_payload(&scene, "nowhere", "new/place");
    struct trustee_answer first = trustee_ask(server, TOKEN, NULL, body("transfer", payload, NULL));
    struct trustee_answer again = trustee_ask(server, TOKEN, NULL, body("transfer", payload, "Because."));
    struct trustee_answer other =
        trustee_ask(server, TOKEN, NULL, trustee_body(server, "transfer", payload, "b-trustee", NULL));
    assert_true(first.created && !again.created && other.created);
    assert_string_equal(again.job_id, first.job_id);
    server_start_program(server, SERVER_TRANSFER);
    json_decref(server_wait_for_job(server, first.job_id)); /* fails: there is no such package */
    assert_true(trustee_ask(server, TOKEN, NULL, body("transfer", payload, NULL)).created);
}

static const char *retry_of(const char *id) {
    return body("retry", arena_format(&scene.server->arena, "{\"jobId\":\"%s\"}", id), NULL);
}

static void a_failed_job_is_tried_again_and_linked(void **state) {
    (void)state;
    struct server *server = scene.server;
    const struct package package = {.name = "late", .version = "1.0.0"};
    const char *failed = server_publish(server, package_request(&server->arena, &package)).id; /* its source is not there yet */
    json_decref(server_wait_for_job(server, failed));
    push(&package);
    const char *id = trustee_expect_job(server, TOKEN, retry_of(failed));
    assert_string_not_equal(id, failed);
    server_expect_success(server, id);
    json_t *job = server_wait_for_job(server, id);
    assert_string_equal(server_job_text(job, "retryOf"), failed);
    assert_string_equal(server_job_text(job, "actor"), ACTOR);
    json_decref(job);
    trustee_expect_refusal(server, TOKEN, NULL, retry_of(id), 400, "payload.jobId"); /* it has not failed */
    trustee_expect_refusal(server, TOKEN, NULL, retry_of("00000000-0000-4000-8000-000000000000"), 400, "payload.jobId");
    trustee_expect_refusal(server, TOKEN, NULL, retry_of("nonsense"), 400, "payload.jobId");
}

/* A retry does not turn another requester's request into a trustee's own, and does not redo a request from before a later
 * change. */
static void a_try_again_proves_nothing_and_undoes_nothing(void **state) {
    (void)state;
    struct server *server = scene.server;
    owners_scene_publish(&scene, "moving", "1.0.0", owners_of(&scene, &scene.owner));
    const char *payload = transfer_payload(&scene, "moving", "evil/place");
    const char *forged = owners_scene_send(&scene, ROUTE_TRANSFER, payload, &scene.stranger).id;
    json_decref(server_wait_for_job(server, forged));
    char *before = registry_snapshot(server);
    json_t *job = server_wait_for_job(server, trustee_expect_job(server, TOKEN, retry_of(forged)));
    assert_non_null(strstr(server_last_error(server, job), "exactly this payload"));
    assert_string_equal(server_job_text(job, "actor"), ACTOR);
    json_decref(job);
    assert_string_equal(registry_snapshot(server), before);

    const char *signed_later = transfer_payload(&scene, "moving", "good/place");
    owners_scene_expect_done(&scene, ROUTE_TRANSFER, signed_later, &scene.owner);
    before = registry_snapshot(server);
    trustee_expect_refusal(server, TOKEN, NULL, retry_of(forged), 400, "");
    assert_string_equal(registry_snapshot(server), before);
}

/* Its plan does not follow from the registry, so its result alone would be wrong for the version. */
static void a_build_for_a_revision_is_not_tried_again_by_itself(void **state) {
    (void)state;
    struct error err;
    struct job_store *store;
    struct lease lease;
    struct job job;
    struct job_accepted accepted;
    struct job_request request = {.kind = JOB_KIND_MATRIX,
                                  .payload = "{}",
                                  .package = "revised",
                                  .version = "1.0.0",
                                  .compiler = "0.15.15",
                                  .purpose = MATRIX_PURPOSE_REVISION};
    const struct job_end end = {.error = "It does not compile.", .verdict = "failed_to_compile"};
    hash_random_uuid(request.id);
    assert_int_equal(job_store_create(&store, redis_server_url(scene.server->redis), STORE_TIMEOUT_MS, &err), STATUS_OK);
    assert_int_equal(job_store_accept(store, &request, NULL, &accepted, &err), STATUS_OK);
    assert_int_equal(job_store_claim(store, request.id, "a-worker", STORE_TIMEOUT_MS, &scene.server->arena, &lease, &job, &err),
                     STATUS_OK);
    assert_int_equal(job_store_finish(store, &lease, &end, &err), STATUS_OK);
    job_store_free(store);
    trustee_expect_refusal(scene.server, TOKEN, NULL, retry_of(request.id), 400, "payload.jobId");
}

/* ---- Refusals ---- */

static void malformed_input_is_refused_by_its_field(void **state) {
    (void)state;
    static const struct {
        const char *body, *path;
    } rows[] = {
        {"", ""},
        {"[]", ""},
        {"{}", "action"},
        {"{\"action\":\"rewrite\"}", "action"},
        {"{\"action\":\"transfer\"}", "actor"},
        {"{\"action\":\"transfer\",\"actor\":\"\"}", "actor"},
        {"{\"action\":\"transfer\",\"actor\":\"a b\"}", "actor"},
        {"{\"action\":\"transfer\",\"actor\":\"abcdefghijklmnopqrstuvwxyz0123456789-ABC\"}", "actor"},
        {"{\"action\":\"transfer\",\"actor\":\"a\"}", "issue"},
        {"{\"action\":\"transfer\",\"actor\":\"a\",\"issue\":0}", "issue"},
        {"{\"action\":\"transfer\",\"actor\":\"a\",\"issue\":\"7\"}", "issue"},
        {"{\"action\":\"transfer\",\"actor\":\"a\",\"issue\":7,\"reason\":\"\"}", "reason"},
        {"{\"action\":\"transfer\",\"actor\":\"a\",\"issue\":7,\"reason\":\"a\\nJob ID: b\"}", "reason"},
        {"{\"action\":\"transfer\",\"actor\":\"a\",\"issue\":7,\"reason\":\"a\\u0085b\"}", "reason"},
        {"{\"action\":\"transfer\",\"actor\":\"a\",\"issue\":7,\"reason\":\"a\\u2028b\"}", "reason"},
        {"{\"action\":\"transfer\",\"actor\":\"a\",\"issue\":7}", "payload"},
        {"{\"action\":\"transfer\",\"actor\":\"a\",\"issue\":7,\"payload\":\"{}\"}", "payload"},
        {"{\"action\":\"transfer\",\"actor\":\"a\",\"issue\":7,\"payload\":{\"name\":\"x\"}}", "payload.newLocation"},
        {"{\"action\":\"transfer\",\"actor\":\"a\",\"issue\":7,\"payload\":{\"name\":\"x\",\"version\":\"1.0.0\"}}",
         "payload.version"},
        {"{\"action\":\"unpublish\",\"actor\":\"a\",\"issue\":7,\"payload\":{\"name\":\"x\",\"version\":\"1\"}}",
         "payload.version"},
        {"{\"action\":\"publish\",\"actor\":\"a\",\"issue\":7,\"payload\":{\"name\":\"x\",\"version\":\"1.0.0\"}}",
         "payload.ref"},
        {"{\"action\":\"retry\",\"actor\":\"a\",\"issue\":7,\"payload\":{}}", "payload.jobId"},
        {"{\"action\":\"package-set\",\"actor\":\"a\",\"issue\":7,\"payload\":{\"packages\":{}}}", "payload.packages"},
        {"{\"action\":\"matrix\",\"actor\":\"a\",\"issue\":7,\"payload\":{}}", "payload.name"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        trustee_expect_refusal(scene.server, TOKEN, NULL, rows[i].body, 400, rows[i].path);
}

/* A requester without permission learns nothing about the request. */
static void the_token_is_looked_at_first_and_failures_are_counted(void **state) {
    (void)state;
    struct server *server = scene.server;
    const char *good = body("transfer", transfer_payload(&scene, "nothing", "a/b"), NULL);
    static const char *const wrong[] = {NULL, "", "wrong", "a b", TOKEN "x"};
    for (size_t i = 0; i < 5; i++)
        trustee_expect_refusal(server, wrong[i], "192.0.2.1", i % 2 ? good : "{", 401, "");
    trustee_expect_refusal(server, "wrong", "192.0.2.1", good, 429, "");
    trustee_expect_refusal(server, "wrong", "192.0.2.2", good, 401, "");         /* another address */
    assert_int_equal(trustee_ask(server, TOKEN, "192.0.2.1", good).status, 200); /* never refused with the right token */
    trustee_expect_refusal(server, TOKEN, "192.0.2.1", "{", 400, "");
}

struct probe {
    const char *token;
    int status; /* of the expected answer */
};

/* From another address each time, so that no rate limit answers. */
static bool is_answered_so(void *context) {
    static int number;
    const struct probe *probe = context;
    const char *address = arena_format(&scene.server->arena, "198.51.%d.%d", number / 250, number % 250 + 1);
    number++;
    return trustee_ask(scene.server, probe->token, address, "{}").status == probe->status;
}

static void expect_soon(const char *token, int status) {
    struct probe probe = {token, status};
    assert_true(wait_until(is_answered_so, &probe, PATIENCE_MS));
}

static void reload(void) {
    assert_int_equal(kill(scene.server->children[SERVER_GATEWAY].pid, SIGHUP), 0);
}

static bool empty_file_is_logged(void *context) {
    (void)context;
    return atoi(shell_output(&arena, "grep -c 'event=secret_reload_failed .*is empty' '%s/gateway.log' || true",
                             scene.server->folder)) > 0;
}

static void a_new_token_needs_no_restart(void **state) {
    (void)state;
    enum { IS_RIGHT = 400 /* since the request is `{}` */ };
    write_digest(NEW_TOKEN);
    expect_soon(TOKEN, IS_RIGHT);
    reload();
    expect_soon(NEW_TOKEN, IS_RIGHT);
    expect_soon(TOKEN, 401);
    shell_run("echo nonsense >'%s/digest'", folder); /* not a digest */
    reload();
    expect_soon(NEW_TOKEN, 401);
    write_digest(NEW_TOKEN);
    reload();
    expect_soon(NEW_TOKEN, IS_RIGHT);
    shell_run(": >'%s/digest'", folder); /* as while it is being written: the previous digest is kept */
    reload();
    assert_true(wait_until(empty_file_is_logged, NULL, PATIENCE_MS));
    expect_soon(NEW_TOKEN, IS_RIGHT);
    write_digest(TOKEN);
    reload();
    expect_soon(TOKEN, IS_RIGHT);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_trustee_publishes),
        cmocka_unit_test(a_trustee_unpublishes_at_any_age_with_a_reason),
        cmocka_unit_test(a_trustee_transfers_there_and_back_and_there_again),
        cmocka_unit_test(an_owners_act_says_by_which_key),
        cmocka_unit_test(registryctl_asks_for_a_trustee),
        cmocka_unit_test(the_same_action_by_the_same_trustee_is_one_job_while_it_lasts),
        cmocka_unit_test(a_failed_job_is_tried_again_and_linked),
        cmocka_unit_test(a_try_again_proves_nothing_and_undoes_nothing),
        cmocka_unit_test(a_build_for_a_revision_is_not_tried_again_by_itself),
        cmocka_unit_test(malformed_input_is_refused_by_its_field),
        cmocka_unit_test(the_token_is_looked_at_first_and_failures_are_counted),
        cmocka_unit_test(a_new_token_needs_no_restart),
    };
    return cmocka_run_group_tests(tests, start, stop);
}
