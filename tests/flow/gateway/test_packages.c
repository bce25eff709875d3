/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The gateway's answers about packages, versions and the build matrix (services/gateway/README.md), which it gets from
 * build-matrix.
 */
#include "tests/support/cmocka_all.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "tests/support/http/http.h"
#include "tests/support/matrix_cells.h"
#include "tests/support/matrix_scene.h"
#include "tests/support/owners_scene.h"
#include "tests/support/registry_check.h"
#include "tests/support/server/second_service.h"
#include "tests/support/shell.h"

static struct owners_scene scene;

static const char *const settings[] = {"LEASE_MS=3000", NULL};

static int begin(void **state) {
    owners_scene_start(&scene, &(struct server_options){.workers = 1, .settings = settings});
    *state = scene.server;
    return 0;
}

static int end(void **state) {
    (void)state;
    owners_scene_stop(&scene);
    return 0;
}

/* ---- Helpers ---- */

static void wait_for_build(struct server *server, const char *name, const char *compiler) {
    json_decref(matrix_cells_wait(server, name, compiler, "verdict", "succeeded"));
}

static void expect_failure(struct server *server, const char *path, int status, const char *words) {
    struct http_response response = http_ask(NULL, server->url, path, NULL, NULL);
    json_t *json = http_json(&response);
    if (response.status != status || !strstr(server_job_text(json, "message"), words))
        fail_msg("%s: %d %s", path, response.status, text_view(&response.body));
    json_decref(json);
    http_response_release(&response);
}

/* ---- The list ---- */

static const char *next_address(struct server *server, const struct http_response *response) {
    const char *link = http_header(response, "link"), *end = link ? strstr(link, ">; rel=\"next\"") : NULL;
    if (!end) return NULL;
    assert_int_equal(link[0], '<');
    return arena_copy_bytes(&server->arena, link + 1, (size_t)(end - link) - 1);
}

static void all_packages_are_listed_page_by_page(void **state) {
    struct server *server = *state;
    static const char *const names[] = {"list-a", "list-b", "list-c"};
    for (size_t i = 0; i < 3; i++)
        server_expect_published(server, &(struct package){names[i], "1.0.0", .pragma = NULL});
    wait_for_build(server, "list-c", "0.15.14");
    const char *path = "/api/v1/packages?limit=2&after=list";
    for (size_t seen = 0; path;) {
        struct http_response response = http_ask(NULL, server->url, path, NULL, NULL);
        json_t *page = http_json(&response), *package;
        size_t i;
        assert_int_equal(response.status, 200);
        json_array_foreach(json_object_get(page, "packages"), i, package) {
            if (seen == 3) break; /* of another test */
            assert_string_equal(server_job_text(package, "name"), names[seen++]);
            assert_string_equal(server_job_text(package, "latest"), "1.0.0");
            assert_int_equal(json_integer_value(json_object_get(package, "versions")), 1);
        }
        path = next_address(server, &response);
        assert_true((path != NULL) == (json_object_get(page, "next") != NULL));
        assert_true(seen == 3 || path);
        json_decref(page);
        http_response_release(&response);
    }
    expect_failure(server, "/api/v1/packages?after=No%20name", 400, "lower-case");
    expect_failure(server, "/api/v1/packages?limit=0", 400, "limit");
}

/* ---- One package, one version ---- */

static void a_package_has_its_metadata_and_its_manifests(void **state) {
    struct server *server = *state;
    owners_scene_publish(&scene, "twice", "1.0.0", owners_of(&scene, &scene.owner));
    owners_scene_publish(&scene, "twice", "1.1.0", NULL);
    wait_for_build(server, "twice", "0.15.14");
    json_t *package = server_get(server, "/api/v1/packages/twice");
    assert_string_equal(server_job_text(package, "name"), "twice");
    assert_string_equal(server_job_text(package, "latest"), "1.1.0");
    const json_t *manifests = json_object_get(package, "manifests");
    assert_int_equal(json_object_size(manifests), 2);
    assert_string_equal(server_job_text(json_object_get(manifests, "1.0.0"), "version"), "1.0.0");
    assert_non_null(json_object_get(json_object_get(manifests, "1.0.0"), "owners"));
    char *file = registry_file(server, REGISTRY_REPO, "metadata/twice.json");
    json_t *metadata = json_loads(file, 0, NULL);
    if (!json_equal(metadata, json_object_get(package, "metadata"))) {
        char *shown = json_dumps(package, JSON_INDENT(2));
        fail_msg("not %s, but %s", file, shown);
    }
    json_decref(metadata);
    json_decref(package);
    struct http_response near = http_ask(NULL, server->url, "/packages/twice/1.0.5", NULL, NULL);
    assert_int_equal(near.status, 404);
    assert_non_null(strstr(text_view(&near.body),
                           ">1.1.0</a>, the latest version</li><li><a href=\"/packages/twice/1.0.0\">1.0.0"
                           "</a>, the one below</li><li>"));
    http_response_release(&near);
}

