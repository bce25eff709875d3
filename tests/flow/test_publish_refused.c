/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Every refusal of spec/operations.md, Publish: a row each. The job fails, the last line of its log is an error that names the
 * thing, and neither repositories nor storage show a trace. (What the gateway can see by itself it may refuse at once, with
 * 400 and the same kind of sentence.) Then the requests that never become a job.
 */
#include "tests/support/cmocka_all.h"

#include <stdio.h>
#include <string.h>

#include "tests/support/http_connection.h"
#include "tests/support/refusal.h"
#include "tests/support/registry_check.h"
#include "tests/support/shell.h"

/* One server for all rows; cmocka hands a test either this or its row. */
static struct server *server;

#define LOCATION(repo) REFUSAL_LOCATION(repo)
#define REQUEST(name, version, ref, more) REFUSAL_REQUEST(name, version, ref, more)
#define PURS_JSON(name, version, licence, repo, more) REFUSAL_PURS_JSON(name, version, licence, repo, more)
#define SPAGO_YAML(name, dependency)                                                                                           \
    "package:\n  name: " name "\n  dependencies:\n    - " dependency "\n  publish:\n    version: 1.0.0\n"                      \
    "    license: BSD-3-Clause\n    location:\n      githubOwner: flow\n      githubRepo: purescript-" name "\n"
#define GROUND                                                                                                                 \
    { "ground", ">=1.0.0 <2.0.0" }

