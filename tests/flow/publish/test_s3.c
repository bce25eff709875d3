/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Publications with storage on S3: the whole server beside an S3 server that checks signatures (tests/support/s3/s3_server.h).
 * Faults of S3 delay a publication that has begun to write, and never make it fail; /readyz reports those that an operator can
 * fix.
 */
#include "tests/support/cmocka_all.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "lib/base/folder.h"
#include "tests/support/registry_check.h"
#include "tests/support/s3/s3_server.h"
#include "tests/support/shell.h"
#include "tests/support/temporary_folder.h"

struct scene {
    struct s3_server *storage;
    struct server *server;
    struct temporary_folder secrets;
    struct arena arena;
};

/* `more` are settings, ending with NULL. */
static void start(struct scene *scene, const char *secret, const char *const *more, bool is_cut_off) {
    *scene = (struct scene){.storage = s3_server_start()};
    temporary_folder_make(&scene->secrets);
    temporary_folder_write(&scene->secrets, "secret", secret);
    const char *settings[16] = {
        "SPACES_KEY=" S3_SERVER_KEY,
        arena_format(&scene->arena, "SPACES_SECRET_FILE=%s/secret", scene->secrets.path),
        arena_format(&scene->arena, "S3_BUCKET_URL=%s", s3_server_url(scene->storage)),
        arena_format(&scene->arena, "S3_API_URL=%s", s3_server_public_url(scene->storage)),
        "S3_BUCKET=" S3_SERVER_BUCKET,
        "S3_REGION=" S3_SERVER_REGION,
    };
    for (size_t i = 6; more && *more; i++)
        settings[i] = *more++;
    scene->server = server_start(&(struct server_options){.settings = settings, .is_cut_off = is_cut_off});
}

static void stop(struct scene *scene) {
    shell_run("! grep -rqF '%s' '%s'", S3_SERVER_SECRET, scene->server->folder); /* neither in logs nor anywhere else */
    const char *folder = arena_format(&scene->arena, "%s/storage", scene->server->folder);
    shell_run("test -z \"$(find '%s' -name '*.tar.gz' 2>/dev/null)\"", folder);
    s3_server_save(scene->storage, folder); /* the folder that the check reads */
    registry_expect_consistency(scene->server);
    registry_expect_one_commit_each(scene->server);
    server_stop(scene->server);
    s3_server_stop(scene->storage);
    temporary_folder_remove(&scene->secrets);
    arena_release(&scene->arena);
}

static void fail_next(struct scene *scene, int kinds, size_t count, enum s3_fault fault, int number) {
    struct s3_fault_plan plan = {.kinds = kinds, .count = count, .fault = fault, .number = number};
    s3_server_plan_fault(scene->storage, &plan);
}

static void tarballs_are_uploaded_and_come_from_the_public_base(void **state) {
    (void)state;
    struct scene scene;
    const struct package first = {"stored", "1.0.0", .pragma = NULL};
    const struct package second = {"stored-too", "1.0.0", .dependencies = {{"stored", ">=1.0.0 <2.0.0"}}};
    start(&scene, S3_SERVER_SECRET, NULL, false);
    server_expect_published(scene.server, &first);
    assert_int_equal(s3_server_count(scene.storage, S3_PUT), 1);
    assert_int_equal(s3_server_count(scene.storage, S3_DOWNLOAD), 0);
    server_expect_published(scene.server, &second);
    assert_int_equal(s3_server_count(scene.storage, S3_PUT), 2);
    assert_int_equal(s3_server_count(scene.storage, S3_DOWNLOAD), 1);
    struct http_response response;
    server_call(scene.server, "GET", "/stored/1.0.0.tar.gz", NULL, &response);
    assert_int_equal(response.status, 404); /* served by the public base instead */
    http_response_release(&response);
    stop(&scene);
}

/* More faults of each kind than one attempt survives: the job waits, and tries again. */
static void put_there(struct scene *scene, const char *bytes, size_t length) {
    s3_server_write_object(scene->storage, "occupied/1.0.0.tar.gz", bytes, length);
}

