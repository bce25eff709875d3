/* SPDX-License-Identifier: BSD-3-Clause
 *
 * ops/github/handle-issue, run by hand on events as GitHub writes them, against a whole server and a stand-in for GitHub's API
 * that checks each call: permissions, and the text of every comment (ops/github/README.md shows the same).
 */
#include "tests/support/cmocka_all.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/hash.h"
#include "tests/support/http/http_stub.h"
#include "tests/support/owners_scene.h"
#include "tests/support/registry_check.h"
#include "tests/support/server/github_server.h"
#include "tests/support/shell.h"

#define TOKEN "ghp_TheTokenOfTheBotInTheWorkflow0123"
#define ISSUE "/repos/purescript/registry/issues/314"
#define COMMENT "POST " ISSUE "/comments by pacchettibotti "
#define CLOSED "PATCH " ISSUE " by pacchettibotti\n"
#define SUCCEEDED COMMENT "✅ Job completed successfully\\n\n" CLOSED

static struct owners_scene scene;
static struct github_server *github;

static int start(void **state) {
    (void)state;
    static char digest[128] = "PACCHETTIBOTTI_TOKEN_SHA256=";
    hash_sha256_hex(TOKEN, strlen(TOKEN), digest + strlen(digest));
    const char *const gateway[] = {digest, NULL};
    owners_scene_start(&scene, &(struct server_options){.gateway_settings = gateway});
    github = github_server_start();
    github_server_set_token(github, TOKEN, "pacchettibotti", true);
    github_server_set_page_size(github, 2);
    static const char *const members[] = {"a-member", "b-member", "Trusty", "z-member"};
    for (size_t i = 0; i < sizeof members / sizeof members[0]; i++)
        github_server_set_member(github, members[i], true);
    return 0;
}

static int stop(void **state) {
    (void)state;
    github_server_stop(github);
    owners_scene_stop(&scene);
    return 0;
}

/* ---- Events ---- */

static const char *file_in(const char *name) {
    return arena_format(&scene.server->arena, "%s/%s", scene.folder, name);
}

/* Events as GitHub writes them, without the fields that the script does not read. `is_comment`: the text is in a comment, on an
 * issue with another text. */
static void write_event(const char *sender, const char *text, bool is_comment) {
    json_t *issue = json_pack("{s:i, s:s, s:s, s:s}", "number", 314, "state", "open", "title", "A title {\"name\":1}", "body",
                              is_comment ? "Hello {\"never\":\"this\"}" : text);
    json_t *event = json_pack("{s:s, s:o, s:{s:s, s:s}}", "action", is_comment ? "created" : "opened", "issue", issue, "sender",
                              "login", sender, "type", "User");
    if (is_comment) json_object_set_new(event, "comment", json_pack("{s:s}", "body", text));
    char *json = json_dumps(event, 0);
    write_file(file_in("event.json"), json);
    free(json);
    json_decref(event);
}

/* Runs the script on the event written last; returns its exit status. Its output is in the file `output`. */
static int handle(const char *registry) {
    const char *status =
        shell_output(&scene.server->arena,
                     "status=0; env -i PATH=\"$PATH\" HOME=/nonexistent GITHUB_EVENT_PATH='%s' "
                     "GITHUB_REPOSITORY=purescript/registry GITHUB_API_URL='%s' REGISTRY='%s' POLL_SECONDS=0.1 "
                     "PACCHETTIBOTTI_TOKEN=" TOKEN " '" SOURCE_DIR "/ops/github/handle-issue' >'%s' 2>&1 || "
                     "status=$?; echo $status",
                     file_in("event.json"), github_server_url(github), registry, file_in("output"));
    char *output = read_file(&scene.server->arena, file_in("output"));
    assert_null(strstr(output, TOKEN));
    return atoi(status);
}

/* The script's calls that change something, with the job's id and the server's address replaced by ID and URL. Two comments
 * with lines of a job's log are joined, because the moment of the second depends on the job. */