static void a_version_has_its_entry_its_manifest_and_a_cell_for_each_compiler(void **state) {
    struct server *server = *state;
    const struct package base = {"cell-base", "1.0.0", .pragma = NULL},
                         user = {"cell-user", "1.0.0", {{"cell-base", ">=1.0.0 <2.0.0"}}, .pragma = NULL};
    server_expect_published(server, &base);
    wait_for_build(server, "cell-base", "0.15.14");
    server_expect_published(server, &user);
    wait_for_build(server, "cell-user", "0.15.14");
    json_t *version = matrix_cells_wait(server, "cell-base", "0.15.14", "verdict", "succeeded");
    json_t *entry = registry_published(server, "cell-base", "1.0.0");
    assert_true(json_equal(entry, json_object_get(version, "metadata")));
    json_decref(entry);
    assert_string_equal(server_job_text(json_object_get(version, "manifest"), "license"), PACKAGE_LICENSE);
    assert_int_equal(json_integer_value(json_object_get(version, "dependants")), 1);
    assert_int_equal(json_array_size(json_object_get(version, "matrix")), 2);

    const json_t *built = matrix_cell(version, "0.15.14");
    assert_string_equal(server_job_text(built, "verdict"), "succeeded");
    json_t *job = server_wait_for_job(server, server_job_text(built, "jobId"));
    assert_string_equal(server_job_text(job, "packageName"), "cell-base");
    assert_string_equal(server_job_text(job, "compilerVersion"), "0.15.14");
    assert_string_equal(server_job_text(job, "finishedAt"), server_job_text(built, "time"));
    json_decref(job);
    const json_t *by_publication = matrix_cell(version, "0.15.15");
    assert_string_equal(server_job_text(by_publication, "state"), "succeeded");
    assert_null(json_object_get(by_publication, "jobId"));
    json_decref(version);
}

static void a_cell_says_what_became_of_its_build(void **state) {
    struct server *server = *state;
    const struct package package = {"cell-fails", "1.0.0", .pragma = "fail-from 0.15.15 It is too new."};
    matrix_publish_with(server, &package, "0.15.14");
    json_t *version = matrix_cells_wait(server, "cell-fails", "0.15.15", "state", "failed");
    const json_t *cell = matrix_cell(version, "0.15.15");
    assert_string_equal(server_job_text(cell, "verdict"), "failed_to_compile");
    assert_true(server_job_time(cell, "time") > 0);
    json_decref(version);
}

static void a_cell_shows_the_build_that_is_under_way(void **state) {
    struct server *server = *state;
    server_terminate_worker(server, 0);
    const char *published = server_expect_published(server, &(struct package){"cell-waits", "1.0.0", .pragma = NULL});
    assert_non_null(published);
    json_t *version = matrix_cells_wait(server, "cell-waits", "0.15.14", "state", "pending");
    const json_t *cell = matrix_cell(version, "0.15.14");
    const char *id = arena_copy(&server->arena, server_job_text(cell, "jobId"));
    assert_null(json_object_get(cell, "verdict"));
    json_decref(version);
    server_start_worker(server, 0);
    server_expect_success(server, id);
    wait_for_build(server, "cell-waits", "0.15.14");
}

/* ---- Missing packages and versions ---- */

static void unknown_names_are_not_found_with_a_sentence(void **state) {
    struct server *server = *state;
    owners_scene_publish(&scene, "goes", "1.0.0", owners_of(&scene, &scene.owner));
    wait_for_build(server, "goes", "0.15.14");
    expect_failure(server, "/api/v1/packages/nobody", 404, "There is no package nobody in the registry.");
    expect_failure(server, "/api/v1/packages/nobody/1.0.0", 404, "There is no package nobody in the registry.");
    expect_failure(server, "/api/v1/packages/No%20Name", 404, "There is no such package");
    expect_failure(server, "/api/v1/packages/goes/9.9.9", 404, "goes@9.9.9 is not published.");
    expect_failure(server, "/api/v1/packages/goes/latest", 404, "There is no such version");
    expect_failure(server, "/api/v1/packages/goes/1.0.0/more", 404, "There is nothing at this address.");
    owners_scene_expect_done(&scene, ROUTE_UNPUBLISH, unpublish_payload(&scene, "goes", "1.0.0"), &scene.owner);
    expect_failure(server, "/api/v1/packages/goes/1.0.0", 404, "goes@1.0.0 was unpublished.");
    json_t *package = server_get(server, "/api/v1/packages/goes");
    assert_non_null(json_object_get(json_object_get(json_object_get(package, "metadata"), "unpublished"), "1.0.0"));
    assert_int_equal(json_object_size(json_object_get(package, "manifests")), 0);
    json_decref(package);
}

