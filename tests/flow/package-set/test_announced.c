/* SPDX-License-Identifier: BSD-3-Clause
 *
 * An update of the package set tells build-matrix of each build that it makes, so that no build waits until build-matrix looks for
 * jobs by itself. A stand-in listens at the address of build-matrix first, then build-matrix makes the builds that were
 * announced.
 */
#include "tests/support/cmocka_all.h"

#include <pthread.h>
#include <string.h>

#include "lib/service/message/message_server.h"
#include "tests/support/set_scene.h"
#include "tests/support/shell.h"

static const char *const rows[] = {"base 1.0.0 [0.15.15] ", "base 1.0.1 [0.15.15] "};

static struct server *server;

/* The last job that was announced. */
struct stand_in {
    pthread_mutex_t mutex;
    char job_id[UUID_TEXT_MAX], kind[32], package[64];
};

static int begin(void **state) {
    (void)state;
    server = set_scene_start(
        &(struct set_scene_options){.rows = rows, .row_count = sizeof rows / sizeof rows[0], .members = "base 1.0.0"});
    return 0;
}

static int end(void **state) {
    (void)state;
    if (server) set_scene_stop(server);
    return 0;
}

static enum status take_job(void *context, const struct message *request, struct arena *arena, struct message *answer,
                            struct error *err) {
    (void)arena, (void)err;
    struct stand_in *stand_in = context;
    pthread_mutex_lock(&stand_in->mutex);
    snprintf(stand_in->job_id, sizeof stand_in->job_id, "%s", request->job_accepted.job_id);
    snprintf(stand_in->kind, sizeof stand_in->kind, "%s", request->job_accepted.kind);
    snprintf(stand_in->package, sizeof stand_in->package, "%s", request->job_accepted.package);
    pthread_mutex_unlock(&stand_in->mutex);
    *answer = (struct message){.tag = MESSAGE_done};
    return STATUS_OK;
}

static bool is_told(void *context) {
    struct stand_in *stand_in = context;
    pthread_mutex_lock(&stand_in->mutex);
    bool is_told = *stand_in->job_id;
    pthread_mutex_unlock(&stand_in->mutex);
    return is_told;
}

static void build_matrix_is_told_of_builds(void **state) {
    (void)state;
    static const struct message_handler handlers[] = {{MESSAGE_job_accepted, .handle = take_job}, {0}};
    struct stand_in stand_in = {.mutex = PTHREAD_MUTEX_INITIALIZER};
    struct message_server *listener;
    struct error err;
    const struct message_server_options options = {
        .address = arena_format(&server->arena, "ipc://%s/build-matrix.ipc", server->folder)};
    server_terminate(server, SERVER_PACKAGE_SET);
    server_terminate(server, SERVER_BUILD_MATRIX);
    if (message_server_create(&listener, &options, handlers, &stand_in, &err)) fail_msg("%s", err.message);
    server_start_program(server, SERVER_PACKAGE_SET);
    const char *id = set_scene_update(server);
    if (!wait_until(is_told, &stand_in, PATIENCE_MS)) fail_msg("build-matrix is not told of the build");
    assert_string_equal(stand_in.kind, "matrix");
    assert_string_equal(stand_in.package, "base");
    message_server_free(listener);
    server_start_program(server, SERVER_BUILD_MATRIX);
    set_scene_expect_done(server, id, "Released the package set 1.0.1");
    json_t *job = server_get(server, arena_format(&server->arena, "/api/v1/jobs/%s", stand_in.job_id));
    assert_string_equal(json_string_value(json_object_get(job, "packageVersion")), "1.0.1");
    json_decref(job);
    pthread_mutex_destroy(&stand_in.mutex);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(build_matrix_is_told_of_builds),
    };
    return cmocka_run_group_tests(tests, begin, end);
}