static char *calls(void) {
    write_file(file_in("calls"), github_server_take_lines(github));
    return shell_output(&scene.server->arena,
                        "sed -E 's/[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}/ID/g; s|http://127.0.0.1:[0-9]+|URL|g; "
                        "/^GET /d' '%s' | sed -zE 's/\\\\n```\\\\n\\nPOST [^ ]* by pacchettibotti ```\\\\n/\\\\n/g'",
                        file_in("calls"));
}

static void expect_calls(const char *sender, const char *text, bool is_comment, const char *expected) {
    write_event(sender, text, is_comment);
    int status = handle(scene.server->url);
    char *output = read_file(&scene.server->arena, file_in("output")), *got = calls();
    if (status != 0 || strcmp(got, expected) != 0) {
        fprintf(stderr, "%s\n%s", output, got); /* cmocka would cut it */
        fail_msg("exit status %d, or other calls than\n%s", status, expected);
    }
}

static void expect_silence(const char *sender, const char *text) {
    expect_calls(sender, text, true, "");
}

static const char *fenced(const char *json) {
    return arena_format(&scene.server->arena, "Please:\n\n```json\n%s\n```\nThank you {or not", json);
}

static const char *notices(const char *text) {
    return arena_format(&scene.server->arena, COMMENT "```\\n%s\\n```\\n\n", text);
}

static const char *started(void) {
    return COMMENT "Job started: ID\\nURL/logs/ID\\n\n";
}

static const char *quoted(const char *payload) {
    json_t *text = json_string(payload);
    char *json = json_dumps(text, JSON_ENCODE_ANY);
    const char *copy = arena_copy(&scene.server->arena, json);
    free(json);
    json_decref(text);
    return copy;
}

/* ---- A stand-in for the registry ---- */

static void *handle_in_thread(void *registry) {
    return (void *)(intptr_t)handle(registry);
}

/* A registry that accepts every request as one job, which never ends. */
static struct http_stub *start_stub(void) {
    static const char body[] = "{\"jobId\":\"00000000-0000-4000-8000-000000000000\",\"created\":true,\"logs\":[]}";
    return http_stub_start(
        arena_format(&scene.server->arena, "HTTP/1.1 200 OK\r\nContent-Length: %zu\r\n\r\n%s", strlen(body), body));
}

static pthread_t handle_at_stub(struct http_stub *stub) {
    pthread_t thread;
    char *registry = arena_format(&scene.server->arena, "http://127.0.0.1:%d", http_stub_port(stub));
    assert_int_equal(pthread_create(&thread, NULL, handle_in_thread, registry), 0);
    return thread;
}

/* The registry breaks: the script gives up, with status 1. Returns how often it still asked. */
static size_t break_stub(struct http_stub *stub, pthread_t thread) {
    void *status;
    http_stub_set_answer(stub, "HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n");
    size_t before = http_stub_count(stub);
    assert_int_equal(pthread_join(thread, &status), 0);
    assert_int_equal((intptr_t)status, 1);
    return http_stub_count(stub) - before;
}

/* The request that the script makes of this text, head and body. */
static const char *request_for(const char *sender, const char *text) {
    struct http_stub *stub = start_stub();
    write_event(sender, text, true);
    pthread_t thread = handle_at_stub(stub);
    assert_non_null(http_stub_request(stub, 1)); /* the first poll: the POST was answered */
    break_stub(stub, thread);                    /* the arena is the thread's until its end */
    const char *request = arena_copy(&scene.server->arena, http_stub_request(stub, 0));
    http_stub_stop(stub);
    github_server_take_lines(github);
    return request;
}

/* ---- Accepted requests ---- */