static const struct refusal refusals[] = {
    /* Step 1: metadata */
    {.holds = "an_unknown_package_needs_a_location",
     .package = {"unplaced", "1.0.0"},
     .request = REQUEST("unplaced", "1.0.0", "v1.0.0", "\"compiler\": \"0.15.15\""),
     .words = {"unplaced", "location"}},
    {.holds = "a_known_package_cannot_move_by_publishing",
     .package = {"ground", "1.5.0"},
     .request = REQUEST("ground", "1.5.0", "v1.5.0", LOCATION("purescript-elsewhere")),
     .words = {"ground", "transfer"}},
    {.holds = "a_reserved_name_is_never_published", .package = {"metadata", "1.0.0"}, .words = {"metadata"}},

    /* Step 2: source */
    {.holds = "a_ref_must_exist",
     .package = {"refless", "1.0.0"},
     .request = REQUEST("refless", "1.0.0", "v9.9.9", LOCATION("purescript-refless")),
     .words = {"v9.9.9"}},
    {.holds = "a_commit_id_is_no_ref",
     .package = {"refless", "1.0.0"},
     .request = REQUEST("refless", "1.0.0", "0123456789012345678901234567890123456789", LOCATION("purescript-refless")),
     .words = {"tag", "branch"}},
    {.holds = "a_full_ref_is_no_ref",
     .package = {"refless", "1.0.0"},
     .request = REQUEST("refless", "1.0.0", "refs/heads/main", LOCATION("purescript-refless")),
     .words = {"tag", "branch"}},
    {.holds = "a_pull_request_is_no_ref",
     .package = {"refless", "1.0.0"},
     .request = REQUEST("refless", "1.0.0", "pull/1/head", LOCATION("purescript-refless")),
     .words = {"pull/1/head"}},
    {.holds = "a_repository_must_exist",
     .package = {"homeless", "1.0.0"},
     .request = REQUEST("homeless", "1.0.0", "v1.0.0", LOCATION("purescript-nothing-here")),
     .words = {"purescript-nothing-here"}},
    {.holds = "a_subfolder_must_exist",
     .package = {"subless", "1.0.0"},
     .request = REQUEST("subless", "1.0.0", "v1.0.0",
                        "\"location\": {\"githubOwner\": \"flow\", \"githubRepo\": \"purescript-subless\", "
                        "\"subdir\": \"not-there\"}"),
     .words = {"not-there"}},
    {.holds = "a_package_needs_src", .package = {"srcless", "1.0.0", .files = {{"src/Main.purs", NULL}}}, .words = {"src"}},
    {.holds = "src_needs_a_purs_file",
     .package = {"pursless", "1.0.0", .files = {{"src/Main.purs", NULL}, {"src/main.js", "export {}\n"}}},
     .words = {"src", ".purs"}},

    /* Step 3: manifest */
    {.holds = "a_package_needs_a_manifest",
     .package = {"manifestless", "1.0.0", .files = {{"purs.json", NULL}}},
     .words = {"purs.json", "spago.yaml"}},
    {.holds = "spago_dhall_alone_is_no_manifest",
     .package = {"dhall", "1.0.0", .files = {{"purs.json", NULL}, {"spago.dhall", "{ name = \"dhall\" }\n"}}},
     .words = {"spago.dhall", "spago.yaml", "purs.json"}},
    {.holds = "a_manifest_must_be_readable",
     .package = {"unreadable", "1.0.0", .files = {{"purs.json", "{\"name\": \"unreadable\",\n"}}},
     .words = {"purs.json"}},
    {.holds = "a_manifest_must_have_the_name_asked_for",
     .package = {"renamed", "1.0.0",
                 .files = {{"purs.json", PURS_JSON("another-name", "1.0.0", "MIT", "purescript-renamed", "")}}},
     .words = {"renamed", "another-name"}},
    {.holds = "a_manifest_must_have_the_version_asked_for",
     .package = {"reversioned", "1.0.0",
                 .files = {{"purs.json", PURS_JSON("reversioned", "3.2.1", "MIT", "purescript-reversioned", "")}}},
     .words = {"1.0.0", "3.2.1"}},
    {.holds = "a_manifest_must_have_the_location_asked_for",
     .package = {"relocated", "1.0.0",
                 .files = {{"purs.json", PURS_JSON("relocated", "1.0.0", "MIT", "purescript-another-place", "")}}},
     .words = {"purescript-another-place", "purescript-relocated"}},
    {.holds = "a_licence_must_be_an_spdx_expression",
     .package = {"unlicensed", "1.0.0",
                 .files = {{"purs.json", PURS_JSON("unlicensed", "1.0.0", "My own", "purescript-unlicensed", "")}}},
     .words = {"\"My\" is not an SPDX licence"}},
    {.holds = "a_deprecated_licence_is_refused_with_its_canonical_form",
     .package = {"deprecated", "1.0.0",
                 .files = {{"purs.json", PURS_JSON("deprecated", "1.0.0", "GPL-3.0", "purescript-deprecated", "")}}},
     .words = {"GPL-3.0-only"}},
    {.holds = "a_bare_spago_dependency_is_refused_by_name",
     .package = {"bare", "1.0.0", .files = {{"purs.json", NULL}, {"spago.yaml", SPAGO_YAML("bare", "ground")}}},
     .words = {"ground"}},
    {.holds = "a_star_for_a_range_is_refused_by_name",
     .package = {"starry", "1.0.0", .files = {{"purs.json", NULL}, {"spago.yaml", SPAGO_YAML("starry", "ground: \"*\"")}}},
     .words = {"ground"}},
    {.holds = "included_files_stay_inside_the_package",
     .package = {"outside", "1.0.0",
                 .files = {{"purs.json", PURS_JSON("outside", "1.0.0", "MIT", "purescript-outside",
                                                   "\"includeFiles\": [\"../other/*\"], ")}}},
     .words = {"../other/*"}},

    /* Step 4: licence */
    {.holds = "a_licence_found_in_the_files_must_be_in_the_manifest",
     .package = {"licensed", "1.0.0", .files = {{"package.json", "{\"license\": \"GPL-3.0-only\"}\n"}}},
     .words = {"GPL-3.0-only", "BSD-3-Clause"}},

    /* Step 5: not there yet */
    {.holds = "a_published_version_is_refused_with_both_addresses",
     .package = {"ground", "1.0.0"},
     .request = REQUEST("ground", "1.0.0", "old", LOCATION("purescript-ground")),
     .words = {"already published", "ground/1.0.0.tar.gz", "purescript-ground/1.0.0"},
     .is_there_already = true},
    {.holds = "an_unpublished_version_stays_unpublished", .package = {"gone", "1.0.0"}, .words = {"gone@1.0.0", "unpublished"}},

    /* Step 6: plan */
    {.holds = "a_dependency_must_be_registered",
     .package = {"hopeful", "1.0.0", .dependencies = {{"not-registered", ">=1.0.0 <2.0.0"}}},
     .words = {"not-registered"}},
    {.holds = "a_dependency_must_have_a_version_in_its_range",
     .package = {"too-new", "1.0.0", .dependencies = {{"ground", ">=7.0.0 <8.0.0"}}},
     .words = {"ground", ">=7.0.0 <8.0.0"}},
    {.holds = "dependencies_must_agree",
     .package = {"torn", "1.0.0", .dependencies = {{"wants-old", ">=1.0.0 <2.0.0"}, {"wants-new", ">=1.0.0 <2.0.0"}}},
     .words = {"Could not produce valid dependencies for manifest.", "ground"}},
    {.holds = "a_compiler_must_be_supported",
     .package = {"ancient", "1.0.0"},
     .request = REQUEST("ancient", "1.0.0", "v1.0.0", LOCATION("purescript-ancient") ", \"compiler\": \"0.11.7\""),
     .words = {"0.11.7", "0.15.15"}},
    {.holds = "resolutions_must_have_every_dependency",
     .package = {"unresolved", "1.0.0", .dependencies = {GROUND}},
     .request = REQUEST("unresolved", "1.0.0", "v1.0.0",
                        LOCATION("purescript-unresolved") ", \"compiler\": \"0.15.15\", \"resolutions\": {}"),
     .words = {"ground"}},
    {.holds = "resolutions_must_be_in_range",
     .package = {"overresolved", "1.0.0", .dependencies = {GROUND}},
     .request =
         REQUEST("overresolved", "1.0.0", "v1.0.0",
                 LOCATION("purescript-overresolved") ", \"compiler\": \"0.15.15\", \"resolutions\": {\"ground\": \"2.0.0\"}"),
     .words = {"ground", "2.0.0"}},
    {.holds = "resolutions_must_be_registered",
     .package = {"misresolved", "1.0.0", .dependencies = {GROUND}},
     .request =
         REQUEST("misresolved", "1.0.0", "v1.0.0",
                 LOCATION("purescript-misresolved") ", \"compiler\": \"0.15.15\", \"resolutions\": {\"ground\": \"1.0.9\"}"),
     .words = {"ground", "1.0.9"}},

    /* Step 7: modules */
    {.holds = "a_module_header_must_parse",
     .package = {"headless", "1.0.0", .files = {{"src/Main.purs", "this is no module\n"}}},
     .words = {"src/Main.purs"}},
    {.holds = "a_module_called_main_is_refused",
     .package = {"mainly", "1.0.0", .files = {{"src/Main.purs", "module Main where\n"}}},
     .words = {"Main", "src/Main.purs"}},
    {.holds = "a_module_called_test_main_is_refused",
     .package = {"testing", "1.0.0", .files = {{"src/Test.purs", "module Test.Main where\n"}}},
     .words = {"Test.Main"}},
    {.holds = "included_modules_are_looked_at_too",
     .package = {"includes", "1.0.0",
                 .files = {{"purs.json", PURS_JSON("includes", "1.0.0", "BSD-3-Clause", "purescript-includes",
                                                   "\"includeFiles\": [\"bench/*.purs\"], ")},
                           {"bench/Bench.purs", "module Main where\n"}}},
     .words = {"Main", "bench/Bench.purs"}},

    /* Step 8: dependencies */
    {.holds = "an_unused_dependency_is_refused_by_name",
     .package = {"hoarding", "1.0.0", .dependencies = {GROUND}, .files = {{"src/Main.purs", "module Flow.Hoarding where\n"}}},
     .words = {"ground", "unused"}},
    {.holds = "a_missing_dependency_is_refused_by_name",
     .package = {"borrowing", "1.0.0", .dependencies = {{"wants-old", ">=1.0.0 <2.0.0"}},
                 .files = {{"src/Main.purs", "module Flow.Borrowing where\n\nimport Flow.WantsOld\nimport Flow.Ground\n"}}},
     .words = {"ground", "missing"}},

    /* Step 9: compile */
    {.holds = "what_does_not_compile_is_refused_with_the_compilers_words",
     .package = {"broken", "1.0.0", .pragma = "fail The types do not fit."},
     .words = {"broken", "0.15.15"},
     .words_above = {"The types do not fit."}},
    {.holds = "an_import_of_nothing_is_refused",
     .package = {"importing", "1.0.0", .files = {{"src/Main.purs", "module Flow.Importing where\n\nimport Flow.Nothing\n"}}},
     .words = {"importing"},
     .words_above = {"Flow.Nothing"}},

    /* Step 10: tarball */
    {.holds = "a_tarball_in_the_way_is_never_overwritten", .package = {"occupied", "1.0.0"}, .words = {"occupied@1.0.0"}},
};