static void an_object_in_the_way_is_refused_and_one_with_the_same_bytes_is_used(void **state) {
    (void)state;
    struct scene scene;
    struct text tarball = {0};
    struct error err;
    const struct package package = {"occupied", "1.0.0", .pragma = NULL};
    start(&scene, S3_SERVER_SECRET, NULL, false);
    put_there(&scene, "not one of ours", strlen("not one of ours"));
    json_t *job = server_wait_for_job(scene.server, server_post_package(scene.server, &package));
    const char *sentence = server_last_error(scene.server, job);
    if (strstr(sentence, "The storage already holds a different tarball for occupied@1.0.0 (sha256-") == NULL)
        fail_msg("%s", sentence);
    json_decref(job);
    assert_null(registry_file(scene.server, REGISTRY_REPO, "metadata/occupied.json"));

    const char *path = arena_format(&scene.arena, "%s/occupied.tar.gz", scene.server->folder);
    shell_run("'%s/registryctl' pack '%s/sources/flow/purescript-occupied.tree' '%s' >'%s.log'", scene.server->programs,
              scene.server->folder, path, path);
    if (file_read(path, 1 << 20, &tarball, &err)) fail_msg("%s", err.message);
    put_there(&scene, tarball.bytes, tarball.length);
    server_expect_success(scene.server, server_publish(scene.server, package_request(&scene.server->arena, &package)).id);
    assert_int_equal(s3_server_count(scene.storage, S3_PUT), 0);
    text_release(&tarball);
    stop(&scene);
}

static void faults_of_s3_delay_a_publication_and_do_not_fail_it(void **state) {
    (void)state;
    struct scene scene;
    const struct package package = {"delayed", "1.0.0", .pragma = NULL};
    start(&scene, S3_SERVER_SECRET, NULL, false);
    fail_next(&scene, S3_GET, 2, S3_FAULT_TRUNCATE, 0);
    fail_next(&scene, S3_GET, 3, S3_FAULT_STATUS, 503);
    fail_next(&scene, S3_PUT, 2, S3_FAULT_DROP, 0);
    fail_next(&scene, S3_PUT, 2, S3_FAULT_STATUS, 500);
    fail_next(&scene, S3_PUT, 2, S3_FAULT_LOSE, 0);
    server_expect_published(scene.server, &package);
    assert_int_equal(s3_server_object_count(scene.storage), 1);
    stop(&scene);
}

static bool readyz_names_the_secret(void *context) {
    struct http_response response = {0};
    server_call(context, "GET", "/readyz", NULL, &response);
    bool is_named = response.status == 503 && strstr(text_view(&response.body), "SPACES_SECRET");
    assert_null(strstr(text_view(&response.body), S3_SERVER_SECRET));
    http_response_release(&response);
    return is_named;
}

static void a_wrong_secret_is_told_by_readyz_and_the_right_one_is_taken_up_on_sighup(void **state) {
    (void)state;
    struct scene scene;
    const struct package package = {"late", "1.0.0", .pragma = NULL};
    start(&scene, "not the right secret", NULL, true);
    assert_true(wait_until(readyz_names_the_secret, scene.server, PATIENCE_MS));
    temporary_folder_write(&scene.secrets, "secret", S3_SERVER_SECRET);
    assert_int_equal(kill(scene.server->children[SERVER_PUBLISH].pid, SIGHUP), 0);
    server_wait_until_ready(scene.server);
    server_expect_published(scene.server, &package);
    stop(&scene);
}

static bool readyz_tells_storage_from_the_rest(void *context) {
    struct http_response response = {0};
    server_call(context, "GET", "/readyz", NULL, &response);
    const char *checks = text_view(&response.body);
    bool is_told = response.status == 503 && strstr(checks, "The S3 server did not answer in time") &&
                   strstr(checks, "{\"check\":\"index repository\",\"ok\":true}");
    http_response_release(&response);
    return is_told;
}

static void storage_that_hangs_does_not_hide_how_the_rest_is(void **state) {
    (void)state;
    struct scene scene;
    start(&scene, S3_SERVER_SECRET, NULL, false);
    fail_next(&scene, S3_LIST, SIZE_MAX, S3_FAULT_HANG, 0);
    assert_true(wait_until(readyz_tells_storage_from_the_rest, scene.server, PATIENCE_MS));
    s3_server_clear_faults(scene.storage);
    server_wait_until_ready(scene.server);
    stop(&scene);
}

static void with_readonly_nothing_is_uploaded(void **state) {
    (void)state;
    struct scene scene;
    const struct package package = {"dry", "1.0.0", .pragma = NULL};
    const char *const readonly[] = {"READONLY=true", NULL};
    start(&scene, S3_SERVER_SECRET, readonly, false);
    server_expect_success(scene.server, server_post_package(scene.server, &package));
    assert_int_equal(s3_server_count(scene.storage, S3_PUT | S3_DELETE), 0);
    assert_int_equal(s3_server_object_count(scene.storage), 0);
    stop(&scene);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tarballs_are_uploaded_and_come_from_the_public_base),
        cmocka_unit_test(an_object_in_the_way_is_refused_and_one_with_the_same_bytes_is_used),
        cmocka_unit_test(faults_of_s3_delay_a_publication_and_do_not_fail_it),
        cmocka_unit_test(a_wrong_secret_is_told_by_readyz_and_the_right_one_is_taken_up_on_sighup),
        cmocka_unit_test(storage_that_hangs_does_not_hide_how_the_rest_is),
        cmocka_unit_test(with_readonly_nothing_is_uploaded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