static void an_issue_publishes(void **state) {
    (void)state;
    struct arena *arena = &scene.server->arena;
    const struct package package = {.name = "by-issue", .version = "1.0.0"};
    package_push(arena_format(arena, "%s/sources", scene.server->folder), &package);
    expect_calls("anybody", fenced(package_request(arena, &package)), false,
                 arena_format(arena, "%s%s" SUCCEEDED, started(), notices("Published by-issue@1.0.0.")));
    json_decref(registry_published(scene.server, "by-issue", "1.0.0"));
    /* The same once more, as a comment: the same job. */
    expect_calls(
        "anybody", package_request(arena, &package), true,
        arena_format(arena, COMMENT "Duplicate job: ID\\nURL/logs/ID\\n\n%s" SUCCEEDED, notices("Published by-issue@1.0.0.")));
    assert_int_equal(github_server_count(github, "GET /orgs/"), 0); /* the team was not needed */
}

static void a_trustees_issue_transfers_and_unpublishes(void **state) {
    (void)state;
    struct arena *arena = &scene.server->arena;
    owners_scene_publish(&scene, "kept", "1.0.0", NULL);
    const char *payload = transfer_payload(&scene, "kept", "new/place");
    expect_calls("trusty", fenced(arena_format(arena, "{\"payload\": %s, \"signature\": \"\"}", quoted(payload))), false,
                 arena_format(arena, "%s%s" SUCCEEDED, started(),
                              notices("Requested by the trustee trusty, issue 314.\\nTransferred kept from "
                                      "github.com/flow/purescript-kept to github.com/new/place.")));
    assert_int_equal(github_server_count(github, "GET /orgs/"), 2); /* the second page has Trusty */
    expect_calls(
        "z-member", "{\"name\": \"kept\", \"version\": \"1.0.0\", \"reason\": \"A court\\nsaid so.\"}", true,
        arena_format(arena, "%s%s" SUCCEEDED, started(),
                     notices("Requested by the trustee z-member, issue 314: A court said so.\\nUnpublished kept@1.0.0.")));
    json_t *metadata = owners_scene_metadata(&scene, "kept");
    assert_non_null(json_object_get(json_object_get(metadata, "unpublished"), "1.0.0"));
    json_decref(metadata);
    json_t *jobs = server_get(scene.server, "/api/v1/jobs?actor=z-member&include_completed=true");
    assert_int_equal(json_integer_value(json_object_get(json_array_get(jobs, 0), "issue")), 314);
    json_decref(jobs);
}

/* Other requesters have no way to ask for it. */
static void only_a_trustees_issue_asks_for_other_bounds(void **state) {
    (void)state;
    static const char text[] =
        "{\"name\": \"no-such-package\", \"version\": \"1.0.0\", \"dependencies\": {\"prelude\": \">=6.0.0 "
        "<8.0.0\"}, \"reason\": \"It works.\"}";
    static const char why[] = "```\\nThere is no package named no-such-package in the registry.\\n```\\n\n";
    expect_calls("trusty", text, true,
                 arena_format(&scene.server->arena,
                              "%s" COMMENT "```\\nRequested by the trustee trusty, issue 314: It works.\\nThere is no package "
                              "named no-such-package in the registry.\\n```\\n\n" COMMENT "❌ Job failed\\n\\n%s",
                              started(), why));
    expect_calls("stranger", text, true, COMMENT "❌ Only trustees of the registry can ask for that: nothing was done.\\n\n");
}

#define REMOVAL "{\"packages\":{\"x\":null}}"
#define ADDITION "{\"packages\":{\"x\":\"1.0.0\"}}"
#define OTHER_COMPILER "{\"compiler\":\"0.15.16\",\"packages\":{}}"
#define ACTION(payload, actor) "{\"action\":\"package-set\",\"payload\":" payload ",\"actor\":\"" actor "\",\"issue\":314}"