static const char *sources(void) {
    return arena_format(&server->arena, "%s/sources", server->folder);
}

/* What was there before: two versions of one package, two packages that cannot agree about it, an unpublished version, and a
 * tarball that nobody knows. */
static int set_up(void **state) {
    (void)state;
    const struct package packages[] = {
        {"ground", "1.0.0", .pragma = NULL},
        {"ground", "2.0.0", .pragma = NULL},
        {"wants-old", "1.0.0", .dependencies = {GROUND}},
        {"wants-new", "1.0.0", .dependencies = {{"ground", ">=2.0.0 <3.0.0"}}},
    };
    server = server_start(&(struct server_options){.has_git_server = true});
    for (size_t i = 0; i < sizeof packages / sizeof packages[0]; i++) {
        server_expect_published(server, &packages[i]);
        if (i == 0) shell_run("git -C '%s/flow/purescript-ground.git' branch old main", sources());
    }
    registry_expect_consistency(server);
    registry_write(server, REGISTRY_REPO, "metadata/gone.json",
                   "{\n  \"location\": {\n    \"githubOwner\": \"flow\",\n    \"githubRepo\": \"purescript-gone\"\n  },\n"
                   "  \"published\": {},\n  \"unpublished\": {\n    \"1.0.0\": {\n"
                   "      \"publishedTime\": \"2026-01-01T00:00:00.000Z\",\n      \"reason\": \"It was a mistake\",\n"
                   "      \"unpublishedTime\": \"2026-01-01T01:00:00.000Z\"\n    }\n  }\n}\n");
    write_file(arena_format(&server->arena, "%s/storage/occupied/1.0.0.tar.gz", server->folder), "not one of ours\n");
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    shell_run("rm '%s/storage/occupied/1.0.0.tar.gz'", server->folder);
    registry_expect_consistency(server);
    server_stop(server);
    return 0;
}

