/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The refusals of lib/domain/README.md, Publish, steps 1, 2, 4 and 5: one row for each (step 3: test_manifests.c, step 6:
 * test_plan.c, steps 7 to 9: test_modules.c, step 10: test_tarball.c). Then the requests that never become a job.
 */
#include "tests/support/cmocka_all.h"

#include <stdio.h>
#include <string.h>

#include "tests/support/http/http_connection.h"
#include "tests/support/refusal.h"
#include "tests/support/registry_check.h"
#include "tests/support/shell.h"

/* One server for all rows; cmocka hands a test either this or its row. */
static struct server *server;

#define LOCATION(repo) REFUSAL_LOCATION(repo)
#define REQUEST(name, version, ref, more) REFUSAL_REQUEST(name, version, ref, more)
#define CORE(repo) "\"location\": {\"githubOwner\": \"flow\", \"githubRepo\": \"" repo "\", \"subdir\": \"core\"}"
#define AT_CORE(name)                                                                                                          \
    "{\"name\": \"" name "\", \"version\": \"1.0.0\", \"license\": \"MIT\", " CORE(                                            \
        "purescript-" name) ", \"ref\": \"v1.0.0\", \"dependencies\": {}}"
#define GROUND                                                                                                                 \
    { "ground", ">=1.0.0 <2.0.0" }