/* A removal or a compiler is a trustee's action if a trustee asks for it and nobody has signed it. All else is everybody's. */
static void a_restricted_package_set_of_a_trustee_is_an_action(void **state) {
    (void)state;
    struct arena *arena = &scene.server->arena;
    const char *removal = quoted(REMOVAL);
    const char *unsigned_removal = arena_format(arena, "{\"payload\":%s,\"signature\":\"\"}", removal);
    const char *signed_removal = arena_format(arena, "{\"payload\":%s,\"signature\":\"00ff\"}", removal);
    const struct {
        const char *sender, *text;
        bool is_action;
        const char *body;
    } rows[] = {
        {"trusty", REMOVAL, true, ACTION(REMOVAL, "trusty")},
        {"a-member", OTHER_COMPILER, true, ACTION(OTHER_COMPILER, "a-member")},
        {"trusty", unsigned_removal, true, ACTION(REMOVAL, "trusty")},
        {"trusty", signed_removal, false, signed_removal},
        {"trusty", ADDITION, false, arena_format(arena, "{\"payload\":%s,\"signature\":\"\"}", quoted(ADDITION))},
        {"stranger", REMOVAL, false, unsigned_removal},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const char *request = request_for(rows[i].sender, rows[i].text);
        const char *line = rows[i].is_action ? "POST /api/v1/trustee HTTP/1.1\r\n" : "POST /api/v1/package-sets HTTP/1.1\r\n";
        if (!text_starts_with(request, line)) fail_msg("%s of %s: %s", rows[i].text, rows[i].sender, request);
        const char *body = strstr(request, "\r\n\r\n") + 4;
        assert_string_equal(arena_copy_bytes(arena, body, strcspn(body, "\n")), rows[i].body);
        assert_int_equal(strstr(request, TOKEN) != NULL, rows[i].is_action); /* only trustees' requests bring it */
    }
}

static void an_owner_signs_in_an_issue(void **state) {
    (void)state;
    struct arena *arena = &scene.server->arena;
    owners_scene_publish(&scene, "owned", "1.0.0", owners_of(&scene, &scene.owner));
    const char *payload = unpublish_payload(&scene, "owned", "1.0.0");
    const char *body = signed_request_body(arena, payload, owner_key_sign(arena, &scene.owner, payload));
    expect_calls("trusty", body, false, arena_format(arena, "%s%s" SUCCEEDED, started(), notices("Unpublished owned@1.0.0.")));
    json_t *jobs = server_get(scene.server, "/api/v1/jobs?actor=trusty&package=owned&include_completed=true");
    assert_int_equal(json_array_size(jobs), 0); /* recorded as the owner's act */
    json_decref(jobs);
}

static void small_mistakes_are_repaired(void **state) {
    (void)state;
    struct arena *arena = &scene.server->arena;
    static const char *const forms[] = {
        "{\"name\": \"%s\", \"version\": \"1.0.0\", \"ref\": \"v1.0.0\", \"location\": {\"githubOwner\": \"flow\", "
        "\"githubRepo\": "
        "\"purescript-%s\",},\n}",
        "Grüße! {“name”: “%s”, “version”: “1.0.0”, “ref”: “v1.0.0”, “location”: {“githubOwner”: “flow”, “githubRepo”: "
        "“purescript-%s”}}",
        "{'name': '%s', 'version': '1.0.0', 'ref': 'v1.0.0', 'location': {'githubOwner': 'flow', 'githubRepo': "
        "'purescript-%s', }}",
        "Hello {all}!\n```json\n{\"name\": \"%s\", \"version\": \"1.0.0\", \"ref\": \"v1.0.0\", \"location\": "
        "{\"githubOwner\": "
        "\"flow\", \"githubRepo\": \"purescript-%s\"}}\n```\nThank you {all}.",
    };
    for (size_t i = 0; i < sizeof forms / sizeof forms[0]; i++) {
        const struct package package = {.name = arena_format(arena, "mended-%zu", i), .version = "1.0.0"};
        package_push(arena_format(arena, "%s/sources", scene.server->folder), &package);
        struct text text = {0};
        for (const char *at = forms[i], *mark; *at; at = mark + 2) {
            mark = strstr(at, "%s");
            text_append_bytes(&text, at, mark ? (size_t)(mark - at) : strlen(at));
            if (!mark) break;
            text_append(&text, package.name);
        }
        expect_calls(
            "anybody", text_view(&text), false,
            arena_format(arena, "%s%s" SUCCEEDED, started(), notices(arena_format(arena, "Published mended-%zu@1.0.0.", i))));
        text_release(&text);
    }
}