static void a_refusal_names_the_thing_and_leaves_no_trace(void **state) {
    refusal_expect(server, *state);
}

static void a_tarball_that_is_too_large_is_refused(void **state) {
    (void)state;
    enum { LARGE_BYTES = 2900000 }; /* of 64 letters in no order: 2.2 MB when compressed */
    static char large[LARGE_BYTES + 1];
    unsigned seed = 1;
    for (size_t i = 0; i < LARGE_BYTES; i++) {
        seed = seed * 1103515245 + 12345;
        large[i] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789+/"[seed >> 16 & 63];
    }
    const struct refusal refusal = {
        .package = {"large", "1.0.0", .files = {{"src/data.txt", large}}},
        .words = {"2000000"},
    };
    refusal_expect(server, &refusal);
}

/* ---- Step 5: what an earlier server left unfinished ---- */

static void a_published_version_without_index_entry_is_finished(void **state) {
    (void)state;
    const struct package package = {"unfinished", "1.0.0", .pragma = NULL};
    server_expect_published(server, &package);
    char *metadata = registry_file(server, REGISTRY_REPO, "metadata/unfinished.json");
    registry_write(server, INDEX_REPO, "un/fi/unfinished", NULL);

    /* Another manifest under the same version does not get in by this way. */
    struct package other = package;
    other.dependencies[0] = (struct package_dependency)GROUND;
    shell_run("git -C '%s/flow/purescript-unfinished.git' branch same main", sources());
    package_push(sources(), &other);
    shell_run("git -C '%s/flow/purescript-unfinished.git' branch other main", sources());
    const struct refusal refusal = {
        .package = package,
        .request = REQUEST("unfinished", "1.0.0", "other", LOCATION("purescript-unfinished")),
        .words = {"unfinished@1.0.0", "\"dependencies\": {}", "\"ground\": \">=1.0.0 <2.0.0\""},
        .is_there_already = true,
    };
    refusal_expect(server, &refusal);

    server_expect_success(server,
                          server_publish(server, REQUEST("unfinished", "1.0.0", "same", LOCATION("purescript-unfinished"))).id);
    assert_string_equal(registry_file(server, REGISTRY_REPO, "metadata/unfinished.json"), metadata);
    assert_string_equal(registry_file(server, INDEX_REPO, "un/fi/unfinished"), package_index_line(&server->arena, &package));
}

/* ---- What never becomes a job ---- */

static void what_is_no_publication_is_answered_with_400_and_its_field(void **state) {
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
        cmocka_unit_test(a_tarball_that_is_too_large_is_refused),
        cmocka_unit_test(a_published_version_without_index_entry_is_finished),
        cmocka_unit_test(what_is_no_publication_is_answered_with_400_and_its_field),
        cmocka_unit_test(a_body_over_the_limit_is_refused_before_it_was_sent),
    };
    return refusals_run(refusals, sizeof refusals / sizeof refusals[0], a_refusal_names_the_thing_and_leaves_no_trace, others,
                        sizeof others / sizeof others[0], set_up, tear_down);
}