/* The job has ended, so the next request sees its changes. */
static void a_transfer_of_this_server_is_seen_at_once(void **state) {
    struct server *server = *state;
    owners_scene_publish(&scene, "moves", "1.0.0", owners_of(&scene, &scene.owner));
    json_decref(server_get(server, "/api/v1/packages/moves"));
    owners_scene_expect_done(&scene, ROUTE_TRANSFER, transfer_payload(&scene, "moves", "flow/purescript-moved"), &scene.owner);
    json_t *package = server_get(server, "/api/v1/packages/moves");
    const json_t *location = json_object_get(json_object_get(package, "metadata"), "location");
    assert_string_equal(server_job_text(location, "githubRepo"), "purescript-moved");
    json_decref(package);
}

/* The package's item in the list, or NULL; the caller owns it. */
static json_t *listed(struct server *server, const char *name) {
    json_t *page = server_get(server, "/api/v1/packages?limit=1000"), *found = NULL, *package;
    size_t i;
    json_array_foreach(json_object_get(page, "packages"), i, package) {
        if (strcmp(server_job_text(package, "name"), name) == 0) found = json_incref(package);
    }
    json_decref(page);
    return found;
}

static void expect_listed(struct server *server, const char *name, const char *latest, int versions) {
    json_t *package = listed(server, name);
    if (!package) fail_msg("%s is not listed", name);
    assert_string_equal(server_job_text(package, "latest"), latest);
    assert_int_equal(json_integer_value(json_object_get(package, "versions")), versions);
    json_decref(package);
}

/* A second build-matrix service takes the events, so that only the question itself makes the first one refresh its view. */
static void the_list_has_what_jobs_of_this_server_did_at_once(void **state) {
    struct server *server = *state;
    enum { PACKAGES = 3 };
    struct child_process second = {0};
    second_service_start(server, SERVER_BUILD_MATRIX, NULL, &second);
    for (int i = 0; i < PACKAGES; i++) {
        const char *name = arena_format(&server->arena, "at-once-%d", i);
        owners_scene_publish(&scene, name, "1.0.0", owners_of(&scene, &scene.owner));
        expect_listed(server, name, "1.0.0", 1);
        owners_scene_publish(&scene, name, "1.1.0", owners_of(&scene, &scene.owner));
        expect_listed(server, name, "1.1.0", 2);
        const char *moved = arena_format(&server->arena, "flow/purescript-at-another-place-%d", i);
        owners_scene_expect_done(&scene, ROUTE_TRANSFER, transfer_payload(&scene, name, moved), &scene.owner);
        expect_listed(server, name, "1.1.0", 2);
        owners_scene_expect_done(&scene, ROUTE_UNPUBLISH, unpublish_payload(&scene, name, "1.1.0"), &scene.owner);
        expect_listed(server, name, "1.0.0", 1);
    }
    assert_int_equal(child_stop(&second, SIGTERM, PATIENCE_MS), 0);
}

static void without_build_matrix_they_are_unavailable_and_all_else_goes_on(void **state) {
    struct server *server = *state;
    static const char *const paths[] = {"/api/v1/packages", "/api/v1/packages/goes", "/api/v1/packages/goes/1.0.0"};
    server_kill(server, SERVER_BUILD_MATRIX);
    for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++) {
        struct http_response response = http_ask(NULL, server->url, paths[i], NULL, NULL);
        assert_int_equal(response.status, 503);
        assert_string_not_equal(http_header(&response, "retry-after"), "");
        http_response_release(&response);
    }
    json_decref(server_get(server, "/api/v1/jobs"));
    server_start_program(server, SERVER_BUILD_MATRIX);
    server_wait_until_ready(server);
    json_decref(server_get(server, "/api/v1/packages/goes"));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_packages_are_listed_page_by_page),
        cmocka_unit_test(a_package_has_its_metadata_and_its_manifests),
        cmocka_unit_test(a_version_has_its_entry_its_manifest_and_a_cell_for_each_compiler),
        cmocka_unit_test(a_cell_says_what_became_of_its_build),
        cmocka_unit_test(a_cell_shows_the_build_that_is_under_way),
        cmocka_unit_test(unknown_names_are_not_found_with_a_sentence),
        cmocka_unit_test(a_transfer_of_this_server_is_seen_at_once),
        cmocka_unit_test(the_list_has_what_jobs_of_this_server_did_at_once),
        cmocka_unit_test(without_build_matrix_they_are_unavailable_and_all_else_goes_on),
    };
    return cmocka_run_group_tests(tests, begin, end);
}