/* ---- Refused requests ---- */

static void what_asks_for_nothing_is_met_with_silence(void **state) {
    (void)state;
    expect_silence("anybody", "Thank you!");
    expect_silence("anybody", "A smile :} and {");
    expect_silence("anybody", "Thank you {or not");
    expect_silence("anybody", "");
    expect_silence("pacchettibotti", "{\"name\": \"x\"}");
    write_event("trusty", "{\"name\": \"x\"}", false);
    shell_run("sed -i 's/\"opened\"/\"edited\"/' '%s'", file_in("event.json"));
    assert_int_equal(handle(scene.server->url), 0);
    write_event("trusty", "{\"name\": \"x\"}", true);
    shell_run("sed -i 's/\"number\": 314/\"number\": 314, \"pull_request\": {}/' '%s'", file_in("event.json"));
    assert_int_equal(handle(scene.server->url), 0);
    assert_string_equal(calls(), "");
}

static void what_cannot_be_read_is_explained(void **state) {
    (void)state;
    static const char *const texts[] = {"{\"name\": }",
                                        "{\"name\": \"x\"}",
                                        "{\"payload\": 5}",
                                        "{}",
                                        "{\"payload\": \"{\"}",
                                        "{\"name\": \"$(touch /tmp/x)`id`\"}",
                                        "{\"name\": \"x\"",
                                        "\"name\": \"x\"}",
                                        "Hello {name: x, and good-bye"};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        write_event("trusty", texts[i], true);
        assert_int_equal(handle(scene.server->url), 0);
        char *got = calls();
        if (strstr(got, COMMENT "❌ ") != got || !strstr(got, "newLocation") || strchr(got, '\n')[1] != '\0')
            fail_msg("%s: %s", texts[i], got);
    }
}

static void who_is_no_trustee_needs_a_signature(void **state) {
    (void)state;
    struct arena *arena = &scene.server->arena;
    owners_scene_publish(&scene, "coveted", "1.0.0", NULL);
    char *before = registry_snapshot(scene.server);
    const char *text = arena_format(arena, "{\"payload\": %s, \"signature\": \"\"}",
                                    quoted(transfer_payload(&scene, "coveted", "evil/place")));
    static const char refused[] = COMMENT "❌ The registry did not accept this request:\\nThe signature must be an SSH key's "
                                          "signature of the payload in lower-case hexadecimal digits. (`signature`)\\n\n";
    expect_calls("stranger", text, true, refused);
    /* A stranger's comment on a trustee's issue is still a stranger's. */
    write_event("stranger", text, true);
    shell_run("sed -i 's/\"issue\": {/\"issue\": {\"user\": {\"login\": \"trusty\"}, /' '%s'", file_in("event.json"));
    assert_int_equal(handle(scene.server->url), 0);
    assert_string_equal(calls(), refused);
    /* Nor is a trustee accepted while GitHub cannot be reached. */
    github_server_set_mode(github, GITHUB_HIDES_TEAM);
    expect_calls("trusty", text, true, refused);
    github_server_set_mode(github, GITHUB_WELL);
    assert_string_equal(registry_snapshot(scene.server), before);
}

/* The requester sees the sentence of the public route. */
static void a_restricted_package_set_of_a_stranger_is_refused(void **state) {
    (void)state;
    static const char *const texts[] = {REMOVAL, OTHER_COMPILER};
    static const char refused[] = COMMENT "❌ The registry did not accept this request:\\nA compiler, or the removal of a "
                                          "package, needs pacchettibotti's signature: ";
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        write_event("stranger", texts[i], true);
        assert_int_equal(handle(scene.server->url), 0);
        const char *got = calls();
        if (!text_starts_with(got, refused) || !strstr(got, scene.pacchettibotti.fingerprint) || !strstr(got, " (`signature`)"))
            fail_msg("%s", got);
    }
}