static const struct refusal refusals[] = {
    /* Step 1: metadata */
    {.holds = "an_unknown_package_needs_a_location",
     .package = {"unplaced", "1.0.0"},
     .request = REQUEST("unplaced", "1.0.0", "v1.0.0", "\"compiler\": \"0.15.15\""),
     .sentence = "There is no package named unplaced in the registry. To register it, add the \"location\" of its repository "
                 "to the request."},
    {.holds = "a_known_package_cannot_move_by_publishing",
     .package = {"ground", "1.5.0"},
     .request = REQUEST("ground", "1.5.0", "v1.5.0", LOCATION("purescript-elsewhere")),
     .sentence = "The package ground is registered at github.com/flow/purescript-ground, but the request has "
                 "github.com/flow/purescript-elsewhere. To move a package, request a transfer first."},
    {.holds = "a_known_package_is_in_its_folder",
     .package = {"ground", "1.5.0"},
     .request = REQUEST("ground", "1.5.0", "v1.5.0", CORE("purescript-ground")),
     .sentence = "The package ground is registered at github.com/flow/purescript-ground, but the request has "
                 "github.com/flow/purescript-ground (folder core). To move a package, request a transfer first."},
    {.holds = "a_new_package_is_not_at_the_place_of_another",
     .package = {"intruder", "1.0.0"},
     .request = REQUEST("intruder", "1.0.0", "v1.0.0", LOCATION("purescript-ground")),
     .sentence = "github.com/flow/purescript-ground belongs to the package ground. If several "
                 "packages share a repository, each needs its own \"subdir\"."},
    {.holds = "a_place_is_compared_without_case",
     .package = {"intruder", "1.0.0"},
     .request = REQUEST("intruder", "1.0.0", "v1.0.0",
                        "\"location\": {\"githubOwner\": \"Flow\", \"githubRepo\": \"PureScript-Ground\"}"),
     .words = {"github.com/Flow/PureScript-Ground belongs to the package ground"}},
    {.holds = "a_place_by_its_address_is_the_same_place",
     .package = {"intruder", "1.0.0"},
     .request = REQUEST("intruder", "1.0.0", "v1.0.0",
                        "\"location\": {\"gitUrl\": \"https://github.com/FLOW/purescript-ground.git\"}"),
     .words = {"https://github.com/FLOW/purescript-ground.git belongs to the package ground"}},
    {.holds = "a_new_package_is_where_every_client_can_read_of",
     .package = {"at-port", "1.0.0"},
     .request = REQUEST("at-port", "1.0.0", "v1.0.0", "\"location\": {\"gitUrl\": \"https://example.org:8443/at-port.git\"}"),
     .sentence = "The git URL \"https://example.org:8443/at-port.git\" may have only letters, digits and the characters . / _ "
                 "- ~ after its \"://\": no port, user or query."},
    {.holds = "a_repository_has_a_name_that_github_knows",
     .package = {"misplaced", "1.0.0"},
     .request = REQUEST("misplaced", "1.0.0", "v1.0.0", LOCATION("flow/purescript-misplaced")),
     .sentence = "\"flow/purescript-misplaced\" is not the name of a GitHub repository: it must be 1 to 100 letters, digits, "
                 "dots, hyphens and underscores, without the owner."},
    {.holds = "a_subfolder_stays_in_the_repository",
     .package = {"subless", "1.0.0"},
     .request = REQUEST("subless", "1.0.0", "v1.0.0",
                        "\"location\": {\"githubOwner\": \"flow\", \"githubRepo\": \"purescript-subless\", "
                        "\"subdir\": \"../subless\"}"),
     .sentence = "\"../subless\" cannot be a folder of the repository: it must be a relative path such as \"packages/core\", "
                 "without \".\", \"..\" or backslashes, of at most 500 bytes."},
    {.holds = "a_reserved_name_is_never_published",
     .package = {"metadata", "1.0.0"},
     .sentence = "The name \"metadata\" is reserved and can never be published."},
    {.holds = "the_other_reserved_name_neither",
     .package = {"purs", "1.0.0"},
     .sentence = "The name \"purs\" is reserved and can never be published."},

    /* Step 2: source */
    {.holds = "a_ref_must_exist",
     .package = {"refless", "1.0.0"},
     .request = REQUEST("refless", "1.0.0", "v9.9.9", LOCATION("purescript-refless")),
     .words = {"There is no tag or branch named 'v9.9.9' in [GITHUB_GIT_URL]/flow/purescript-refless.git."}},
    {.holds = "a_commit_id_is_no_ref",
     .package = {"refless", "1.0.0"},
     .request = REQUEST("refless", "1.0.0", "0123456789012345678901234567890123456789", LOCATION("purescript-refless")),
     .sentence = "\"0123456789012345678901234567890123456789\" cannot be used as a ref: it looks like a commit id: use the "
                 "name of a tag or a branch."},
    {.holds = "a_full_ref_is_no_ref",
     .package = {"refless", "1.0.0"},
     .request = REQUEST("refless", "1.0.0", "refs/heads/main", LOCATION("purescript-refless")),
     .sentence = "\"refs/heads/main\" cannot be used as a ref: it must be a tag's or branch's own name, without \"refs/tags/\" "
                 "or \"refs/heads/\"."},
    {.holds = "a_pull_request_is_no_ref",
     .package = {"refless", "1.0.0"},
     .request = REQUEST("refless", "1.0.0", "pull/1/head", LOCATION("purescript-refless")),
     .sentence =
         "\"pull/1/head\" cannot be used as a ref: pull requests cannot be published: use the name of a tag or a branch."},
    {.holds = "a_repository_must_exist",
     .package = {"homeless", "1.0.0"},
     .request = REQUEST("homeless", "1.0.0", "v1.0.0", LOCATION("purescript-nothing-here")),
     .words = {"[GITHUB_GIT_URL]/flow/purescript-nothing-here.git does not exist or is private (HTTP status 404)."}},
    {.holds = "a_subfolder_must_exist",
     .package = {"subless", "1.0.0"},
     .request = REQUEST("subless", "1.0.0", "v1.0.0",
                        "\"location\": {\"githubOwner\": \"flow\", \"githubRepo\": \"purescript-subless\", "
                        "\"subdir\": \"not-there\"}"),
     .sentence = "There is no folder 'not-there' in the repository."},
    {.holds = "a_package_needs_src",
     .package = {"srcless", "1.0.0", .files = {{"src/Main.purs", NULL}}},
     .sentence = "The package has no .purs file in its folder src/."},
    {.holds = "src_needs_a_purs_file",
     .package = {"pursless", "1.0.0", .files = {{"src/Main.purs", NULL}, {"src/main.js", "export {}\n"}}},
     .sentence = "The package has no .purs file in its folder src/."},
    {.holds = "src_of_another_folder_does_not_count",
     .package = {"aside", "1.0.0", .files = {{"core/purs.json", AT_CORE("aside")}}},
     .request = REQUEST("aside", "1.0.0", "v1.0.0", CORE("purescript-aside")),
     .sentence = "The package has no .purs file in its folder src/."},
    {.holds = "src_is_no_link_to_nothing",
     .package = {"linked", "1.0.0", .files = {{"src/Main.purs", NULL}}, .script = "rmdir src && ln -s ../lib src"},
     .sentence = "src is a link, but its target is not a file or folder of the repository that can be packed."},

    /* Step 4: license */
    {.holds = "a_license_found_in_the_files_must_be_in_the_manifest",
     .package = {"licensed", "1.0.0", .files = {{"package.json", "{\"license\": \"GPL-3.0-only\"}\n"}}},
     .words = {"GPL-3.0-only", "BSD-3-Clause"}},

    /* Step 5: the version must be new */
    {.holds = "a_published_version_is_refused_with_both_addresses",
     .package = {"ground", "1.0.0"},
     .request = REQUEST("ground", "1.0.0", "v1.0.0",
                        "\"compiler\": \"0.15.15\""), /* differs from the first, because it has no location */
     .words = {"already published", "ground/1.0.0.tar.gz", "purescript-ground/1.0.0"},
     .is_there_already = true},
    {.holds = "an_unpublished_version_stays_unpublished", .package = {"gone", "1.0.0"}, .words = {"gone@1.0.0", "unpublished"}},
};