static void a_failed_job_leaves_the_issue_open(void **state) {
    (void)state;
    static const char why[] = "```\\nThere is no package named no-such-package in the registry.\\n```\\n\n";
    expect_calls("trusty", "{\"name\": \"no-such-package\", \"version\": \"1.0.0\", \"reason\": \"\"}", true,
                 arena_format(&scene.server->arena, "%s" COMMENT "%s" COMMENT "❌ Job failed\\n\\n%s", started(), why, why));
}

/* A fence is longer than any in its content. */
static void a_log_cannot_leave_its_fence(void **state) {
    (void)state;
    owners_scene_publish(&scene, "fenced", "1.0.0", NULL);
    expect_calls("trusty", "{\"name\": \"fenced\", \"version\": \"1.0.0\", \"reason\": \"```` @everybody\"}", true,
                 arena_format(&scene.server->arena,
                              "%s" COMMENT "`````\\nRequested by the trustee trusty, issue 314: ```` @everybody\\nUnpublished "
                              "fenced@1.0.0.\\n`````\\n\n" SUCCEEDED,
                              started()));
}

/* ---- Trouble ---- */

static void a_registry_that_is_away_is_said_to_be(void **state) {
    (void)state;
    write_event("anybody", "{\"packages\": {\"x\": \"1.0.0\"}}", false);
    assert_int_equal(handle("http://127.0.0.1:9"), 0);
    assert_non_null(strstr(calls(), "does not answer (HTTP status 000). Try again later"));
}

static void five_failed_polls_in_a_row_are_too_many(void **state) {
    (void)state;
    enum { FAILED_MOST = 5 };
    struct http_stub *stub = start_stub();
    write_event("anybody", "{\"packages\": {\"x\": \"1.0.0\"}}", false);
    pthread_t thread = handle_at_stub(stub);
    assert_non_null(http_stub_request(stub, 2)); /* the POST, and two polls */
    size_t failed = break_stub(stub, thread);
    assert_true(failed <= FAILED_MOST && failed >= FAILED_MOST - 1);
    char *got = calls();
    assert_non_null(strstr(got, COMMENT "❌ The registry does not answer any more."));
    assert_null(strstr(got, "PATCH"));
    http_stub_stop(stub);
}

/* Comments are only for people: the request is carried out without them, too. */
static void a_github_that_takes_no_comments_holds_nothing_up(void **state) {
    (void)state;
    const struct package package = {.name = "unsaid", .version = "1.0.0"};
    package_push(arena_format(&scene.server->arena, "%s/sources", scene.server->folder), &package);
    github_server_set_mode(github, GITHUB_AWAY);
    expect_calls("anybody", package_request(&scene.server->arena, &package), false, "");
    github_server_set_mode(github, GITHUB_WELL);
    json_decref(registry_published(scene.server, "unsaid", "1.0.0"));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_issue_publishes),
        cmocka_unit_test(a_trustees_issue_transfers_and_unpublishes),
        cmocka_unit_test(a_restricted_package_set_of_a_trustee_is_an_action),
        cmocka_unit_test(an_owner_signs_in_an_issue),
        cmocka_unit_test(small_mistakes_are_repaired),
        cmocka_unit_test(what_asks_for_nothing_is_met_with_silence),
        cmocka_unit_test(only_a_trustees_issue_asks_for_other_bounds),
        cmocka_unit_test(what_cannot_be_read_is_explained),
        cmocka_unit_test(who_is_no_trustee_needs_a_signature),
        cmocka_unit_test(a_restricted_package_set_of_a_stranger_is_refused),
        cmocka_unit_test(a_failed_job_leaves_the_issue_open),
        cmocka_unit_test(a_log_cannot_leave_its_fence),
        cmocka_unit_test(a_registry_that_is_away_is_said_to_be),
        cmocka_unit_test(five_failed_polls_in_a_row_are_too_many),
        cmocka_unit_test(a_github_that_takes_no_comments_holds_nothing_up),
    };
    return cmocka_run_group_tests(tests, start, stop);
}