static const char *sources(void) {
    return arena_format(&server->arena, "%s/sources", server->folder);
}

/* The state before: a package and an unpublished version. */
static void start(void) {
    const struct package ground = {"ground", "1.0.0", .pragma = NULL};
    server = server_start(&(struct server_options){.has_git_server = true});
    server_expect_published(server, &ground);
    registry_expect_consistency(server);
    registry_write(server, REGISTRY_REPO, "metadata/gone.json",
                   "{\n  \"location\": {\n    \"githubOwner\": \"flow\",\n    \"githubRepo\": \"purescript-gone\"\n  },\n"
                   "  \"published\": {},\n  \"unpublished\": {\n    \"1.0.0\": {\n"
                   "      \"publishedTime\": \"2026-01-01T00:00:00.000Z\",\n      \"reason\": \"It was a mistake\",\n"
                   "      \"unpublishedTime\": \"2026-01-01T01:00:00.000Z\"\n    }\n  }\n}\n");
}

/* ---- Step 5: publications that an earlier server left unfinished ---- */

static void a_published_version_without_index_entry_is_finished(void **state) {
    (void)state;
    const struct package package = {"unfinished", "1.0.0", .pragma = NULL};
    server_expect_published(server, &package);
    char *metadata = registry_file(server, REGISTRY_REPO, "metadata/unfinished.json");
    registry_write(server, INDEX_REPO, "un/fi/unfinished", NULL);

    /* Another manifest for the same version is not accepted this way. */
    struct package other = package;
    other.dependencies[0] = (struct package_dependency)GROUND;
    package_push(sources(), &other);
    const struct refusal refusal = {
        .package = package,
        .request = REQUEST("unfinished", "1.0.0", "v1.0.0", "\"compiler\": \"0.15.15\""),
        .words = {"unfinished@1.0.0", "\"dependencies\": {}", "\"ground\": \">=1.0.0 <2.0.0\""},
        .is_there_already = true,
    };
    refusal_expect(server, &refusal);

    package_push(sources(), &package);
    server_expect_success(server,
                          server_publish(server, REQUEST("unfinished", "1.0.0", "v1.0.0", "\"compiler\": \"0.15.15\"")).id);
    assert_string_equal(registry_file(server, REGISTRY_REPO, "metadata/unfinished.json"), metadata);
    assert_string_equal(registry_file(server, INDEX_REPO, "un/fi/unfinished"), package_index_line(&server->arena, &package));
}

/* ---- Requests that never become a job ---- */

static void malformed_publications_are_answered_with_400_and_the_field(void **state) {
    (void)state;
    static const struct {
        const char *body, *path;
    } bodies[] = {
        {"{\"name\": \"a-package\",", ""},
        {"", ""},
        {"[]", ""},
        {"{\"version\": \"1.0.0\", \"ref\": \"v1.0.0\"}", "name"},
        {"{\"name\": \"a-package\", \"ref\": \"v1.0.0\"}", "version"},
        {"{\"name\": \"a-package\", \"version\": \"1.0.0\"}", "ref"},
        {"{\"name\": 7, \"version\": \"1.0.0\", \"ref\": \"v1.0.0\"}", "name"},
        {"{\"name\": \"A_Package\", \"version\": \"1.0.0\", \"ref\": \"v1.0.0\"}", "name"},
        {"{\"name\": \"a-package\", \"version\": \"v1\", \"ref\": \"v1.0.0\"}", "version"},
        {"{\"name\": \"a-package\", \"version\": \"1.0.0\", \"ref\": null}", "ref"},
        {"{\"name\": \"a-package\", \"version\": \"1.0.0\", \"ref\": \"v1.0.0\", \"compiler\": \"newest\"}", "compiler"},
        {"{\"name\": \"a-package\", \"version\": \"1.0.0\", \"ref\": \"v1.0.0\", \"location\": \"here\"}", "location"},
        {"{\"name\": \"a-package\", \"version\": \"1.0.0\", \"ref\": \"v1.0.0\", \"resolutions\": [1]}", "resolutions"},
    };
    char *before = registry_snapshot(server);
    for (size_t i = 0; i < sizeof bodies / sizeof bodies[0]; i++) {
        struct http_response response = {0};
        server_call(server, "POST", "/api/v1/publish", bodies[i].body, &response);
        json_t *answer = json_loads(text_view(&response.body), 0, NULL);
        if (response.status != 400 || strcmp(server_job_text(answer, "path"), bodies[i].path) != 0 ||
            strlen(server_job_text(answer, "message")) < 10 || server_job_text(answer, "error")[0] == '\0')
            fail_msg("%s: %d %s", bodies[i].body, response.status, text_view(&response.body));
        json_decref(answer);
        http_response_release(&response);
    }
    json_t *jobs = server_get(server, "/api/v1/jobs?include_completed=true&package=a-package");
    assert_int_equal(json_array_size(jobs), 0);
    json_decref(jobs);
    assert_string_equal(registry_snapshot(server), before);
}

static void a_body_over_the_limit_is_refused_before_it_was_sent(void **state) {
    (void)state;
    struct http_connection connection;
    assert_true(http_connection_open(&connection, server->port, PATIENCE_MS));
    const char *head = "POST /api/v1/publish HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
                       "Content-Length: 100000000\r\n\r\n{\"name\": \"";
    assert_true(http_connection_send_bytes(&connection, head, strlen(head)));
    assert_true(http_connection_receive(&connection));
    assert_int_equal(connection.status, 413);
    http_connection_close(&connection);
}

int main(void) {
    const struct CMUnitTest others[] = {
        cmocka_unit_test(a_published_version_without_index_entry_is_finished),
        cmocka_unit_test(malformed_publications_are_answered_with_400_and_the_field),
        cmocka_unit_test(a_body_over_the_limit_is_refused_before_it_was_sent),
    };
    return REFUSALS_RUN(server, start, refusals, others);
}
